"""What may stand in ``rollout.yaml``: plan, gates, caps, approval, demotion. The files together are in ``tables``."""

from decimal import Decimal

from gateway.adapters.config import words
from gateway.adapters.config.gateway_table import CANDIDATE_TERMS
from gateway.adapters.config.kinds import FLAG, NOT_NEGATIVE, WEIGHT, duration, number, share, switchable, whole
from gateway.adapters.config.schema import Fields, Many, Names
from gateway.domain.enums import CanaryUnit
from gateway.domain.rollout import (
    ApprovalNeed,
    ApprovalTerms,
    CanaryCaps,
    DemotionTerms,
    Gates,
    OpenOrders,
    Promotions,
    Rollout,
    RolloutStep,
    ShadowTerms,
)

_CAPS = Fields(
    {
        "max_live_orders": whole(0, 1_000_000),
        "max_live_notional": NOT_NEGATIVE,
        "max_live_loss": NOT_NEGATIVE,
    },
    struct=CanaryCaps,
)
_RATE = share(low=Decimal("0.000001"), high=Decimal("0.5"))
_BPS = number(low=Decimal("0.1"), high=Decimal(1_000))
_STEP = Fields(
    {
        "weight_pct": WEIGHT,
        "days": whole(1, 3_650),
        "notional_pct": WEIGHT,
        "min_orders": whole(0, 10_000_000),
        "max_error_rate": _RATE,
        "caps": _CAPS,
    },
    required=("weight_pct", "days"),
    struct=RolloutStep,
    attrs={"weight_pct": "weight_bp", "notional_pct": "notional_bp"},
)
_GATES = Fields(
    {
        "confidence": share(low=Decimal("0.8"), high=Decimal("0.9999")),
        "max_error_rate": switchable(_RATE),
        "min_fill_rate": switchable(share(low=Decimal("0.5"), high=Decimal("0.99999"))),
        "max_slippage_bps": switchable(_BPS),
        "max_twin_slippage_bps": switchable(_BPS),
        "max_vwap_bps": switchable(_BPS),
        "min_effect_bps": _BPS,
        "max_ack_ms": switchable(whole(1, 3_600_000)),
        "max_slow_acks": _RATE,
        "max_ack_delay_ms": switchable(whole(1, 3_600_000)),
        "min_effect_ms": whole(1, 3_600_000),
        "max_breaches": whole(0, 1_000_000),
        "min_pairs": whole(7, 1_000_000),
        "require_alerting": FLAG,
    },
    struct=Gates,
)
ROLLOUT_TABLE = Fields(
    {
        "canary_unit": words.choice(CanaryUnit),
        "salt": words.FILLED_TEXT,
        "caps": Names(words.VENUE, _CAPS, "venue"),
        "promotions": Names(words.VENUE, words.choice(Promotions), "venue"),
        "plan": Many(_STEP),
        "live_after_days": whole(0, 3_650),
        "gates": _GATES,
        "approval": Fields(
            {"needed": words.choice(ApprovalNeed), "expires_h": whole(1, 24 * 365)}, struct=ApprovalTerms
        ),
        "demotion": Fields(
            {
                "open_orders": words.choice(OpenOrders),
                "cool_down": duration("s", is_whole=True),
                "settle": duration("s", low_ms=1_000, is_whole=True),
                "max_outages": whole(0, 1_000),
            },
            struct=DemotionTerms,
            attrs={"cool_down": "cool_down_s", "settle": "settle_s"},
        ),
        "shadow": Fields({"days": whole(0, 3_650), "min_orders": whole(0, 10_000_000)}, struct=ShadowTerms),
        "candidates": CANDIDATE_TERMS,
    },
    struct=Rollout,
)
