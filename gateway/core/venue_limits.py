"""What the venue of an order can do, and what its word about an order is worth: ``domain.capabilities``, acted on.

A venue of which nothing is declared (none of the configured adapters serves it) binds nothing.
"""

from gateway.core.state import GatewayState
from gateway.domain.capabilities import Reach, VenueCapabilities
from gateway.domain.enums import OrderClass, OrdType, ScopeKind
from gateway.domain.events import LookupCompleted
from gateway.domain.money import plain
from gateway.domain.orders import Breach, NewOrderSingle, Order
from gateway.domain.reasons import RejectCode

# Named once: see domain.orders.
_TRAILING_STOP, _SIMPLE = OrdType.TRAILING_STOP, OrderClass.SIMPLE


def venue_breaches(state: GatewayState, request: NewOrderSingle, venue: str) -> list[Breach]:
    """What of an order its venue cannot take, on any route: what SHADOW would fill and LIVE never could is no
    evidence for anything."""
    can = state.config.capabilities.get(venue)
    if can is None:
        return []
    found: list[Breach] = []
    if request.ord_type not in can.order_types:
        known = ", ".join(can.order_types)
        found.append(_breach(RejectCode.ORDER_TYPE_UNSUPPORTED, venue, known, request.ord_type.value))
    elif request.ord_type is _TRAILING_STOP:
        found.extend(_trailing_breaches(can, request, venue))
    if request.time_in_force not in can.times_in_force:
        known = ", ".join(can.times_in_force)
        found.append(_breach(RejectCode.TIME_IN_FORCE_UNSUPPORTED, venue, known, request.time_in_force.value))
    if request.order_class is not _SIMPLE and request.order_class not in can.order_classes:
        known = ", ".join((_SIMPLE, *can.order_classes))
        found.append(_breach(RejectCode.ORDER_CLASS_UNSUPPORTED, venue, known, request.order_class.value))
    if request.execution_algorithm:
        found.extend(_algorithm_breaches(can, request, venue))
    return found


def _algorithm_breaches(can: VenueCapabilities, request: NewOrderSingle, venue: str) -> list[Breach]:
    algorithm = request.execution_algorithm or ""
    name, _, option = algorithm.lower().partition(":")
    if name not in can.algorithms:
        known = ", ".join(can.algorithms) or "none"
    elif name == "iceberg" and not (option.isdigit() and 0 < int(option) < request.order_qty):
        known = f"iceberg:QTY with a QTY below {plain(request.order_qty)}"  # what shows of it
    else:
        return []
    return [_breach(RejectCode.ALGORITHM_UNSUPPORTED, venue, known, algorithm)]


def _trailing_breaches(can: VenueCapabilities, request: NewOrderSingle, venue: str) -> list[Breach]:
    if request.trailing_amount is not None and not can.has_trailing_amount:
        given, known = "trailing_amount", "trailing_percent"
    elif request.trailing_percent is not None and not can.has_trailing_percent:
        given, known = "trailing_percent", "trailing_amount"
    else:
        return []
    code = RejectCode.ORDER_TYPE_UNSUPPORTED
    return [_breach(code, venue, f"trailing_stop with {known}", f"trailing_stop with {given}")]


def _breach(code: RejectCode, venue: str, limit: str, value: str) -> Breach:
    return Breach(code, ScopeKind.VENUE, venue, limit, value)


def can_replace(state: GatewayState, venue: str) -> bool:
    """Whether the venue changes an open order at all."""
    can = state.config.capabilities.get(venue)
    return can is None or can.has_replace


def how_doubt_ends(state: GatewayState, venue: str) -> str:
    """For a person who waits for orders in doubt: what the venue's word can still settle, and what only he can."""
    can = state.config.capabilities.get(venue)
    match Reach.ALL if can is None else can.lookup:
        case Reach.ALL:
            return "They are looked up until the venue answers, or settled by hand (gateway settle)"
        case Reach.CURRENT_DAY:
            return "The venue tells of the current day alone: settle older ones by hand (gateway settle)"
        case Reach.NONE:
            return "The venue cannot prove that it never had one: settle what does not show up by hand (gateway settle)"


def proves_absence(state: GatewayState, order: Order, event: LookupCompleted) -> bool:
    """Whether a venue that does not find an order says by that that it never had it.

    What its lists reach back to (``event.since_ns``) must lie before the order; a venue whose lists are those of a day
    must say where they begin.
    """
    can = state.config.capabilities.get(order.venue)
    reach = Reach.ALL if can is None else can.lookup
    if reach is Reach.NONE or (reach is Reach.CURRENT_DAY and not event.since_ns):
        return False
    return order.created_ns >= event.since_ns
