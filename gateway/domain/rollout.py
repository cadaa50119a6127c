"""The plan by which a venue earns its way from SHADOW through CANARY to LIVE, and what takes it back.

Plain data of ``rollout.yaml``. Shares are ratios, weights basis points, slippages basis points of the price.
"""

from decimal import Decimal

import msgspec

from gateway.domain.enums import CanaryUnit, Word
from gateway.domain.money import ONE, plain


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
        caps = [f"{name} {value}" for name, value in msgspec.structs.asdict(self.caps).items() if value is not None]
        return ", ".join([*words, *caps])


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
    is not enough evidence between. A slippage or delay passes when most orders (their median) are proven to be within
    the bound, and fails when most are proven to be beyond bound and ``min_effect`` together. ``min_pairs`` is the
    fewest orders with a finished twin that a comparison looks at.
    """

    confidence: Decimal = Decimal("0.95")
    max_error_rate: Decimal | None = Decimal("0.001")
    min_fill_rate: Decimal | None = Decimal("0.95")
    max_slippage_bps: Decimal | None = Decimal(10)
    max_twin_slippage_bps: Decimal | None = Decimal(5)
    min_effect_bps: Decimal = ONE
    max_ack_ms: int | None = 1_000
    max_slow_acks: Decimal = Decimal("0.05")
    max_ack_delay_ms: int | None = None
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

    def promotions_of(self, venue: str) -> Promotions:
        return self.promotions.get(venue, Promotions.EVIDENCE)
