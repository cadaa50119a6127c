"""What was decided or happened: past tense, journaled, and the only thing that changes state.

A fact carries all that ``core.apply`` needs, so folding facts reads no clock, no config and no market.
"""

from decimal import Decimal

import msgspec

from gateway.domain.alert_facts import AlertAcknowledged, AlertRaised, AlertResolved
from gateway.domain.config import TradingConfig
from gateway.domain.enums import OrdStatus, Route, ScopeKind, Side, TradingState
from gateway.domain.exception_facts import (
    ConfigApproved,
    OverrideExpired,
    OverrideGranted,
    OverrideRevoked,
    OverrideUsed,
)
from gateway.domain.executions import ExecutionReport, Fill
from gateway.domain.exit_facts import ExitsAttached
from gateway.domain.fact import Recorded
from gateway.domain.figures import RiskFigures
from gateway.domain.orders import Actor, Order, PendingReplace, Reject
from gateway.domain.positions import PortfolioPoint
from gateway.domain.reconciliation_facts import ReconciliationFact
from gateway.domain.rollout_facts import RolloutFact
from gateway.domain.sessions import Session
from gateway.domain.stop_facts import (
    BreakerRearmed,
    BreakerReset,
    BreakerTripped,
    FlattenEnded,
    FlattenStarted,
    FlattenWaited,
)
from gateway.domain.throttle_facts import ClockSteppedBack, OrderDeferred, StrategyLocked, StrategyUnlocked


class OrderHeld(Recorded, frozen=True, kw_only=True):
    """The order passed every check of ours and holds its exposure; the policy has not spoken yet.

    A parent that was split comes first, with ``route`` SPLIT, then its legs.
    """

    order: Order


class CycleOpened(Recorded, frozen=True, kw_only=True):
    """A position life began with this order, and its route was drawn: ``bucket`` (0..9999) under ``weight_bp``
    is live. ``bucket`` is None where the mode left nothing to draw."""

    position_key: str
    venue: str
    cycle: int
    route: Route
    bucket: int | None
    weight_bp: int
    order_id: str


class OrderAdmitted(Recorded, frozen=True, kw_only=True):
    """Policy allowed it: it is now ours to send, once."""

    order_id: str
    policy_revision: str


class OrderDenied(Recorded, frozen=True, kw_only=True):
    """We refused it. ``order`` is given when it was never held, so that it is on record all the same."""

    order_id: str
    reject: Reject
    order: Order | None = None


class HoldReleased(Recorded, frozen=True, kw_only=True):
    """Mode, limits or trading state moved while the policy was thinking: the order is decided again."""

    order_id: str


class OrderInDoubt(Recorded, frozen=True, kw_only=True):
    """Sent, outcome unknown. Its exposure stays held until the venue itself answers. ``is_ours`` True: it was the
    gateway that was away."""

    order_id: str
    text: str
    is_ours: bool = False


class OrderAcknowledged(Recorded, frozen=True, kw_only=True):
    """The venue has it."""

    order_id: str
    venue_order_id: str


class OrderExecuted(Recorded, frozen=True, kw_only=True):
    """One fill, with what the order came to by it. ``is_late`` marks a fill after the order was done,
    ``is_overfill`` one beyond the order's quantity: both are booked, because they happened. ``vwap_px`` is the
    market's average price from when the order was sent until then, None where that is not known."""

    order_id: str
    symbol: str
    side: Side
    route: Route
    venue: str
    fill: Fill
    ord_status: OrdStatus
    cum_qty: Decimal
    cum_value: Decimal
    venue_order_id: str = ""
    is_late: bool = False
    is_overfill: bool = False
    vwap_px: Decimal | None = None


class TradeRevised(Recorded, frozen=True, kw_only=True):
    """The venue took an execution back (``fill`` None) or corrected it, by its report ``report_id``. ``exec_id`` is
    the original execution; the other figures are what the order came to by it."""

    order_id: str
    symbol: str
    side: Side
    route: Route
    venue: str
    report_id: str
    exec_id: str
    fill: Fill | None
    text: str
    ord_status: OrdStatus
    cum_qty: Decimal
    cum_value: Decimal
    broken_qty: Decimal


class RevisionDeferred(Recorded, frozen=True, kw_only=True):
    """A bust or correction of an execution that has not been reported yet: it waits for it."""

    order_id: str
    report: ExecutionReport


class OrderEnded(Recorded, frozen=True, kw_only=True):
    """The order is done without (further) fills: canceled, expired, or rejected by the venue."""

    order_id: str
    ord_status: OrdStatus
    reject: Reject | None = None
    text: str = ""


class CancelRequested(Recorded, frozen=True, kw_only=True):
    order_id: str
    actor: Actor


