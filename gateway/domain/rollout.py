"""The plan by which a venue earns its way from SHADOW through CANARY to LIVE, and what takes it back.

Plain data of ``rollout.yaml``. Shares are ratios, weights basis points, slippages basis points of the price.
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import msgspec

from gateway.domain.as_written import as_written
from gateway.domain.candidates import CandidateTerms
from gateway.domain.enums import CanaryUnit, Mode, Word
from gateway.domain.money import ONE, plain
from gateway.domain.orders import Actor


class Promotions(Word):
    """What raises the mode or the share of a venue."""

    #: Evidence under the plan, with the approval and the policy that it asks for.
    EVIDENCE = "evidence"
    #: The edit alone. Nothing is measured against a gate before; SHADOW to LIVE in one step stays refused.
    MANUAL = "manual"


class ApprovalNeed(Word):
    """Which promotions need the word of a person besides the edit. Ordered: the loosest first."""

    NEVER = "never"
    LIVE = "live"
    ALWAYS = "always"


class OpenOrders(Word):
    """What a demotion does with live orders that open or add and still work."""

    CANCEL = "cancel"
    LEAVE = "leave"


class CanaryCaps(msgspec.Struct, frozen=True, kw_only=True):
    """What a canary may risk at one venue; None is no cap.

    ``max_live_orders`` counts live opening orders of the day, ``max_live_notional`` bounds the live gross
    exposure (open orders included) and ``max_live_loss`` the live loss of the day, both in the base currency.
    What would break a cap goes to SHADOW instead.
    """

    max_live_orders: int | None = None
    max_live_notional: Decimal | None = None
    max_live_loss: Decimal | None = None


class RolloutStep(msgspec.Struct, frozen=True, kw_only=True):
    """One step of CANARY: how much goes live, and what must have been seen before it is left upwards.

    ``weight_bp`` is the share of the cycles and ``notional_bp`` the most that the live share of the opened value may
    be (None: not looked at). ``max_error_rate`` is the rate that must be proven here, where that of the gates is too
    small for so few orders (None: that of the gates).
    """

    weight_bp: int
    days: int
    notional_bp: int | None = None
    min_orders: int = 0
    max_error_rate: Decimal | None = None
    caps: CanaryCaps = CanaryCaps()

    def __str__(self) -> str:
        """As a person is told of it."""
        words = [f"{percent(self.weight_bp)} for {self.days} d"]
        if self.min_orders:
            words.append(f"{self.min_orders} orders")
        if self.max_error_rate is not None:
            words.append(f"errors below {plain(self.max_error_rate * 100)}%")
        if self.notional_bp is not None:
            words.append(f"at most {percent(self.notional_bp)} of the value")
        if self.caps != CanaryCaps():
            words.append(as_written(self.caps))
        return ", ".join(words)


def percent(weight_bp: int) -> str:
    """A share in basis points as people write it: ``2.5%``."""
    return f"{plain(Decimal(weight_bp) / 100)}%"


#: The plan of the user's own documents. The rates are what the orders of a step can prove: 29 orders without an error
#: are below 10% at 95%, 59 below 5%, 149 below 2%, 299 below 1%, 2,995 below 0.1%.
DEFAULT_PLAN = (
    RolloutStep(weight_bp=100, days=3, min_orders=30, max_error_rate=Decimal("0.1")),
    RolloutStep(weight_bp=500, days=4, min_orders=60, max_error_rate=Decimal("0.05")),
    RolloutStep(weight_bp=1_000, days=7, min_orders=150, max_error_rate=Decimal("0.02")),
    RolloutStep(weight_bp=2_500, days=7, min_orders=300, max_error_rate=Decimal("0.01")),
    RolloutStep(weight_bp=5_000, days=9, min_orders=1_000),
)


class Gates(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked of the evidence. None switches a gate off.

    A rate passes when it is proven to be within its bound with ``confidence``, fails when it is proven not to be, and
    is not enough evidence between. A slippage or delay passes when the orders, by their ranks, are proven to be within
    the bound, and fails when they are proven to be beyond bound and ``min_effect_*`` together. ``min_pairs`` is the
    fewest orders that such a comparison looks at.
    """

    confidence: Decimal = Decimal("0.95")
    max_error_rate: Decimal | None = Decimal("0.001")
    min_fill_rate: Decimal | None = Decimal("0.95")
    max_slippage_bps: Decimal | None = Decimal(10)
    max_twin_slippage_bps: Decimal | None = Decimal(5)
    max_vwap_bps: Decimal | None = None
    min_effect_bps: Decimal = ONE
    max_ack_ms: int | None = 1_000
    max_slow_acks: Decimal = Decimal("0.05")
    max_ack_delay_ms: int | None = 500
    min_effect_ms: int = 10
    max_breaches: int = 0
    min_pairs: int = 20
    require_alerting: bool = True


class ApprovalTerms(msgspec.Struct, frozen=True, kw_only=True):
    """Which promotions a person must approve, and how long his word holds (hours)."""

    needed: ApprovalNeed = ApprovalNeed.LIVE
    expires_h: int = 72


class DemotionTerms(msgspec.Struct, frozen=True, kw_only=True):
    """``cool_down_s`` must pass before a person may let a demoted venue go on, ``settle_s`` (the hysteresis) must a
    venue be back before its rollout goes on by itself; after ``max_outages`` losses a day only a person lets it."""

    open_orders: OpenOrders = OpenOrders.CANCEL
    cool_down_s: int = 3_600
    settle_s: int = 60
    max_outages: int = 3


class ShadowTerms(msgspec.Struct, frozen=True, kw_only=True):
    """What a venue must have seen in SHADOW before its first step: days with orders, and orders."""

    days: int = 0
    min_orders: int = 0


