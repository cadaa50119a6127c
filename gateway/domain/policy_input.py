"""What a policy is told of an order: the input of ``data.trading.decision``, field by field as docs/policies.md has it.

Typed, so that nothing can be missing from it and nothing in it can be a float.
"""

from typing import Any

import msgspec

from gateway.domain.enums import OrderClass, OrdType, Role, Route, Side, TimeInForce


class PolicyOrder(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Sizes and prices are scaled by 10^8, money is in cents, both rounded away from zero."""

    id: str
    symbol: str
    venue: str
    account: str
    strategy: str
    side: Side
    order_type: OrdType
    order_class: OrderClass
    time_in_force: TimeInForce
    size_e8: int
    notional_cents: int
    limit_price_e8: int | None
    stop_price_e8: int | None
    is_closing: bool
    route: Route
    mode: str


class PolicyUser(msgspec.Struct, frozen=True, gc=False):
    name: str
    role: Role


class PolicyMarket(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    is_open: bool
    is_synthetic: bool
    is_delayed: bool
    age_ms: int
    reference_price_e8: int | None
    weekday: int
    local_minute: int


class PolicyPosition(msgspec.Struct, frozen=True, gc=False):
    size_e8: int


class PolicyDocument(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    order: PolicyOrder
    user: PolicyUser
    market: PolicyMarket
    position: PolicyPosition
    approved_symbols: tuple[str, ...] | None
    time_ns: int


#: Policies are also asked about documents that are not ours: golden cases, and what a test has broken.
PolicyInput = PolicyDocument | dict[str, Any]
