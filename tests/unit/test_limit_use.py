"""How much of a limit is in use is what the next order is compared with."""

from gateway.core.apply import apply_record
from gateway.core.explain import explain
from gateway.core.identity import fingerprint
from gateway.core.limit_use import LimitUse, limit_uses
from gateway.core.throttle_use import throttle_uses
from gateway.domain.breakers import BreakerAction, BreakerKind, Trip
from gateway.domain.config import Limits, LimitTable
from gateway.domain.enums import Mode, OrdType, Route, ScopeKind, Side
from gateway.domain.events import OrderReceived
from gateway.domain.market import MarketView
from gateway.domain.orders import NewOrderSingle
from gateway.domain.stop_facts import BreakerTripped
from gateway.domain.throttles import Executions, Throttles, ThrottleTable
from tests.world import TRADER, D, World, trading_config

TABLE = LimitTable(
    gateway=Limits(
        max_order_value=D(50_000),
        max_position_size=D(1_000),
        max_leverage=D(2),
        max_open_orders=D(5),
        max_net_exposure=D(10_000),
        daily_loss_limit=D(5_000),
        blocked_symbols=("ES",),
        market_hours=True,
    ),
    accounts={"default": Limits(min_account_balance=D(50_000), max_concentration=D("0.5"))},
    strategies={"idle": Limits(max_position_value=D(100))},
    symbols={"TSLA": Limits(max_position_size=D(20))},
)


def world() -> World:
    """10 AAPL held, 5 more and 8 TSLA on order."""
    one = World(trading_config(Mode.LIVE, table=TABLE))
    one.fill(one.place(qty=10))
    one.place(qty=5, limit=D(180))
    one.place(qty=8, symbol="TSLA", limit=D(250))
    return one


def uses(one: World) -> dict[tuple[Route, str, str], LimitUse]:
    return {(use.book, use.scope_id, use.rule): use for use in limit_uses(one.state, one.now_ns)}


def test_every_limit_is_listed_with_what_is_used_of_it() -> None:
    """Without this, a desk would learn of a limit by being refused."""
    found = uses(world())
    live = {key[1:]: use for key, use in found.items() if key[0] is Route.LIVE}
    shown = {
        key: (use.value, use.headroom, None if use.use is None else str(use.use.normalize()))
        for key, use in live.items()
    }
    assert shown == {
        ("gateway", "max_order_value"): (None, None, None),
        ("gateway", "max_position_size"): ("15", "985", "0.015"),
        ("gateway", "max_leverage"): ("0.047", "1.953", "0.0235"),
        ("gateway", "max_net_exposure"): ("4700", "5300", "0.47"),
        ("gateway", "max_open_orders"): ("2", "3", "0.4"),
        ("gateway", "daily_loss_limit"): ("0", "5000", "0"),
        ("gateway", "market_hours"): (None, None, None),
        ("gateway", "blocked_symbols"): (None, None, None),
        ("default", "max_concentration"): ("0.027", "0.473", "0.054"),
        ("default", "min_account_balance"): ("100000", "50000", "0.5"),
        ("idle", "max_position_value"): ("0", "100", "0"),
        ("TSLA", "max_position_size"): ("8", "12", "0.4"),
    }
    assert live["gateway", "max_position_size"].symbol == "AAPL"
    assert live["gateway", "blocked_symbols"].limit == "ES"
    assert all(found[Route.SHADOW, *key].use in (None, 0, D("0.5")) for key in live)
    assert set(found) == {(route, *key) for route in (Route.LIVE, Route.SHADOW) for key in live}


def test_the_figure_is_the_one_that_an_order_meets() -> None:
    """Without this, the page would show headroom that the gate does not give."""
    one = world()
    request = NewOrderSingle(
        symbol="AAPL", side=Side.BUY, order_qty=D(1), ord_type=OrdType.LIMIT, limit_px=D(180), strategy_id="s1"
    )
    event = OrderReceived(
        ts_ns=one.now_ns,
        order_id="check",
        request=request,
        fingerprint=fingerprint(request),
        actor=TRADER,
        view=MarketView(reference_px=D(180), bid_px=D(180), ask_px=D(180)),
    )
    (leg,) = explain(one.state, event).legs
    found = uses(one)
    more = {"max_position_size": D(1), "max_open_orders": D(1), "max_net_exposure": D(180), "daily_loss_limit": D(0)}
    for check in leg.checks:
        if check.rule_id in more and check.breach.scope is ScopeKind.GATEWAY:
            use = found[Route.LIVE, "gateway", check.rule_id]
            assert use.value is not None
            assert D(check.breach.value) == D(use.value) + more.pop(check.rule_id)
    assert more == {}


def test_the_poorest_account_is_told_where_equity_counts() -> None:
    """Without this, leverage would look low because another account is rich."""
    one = World(trading_config(Mode.LIVE, table=TABLE))
    one.fill(one.place(qty=50))
    one.mark("AAPL", D(80))
    use = uses(one)[Route.LIVE, "gateway", "max_leverage"]
    assert (use.account, use.value) == ("default", "0.042105263158")  # 4,000 of 95,000
    assert uses(one)[Route.LIVE, "gateway", "daily_loss_limit"].is_broken


