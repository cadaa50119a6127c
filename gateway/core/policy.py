"""What the policy is told of an order, and what its answer means.

Sizes and prices are integers at 8 decimals and money is in cents, both rounded away from zero: no float reaches
a policy, and rounding never lets an order under a limit that it is over.
"""

from decimal import Decimal
from math import ceil, floor

from gateway.core.risk.standing import waits_for_auction
from gateway.core.state import GatewayState
from gateway.domain.enums import RejectStage, Route
from gateway.domain.events import PolicyVerdict
from gateway.domain.market import MarketView
from gateway.domain.orders import Order, Reject
from gateway.domain.policy_input import PolicyDocument, PolicyMarket, PolicyOrder, PolicyPosition, PolicyUser
from gateway.domain.reasons import RejectCode

_LIVE, _SHADOW = Route.LIVE, Route.SHADOW  # named once: see domain.orders
_E8 = Decimal(100_000_000)
_CENTS = Decimal(100)


def scaled(value: Decimal, scale: Decimal = _E8) -> int:
    """``value`` times ``scale`` as an integer, rounded away from zero."""
    exact = value * scale
    return ceil(exact) if exact > 0 else floor(exact)


def _optional(value: Decimal | None) -> int | None:
    return None if value is None else scaled(value)


def policy_document(state: GatewayState, order: Order, view: MarketView, now_ns: int) -> PolicyDocument:
    """The input of ``data.trading.decision`` for one order; docs/policies.md describes it field by field."""
    route = _LIVE if order.route is _LIVE else _SHADOW
    position = state.books[route].positions.get(order.position_key)
    approved = state.approved_symbols
    return PolicyDocument(
        order=PolicyOrder(
            id=order.order_id,
            symbol=order.symbol,
            venue=order.venue,
            account=order.account,
            strategy=order.strategy_id,
            side=order.side,
            order_type=order.ord_type,
            order_class=order.order_class,
            time_in_force=order.time_in_force,
            size_e8=scaled(order.order_qty),
            notional_cents=scaled(order.order_qty * order.held_unit, _CENTS),
            limit_price_e8=_optional(order.limit_px),
            stop_price_e8=_optional(order.stop_px),
            is_closing=order.is_closing,
            route=route,
            mode=order.mode,
        ),
        user=PolicyUser(order.actor.name, order.actor.role),
        market=PolicyMarket(
            is_open=view.is_open or waits_for_auction(view.phase, order.ord_type, order.time_in_force),
            is_synthetic=view.is_synthetic,
            is_delayed=view.is_delayed,
            age_ms=view.age_ns // 1_000_000,
            reference_price_e8=_optional(view.reference_px),
            weekday=view.weekday,
            local_minute=view.local_minute,
        ),
        position=PolicyPosition(0 if position is None or not position.qty else scaled(position.qty)),
        approved_symbols=None if approved is None else ((order.symbol,) if order.symbol in approved else ()),
        time_ns=now_ns,
    )


def denial_of(verdict: PolicyVerdict) -> Reject | None:
    """Why the verdict denies, or None when it clearly allows. No decision is a denial (invariant 13)."""
    if verdict.failure is not None:
        text = f"the policy gave no decision: {verdict.failure_text or verdict.failure}"
        return Reject(RejectStage.POLICY, verdict.failure, text, (), {"revision": verdict.revision})
    if verdict.is_allowed and not verdict.denies:
        return None
    if not verdict.denies:
        text = "the policy denied without a reason"
        return Reject(RejectStage.POLICY, RejectCode.POLICY_DENIED, text, (), {"revision": verdict.revision})
    text = "; ".join(f"{code}: {words}" for code, words in verdict.denies)
    context = {"revision": verdict.revision, "rules": ", ".join(code for code, _ in verdict.denies)}
    return Reject(RejectStage.POLICY, RejectCode.POLICY_DENIED, text, (), context)
