"""What reached us. An event carries everything of the outside that its decision uses: time, identity, prices,
config, verdicts. Deciding the recorded events again therefore gives the recorded facts, in any process."""

from decimal import Decimal

import msgspec

from gateway.domain.alerts import AlertCondition
from gateway.domain.config import TradingConfig
from gateway.domain.enums import ScopeKind, SubmitStatus, TradingState
from gateway.domain.event import Happening as _Event
from gateway.domain.executions import ExecutionReport
from gateway.domain.figures import RiskFigures
from gateway.domain.flatten import FlattenOrder, Touch
from gateway.domain.market import MarketView
from gateway.domain.orders import Actor, NewOrderSingle, Order, ReplaceRequest
from gateway.domain.overrides import OverrideTerms
from gateway.domain.reconciliation_events import AccountCompared, DriftAcceptance, SettlementRequested
from gateway.domain.rollout_events import (
    AlertsReceived,
    PromotionApprovalReceived,
    RolloutCommanded,
    RolloutOverrideRequested,
    RolloutOverrideRevocation,
    RolloutsChecked,
    VenueDoubted,
)


class PolicyVerdict(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What the policy said. ``failure`` is the code of an absent decision (unavailable, undefined, malformed),
    None when there was one. Anything but ``is_allowed`` True without a failure is a denial."""

    is_allowed: bool
    denies: tuple[tuple[str, str], ...] = ()
    failure: str | None = None
    failure_text: str = ""
    revision: str = ""


class OrderReceived(_Event, frozen=True, kw_only=True):
    """A well-formed order of a known key. ``fingerprint`` is a hash of its content, for idempotency.

    ``verdicts`` are the policy's answers where it was asked in the same step, one for each order that this request
    became (the legs of one that is split); empty where it is asked outside, and ``PolicyEvaluated`` tells later.
    """

    order_id: str
    request: NewOrderSingle
    fingerprint: str
    actor: Actor
    view: MarketView
    verdicts: tuple[PolicyVerdict, ...] = ()


class PolicyEvaluated(_Event, frozen=True, kw_only=True):
    """The verdict on a held order, or on the replace that it has pending, of an engine that was asked outside."""

    order_id: str
    verdict: PolicyVerdict
    is_replace: bool = False


class CancelReceived(_Event, frozen=True, kw_only=True):
    order_id: str
    actor: Actor


class ReplaceReceived(_Event, frozen=True, kw_only=True):
    order_id: str
    request: ReplaceRequest
    actor: Actor
    view: MarketView


class SubmitCompleted(_Event, frozen=True, kw_only=True):
    """How a send ended, of an order or of its new terms. Acceptance needs no event: the venue's reports tell it.
    ``is_too_small``: rejected because the venue takes no order of so little."""

    order_id: str
    status: SubmitStatus
    text: str = ""
    is_replace: bool = False
    is_too_small: bool = False


class ReportsReceived(_Event, frozen=True, kw_only=True):
    """Execution reports, in the order they arrived. ``restored`` brings back orders that had left memory; ``vwaps`` is
    the market's average price (VWAP) from when an order was sent until now, by order, where it is known."""

    reports: tuple[ExecutionReport, ...]
    restored: tuple[Order, ...] = ()
    vwaps: dict[str, Decimal] = msgspec.field(default_factory=dict)


class LookupCompleted(_Event, frozen=True, kw_only=True):
    """The venue's own answer about one order. ``is_known`` False: it does not find it among what it knows since
    ``since_ns`` (0: since ever); what that proves depends on the venue. Of changes that became ours to send since
    ``as_of_ns`` it proves nothing: the venue was asked before they left (0: none were under way)."""

    order_id: str
    is_known: bool
    reports: tuple[ExecutionReport, ...] = ()
    since_ns: int = 0
    as_of_ns: int = 0


class TradingSwitched(_Event, frozen=True, kw_only=True):
    """The kill switch and its release, of the gateway, or the venue, account, strategy or symbol ``scope_id``."""

    state: TradingState
    actor: Actor
    reason: str
    scope: ScopeKind = ScopeKind.GATEWAY
    scope_id: str = ""


class FlattenRequested(_Event, frozen=True, kw_only=True):
    """Close the positions of a scope, after canceling what is open in it."""

    order: FlattenOrder


class FlattenPursued(_Event, frozen=True, kw_only=True):
    """Time to go on with every flatten that is under way, at these prices (symbols without one are absent)."""

    touches: dict[str, Touch]


class BreakersChecked(_Event, frozen=True, kw_only=True):
    """Time to look at the circuit breakers: on a timer, and (``is_full`` False: what costs nothing) after fills.

    ``quote_ages_ns`` is how old the last price is of each symbol that is held or on order and whose market is open.
    """

    quote_ages_ns: dict[str, int] = msgspec.field(default_factory=dict)
    is_full: bool = True


class BreakerResetRequested(_Event, frozen=True, kw_only=True):
    """A person resets a trip, or every trip of a breaker; ``is_forced`` although the cause lasts."""

    breaker_id: str
    actor: Actor
    reason: str
    is_forced: bool = False
    quote_ages_ns: dict[str, int] = msgspec.field(default_factory=dict)


class BreakerTripRequested(_Event, frozen=True, kw_only=True):
    """A person calls for the emergency shutdown."""

    actor: Actor
    reason: str


class SessionStarted(_Event, frozen=True, kw_only=True):
    """A person opened a trading session; a non-empty ``strategies`` admits only those while it lasts."""

    session_id: str
    label: str
    strategies: tuple[str, ...]
    actor: Actor


class SessionEnded(_Event, frozen=True, kw_only=True):
    actor: Actor


class ConfigLoaded(_Event, frozen=True, kw_only=True):
    """A configuration that passed every check; ``difference`` says in words what changed.

    ``needs_approval`` is True where somebody has a key with role risk or admin: a limit is then loosened only with
    the approval of such a key. ``promotion_verdicts`` is what the rollout policy says of each venue that is raised,
    ``is_alerting`` whether anybody would be told of an alert, ``proven_by`` the candidate that has shown enough."""

    config: TradingConfig
    actor: Actor
    difference: tuple[str, ...] = ()
    needs_approval: bool = False
    promotion_verdicts: dict[str, PolicyVerdict] = msgspec.field(default_factory=dict)
    is_alerting: bool = False
    proven_by: str = ""


class ApprovalReceived(_Event, frozen=True, kw_only=True):
    """A person agrees that the configuration with this revision may take effect although it loosens limits."""

    revision: str
    actor: Actor
    reason: str


class MarksObserved(_Event, frozen=True, kw_only=True):
    """Current prices of the symbols with open positions, on a timer: what P&L limits measure with.

    ``day`` is the gateway's trading day in days since the epoch (None: the UTC date), ``venue_days`` that of each
    venue; the edge works them out, because time zones are no business of a decision.
    """

    marks: dict[str, Decimal]
    day: int | None = None
    venue_days: dict[str, int] = msgspec.field(default_factory=dict)


class FiguresObserved(_Event, frozen=True, kw_only=True):
    """Volatility, correlations and tail risk were computed anew, outside the order path."""

    figures: RiskFigures


class SnapshotDue(_Event, frozen=True, kw_only=True):
    """It is time to keep what every account is worth."""


class VenueStatusChanged(_Event, frozen=True, kw_only=True):
    venue: str
    is_connected: bool
    text: str = ""


class UnlockRequested(_Event, frozen=True, kw_only=True):
    """A person lets a locked strategy take new risk again."""

    lock_id: str
    actor: Actor
    reason: str


class AdmissionsAbandoned(_Event, frozen=True, kw_only=True):
    """The journal failed before these orders were durable: they were never answered for and never sent."""

    order_ids: tuple[str, ...]
    replace_order_ids: tuple[str, ...] = ()
    text: str


class OverrideRequested(_Event, frozen=True, kw_only=True):
    """A person lifts named rules for certain orders. The request is in order; ``expires_ns`` lies within bounds."""

    override_id: str
    terms: OverrideTerms
    actor: Actor
    reason: str
    expires_ns: int


class OverrideRevocation(_Event, frozen=True, kw_only=True):
    """A person takes an override back."""

    override_id: str
    actor: Actor


class OverridesDue(_Event, frozen=True, kw_only=True):
    """The clock passed the end of at least one override."""


class AlertsChecked(_Event, frozen=True, kw_only=True):
    """Time to look at what is wrong. ``conditions`` are those that only the outside knows, all that last now."""

    conditions: tuple[AlertCondition, ...] = ()


class AcknowledgmentReceived(_Event, frozen=True, kw_only=True):
    """A person takes an alert on."""

    alert_id: str
    actor: Actor
    reason: str


class GatewayStarted(_Event, frozen=True, kw_only=True):
    """A process took over this journal; what was under way is settled from here. Days are as in MarksObserved."""

    version: str
    day: int | None = None
    venue_days: dict[str, int] = msgspec.field(default_factory=dict)


Event = (
    OrderReceived
    | PolicyEvaluated
    | CancelReceived
    | ReplaceReceived
    | SubmitCompleted
    | ReportsReceived
    | LookupCompleted
    | TradingSwitched
    | FlattenRequested
    | FlattenPursued
    | BreakersChecked
    | BreakerResetRequested
    | BreakerTripRequested
    | SessionStarted
    | SessionEnded
    | ConfigLoaded
    | ApprovalReceived
    | MarksObserved
    | FiguresObserved
    | SnapshotDue
    | VenueStatusChanged
    | OverrideRequested
    | OverrideRevocation
    | OverridesDue
    | UnlockRequested
    | AdmissionsAbandoned
    | AlertsChecked
    | AcknowledgmentReceived
    | AccountCompared
    | DriftAcceptance
    | SettlementRequested
    | RolloutCommanded
    | PromotionApprovalReceived
    | RolloutOverrideRequested
    | RolloutOverrideRevocation
    | RolloutsChecked
    | AlertsReceived
    | VenueDoubted
    | GatewayStarted
)
