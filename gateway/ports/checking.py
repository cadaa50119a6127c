"""What would become of an order: the whole verdict, as plain words and decimal strings. Nothing is placed by asking."""

from typing import Protocol

import msgspec

from gateway.domain.enums import Word
from gateway.domain.orders import Actor, FieldError, NewOrderSingle, Reject


class WouldBe(Word):
    ADMITTED = "admitted"
    DENIED = "denied"
    #: Not now; the same order may pass after a while.
    THROTTLED = "throttled"


class CheckView(msgspec.Struct, frozen=True, kw_only=True):
    """One rule in one scope. ``headroom`` is what is left to the limit, below 0 when broken, empty without a figure.
    ``is_exempt``: the rule guards new risk, and the order only reduces a position. ``is_of_order``: it measures the
    order and its account alone, and nothing that others hold in the scope."""

    rule: str
    code: str
    scope: str
    scope_id: str
    limit: str
    value: str
    headroom: str
    passed: bool
    is_exempt: bool
    is_of_order: bool
    text: str


class PolicyView(msgspec.Struct, frozen=True, kw_only=True):
    """What the policy said when it was asked. ``failure`` is why there was no decision."""

    is_allowed: bool
    reasons: tuple[tuple[str, str], ...]
    failure: str | None
    failure_text: str
    revision: str


class CapView(msgspec.Struct, frozen=True, kw_only=True):
    """What a canary may risk at the venue, and how much of it is used without this order; null: no cap."""

    key: str
    limit: str | None
    use: str


class OverrideOfferView(msgspec.Struct, frozen=True, kw_only=True):
    """An override by which the order would pass, and the codes of the limits that it lifts for it."""

    override_id: str
    granted_by: str
    lifted: tuple[str, ...]


class LegCheckView(msgspec.Struct, frozen=True, kw_only=True):
    """One route that the order, or a part of it, would take, and everything that is compared on it.

    ``bucket`` below ``weight_bp`` is live; null where nothing is drawn. ``held_exposure`` is what it would hold, base
    currency. A ``size_factor`` under 1 is that of a circuit breaker which reduces the limits on size.
    ``refusals`` are those of every stage, though the first alone would decide.
    """

    route: str
    route_reason: str
    mode: str
    quantity: str
    is_closing: bool
    cycle: int
    opens_cycle: bool
    bucket: int | None
    weight_bp: int
    held_exposure: str
    size_factor: str
    would_be: str
    refusals: tuple[Reject, ...]
    checks: tuple[CheckView, ...]
    policy: PolicyView
    overrides: tuple[OverrideOfferView, ...]


class MarketSeenView(msgspec.Struct, frozen=True, kw_only=True):
    """What the check knew of the market and the clock. ``reference_px`` values the order."""

    reference_px: str | None
    bid_px: str | None
    ask_px: str | None
    age_ms: int
    is_synthetic: bool
    is_delayed: bool
    is_open: bool
    phase: str


class StopView(msgspec.Struct, frozen=True, kw_only=True):
    """A scope that is not active: by a person, or by the trip of a circuit ``breaker``. ``book`` null: in both."""

    scope: str
    scope_id: str
    state: str
    book: str | None
    reason: str
    by: str
    breaker: str | None


class OrderCheckView(msgspec.Struct, frozen=True, kw_only=True):
    """The whole verdict. ``refusal`` is what placing would answer with; null when it would be admitted.

    ``problems`` are of the order's shape: such a request is no order at all (400). ``existing_order_id`` is an order
    that has this client_order_id already: placing sends nothing again.
    """

    would_be: WouldBe
    refusal: Reject | None
    retry_after_ms: int
    problems: tuple[FieldError, ...]
    existing_order_id: str | None
    symbol: str
    side: str
    quantity: str
    account: str
    strategy_id: str
    venue: str
    currency: str
    held_exposure: str
    trading_state: str
    stops: tuple[StopView, ...]
    caps: tuple[CapView, ...]
    market: MarketSeenView
    legs: tuple[LegCheckView, ...]
    config_revision: str
    policy_revision: str


class OrderChecks(Protocol):
    async def check(self, request: NewOrderSingle, actor: Actor) -> OrderCheckView:
        """Everything about what placing it now would come to. Places, journals and counts nothing. Raises
        NotAccepting where placing would."""
        ...
