"""Orders, and the words with which one is refused."""

from decimal import Decimal

import msgspec

from gateway.domain.enums import (
    OPEN_STATUSES,
    OrderClass,
    OrdStatus,
    OrdType,
    RejectStage,
    Role,
    Route,
    ScopeKind,
    Side,
    TimeInForce,
)
from gateway.domain.executions import ExecutionReport, Fill
from gateway.domain.money import ZERO, ratio
from gateway.domain.order_class import StopLoss, TakeProfit
from gateway.domain.reasons import RejectCode, RouteReason
from gateway.domain.reconciliation import Settlement
from gateway.domain.twin import Twin, copied

# Named once, here and in the core: looking up a member of an enumeration costs as much as several calls on Python 3.11.
_SPLIT = Route.SPLIT
_SIMPLE, _OCO = OrderClass.SIMPLE, OrderClass.OCO


class NewOrderSingle(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A request for an order, as the client sent it and after defaults were filled in.

    ``trailing_amount`` (price units) or ``trailing_percent`` belongs to a trailing stop; ``expire_ns`` to GTD;
    ``take_profit`` and ``stop_loss`` to an order class other than simple.
    """

    symbol: str
    side: Side
    order_qty: Decimal
    ord_type: OrdType
    limit_px: Decimal | None = None
    stop_px: Decimal | None = None
    trailing_amount: Decimal | None = None
    trailing_percent: Decimal | None = None
    time_in_force: TimeInForce = TimeInForce.DAY
    expire_ns: int | None = None
    account: str = "default"
    strategy_id: str = "default"
    venue: str = ""
    cl_ord_id: str = ""
    execution_algorithm: str | None = None
    order_class: OrderClass = OrderClass.SIMPLE
    take_profit: TakeProfit | None = None
    stop_loss: StopLoss | None = None

    @property
    def sent_limit_px(self) -> Decimal | None:
        """The limit of what is sent: of an OCO that is the exit that takes the profit."""
        if self.order_class is _OCO and self.take_profit is not None:
            return self.take_profit.limit_px
        return self.limit_px


class ReplaceRequest(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """New terms for an open order; None leaves a term as it is. ``order_qty`` is the new total, not a delta."""

    order_qty: Decimal | None = None
    limit_px: Decimal | None = None
    stop_px: Decimal | None = None


class Actor(msgspec.Struct, frozen=True, gc=False):
    """Who asked: the name of a key (or ``system``) and its role."""

    name: str
    role: Role


class FieldError(msgspec.Struct, frozen=True):
    """One thing wrong with a request: the field as the client names it, the rule, the value, what to do."""

    field: str
    rule: str
    value: str
    hint: str


class Breach(msgspec.Struct, frozen=True, gc=False):
    """One limit that an order would break: which, measured over what, the limit and the value."""

    code: RejectCode
    scope: ScopeKind
    scope_id: str
    limit: str
    value: str


class Reject(msgspec.Struct, frozen=True, gc=False):
    """Why an order was refused: by which stage, the code, words for a person, and the figures."""

    stage: RejectStage
    code: str
    text: str
    breaches: tuple[Breach, ...] = ()
    context: dict[str, str] = {}


class PendingReplace(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """A replace that is being checked (``is_sent`` False) or that the venue has not answered yet; ``sent_ns`` is when
    it became ours to send (0: not yet, or in a record from before that was noted)."""

    order_qty: Decimal
    limit_px: Decimal | None
    stop_px: Decimal | None
    held_unit: Decimal
    is_sent: bool
    sent_ns: int = 0

    @property
    def terms(self) -> tuple[Decimal, Decimal | None, Decimal | None]:
        return self.order_qty, self.limit_px, self.stop_px


class OverrideUse(msgspec.Struct, frozen=True, gc=False):
    """That an order passed by an override: which, granted by whom and why, and the limits that it would have broken."""

    override_id: str
    granted_by: str
    reason: str
    lifted: tuple[Breach, ...]


class Order(msgspec.Struct, kw_only=True, omit_defaults=True, gc=False):
    """One order and everything that became of it. Written by ``core.apply`` only.

    A split order is a parent with ``route`` SPLIT and ``leg_ids``: the legs are orders of their own, the parent
    is never sent and holds nothing. An order with a class is a parent too: its first leg is what is sent, the others
    (those with an ``entry_id``) go with it and wait at the venue. ``cycle`` numbers the position life that this order
    belongs to; ``is_closing`` says that it was admitted as reducing that position. ``held_unit`` is the worst-case
    value, in the base currency, of one unit that may still fill; the exposure held is that times what may still fill.
    """

    order_id: str
    cl_ord_id: str
    fingerprint: str
    account: str
    strategy_id: str
    venue: str
    symbol: str
    position_key: str
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
    actor: Actor
    created_ns: int
    updated_ns: int
    config_revision: str = ""
    policy_revision: str = ""
    control_epoch: int = 0

    ord_status: OrdStatus = OrdStatus.PENDING_NEW
    #: Passed every check and its admission is recorded; an order that is not yet admitted was never sent.
    is_admitted: bool = False
    #: The trading day of its venue (days since the epoch) on which a canary cap counts it.
    counted_day: int = 0
    #: Sent, and the venue's answer is not known.
    is_in_doubt: bool = False
    #: Since when (0: it is not).
    doubt_since_ns: int = 0
    #: What a person said became of it while the venue said nothing.
    settlement: Settlement | None = None
    is_cancel_requested: bool = False
    cancel_refused_ns: int = 0  # when the venue last did
    reject: Reject | None = None

    route: Route = Route.SHADOW
    route_reason: RouteReason = RouteReason.MODE_SHADOW
    mode: str = ""
    cycle: int = 0
    bucket: int | None = None
    is_closing: bool = False
    parent_id: str = ""
    leg_ids: tuple[str, ...] = ()
    order_class: OrderClass = OrderClass.SIMPLE
    take_profit: TakeProfit | None = None
    stop_loss: StopLoss | None = None
    #: The order that this exit is sent with; empty on every other.
    entry_id: str = ""
    #: Of an exit that wakes with its entry: how much that has filled, which is what the exit may close.
    armed_qty: Decimal | None = None
    #: The other exit of the pair counts for both: only one of them can close the position.
    is_covered: bool = False

    arrival_px: Decimal | None = None
    held_unit: Decimal = ZERO
    venue_order_id: str = ""
    cum_qty: Decimal = ZERO
    cum_value: Decimal = ZERO
    fees: Decimal = ZERO
    fills: list[Fill] = []
    #: What corrections took from the executed quantity (negative: added): it does not trade again.
    broken_qty: Decimal = ZERO
    #: Executions that the venue took back.
    busted: tuple[Fill, ...] = ()
    #: Every bust and correction that was booked: its exec_id, and that of the original execution. Never changed in
    #: place, so that copies may share it.
    revisions: dict[str, str] = {}
    #: Busts and corrections of executions that are not known yet.
    early_revisions: tuple[ExecutionReport, ...] = ()
    pending_replace: PendingReplace | None = None
    twin: Twin | None = None
    #: The same again under other latencies: what the two differ by is the simulator's own noise.
    second_twin: Twin | None = None
    #: When it became ours to send, when the venue first answered (0: not yet), and whether that counted as an error.
    sent_ns: int = 0
    ack_ns: int = 0
    is_error: bool = False
    #: When it began to count as evidence: the answer, what it came to, and that beside its twins (0: it does not).
    answered_ns: int = 0
    judged_ns: int = 0
    paired_ns: int = 0
    #: When the venue put the present terms in force (0: they are those of the order's beginning).
    terms_ns: int = 0
    #: How often its terms were changed.
    replaced: int = 0
    #: The market's average price from when it was sent to its last execution, where that is known.
    vwap_px: Decimal | None = None
    notes: tuple[str, ...] = ()
    #: The command to close positions that this order carries out; empty on everybody else's.
    flatten_id: str = ""
    #: What let it pass although it breaks limits; empty for nearly every order.
    overrides: tuple[OverrideUse, ...] = ()

    def copy(self) -> "Order":
        """Another order with the same content, that shares nothing with this one that can change."""
        own: Order = self.__copy__()  # type: ignore[attr-defined]  # msgspec gives every Struct one
        own.fills = list(self.fills)
        own.twin, own.second_twin = copied(self.twin), copied(self.second_twin)
        return own

    @property
    def is_open(self) -> bool:
        """Whether it may still trade, as far as we know."""
        return self.ord_status in OPEN_STATUSES

    @property
    def leaves_qty(self) -> Decimal:
        """What may still fill: 0 when terminal (FIX), never negative."""
        left = self.order_qty - self.cum_qty - self.broken_qty if self.is_open else ZERO
        return ZERO if left < ZERO else left

    @property
    def held_qty(self) -> Decimal:
        """What may still fill in the worst case: the larger of the present and the requested terms."""
        if self.ord_status not in OPEN_STATUSES or self.route is _SPLIT or self.is_covered:
            return ZERO
        pending = self.pending_replace
        total = self.order_qty if pending is None else max(self.order_qty, pending.order_qty)
        left = total - self.cum_qty
        if self.broken_qty:
            left -= self.broken_qty
        if self.armed_qty is not None:
            left = min(left, self.armed_qty - self.cum_qty)
        return left if left > 0 else ZERO

    @property
    def held_value(self) -> Decimal:
        """The exposure held for this order, base currency, worst case."""
        return self.held_qty * self.worst_unit

    @property
    def worst_unit(self) -> Decimal:
        """The worst-case value of one unit: the larger of the present and the requested terms."""
        pending = self.pending_replace
        return self.held_unit if pending is None else max(self.held_unit, pending.held_unit)

    @property
    def is_entry(self) -> bool:
        """Whether exits wait for it: it was sent with them, and they wake when it has filled whole."""
        return self.order_class is not _SIMPLE and self.order_class is not _OCO and self.is_sent_with_exits

    @property
    def is_sent_with_exits(self) -> bool:
        """Whether other orders go with it when it is sent."""
        return self.order_class is not _SIMPLE and bool(self.parent_id) and not self.entry_id

    @property
    def avg_px(self) -> Decimal:
        """Average price of what filled; 0 before the first fill."""
        return ratio(self.cum_value, self.cum_qty)


def position_key_of(account: str, strategy_id: str, venue: str, symbol: str) -> str:
    """The key of one position and its cycles. Names cannot hold ``|`` (the intake refuses it)."""
    return f"{account}|{strategy_id}|{venue}|{symbol}"
