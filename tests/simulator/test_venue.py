"""The shell: the event loop, one timer, the market's updates and the listener."""

import asyncio
from collections.abc import Callable

import msgspec
import pytest

from gateway.adapters.venues.simulator import SimulatorVenue
from gateway.domain.effects import OrderTicket
from gateway.domain.enums import ExecType, Side, SubmitStatus, TimeInForce
from gateway.domain.executions import ExecutionReport
from gateway.domain.market import MarketUpdate, Quote, TradeTick
from gateway.domain.settings import SimulatorSettings
from gateway.ports.market_data import MarketData, MarketListener
from gateway.ports.venue import Venue, VenueListener
from tests.fakes.clock import ManualClock
from tests.simulator.stories import INSTANT, INSTRUMENTS, D, make_ticket


class HandMarket:
    """A market data source whose updates are made by the test."""

    is_synthetic = True

    def __init__(self) -> None:
        self._quotes: dict[str, Quote] = {}
        self.listeners: list[MarketListener] = []

    async def start(self) -> None: ...

    def quote(self, symbol: str) -> Quote | None:
        return self._quotes.get(symbol)

    def listen(self, symbol: str | None, listener: MarketListener) -> Callable[[], None]:
        self.listeners.append(listener)
        return lambda: self.listeners.remove(listener)

    async def close(self) -> None: ...

    def show(self, bid: int, ask: int, qty: int = 10) -> None:
        quote = Quote("ACME", D(bid), D(qty), D(ask), D(qty), None, None, 1, 1, True)
        self._quotes["ACME"] = quote
        self.tell(quote)

    def tell(self, update: MarketUpdate) -> None:
        for listener in self.listeners:
            listener(update)


class Desk:
    """Listens to a venue."""

    def __init__(self) -> None:
        self.batches: list[tuple[ExecutionReport, ...]] = []
        self.statuses: list[tuple[str, bool, str]] = []

    def on_reports(self, reports: tuple[ExecutionReport, ...]) -> None:
        self.batches.append(reports)

    def on_status(self, venue: str, is_connected: bool, text: str) -> None:
        self.statuses.append((venue, is_connected, text))

    @property
    def kinds(self) -> list[str]:
        return [str(report.exec_type) for batch in self.batches for report in batch]


class Bench:
    """A started simulator with its surroundings; quotes 99 / 101 from the start."""

    def __init__(self, settings: SimulatorSettings = INSTANT) -> None:
        self.market = HandMarket()
        self.market.show(99, 101)
        self.clock = ManualClock()
        self.desk = Desk()
        self.venue = SimulatorVenue(INSTRUMENTS, settings, self.market, self.clock)

    async def start(self) -> "Bench":
        await self.venue.start(self.desk)
        return self


def buy(order_id: str = "b", qty: int = 1, limit: int | None = None) -> OrderTicket:
    return make_ticket(order_id, Side.BUY, qty, limit)


def test_it_is_a_venue() -> None:
    """mypy proves it here; without it, the simulator could drift away from the port."""
    bench = Bench()
    venue: Venue = bench.venue
    market: MarketData = bench.market
    listener: VenueListener = bench.desk
    assert venue
    assert market
    assert listener


async def test_a_quote_from_before_the_start_is_enough_to_fill() -> None:
    """The first order must not be rejected because the market has been quiet since."""
    bench = await Bench().start()
    answer = await bench.venue.submit(buy())
    assert answer.status is SubmitStatus.ACCEPTED
    await asyncio.sleep(0)
    assert bench.desk.kinds == ["new", "trade"]
    assert bench.desk.statuses == [("simulator", True, "simulating fills from market data")]


async def test_submit_neither_suspends_nor_reports_from_inside() -> None:
    """The engine calls it thousands of times a second, and must not hear of an order before it returned."""
    bench = await Bench().start()
    tasks = len(asyncio.all_tasks())
    coroutine = bench.venue.submit(buy())
    with pytest.raises(StopIteration):
        coroutine.send(None)  # ran to its end in one go
    assert bench.desk.batches == []
    assert len(asyncio.all_tasks()) == tasks


async def test_everything_due_is_told_in_one_call() -> None:
    """Each call costs the engine a journal record: a hundred reports must not be a hundred calls."""
    bench = await Bench().start()
    for number in range(50):
        await bench.venue.submit(buy(f"b{number}", limit=99))
    await asyncio.sleep(0)
    assert [len(batch) for batch in bench.desk.batches] == [50]


