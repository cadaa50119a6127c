"""One day on which everything goes wrong, by a clock that is set by hand: every breaker trips and resets, and the
record of the day, decided again, says the same."""

from collections.abc import AsyncIterator

import msgspec

from gateway.core.checkpoint import decode_snapshot, encode_snapshot, state_hash
from gateway.domain.breakers import BREAKER_DEFAULTS, BreakerKind
from gateway.domain.config import Limits
from gateway.domain.enums import ExecType, Mode, Role, Route, Side
from gateway.domain.events import BreakerTripRequested, FiguresObserved, MarksObserved, VenueStatusChanged
from gateway.domain.figures import RiskFigures
from gateway.domain.orders import Actor
from gateway.domain.records import Record
from gateway.domain.stop_facts import BreakerReset, BreakerTripped
from gateway.service.replay import replay
from tests.world import D, World, trading_config

MINUTE, HOUR, DAY_NS = 60, 3_600, 86_400 * 1_000_000_000
RITA = Actor("rita", Role.RISK)


class Day:
    """A gateway with every breaker in force with its own figures, and a log of what tripped and reset."""

    def __init__(self) -> None:
        breakers = {kind.value: config for kind, config in BREAKER_DEFAULTS.items()}
        breakers["order_rate"] = msgspec.structs.replace(breakers["order_rate"], min_count=30)
        limits = Limits(max_order_size=D(1_000))
        self.world = World(trading_config(Mode.LIVE, circuit_breakers=breakers, limits=limits))
        self.world.tick(DAY_NS - self.world.now_ns % DAY_NS)
        self.world.send(MarksObserved(ts_ns=self.world.now_ns, marks={}))  # midnight
        self.read = 0

    def news(self) -> list[str]:
        """What tripped (``+``) and reset (``-``) since the last look."""
        found = []
        for record in self.world.records[self.read :]:
            for fact in record.facts:
                if isinstance(fact, BreakerTripped):
                    found.append(f"+{fact.trip.trip_id}")
                elif isinstance(fact, BreakerReset):
                    found.append(f"-{fact.trip_id}")
        self.read = len(self.world.records)
        return found

    def refused(self, side: Side = Side.BUY, qty: int = 1, **fields: str) -> str | None:
        order = self.world.place(side, qty, **fields)
        if order.reject is None:
            self.world.report(order, ExecType.NEW, venue_order_id="v")
            self.world.cancel(order)
            self.world.report(order, ExecType.CANCELED)
            return None
        return order.reject.code


def connection(world: World, is_connected: bool) -> None:
    world.send(VenueStatusChanged(ts_ns=world.tick(), venue="alpha", is_connected=is_connected, text="line"))


def figures(world: World, sigma: str) -> None:
    world.send(
        FiguresObserved(ts_ns=world.tick(), figures=RiskFigures(as_of_ns=world.now_ns, volatility={"TSLA": D(sigma)}))
    )


def play() -> Day:
    day = Day()
    world = day.world
    morning_of_rejections(day, world)
    concentration_volatility_and_data(day, world)
    connection_orders_and_losses(day, world)
    drawdown_daily_loss_and_the_end(day, world)
    return day


def morning_of_rejections(day: Day, world: World) -> None:
    for number in range(20):
        order = world.place(qty=1, strategy=f"r{number}", limit=D(100))
        world.report(order, ExecType.REJECTED if number < 4 else ExecType.CANCELED)
    world.check()
    assert day.news() == ["+rejection_rate:live"]  # 4 of 20: 20%
    assert (day.refused(qty=501), day.refused(qty=500)) == ("MAX_ORDER_SIZE", None)  # half of 1,000
    world.check(29 * MINUTE)
    assert day.news() == []
    world.check(MINUTE)
    assert day.news() == ["-rejection_rate:live"]  # after 30 minutes
    assert day.refused(qty=1_000) is None


def concentration_volatility_and_data(day: Day, world: World) -> None:
    world.open_live(200)  # 36,000 of an equity of 100,000
    world.check(HOUR)
    assert day.news() == ["+concentration:live:default/AAPL"]
    assert (day.refused(), day.refused(symbol="TSLA")) == ("CIRCUIT_BREAKER", None)
    world.fill(world.place(Side.SELL, 50))  # 27,000: 27%
    world.check()
    assert day.news() == []
    world.fill(world.place(Side.SELL, 20))  # 23,400: below 25%
    world.check()
    assert day.news() == ["-concentration:live:default/AAPL"]
    for _ in range(12):
        figures(world, "0.02")
    figures(world, "0.05")
    world.check()
    assert day.news() == ["+volatility:TSLA"]
    assert day.refused(qty=501, symbol="TSLA") == "MAX_ORDER_SIZE"
    figures(world, "0.02")
    world.check()
    assert day.news() == ["-volatility:TSLA"]
    world.check(30, AAPL=30)
    assert day.news() == ["+market_data_gap:AAPL"]
    assert (day.refused(), day.refused(Side.SELL)) == ("CIRCUIT_BREAKER", None)
    world.check(30, AAPL=0)
    assert day.news() == ["-market_data_gap:AAPL"]


