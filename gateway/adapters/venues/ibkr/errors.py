"""What an error of TWS means: a code for the order that it names, a failure for the connection.

TWS says warnings, refusals of a change, and the death of an order with the same message. Codes that are in no table
prove nothing: the order is then as it was, and if nothing else is heard of it, it is looked up.
"""

from gateway.domain.settings import VenueSettings

#: The order was not accepted, or is dead.
REFUSED = frozenset(
    {103, 106, 107, 109, 110, 111, 113, 131, 133, 140, 141, 154, 157, 158, 160, 163, 200, 201, 203, 321, 336, 337}
    | {382, 383, 387, 388, 391, 392, 400, 434, 435, 436, 439, 440, 441, 442, 443}
    | {10006, 10015, 10020, 10268, 10269, 10270}
)
#: A change was refused; the order works on as it was. 103, 110, 201 and 321 mean that too when they answer a change.
CHANGE_REFUSED = frozenset({103, 104, 105, 110, 134, 201, 321, 329, 382, 383, 387, 388, 434, 440, 2102, 10015})
#: A cancel was refused because the order is not there or not in a state for it: only the order's own state tells.
CANCEL_REFUSED = frozenset({135, 136, 161, 10147, 10148})
CANCELED = 202

LINK_LOST = 1100
#: The same, as TWS says it to a client that connects meanwhile.
LINK_BROKEN = 2110
LINK_RESTORED = frozenset({1101, 1102})
CLIENT_ID_IN_USE = 326
TOO_FAST = 100
#: Codes about the session that a person should read; others are the daily noise of data farms.
SESSION = frozenset({TOO_FAST, CLIENT_ID_IN_USE, 501, 502, 503, 504, 507, 1300, LINK_BROKEN})
#: Daily noise of data farms, and what changes nothing.
NOTICES = frozenset(range(2100, 2170))
READ_ONLY = "Read-Only"


def connection_problem(error: Exception, settings: VenueSettings) -> str:
    """Why a connection to TWS was not made, or broke, with what to do about it."""
    where = f"{settings.host or '127.0.0.1'}:{settings.port}"
    if isinstance(error, ConnectionRefusedError):
        return f"nothing listens on {where}: start TWS or IB Gateway, and enable socket clients in its API settings"
    if isinstance(error, TimeoutError):
        return f"no answer from {where} within {float(settings.timeout_s):g} s: is a question open in TWS?"
    return str(error) or repr(error)


def explained(code: int, text: str) -> str:
    """The text of an error with what to do about it, where that is known."""
    if code == CLIENT_ID_IN_USE:
        return f"{text} (give this gateway its own venues.ibkr.client_id; another program uses this one)"
    if READ_ONLY in text:
        return f"{text} (untick Read-Only API in TWS: Configure, API, Settings)"
    if code == TOO_FAST:
        return f"{text} (another program shares this session: see the pacing rules of TWS)"
    return f"{text} [{code}]"