async def test_latency_is_waited_for_with_one_timer() -> None:
    """A timer per order would make the event loop's heap the bottleneck."""
    bench = await Bench(msgspec.structs.replace(INSTANT, order_latency_ms=D(5))).start()
    await bench.venue.submit(buy("b0"))
    timer = bench.venue._timer
    for number in range(1, 9):
        await bench.venue.submit(buy(f"b{number}"))
    assert bench.venue._timer is timer
    assert timer is not None
    bench.clock.advance(ms=4)
    bench.venue._wake()
    assert bench.desk.kinds == []
    bench.clock.advance(ms=1)
    bench.venue._wake()
    assert len(bench.desk.batches) == 1
    assert len(bench.desk.kinds) == 18
    assert bench.venue.open_orders == 0


async def test_a_market_update_brings_reports_by_itself() -> None:
    """A resting order fills when the market comes to it, with no request to wake the simulator up."""
    bench = await Bench().start()
    await bench.venue.submit(buy(limit=99))
    await asyncio.sleep(0)
    bench.market.tell(TradeTick("ACME", D(98), D(5), 1, 1, True))
    assert bench.desk.kinds == ["new"]  # not from inside the market's own call
    await asyncio.sleep(0)
    assert bench.desk.kinds == ["new", "trade"]


async def test_cancel_replace_and_lookup_reach_the_model() -> None:
    """The plumbing: a request that got lost here would hang for ever."""
    bench = await Bench().start()
    ticket = buy(limit=98, qty=2)
    await bench.venue.submit(ticket)
    await bench.venue.replace(ticket, D(3), D(97), None)
    lookup = await bench.venue.lookup(ticket)
    assert lookup.is_known is True
    assert [report.exec_type for report in lookup.reports] == [ExecType.NEW]
    await bench.venue.cancel(ticket)
    await asyncio.sleep(0)
    assert bench.desk.kinds == ["new", "replaced", "canceled"]


async def test_a_lost_order_is_taken_up_by_lookup() -> None:
    """A restart of the gateway is a restart of the simulator."""
    bench = await Bench().start()
    lookup = await bench.venue.lookup(make_ticket("old", Side.BUY, 5, cum_qty=2))
    assert lookup.is_known is True
    await asyncio.sleep(0)
    (fill,) = bench.desk.batches[0]
    assert (fill.exec_id, fill.last_qty) == ("old-5", 3)


async def test_a_wall_clock_set_back_does_not_hold_up_orders() -> None:
    """A time server's correction must not freeze every order for as long as it was wrong."""
    bench = await Bench(msgspec.structs.replace(INSTANT, order_latency_ms=D(5))).start()
    await bench.venue.submit(buy())
    bench.clock.set_wall(bench.clock.now_ns() - 3_600_000_000_000)
    bench.clock.advance(ms=5)
    bench.venue._wake()
    assert bench.desk.kinds == ["new", "trade"]


async def test_an_expiry_needs_no_market_update() -> None:
    """Time alone must end an order, on the venue's own timer."""
    bench = await Bench().start()
    expire_ns = bench.clock.now_ns() + 50_000_000
    await bench.venue.submit(msgspec.structs.replace(buy(limit=98), time_in_force=TimeInForce.GTD, expire_ns=expire_ns))
    await asyncio.sleep(0)
    bench.clock.advance(ms=50)
    await asyncio.sleep(0.08)  # the real timer, for the real 50 ms
    assert bench.desk.kinds == ["new", "expired"]


async def test_a_wall_clock_set_forward_lets_orders_expire_with_the_next_update() -> None:
    """Without this, an order that expired by the clock of now would stay open until its timer of before went off."""
    bench = await Bench().start()
    expire_ns = bench.clock.now_ns() + 3_600_000_000_000
    await bench.venue.submit(msgspec.structs.replace(buy(limit=90), time_in_force=TimeInForce.GTD, expire_ns=expire_ns))
    await asyncio.sleep(0.01)
    bench.clock.set_wall(expire_ns)
    bench.market.show(98, 102)  # out of the order's reach
    await asyncio.sleep(0.01)
    assert bench.desk.kinds == ["new", "expired"]


async def test_after_close_nothing_is_heard_and_nothing_is_left() -> None:
    """Without it, a closed simulator would go on filling, or keep the event loop from ending."""
    bench = await Bench(msgspec.structs.replace(INSTANT, order_latency_ms=D(1))).start()
    await bench.venue.submit(buy())
    await bench.venue.close()
    bench.clock.advance(ms=10)
    await asyncio.sleep(0.01)
    assert bench.desk.batches == []
    assert bench.market.listeners == []
    assert bench.venue._timer is None
