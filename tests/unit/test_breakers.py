"""Each circuit breaker at its threshold, what it does while it is tripped, and how it lets go."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from gateway.core.breakers.measures import MEASURES
from gateway.core.checkpoint import decode_snapshot, encode_snapshot
from gateway.core.risk.smaller import smaller
from gateway.core.trading.flattens import Flatten
from gateway.domain.breakers import BREAKER_DEFAULTS, SIZE_LIMITS, BreakerAction, BreakerKind
from gateway.domain.config import AccountConfig, Limits, LimitTable
from gateway.domain.enums import ExecType, Mode, Route, ScopeKind, Side, TradingState
from gateway.domain.events import FiguresObserved, MarksObserved, VenueStatusChanged
from gateway.domain.figures import RiskFigures
from gateway.domain.orders import Order
from gateway.domain.reasons import RejectCode
from gateway.domain.stop_facts import BreakerReset, BreakerTripped
from tests.world import ALLOW, D, World, trading_config

ALL = {kind.value: config for kind, config in BREAKER_DEFAULTS.items()}
DAY_NS = 86_400 * 1_000_000_000


def world_with(*kinds: BreakerKind, mode: Mode = Mode.LIVE, change: dict[str, Any] | None = None, **more: Any) -> World:
    breakers = {kind.value: msgspec.structs.replace(ALL[kind.value], **(change or {})) for kind in kinds}
    return World(trading_config(mode, circuit_breakers=breakers, **more))


def tripped(world: World) -> set[str]:
    return set(world.state.breakers.trips)


def code_of(order: Order) -> str | None:
    return None if order.reject is None else order.reject.code


def next_day(world: World) -> None:
    world.tick(DAY_NS)
    world.send(MarksObserved(ts_ns=world.now_ns, marks={}))


def test_every_kind_has_a_measure_and_defaults() -> None:
    """Without this, a breaker could be configured that measures nothing."""
    assert set(MEASURES) == set(BREAKER_DEFAULTS) == set(BreakerKind)
    assert list(MEASURES)[-1] is BreakerKind.EMERGENCY_SHUTDOWN


def test_the_figures_of_the_specification_are_the_defaults() -> None:
    """5% and the next day; 20%, half sizes and 30 minutes; 30% and below 25%: what the desk was promised."""
    loss, rejections, concentration = (
        BREAKER_DEFAULTS[kind]
        for kind in (BreakerKind.DAILY_LOSS, BreakerKind.REJECTION_RATE, BreakerKind.CONCENTRATION)
    )
    assert (loss.threshold, loss.action, loss.reset_next_day) == (D("0.05"), BreakerAction.HALT, True)
    assert (rejections.threshold, rejections.size_factor, rejections.reset_after_s) == (D("0.2"), D("0.5"), 30 * 60)
    assert (concentration.threshold, concentration.reset_below) == (D("0.3"), D("0.25"))


@pytest.mark.parametrize(("px", "trips"), [("130.01", False), ("130.00", True), ("120", True)])
def test_a_daily_loss_of_5_percent_halts_all_trading(px: str, trips: bool) -> None:
    """Without this, a day that goes wrong would go on. 100 shares from 180 to 130 lose 5,000 of 100,000."""
    world = world_with(BreakerKind.DAILY_LOSS, accounts={"default": AccountConfig(initial_cash=D(100_000))})
    world.open_live(100)
    resting = world.place(qty=1, symbol="TSLA", limit=D(100))
    world.mark("AAPL", D(px))
    world.check()
    assert tripped(world) == ({"daily_loss:live"} if trips else set())
    assert resting.is_cancel_requested is trips
    order = world.place(qty=1, symbol="TSLA")
    assert code_of(order) == (RejectCode.CIRCUIT_BREAKER if trips else None)
    if trips:
        assert order.reject is not None
        assert order.reject.context["breaker"] == "daily_loss:live"


def halted_by_loss() -> World:
    world = world_with(BreakerKind.DAILY_LOSS, accounts={"default": AccountConfig(initial_cash=D(100_000))})
    world.open_live(100)
    world.mark("AAPL", D(120))
    world.check()
    assert tripped(world) == {"daily_loss:live"}
    return world


def test_a_daily_loss_resets_on_the_next_trading_day() -> None:
    """Without this, a bad day would never end, or end with the first tick upwards."""
    world = halted_by_loss()
    world.mark("AAPL", D(180))
    world.check(3_600)
    assert tripped(world) == {"daily_loss:live"}  # recovered, and still halted: the day is over
    world.mark("AAPL", D(120))
    next_day(world)
    world.check()
    assert tripped(world) == set()
    assert code_of(world.place(Side.SELL, 10)) is None


def test_a_reset_by_hand_needs_the_cause_to_be_gone_or_force_and_a_reason() -> None:
    """Without this, the breaker would be pressed back in while it burns, or trip again in the same second."""
    world = halted_by_loss()
    refused = world.reset("daily_loss")
    assert refused.refusal is not None
    assert refused.refusal.code == "BREAKER_CAUSE_LASTS"
    for name, code in (("drawdown", "BREAKER_NOT_TRIPPED"), ("nothing", "BREAKER_NOT_FOUND")):
        refusal = world.reset(name).refusal
        assert refusal is not None
        assert refusal.code == code
    forced = world.reset("daily_loss", force=True)
    assert [type(fact) for fact in forced.facts] == [BreakerReset]
    world.check()
    assert tripped(world) == set()  # accepted at 6%
    world.mark("AAPL", D("110.01"))
    world.check()
    assert tripped(world) == set()
    world.mark("AAPL", D(110))  # 7%: worse by a fifth of the threshold
    world.check()
    assert tripped(world) == {"daily_loss:live"}


def test_what_was_accepted_is_armed_again_once_it_was_good() -> None:
    """Without this, one forced reset would raise the threshold for good."""
    world = halted_by_loss()
    world.reset("daily_loss", force=True)
    world.mark("AAPL", D(150))
    world.check()
    assert world.state.breakers.accepted == {}
    world.mark("AAPL", D(130))
    world.check()
    assert tripped(world) == {"daily_loss:live"}


def test_what_was_accepted_is_forgotten_when_nothing_measures_it_any_more() -> None:
    """Without this, a concentration accepted once would let the next position in the symbol grow past the threshold,
    however long the accepted one has been closed."""
    world = world_with(BreakerKind.CONCENTRATION, accounts={"default": AccountConfig(initial_cash=D(100_000))})
    world.open_live(200)  # 36%
    world.check()
    world.reset("concentration", force=True)
    world.check()
    assert set(world.state.breakers.accepted) == {"concentration:live:default/AAPL"}
    world.fill(world.place(Side.SELL, 200))
    world.check()
    assert world.state.breakers.accepted == {}
    world.open_live(200)
    world.check()
    assert tripped(world) == {"concentration:live:default/AAPL"}


@pytest.mark.parametrize("waits_s", [0, 60, 120])
def test_an_order_that_is_decided_again_is_one_order_of_its_strategy(waits_s: int) -> None:
    """Without this, an edit while orders wait for the policy would count each of them twice, and could halt a strategy
    that did nothing unusual."""
    world = World()
    world.policy, world.asks_outside = lambda document: None, True
    for _ in range(3):
        world.place(qty=1)
    world.tick(waits_s * 1_000_000_000)
    world.place(qty=1)
    world.load(trading_config(revision="edited"))
    for asked in world.asked[:3]:
        world.answer_policy(asked, ALLOW)
    pace = world.state.breakers.counters.paces["s1"]
    assert (pace.count, sum(pace.before)) == (4, 0)


def reject_orders(world: World, count: int, rejected: int) -> None:
    for number in range(count):
        order = world.place(qty=1, strategy=f"r{number}", limit=D(100))
        if number < rejected:
            world.report(order, ExecType.REJECTED, text="no")


@pytest.mark.parametrize(("rejected", "trips"), [(3, False), (4, True)])
def test_20_percent_of_orders_rejected_halve_sizes_for_30_minutes(rejected: int, trips: bool) -> None:
    """Without this, orders that a venue does not want would go on in full size. 4 of 20 are 20%."""
    world = world_with(BreakerKind.REJECTION_RATE, limits=Limits(max_order_size=D(100), max_leverage=D(10)))
    reject_orders(world, 20, rejected)
    world.check()
    assert tripped(world) == ({"rejection_rate:live"} if trips else set())
    assert code_of(world.place(qty=50, strategy="x")) is None
    order = world.place(qty=51, strategy="y")
    assert code_of(order) == (RejectCode.MAX_ORDER_SIZE if trips else None)
    if trips:
        assert order.reject is not None
        assert "rejection_rate:live" in order.reject.text
        assert order.reject.context["limit"] == "50"
        world.check(30 * 60 - 1)
        assert tripped(world) == {"rejection_rate:live"}
        world.check(1)
        assert tripped(world) == set()
        assert code_of(world.place(qty=100, strategy="z")) is None


def test_few_orders_say_nothing_of_a_rate() -> None:
    """Without this, the first rejected order of the morning would be a rate of 100%."""
    world = world_with(BreakerKind.REJECTION_RATE)
    reject_orders(world, 19, 19)
    world.check()
    assert tripped(world) == set()


def test_half_sizes_bind_no_order_that_closes() -> None:
    """Invariant 3: without this, a position could be larger than what may be closed at once."""
    world = world_with(BreakerKind.REJECTION_RATE, limits=Limits(max_order_size=D(100)))
    world.open_live(100)
    reject_orders(world, 20, 20)
    world.check()
    assert tripped(world) == {"rejection_rate:live"}
    closing = world.place(Side.SELL, 100)
    assert (closing.is_closing, code_of(closing)) == (True, None)


@pytest.mark.parametrize(("px", "trips"), [("299.99", False), ("300", True)])
def test_30_percent_in_one_position_blocks_new_ones_until_below_25(px: str, trips: bool) -> None:
    """Without this, a position that grew by itself would be added to; 100 of cash 100,000 less cost 18,000."""
    world = world_with(BreakerKind.CONCENTRATION, change={"threshold": D("0.3")})
    world.open_live(100)
    # equity = 100,000 + 100 * (px - 180); the share of 100 * px in it reaches 30% at px = 351.43
    scale = D(px) / D(300) * D("351.4285715")
    world.mark("AAPL", scale.quantize(D("0.0001")))
    world.check()
    name = "concentration:live:default/AAPL"
    assert tripped(world) == ({name} if trips else set())
    if not trips:
        return
    assert code_of(world.place(qty=1)) == RejectCode.CIRCUIT_BREAKER
    assert code_of(world.place(qty=1, symbol="TSLA")) is None
    assert code_of(world.place(qty=1, account="second")) is None
    assert code_of(world.place(Side.SELL, 10)) is None
    world.mark("AAPL", D(300))  # 30,000 of 112,000: 26.8%
    world.check()
    assert tripped(world) == {name}
    world.mark("AAPL", D(270))  # 27,000 of 109,000: 24.8%
    world.check()
    assert tripped(world) == set()


def test_a_position_that_is_gone_is_no_concentration() -> None:
    """Without this, a symbol would stay blocked because nothing measures it any more."""
    world = world_with(BreakerKind.CONCENTRATION)
    world.open_live(200)
    assert world.check().facts
    world.fill(world.place(Side.SELL, 200))
    world.check()
    assert tripped(world) == set()


def test_a_drawdown_closes_half_of_each_position_and_takes_only_closing_orders() -> None:
    """Without this, losses from the peak would be watched and not acted on. 10% below a peak of 220,000."""
    world = world_with(BreakerKind.DRAWDOWN)
    world.open_live(100)
    world.open_live(11, "TSLA", strategy="s2")
    world.mark("AAPL", D(380))  # the peak: 200,000 of two accounts and 20,000
    world.check()
    world.mark("AAPL", D(160))
    world.check()
    assert tripped(world) == {"drawdown:live"}
    world.pursue()
    flatten = next(iter(world.state.flattens.values()))
    assert [(o.symbol, o.order_qty) for o in world.closing(flatten)] == [("AAPL", D(50)), ("TSLA", D(6))]
    assert code_of(world.place(qty=1)) == RejectCode.CIRCUIT_BREAKER
    for order in world.closing(flatten):
        world.fill(order)
    world.pursue()
    assert flatten.is_flat
    assert code_of(world.place(Side.SELL, 50)) is None
    assert world.state.trading.gateway_state is TradingState.ACTIVE  # the other book trades on


def observe(world: World, sigma: str) -> None:
    figures = RiskFigures(as_of_ns=world.tick(), volatility={"AAPL": D(sigma)})
    world.send(FiguresObserved(ts_ns=world.now_ns, figures=figures))


def test_twice_the_usual_volatility_halves_the_sizes_of_the_symbol() -> None:
    """Without this, the same size would be twice the risk on the wildest day."""
    world = world_with(BreakerKind.VOLATILITY, limits=Limits(max_order_size=D(100)))
    for _ in range(12):
        observe(world, "0.02")
        world.check()
    observe(world, "0.0399")
    world.check()
    assert tripped(world) == set()
    observe(world, "0.05")
    world.check()
    assert tripped(world) == {"volatility:AAPL"}
    assert code_of(world.place(qty=51)) == RejectCode.MAX_ORDER_SIZE
    assert code_of(world.place(qty=51, symbol="TSLA")) is None
    observe(world, "0.025")
    world.check()
    assert tripped(world) == set()


def test_a_venue_that_was_gone_for_30_seconds_takes_only_closing_orders() -> None:
    """Without this, orders would go to a line that comes and goes."""
    world = world_with(BreakerKind.VENUE_CONNECTION)
    world.open_live(10)
    world.send(VenueStatusChanged(ts_ns=world.tick(), venue="alpha", is_connected=False, text="down"))
    world.check(29)
    assert tripped(world) == set()
    world.check(1)
    assert tripped(world) == {"venue_connection:live:alpha"}
    world.send(VenueStatusChanged(ts_ns=world.tick(), venue="alpha", is_connected=True))
    world.check(5)
    assert code_of(world.place(qty=1)) == RejectCode.CIRCUIT_BREAKER
    assert code_of(world.place(Side.SELL, 1)) is None
    assert code_of(world.place(qty=D("0.01"), symbol="BTC/USDT", strategy="s2")) is None
    world.check(30)
    assert tripped(world) == set()


def test_a_symbol_without_prices_takes_only_closing_orders() -> None:
    """Without this, orders would be valued at a price that stopped."""
    world = world_with(BreakerKind.MARKET_DATA_GAP)
    world.check(AAPL=29)
    assert tripped(world) == set()
    world.check(AAPL=30)
    assert tripped(world) == {"market_data_gap:AAPL"}
    assert code_of(world.place(qty=1)) == RejectCode.CIRCUIT_BREAKER
    assert code_of(world.place(qty=1, symbol="TSLA")) is None
    world.check(1, AAPL=0)
    assert tripped(world) == {"market_data_gap:AAPL"}  # one price does not make a market
    world.check(30, AAPL=0)
    assert tripped(world) == set()


def test_a_strategy_that_sends_ten_times_its_usual_orders_is_halted() -> None:
    """Without this, a loop gone wild would send until somebody looks."""
    world = world_with(BreakerKind.ORDER_RATE, change={"min_count": 30})
    for _ in range(6):
        for _ in range(3):
            world.place(qty=1, limit=D(100))
        world.tick(60_000_000_000)
    world.check()
    assert tripped(world) == set()
    for _ in range(29):
        world.place(qty=1, limit=D(100))
    world.check()
    assert tripped(world) == set()
    world.place(qty=1, limit=D(100))
    world.check()
    assert tripped(world) == {"order_rate:s1"}
    assert code_of(world.place(qty=1)) == RejectCode.CIRCUIT_BREAKER
    assert code_of(world.place(qty=1, strategy="s2")) is None
    world.check(7_200)
    assert tripped(world) == {"order_rate:s1"}  # a person has to look
    world.reset("order_rate:s1")
    assert tripped(world) == set()


def lose(world: World, px: int = 170, strategy: str = "s1") -> None:
    world.fill(world.place(qty=1, strategy=strategy))
    world.fill(world.place(Side.SELL, 1, strategy=strategy), px=D(px))


def test_five_losses_in_a_row_hold_the_strategy_to_closing_orders_until_the_next_day() -> None:
    """Without this, a strategy that has stopped working would go on losing."""
    world = world_with(BreakerKind.CONSECUTIVE_LOSSES)
    for _ in range(4):
        lose(world)
    lose(world, 190)  # a win between
    for _ in range(4):
        lose(world)
    world.check()
    assert tripped(world) == set()
    lose(world)
    world.check()
    assert tripped(world) == {"consecutive_losses:live:s1"}
    assert code_of(world.place(qty=1)) == RejectCode.CIRCUIT_BREAKER
    assert code_of(world.place(qty=1, strategy="s2")) is None
    next_day(world)
    world.check()
    assert tripped(world) == set()
    assert code_of(world.place(qty=1)) is None


def test_several_breakers_at_once_shut_everything_down_until_a_person_looks() -> None:
    """Without this, three alarms would be three single cases."""
    world = world_with(*BreakerKind, change={"books": (Route.LIVE, Route.SHADOW)})
    world.open_live(10)
    for _ in range(5):
        lose(world, strategy="s2")
    world.send(VenueStatusChanged(ts_ns=world.tick(), venue="alpha", is_connected=False, text="down"))
    world.check(40, AAPL=40)
    world.check(1, AAPL=41)
    assert "emergency_shutdown:live" in tripped(world)
    assert code_of(world.place(Side.SELL, 1)) == RejectCode.CIRCUIT_BREAKER
    flatten = world.flatten()  # HALTED leaves this way out
    assert flatten.waits


def test_the_books_are_apart_unless_it_is_configured_otherwise() -> None:
    """Without this, a simulated loss would stop real trading, or a real one the evidence."""
    world = world_with(BreakerKind.CONSECUTIVE_LOSSES, mode=Mode.SHADOW)
    for _ in range(5):
        lose(world)
    world.check()
    assert tripped(world) == {"consecutive_losses:shadow:s1"}
    world.load(trading_config(Mode.CANARY, weight_bp=10_000, circuit_breakers=world.state.config.circuit_breakers))
    live = world.place(qty=1)
    assert (live.route, code_of(live)) == (Route.LIVE, None)
    both = world_with(BreakerKind.CONSECUTIVE_LOSSES, change={"stops_both_books": True})
    for _ in range(5):
        lose(both)
    both.check()
    assert next(iter(both.state.breakers.trips.values())).book is None


def test_a_breaker_that_is_switched_off_lets_go() -> None:
    """Without this, a trip would outlive the rule that it came from."""
    world = halted_by_loss()
    world.load(trading_config(Mode.LIVE, revision="off"))
    world.check()
    assert tripped(world) == set()


def test_trips_and_counts_outlive_a_checkpoint() -> None:
    """Without this, a restart would be the way to reset a breaker."""
    world = world_with(BreakerKind.REJECTION_RATE, limits=Limits(max_order_size=D(100)))
    reject_orders(world, 20, 4)
    world.check()
    world.state = decode_snapshot(encode_snapshot(world.state))
    assert tripped(world) == {"rejection_rate:live"}
    assert code_of(world.place(qty=51, strategy="y")) == RejectCode.MAX_ORDER_SIZE


def test_nothing_is_recorded_while_nothing_changes() -> None:
    """Without this, the journal would grow by a record a second for nothing."""
    world = world_with(*BreakerKind)
    world.open_live(1)
    records = len(world.records)
    for _ in range(10):
        world.check(1)
    assert len(world.records) == records


def test_only_limits_on_size_are_made_smaller() -> None:
    """Without this, half of a loss limit would be a second breaker that nobody set."""
    table = LimitTable(
        gateway=Limits(max_order_size=D(10), daily_loss_limit=D(100), max_leverage=D(2)),
        symbols={"AAPL": Limits(max_position_value=D(8))},
    )
    half = smaller(table, Decimal("0.5"))
    assert half.gateway == Limits(max_order_size=D(5), daily_loss_limit=D(100), max_leverage=D(2))
    assert half.symbols["AAPL"].max_position_value == 4
    assert set(SIZE_LIMITS) <= set(Limits.__struct_fields__)


def test_a_trip_says_what_was_measured() -> None:
    """Without this, nobody could tell from the record why trading stopped."""
    world = halted_by_loss()
    fact = next(f for record in world.records for f in record.facts if isinstance(f, BreakerTripped))
    assert (fact.trip.value, fact.trip.threshold) == (D("0.06"), D("0.05"))
    assert fact.trip.cause == "lost 6000 of 100000 since the start of the day"
    assert (fact.trip.book, fact.trip.scope, fact.trip.by) == (Route.LIVE, ScopeKind.GATEWAY, "system")


def test_two_breakers_that_halt_in_one_moment_end_each_order_once() -> None:
    """Without this, an order that waits for the policy would be ended twice, and counted twice."""
    kinds = (BreakerKind.DAILY_LOSS, BreakerKind.CONSECUTIVE_LOSSES)
    breakers = {kind.value: msgspec.structs.replace(ALL[kind.value], action=BreakerAction.HALT) for kind in kinds}
    world = World(trading_config(Mode.LIVE, circuit_breakers=breakers))
    for _ in range(5):
        lose(world, 170)
    world.open_live(300, strategy="s2")
    world.mark("AAPL", D(100))
    world.asks_outside = True
    world.policy = lambda document: None
    waiting = world.place(qty=1, limit=D(50))
    decision = world.check()
    assert tripped(world) == {"daily_loss:live", "consecutive_losses:live:s1"}
    ended = [fact for fact in decision.facts if getattr(fact, "order_id", "") == waiting.order_id]
    assert len(ended) == len({type(fact) for fact in ended})
    assert not waiting.is_open


def reducing() -> tuple[World, Flatten]:
    """A drawdown has tripped, and what it closes is on its way."""
    world = world_with(BreakerKind.DRAWDOWN)
    world.open_live(200)
    world.mark("AAPL", D(380))
    world.mark("AAPL", D(160))
    world.check()
    world.pursue()
    (reduction,) = world.state.running_flattens()
    return world, reduction


def test_a_reset_of_a_whole_breaker_goes_by_name() -> None:
    """Without this, a gateway that was started again would reset trips in another order than the one that tripped them,
    and `gateway replay` would call it a difference."""
    gap = {"market_data_gap": BREAKER_DEFAULTS[BreakerKind.MARKET_DATA_GAP]}
    world = World(trading_config(Mode.LIVE, circuit_breakers=gap))
    for symbol in ("TSLA", "AAPL"):
        world.open_live(symbol=symbol)
        world.check(**{symbol: 40})
    assert list(world.state.breakers.trips) == ["market_data_gap:TSLA", "market_data_gap:AAPL"]
    resets = world.reset("market_data_gap").facts
    assert [getattr(fact, "trip_id", "") for fact in resets] == ["market_data_gap:AAPL", "market_data_gap:TSLA"]


def test_a_reset_ends_the_reduction_and_the_other_book_does_not() -> None:
    """Without this, positions would go on being closed after somebody called it off, or stop being closed."""
    world, reduction = reducing()
    world.flatten(Route.SHADOW)
    world.halt(TradingState.ACTIVE)
    assert reduction.is_running
    world.reset("drawdown", force=True)
    assert (reduction.is_running, reduction.is_flat) == (False, False)


@pytest.mark.parametrize("is_by_hand", [True, False])
def test_a_reset_takes_back_what_the_reduction_sent(is_by_hand: bool) -> None:
    """Without this, an order that waits for the market to open would still close what is not to be closed any more."""
    world, reduction = reducing()
    (order,) = world.closing(reduction)
    world.report(order, ExecType.NEW)
    if is_by_hand:
        world.reset("drawdown", force=True)
    else:
        world.mark("AAPL", D(380))
        world.check()
    assert (reduction.is_running, order.is_cancel_requested) == (False, True)


HOUR_NS = 3_600 * 1_000_000_000


def test_orders_of_a_clock_that_was_set_back_are_counted_in_its_minutes() -> None:
    """Without this, a strategy that runs wild after the clock went back an hour would not be seen for that hour, and be
    stopped after it for all orders of the hour in one minute."""
    world = world_with(BreakerKind.ORDER_RATE, change={"min_count": 30}, mode=Mode.SHADOW)
    for _ in range(7):
        world.place(qty=1)
        world.check(60)
    world.now_ns -= HOUR_NS
    for _ in range(40):
        world.place(qty=1)
        world.check(10)
    assert tripped(world) == set()
    world.check(60)
    for _ in range(60):
        world.place(qty=1)
    world.check()
    assert tripped(world) == {"order_rate:s1"}


def test_rejections_before_the_clock_was_set_back_count_once_and_now() -> None:
    """Without this, they would be forgotten when they matter, and count again when the time that they bear comes."""
    world = world_with(BreakerKind.REJECTION_RATE)
    for number in range(19):
        order = world.place(qty=1)
        world.report(order, ExecType.REJECTED if number < 4 else ExecType.CANCELED)
    world.now_ns -= HOUR_NS
    world.report(world.place(qty=1), ExecType.CANCELED)
    world.check()
    assert tripped(world) == {"rejection_rate:live"}
    world.check(1_800)
    assert tripped(world) == set()
    restored = decode_snapshot(encode_snapshot(world.state))
    world.state = restored
    world.check(1_800)
    assert tripped(world) == set()


def test_a_clock_that_steps_back_a_little_stays_in_its_minute() -> None:
    """Without this, a correction of the clock around a full minute would begin to count a wild strategy anew."""
    world = world_with(BreakerKind.ORDER_RATE, change={"min_count": 30}, mode=Mode.SHADOW)
    for _ in range(7):
        world.place(qty=1)
        world.check(60)
    world.tick(60_000_000_000 - world.now_ns % 60_000_000_000)
    for _ in range(20):
        world.place(qty=1)
    world.now_ns -= 1_000_000_000
    for _ in range(20):
        world.place(qty=1)
    world.check()
    assert tripped(world) == {"order_rate:s1"}


def test_a_short_window_of_rejections_is_measured_whole() -> None:
    """Without this, a window of ten seconds would begin to count anew with every full ten seconds of the clock: twenty
    rejections in a row, half before and half after, would be none too many."""
    world = world_with(BreakerKind.REJECTION_RATE, change={"window_s": 10})
    world.tick(20_000_000_000 - world.now_ns % 10_000_000_000 - 1_000_000_000)
    for number in range(20):
        world.report(world.place(qty=1), ExecType.REJECTED)
        if number == 9:
            world.tick(2_000_000_000)
    world.check()
    assert tripped(world) == {"rejection_rate:live"}