class Rollout(msgspec.Struct, frozen=True, kw_only=True):
    """How the canary share is drawn, and how it may grow. Changing ``salt`` deals all future cycles anew.

    ``live_after_days`` is the fewest days of CANARY, over all its steps, before LIVE. ``promotions`` is by venue; what
    is not there goes by evidence.
    """

    salt: str = "gateway"
    canary_unit: CanaryUnit = CanaryUnit.POSITION
    caps: dict[str, CanaryCaps] = {}
    promotions: dict[str, Promotions] = {}
    plan: tuple[RolloutStep, ...] = DEFAULT_PLAN
    live_after_days: int = 30
    gates: Gates = Gates()
    approval: ApprovalTerms = ApprovalTerms()
    demotion: DemotionTerms = DemotionTerms()
    shadow: ShadowTerms = ShadowTerms()
    candidates: CandidateTerms = CandidateTerms()

    def promotions_of(self, venue: str) -> Promotions:
        return self.promotions.get(venue, Promotions.EVIDENCE)

    def position_of(self, mode: Mode, weight_bp: int) -> int:
        """Where on the plan a share stands: -1 in SHADOW, the number of its step, past the last one for LIVE.

        A share between two steps belongs to the upper one; one beyond the last step asks for what LIVE asks for.
        """
        if mode is Mode.SHADOW or not weight_bp:
            return -1
        if mode is Mode.LIVE:
            return len(self.plan)
        return next((i for i, step in enumerate(self.plan) if weight_bp <= step.weight_bp), len(self.plan))

    def caps_at(self, venue: str, position: int) -> CanaryCaps | None:
        """The caps of a venue at a position: the smaller of its own and of the step's, where it goes by evidence."""
        own, step = self.caps.get(venue), self.step_at(position)
        if step is None or step.caps == CanaryCaps() or self.promotions_of(venue) is Promotions.MANUAL:
            return own
        return step.caps if own is None else _smaller(own, step.caps)

    def step_at(self, position: int) -> RolloutStep | None:
        """The step at a position; None in SHADOW and LIVE."""
        return self.plan[position] if 0 <= position < len(self.plan) else None


def _smaller(one: CanaryCaps, other: CanaryCaps) -> CanaryCaps:
    def least(a: Any, b: Any) -> Any:
        return min((value for value in (a, b) if value is not None), default=None)

    return CanaryCaps(**{name: least(getattr(one, name), getattr(other, name)) for name in one.__struct_fields__})


class Verdict(Word):
    """What a gate says of its evidence, the gravest first. Only PASS lets anything through."""

    FAIL = "fail"
    #: It cannot be told: the venue is away, or orders hang without an answer.
    ERROR = "error"
    NOT_ENOUGH = "not_enough_evidence"
    PASS = "pass"


_GRAVITY = tuple(Verdict)


def gravest(verdicts: Iterable[Verdict]) -> Verdict:
    """The verdict of several gates together. Of none it is not enough evidence: what was not measured never passed."""
    return min(verdicts, key=_GRAVITY.index, default=Verdict.NOT_ENOUGH)


class GateResult(msgspec.Struct, frozen=True, kw_only=True):
    """One gate: its verdict in words, and the figures behind it. ``n`` is the sample, ``needed`` how many more good
    samples would pass (None: samples are not what is missing), ``limit`` the bound as configured."""

    gate: str
    verdict: Verdict
    text: str
    n: int = 0
    needed: int | None = None
    value: Decimal | None = None
    lower: Decimal | None = None
    upper: Decimal | None = None
    limit: Decimal | None = None


class HoldKind(Word):
    """Why nothing new goes live at a venue although its mode says so. Ordered: a graver one replaces a lighter one."""

    #: The venue is away. It goes on by itself when the venue has been back for a while.
    OUTAGE = "outage"
    #: A person paused it.
    PAUSED = "paused"
    #: Demoted. Latched: a person lets it go on, after the cool-down.
    DEMOTED = "demoted"

    @property
    def gravity(self) -> int:
        return _HOLD_GRAVITY[self]


_HOLD_GRAVITY = {kind: rank for rank, kind in enumerate(HoldKind)}


class HoldCause(Word):
    """What brought a hold about."""

    VENUE_LOST = "venue_lost"
    PERSON = "person"
    ABORT = "abort"
    GATE = "gate"
    BREAKER = "breaker"
    DRIFT = "drift"
    ALERT = "alert"


#: Causes that say the venue itself is not good enough: it begins again at the first step, under a new configuration.
RESTARTING_CAUSES = frozenset({HoldCause.GATE, HoldCause.ABORT})


class Hold(msgspec.Struct, frozen=True, kw_only=True):
    """Since when and why nothing new goes live at a venue. ``revision`` is the configuration it happened under,
    ``until_ns`` the end of the cool-down, ``source`` what must be over first (a trip, an alert's fingerprint)."""

    kind: HoldKind
    cause: HoldCause
    text: str
    actor: Actor
    since_ns: int
    revision: str
    until_ns: int = 0
    source: str = ""


class PromotionApproval(msgspec.Struct, frozen=True, kw_only=True):
    """A person's word on one promotion: good for exactly this configuration, these policies, what was known
    (``evidence``: the hash of it), and until then."""

    revision: str
    policy_revision: str
    evidence: str = ""
    actor: Actor
    reason: str
    given_ns: int
    expires_ns: int


class RolloutOverride(msgspec.Struct, frozen=True, kw_only=True):
    """A mode and share that hold outside the plan until ``expires_ns``, then end by themselves."""

    mode: Mode
    weight_bp: int
    actor: Actor
    reason: str
    granted_ns: int
    expires_ns: int