class CancelRefused(Recorded, frozen=True, kw_only=True):
    """The venue would not cancel; the order is as it was."""

    order_id: str
    text: str


class ReplaceHeld(Recorded, frozen=True, kw_only=True):
    """New terms were checked; the larger of old and new exposure is held until they are settled."""

    order_id: str
    pending: PendingReplace


class ReplaceAdmitted(Recorded, frozen=True, kw_only=True):
    order_id: str


class ReplaceDenied(Recorded, frozen=True, kw_only=True):
    """We (or, with stage VENUE, the venue) refused the new terms; the order works on under the old ones."""

    order_id: str
    reject: Reject


class OrderReplaced(Recorded, frozen=True, kw_only=True):
    """The venue works the order under these terms, since ``transact_ns``. ``settles_pending`` says that they are the
    ones that were asked for last; a report on an earlier change leaves the pending one pending."""

    order_id: str
    order_qty: Decimal
    limit_px: Decimal | None
    stop_px: Decimal | None
    held_unit: Decimal
    ord_status: OrdStatus
    transact_ns: int
    settles_pending: bool


class TwinUpdated(Recorded, frozen=True, kw_only=True):
    """The simulated execution of a live order moved. Touches no book."""

    order_id: str
    report: ExecutionReport
    ord_status: OrdStatus


class OrderRestored(Recorded, frozen=True, kw_only=True):
    """A finished order came back from the archive, because the venue spoke of it again."""

    order: Order


class OrderWithdrawn(Recorded, frozen=True, kw_only=True):
    """The order was never durable and never answered for; its client_order_id is free again."""

    order_id: str


class ReportUnmatched(Recorded, frozen=True, kw_only=True):
    """A report on an order that is not ours."""

    report: ExecutionReport


class TradingStateChanged(Recorded, frozen=True, kw_only=True):
    """A person put one scope into ``state``; other scopes, and what breakers stopped, are as they were."""

    state: TradingState
    actor: Actor
    reason: str
    scope: ScopeKind = ScopeKind.GATEWAY
    scope_id: str = ""


class SessionOpened(Recorded, frozen=True, kw_only=True):
    session: Session


class SessionClosed(Recorded, frozen=True, kw_only=True):
    session_id: str
    actor: Actor


class ConfigChanged(Recorded, frozen=True, kw_only=True):
    """A new configuration is in force. ``looser`` are those of its changes that loosen a limit: ``actor`` is then who
    approved them, and why is in ``reason``."""

    config: TradingConfig
    actor: Actor
    difference: tuple[str, ...]
    looser: tuple[str, ...] = ()
    reason: str = ""


class MarksMoved(Recorded, frozen=True, kw_only=True):
    marks: dict[str, Decimal]


class FiguresMoved(Recorded, frozen=True, kw_only=True):
    """Newer statistics are in force."""

    figures: RiskFigures


class PortfolioRecorded(Recorded, frozen=True, kw_only=True):
    """What every account was worth at this moment."""

    points: tuple[PortfolioPoint, ...]


class DayRolled(Recorded, frozen=True, kw_only=True):
    """A trading day began, at the gateway or at some venues. Days count from the epoch.

    ``day`` is the gateway's own day, new or not; ``venue_days`` holds the venues whose day is new: what is held
    there starts its daily figures from here.
    """

    day: int
    venue_days: dict[str, int] = msgspec.field(default_factory=dict)


class VenueStatusRecorded(Recorded, frozen=True, kw_only=True):
    venue: str
    is_connected: bool
    text: str


Fact = (
    OrderHeld
    | CycleOpened
    | OrderAdmitted
    | ExitsAttached
    | OrderDenied
    | HoldReleased
    | OrderDeferred
    | OrderInDoubt
    | OrderAcknowledged
    | OrderExecuted
    | TradeRevised
    | RevisionDeferred
    | OrderEnded
    | CancelRequested
    | CancelRefused
    | ReplaceHeld
    | ReplaceAdmitted
    | ReplaceDenied
    | OrderReplaced
    | TwinUpdated
    | OrderRestored
    | OrderWithdrawn
    | ReportUnmatched
    | TradingStateChanged
    | BreakerTripped
    | BreakerReset
    | BreakerRearmed
    | FlattenStarted
    | FlattenWaited
    | FlattenEnded
    | SessionOpened
    | SessionClosed
    | ConfigChanged
    | ConfigApproved
    | MarksMoved
    | OverrideGranted
    | OverrideUsed
    | OverrideRevoked
    | OverrideExpired
    | FiguresMoved
    | PortfolioRecorded
    | DayRolled
    | VenueStatusRecorded
    | RolloutFact
    | StrategyLocked
    | StrategyUnlocked
    | ClockSteppedBack
    | AlertRaised
    | AlertAcknowledged
    | AlertResolved
    | ReconciliationFact
)
