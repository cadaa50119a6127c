"""What we ask of the outside. An effect leaves only after the facts beside it are durable, with one exception:
asking the policy and deciding again change nothing outside, so they need not wait."""

from decimal import Decimal

import msgspec

from gateway.domain.enums import OrderClass, OrdType, Route, Side, TimeInForce
from gateway.domain.orders import Actor, NewOrderSingle
from gateway.domain.policy_input import PolicyDocument


class OrderTicket(msgspec.Struct, frozen=True, gc=False):
    """An order as a venue needs to see it: a frozen copy, so that what is sent cannot change under way.

    ``order_id`` is our id and the idempotency tag at the venue. ``cum_qty`` is what has filled already (0 on a
    first send), ``created_ns`` when the gateway made the order, by its clock then (0: not known), ``is_twin`` marks a
    simulated copy of a live order, ``is_second_twin`` the one that shows how much the simulator differs from itself.

    ``exits`` are sent with it, as one request. An exit names the order that it goes with (``entry_id``) and the other
    one of its pair (``sibling_id``), of which only one can fill; ``is_armed`` False: it still waits for that order to
    fill whole.

    Where the venue is asked about it, it tells how it stood: whether it had been acknowledged (``is_working``) and its
    cancel sent; of an exit, what the other one had filled, and whether it is over with that or with its entry
    (``is_group_over``).
    """

    order_id: str
    venue: str
    route: Route
    account: str
    strategy_id: str
    symbol: str
    side: Side
    ord_type: OrdType
    time_in_force: TimeInForce
    order_qty: Decimal
    limit_px: Decimal | None = None
    stop_px: Decimal | None = None
    trailing_amount: Decimal | None = None
    trailing_percent: Decimal | None = None
    expire_ns: int | None = None
    execution_algorithm: str | None = None
    venue_order_id: str = ""
    cum_qty: Decimal = Decimal(0)
    created_ns: int = 0
    is_twin: bool = False
    is_second_twin: bool = False
    order_class: OrderClass = OrderClass.SIMPLE
    exits: tuple["OrderTicket", ...] = ()
    entry_id: str = ""
    sibling_id: str = ""
    is_armed: bool = True
    is_working: bool = False
    is_cancel_requested: bool = False
    sibling_cum_qty: Decimal = Decimal(0)
    is_group_over: bool = False


class _Effect(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    pass


class EvaluatePolicy(_Effect, frozen=True, kw_only=True):
    """Ask the policy about a held order. ``document`` is the input of ``data.trading.decision``."""

    order_id: str
    document: PolicyDocument
    is_replace: bool = False


class ReconsiderOrder(_Effect, frozen=True, kw_only=True):
    """Decide the same request again under what is in force now."""

    order_id: str
    request: NewOrderSingle
    fingerprint: str
    actor: Actor


class SubmitOrder(_Effect, frozen=True, kw_only=True):
    ticket: OrderTicket


class CancelOrder(_Effect, frozen=True, kw_only=True):
    ticket: OrderTicket


class ReplaceOrder(_Effect, frozen=True, kw_only=True):
    """``ticket`` holds the old terms, the fields beside it the new ones."""

    ticket: OrderTicket
    order_qty: Decimal
    limit_px: Decimal | None
    stop_px: Decimal | None


class LookupOrder(_Effect, frozen=True, kw_only=True):
    """Ask the venue what it knows of an order whose fate is unknown."""

    ticket: OrderTicket


class ReleaseOrder(_Effect, frozen=True, kw_only=True):
    """A person said what became of an order in doubt: its adapter need not ask for it any more."""

    ticket: OrderTicket


Effect = EvaluatePolicy | ReconsiderOrder | SubmitOrder | CancelOrder | ReplaceOrder | LookupOrder | ReleaseOrder
