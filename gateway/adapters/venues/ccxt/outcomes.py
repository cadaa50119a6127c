"""What the end of a request proves. ccxt's exceptions alone do not say: a body that was cut off looks like a refusal,
and a refusal for a wrong clock like a broken network. So the wire decides first (``Trip``), then the exception.

- Nothing left this machine: rejected.
- No complete answer, a status of 5xx, or one that a proxy may have given: unknown.
- A refusal in the exchange's words: rejected. An error that ccxt has no word for, told with status 200: unknown.
- An id that the exchange has seen: unknown, for an order with it is there.
"""

import asyncio
import re

import aiohttp
import ccxt

from gateway.adapters.venues.ccxt.pacing import BudgetSpent
from gateway.adapters.venues.ccxt.trips import NotExact, Trip
from gateway.domain.enums import SubmitStatus
from gateway.ports.venue import Answer

#: Not executed, whatever the exception: bad, unauthorized, forbidden, not found, not allowed, unprocessable, too many.
_REFUSING = frozenset({400, 401, 403, 404, 405, 418, 422, 429})
_TOO_MANY = frozenset({418, 429})
#: Refusals although ccxt counts them among the failures of a network.
_NOT_TAKEN = (ccxt.InvalidNonce, ccxt.RateLimitExceeded, ccxt.DDoSProtection)
#: What proves nothing although the exchange answered.
_UNSURE = (ccxt.OperationFailed, ccxt.DuplicateOrderId, ccxt.OrderNotFound)
#: What a broken network or an exchange that is down raises; nothing of ours is wrong then.
EXPECTED = (ccxt.OperationFailed, ccxt.ExchangeError, aiohttp.ClientError, BudgetSpent)

_QUERY = re.compile(r"\?\S+")


def answer_of(error: Exception, trip: Trip) -> Answer:
    """The outcome of an order request that raised."""
    text = words_of(error)
    if not trip.is_sent or isinstance(error, BudgetSpent | NotExact):
        return Answer(SubmitStatus.REJECTED, f"nothing was sent: {text}")
    if isinstance(error.__cause__, aiohttp.ClientConnectorError):
        return Answer(SubmitStatus.REJECTED, f"no connection could be made, nothing was sent: {text}")
    return Answer(SubmitStatus.REJECTED if _is_refusal(error, trip.status) else SubmitStatus.UNKNOWN, text)


def answer_to_cancel(error: Exception, trip: Trip) -> Answer:
    """The same of a cancel. One for which there was no room, here or there, is asked for again; whether another one was
    refused, or the order is not known or done already, only the order itself tells."""
    text = words_of(error)
    is_too_much = trip.status in _TOO_MANY and isinstance(error, ccxt.RateLimitExceeded | ccxt.DDoSProtection)
    is_throttled = isinstance(error, BudgetSpent) or is_too_much
    return Answer(SubmitStatus.THROTTLED if is_throttled else SubmitStatus.UNKNOWN, text)


def _is_refusal(error: Exception, status: int | None) -> bool:
    if status is None or status >= 500 or "uplicate" in str(error):
        return False
    if isinstance(error, _NOT_TAKEN):
        return True
    if isinstance(error, _UNSURE):
        return status in _REFUSING and not isinstance(error, ccxt.DuplicateOrderId | ccxt.RequestTimeout)
    if type(error) is ccxt.ExchangeError:
        return status in _REFUSING
    return isinstance(error, ccxt.ExchangeError)


def is_clock_wrong(error: Exception) -> bool:
    words = str(error).lower()
    return isinstance(error, ccxt.InvalidNonce) or ("timestamp" in words and isinstance(error, ccxt.BaseError))


def is_key_refused(error: Exception) -> bool:
    """Whether the key itself is no good; one that may not do one thing (trade this market) still may do others."""
    return isinstance(error, ccxt.AuthenticationError) and not isinstance(error, ccxt.PermissionDenied)


def words_of(error: Exception) -> str:
    """One line: what came back may be a page. Without the query of its address, which some exchanges sign there."""
    text = _QUERY.sub("?…", " ".join(str(error).split())) or repr(error)
    cause = error.__cause__
    if isinstance(cause, aiohttp.ClientError | asyncio.TimeoutError | OSError):
        text = f"{text}: {str(cause) or repr(cause)}"
    return text if len(text) <= 300 else text[:299] + "…"
