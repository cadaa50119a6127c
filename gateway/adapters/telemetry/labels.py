"""The label sets that exist from the start, so that a first event is a step from 0 and not out of nowhere."""

from collections.abc import Iterable, Iterator

from gateway.domain.enums import Mode, OrdStatus, Route
from gateway.domain.reasons import RejectCode, RouteReason

#: A venue that is not configured: clients write venue names, and what they invent must not become a series.
OTHER = "other"
#: An order that was denied before its venue's mode was looked at.
NO_MODE = "none"
#: A denied order went nowhere.
NO_ROUTE = "none"
STAGES = ("decide", "journal", "total")
ROUTES = (Route.SHADOW.value, Route.LIVE.value)
MODES = (*(mode.value for mode in Mode), NO_MODE)
DECISIONS = ("allow", "deny", "unavailable", "undefined", "malformed", OTHER)

#: Codes that refuse a request without an order, or answer to a cancel or replace.
_NOT_DENIALS = frozenset(
    {
        RejectCode.ORDER_SHAPE_INVALID,
        RejectCode.CLIENT_ORDER_ID_REUSED,
        RejectCode.MESSAGE_RATE_EXCEEDED,
        RejectCode.ORDER_NOT_OPEN,
        RejectCode.ORDER_IS_SPLIT,
        RejectCode.REPLACE_PENDING,
        RejectCode.REPLACE_UNCHANGED,
        RejectCode.REPLACE_BELOW_FILLED,
        RejectCode.REPLACE_OPENS,
        RejectCode.CANARY_CAP,
        RejectCode.VENUE_REJECTED,
        RejectCode.NEVER_SENT,
        RejectCode.WITHHELD,
    }
)

#: Why an order was canceled, where it was not the market or the venue that ended it: somebody of ours asked for it, or
#: it is an exit whose pair or entry ended.
REQUESTED, LINKED = "requested", "linked"
REASONS = frozenset(
    {"", REQUESTED, LINKED, *(code.value for code in RejectCode), *(reason.value for reason in RouteReason)}
)

OrderLabels = tuple[str, str, str, str, str]


def order_labels(venue: str) -> Iterator[OrderLabels]:
    """Every (venue, mode, route, outcome, reason) that an order of ``venue`` can come to."""
    for mode in MODES:
        for code in RejectCode:
            if code not in _NOT_DENIALS:
                yield venue, mode, NO_ROUTE, "denied", code.value
        yield venue, mode, NO_ROUTE, "denied", OTHER
        if mode != NO_MODE:
            for route in ROUTES:
                yield from ((venue, mode, route, outcome, reason) for outcome, reason in _ends())


def _ends() -> Iterator[tuple[str, str]]:
    """(outcome, reason) of an order that went somewhere."""
    for reason in RouteReason:
        yield "admitted", reason.value
    for code in (RejectCode.VENUE_REJECTED, RejectCode.NEVER_SENT):
        yield OrdStatus.REJECTED.value, code.value
    for status in (OrdStatus.FILLED, OrdStatus.CANCELED, OrdStatus.EXPIRED):
        yield status.value, ""
    for cause in (REQUESTED, LINKED, RejectCode.WITHHELD.value):
        yield OrdStatus.CANCELED.value, cause


def known_venues(configured: Iterable[str]) -> tuple[str, ...]:
    return (*sorted(configured), OTHER)