def connection_orders_and_losses(day: Day, world: World) -> None:
    connection(world, False)
    world.check(30)
    assert day.news() == ["+venue_connection:live:alpha"]
    connection(world, True)
    assert (day.refused(), day.refused(Side.SELL)) == ("CIRCUIT_BREAKER", None)
    world.check(30)
    assert day.news() == ["-venue_connection:live:alpha"]
    for minute in range(7):
        for _ in range(30 if minute == 6 else 2):
            day.refused(strategy="wild")
        world.check(0 if minute == 6 else MINUTE)
    assert day.news() == ["+order_rate:wild"]
    assert (day.refused(strategy="wild"), day.refused()) == ("CIRCUIT_BREAKER", None)
    world.check(HOUR)
    world.reset("order_rate:wild")
    assert day.news() == ["-order_rate:wild"]
    for _ in range(5):
        world.fill(world.place(qty=1, strategy="loser"))
        world.fill(world.place(Side.SELL, 1, strategy="loser"), px=D(179))
    world.check()
    assert day.news() == ["+consecutive_losses:live:loser"]
    assert (day.refused(strategy="loser"), day.refused()) == ("CIRCUIT_BREAKER", None)


def drawdown_daily_loss_and_the_end(day: Day, world: World) -> None:
    world.mark("AAPL", D(350))  # 130 shares: the peak
    world.check(HOUR)
    assert day.news() == ["+concentration:live:default/AAPL"]
    world.mark("AAPL", D(170))
    world.check()
    assert day.news() == ["-concentration:live:default/AAPL", "+drawdown:live"]
    world.pursue()
    (reduction,) = world.state.running_flattens()
    for order in world.closing(reduction):
        world.fill(order)
    world.pursue()
    assert (reduction.is_flat, world.position(Route.LIVE)) == (True, D(65))
    assert (day.refused(), day.refused(Side.SELL)) == ("CIRCUIT_BREAKER", None)
    world.mark("AAPL", D(10))  # 65 shares left: far more than 5% of the day's start
    world.check()
    assert day.news() == ["+daily_loss:live"]
    assert day.refused(Side.SELL) == "CIRCUIT_BREAKER"
    world.check(1)
    assert day.news() == ["+emergency_shutdown:live"]  # losses in a row, drawdown and the loss of the day
    world.send(BreakerTripRequested(ts_ns=world.tick(), actor=RITA, reason="enough"))
    assert day.news() == ["+emergency_shutdown"]
    assert world.state.trading.gateway_state == "halted"
    out = world.flatten()
    for order in world.closing(out):
        world.fill(order, px=D(10))
    world.pursue()
    assert out.is_flat
    world.tick(DAY_NS)
    world.send(MarksObserved(ts_ns=world.now_ns, marks={}))
    world.check()
    assert day.news() == ["-daily_loss:live", "-consecutive_losses:live:loser"]
    world.reset("emergency_shutdown")
    assert world.reset("drawdown").refusal is not None
    world.reset("drawdown", force=True)
    assert sorted(day.news()) == ["-drawdown:live", "-emergency_shutdown", "-emergency_shutdown:live"]
    world.resume()
    world.check(1)
    assert (day.news(), day.refused()) == ([], None)


def test_a_day_on_which_every_breaker_trips_and_resets() -> None:
    """Without this, breakers that work one by one could stand in each other's way."""
    day = play()
    facts = [fact for record in day.world.records for fact in record.facts]
    tripped = {fact.trip.breaker_id for fact in facts if isinstance(fact, BreakerTripped)}
    assert tripped == {kind.value for kind in BreakerKind}
    assert day.world.state.breakers.trips == {}


async def test_the_record_of_the_day_decided_again_says_the_same() -> None:
    """Invariant 9: without this, nobody could prove afterwards why trading stopped."""
    world = play().world
    records = msgspec.json.decode(msgspec.json.encode(world.records), type=list[Record])

    async def stream() -> AsyncIterator[Record]:
        for record in records:
            yield record

    report = await replay(stream())
    assert report.differences == ()
    assert report.state_hash == state_hash(world.state) == state_hash(decode_snapshot(encode_snapshot(world.state)))
