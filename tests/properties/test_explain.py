"""What a check says of an order is what placing it gives, in any state, and asking leaves no trace."""

from hypothesis import given
from hypothesis import strategies as st
from msgspec import to_builtins

from gateway.core.checkpoint import state_hash
from gateway.core.explain import explain, foresee
from gateway.core.identity import fingerprint
from gateway.domain.enums import Mode, OrderClass, OrdType, RejectStage, Route, Side, TimeInForce
from gateway.domain.events import OrderReceived, PolicyVerdict
from gateway.domain.market import MarketView
from gateway.domain.order_class import StopLoss, TakeProfit
from gateway.domain.orders import NewOrderSingle
from tests.properties.streams import Step, live_through, operations
from tests.world import ALLOW, DENY, TRADER, D, Limits, World, trading_config

_REQUESTS = st.builds(
    lambda side, qty, symbol, account, limit, tick, exits: NewOrderSingle(
        symbol=symbol,
        side=side,
        order_qty=D(qty),
        ord_type=OrdType.LIMIT if limit else OrdType.MARKET,
        limit_px=D(limit) + tick if limit else None,
        time_in_force=TimeInForce.GTC,
        account=account,
        strategy_id="s1",
        **exits,
    ),
    st.sampled_from(list(Side)),
    st.integers(1, 40),
    st.sampled_from(["AAPL", "TSLA", "NOPE"]),
    st.sampled_from(["default", "second", "other"]),
    st.sampled_from([None, 180, 250]),
    st.sampled_from([D(0), D("0.01"), D("0.001")]),
    st.sampled_from(
        [
            {},
            {},
            {"order_class": OrderClass.OTO, "stop_loss": StopLoss(D(100))},
            {"order_class": OrderClass.BRACKET, "take_profit": TakeProfit(D(300)), "stop_loss": StopLoss(D("100.005"))},
            {"order_class": OrderClass.OCO, "take_profit": TakeProfit(D(300)), "stop_loss": StopLoss(D(100))},
        ]
    ),
)
LIMITS = Limits(max_order_size=D(25), max_position_size=D(30), max_leverage=D("0.1"), blocked_symbols=("TSLA",))


def policy(document: dict[str, object]) -> PolicyVerdict:
    order = document["order"]
    assert isinstance(order, dict)
    return DENY if order["account"] == "second" and order["size_e8"] % 300_000_000 == 0 else ALLOW


@given(steps=operations(), requests=st.lists(_REQUESTS, min_size=1, max_size=6))
def test_the_verdict_is_that_of_placing(steps: list[Step], requests: list[NewOrderSingle]) -> None:
    """Without this, somebody would send an order on the word of a check that the gateway itself does not keep."""
    world = World(trading_config(Mode.CANARY, limits=LIMITS))
    world.policy = policy
    live_through(world, steps)
    for number, request in enumerate(requests):
        before = state_hash(world.state)
        px = world.prices.get(request.symbol)
        event = OrderReceived(
            ts_ns=world.now_ns + 1_000_000,  # the moment of the next tick
            order_id="check",
            request=request,
            fingerprint=fingerprint(request),
            actor=TRADER,
            view=MarketView(reference_px=px, bid_px=px, ask_px=px),
        )
        explained = explain(world.state, event)
        verdicts = {leg.order.order_id: policy(to_builtins(leg.document)) for leg in explained.legs}
        foreseen = foresee(world.state, event, verdicts)
        assert state_hash(world.state) == before

        world.receive(request, f"placed-{number}")
        order = world.state.orders[f"placed-{number}"]
        legs = world.state.legs_of(order) or [order]
        assert foreseen.is_admitted is any(leg.is_admitted for leg in legs)
        assert foreseen.reject == (None if foreseen.is_admitted else order.reject)
        if order.route is Route.SPLIT and not order.leg_ids:
            continue  # denied as a whole: its legs are on record nowhere
        for leg, told in zip(legs, explained.legs, strict=False):
            seen = told.order
            assert (leg.route, leg.route_reason, leg.order_qty) == (seen.route, seen.route_reason, seen.order_qty)
            if leg.reject is None or leg.reject.stage is not RejectStage.INSTRUMENT:
                assert (leg.held_unit, leg.cycle, leg.bucket) == (seen.held_unit, seen.cycle, seen.bucket)
            is_refused_by_limits = leg.reject is not None and leg.reject.stage is RejectStage.RISK
            if is_refused_by_limits and leg.reject is not None:
                broken = tuple(check.breach for check in told.checks if check.is_broken)
                assert leg.reject.breaches == broken