def test_throttles_are_listed_beside_the_limits() -> None:
    """Without this, a desk would learn of its message rate by a 429."""
    throttles = ThrottleTable(
        gateway=Throttles(max_messages_per_second=D(1), message_burst=10, cancel_reserve=2, duplicate_window_ms=500),
        strategies={"s1": Throttles(executions=Executions(max_executed_qty=D(100)))},
    )
    one = World(trading_config(Mode.LIVE, throttles=throttles))
    for number in range(4):
        one.place(qty=1 + number, limit=D(100))
    one.now_ns += 500_000_000
    found = [use for use in throttle_uses(one.state, one.now_ns) if use.book is Route.LIVE]
    rate, duplicates, executed = found
    assert (rate.rule, rate.limit, rate.use is not None and 0 < rate.use < D("0.5")) == (
        "max_messages_per_second",
        "1",
        True,
    )
    assert D(rate.value or 0) + D(rate.headroom or 0) == 8
    assert (duplicates.rule, duplicates.limit, duplicates.use) == ("duplicate_window_ms", "0 within 500 ms", None)
    assert (executed.scope_id, executed.rule, executed.limit) == ("s1", "max_executed_qty", "100 within 60 s")


def test_a_part_of_the_list_is_the_same_rows_and_measures_no_others() -> None:
    """Without this, metrics and alerts would either walk through thousands of symbols, or show other figures."""
    one = world()
    every = list(limit_uses(one.state, one.now_ns))
    without = list(limit_uses(one.state, one.now_ns, without=ScopeKind.SYMBOL))
    assert without == [use for use in every if use.scope is not ScopeKind.SYMBOL]
    assert len(without) < len(every)
    only = list(limit_uses(one.state, one.now_ns, only="daily_loss_limit"))
    assert only == [use for use in every if use.rule == "daily_loss_limit"]
    assert len(only) == 2


def test_what_is_held_is_valued_at_its_own_mark_beside_what_is_flat() -> None:
    """Without this, a strategy that once closed its position would have the value of everybody else's in the symbol
    told at the price of that day: half of a limit in use where all of it is."""
    one = World(trading_config(Mode.LIVE, limits=Limits(max_position_value=D(40_000), max_concentration=D("0.5"))))
    one.open_live(100)
    one.open_live(1, strategy="s2")
    one.fill(one.place(Side.SELL, 1, strategy="s2"))
    one.mark("AAPL", D(390))
    found = uses(one)
    value = found[(Route.LIVE, "gateway", "max_position_value")]
    assert (value.value, value.headroom, value.is_broken) == ("39000", "1000", False)
    refused = one.place(qty=3).reject
    assert refused is not None
    assert refused.breaches[0].value == "40170"
    one.mark("AAPL", D(401))
    found = uses(one)
    assert found[(Route.LIVE, "gateway", "max_position_value")].is_broken
    assert found[(Route.LIVE, "gateway", "max_concentration")].value == "0.328419328419"


def trip(breaker: BreakerKind, scope: ScopeKind, scope_id: str, factor: str) -> Trip:
    return Trip(
        trip_id=f"{breaker}:{scope_id}",
        breaker_id=breaker.value,
        book=Route.LIVE,
        scope=scope,
        scope_id=scope_id,
        action=BreakerAction.REDUCE_SIZE,
        value=D(1),
        threshold=D(1),
        size_factor=D(factor),
        cause="test",
        by="system",
        since_ns=1,
        day=0,
    )


def test_limits_that_a_breaker_makes_smaller_are_shown_as_small_as_orders_meet_them() -> None:
    """Without this, a desk would be shown room for 985 shares and be refused the next 500 of them."""
    one = world()
    one.place(qty=1, symbol="TSLA", limit=D(250))
    gateway_wide = trip(BreakerKind.REJECTION_RATE, ScopeKind.GATEWAY, "", "0.5")
    of_symbol = trip(BreakerKind.VOLATILITY, ScopeKind.SYMBOL, "TSLA", "0.01")
    apply_record(one.state, (BreakerTripped(ts_ns=one.tick(), trip=gateway_wide),))
    found = uses(one)
    size = found[(Route.LIVE, "gateway", "max_position_size")]
    assert (size.limit, size.value, size.headroom, size.use) == ("500", "15", "485", D("0.03"))
    assert found[(Route.LIVE, "gateway", "max_order_value")].limit == "25000"
    assert found[(Route.LIVE, "gateway", "max_leverage")].limit == "2"  # of the book as a whole
    assert found[(Route.SHADOW, "gateway", "max_position_size")].limit == "1000"
    refused = one.place(qty=486).reject
    assert refused is not None
    assert (refused.breaches[0].limit, refused.breaches[0].value) == ("25000", "87480")
    assert (refused.breaches[1].limit, refused.breaches[1].value) == ("500", "501")

    apply_record(one.state, (BreakerTripped(ts_ns=one.tick(), trip=of_symbol),))
    found = uses(one)
    size = found[(Route.LIVE, "gateway", "max_position_size")]  # 9 of 10 is nearer than 15 of 500
    assert (size.symbol, size.limit, size.value) == ("TSLA", "10", "9")
    assert found[(Route.LIVE, "TSLA", "max_position_size")].limit == "0.2"
