"""The simulator on the markets it will run on: the synthetic one, and the recorded feed."""

import asyncio
from decimal import Decimal

import msgspec
import pytest

from gateway.adapters.marketdata import SyntheticMarket, read_recording
from gateway.adapters.venues.simulator import SimulatorVenue
from gateway.adapters.venues.simulator.model import MatchingModel
from gateway.domain.enums import ExecType, OrdType, Side, TimeInForce
from gateway.domain.executions import ExecutionReport
from gateway.domain.instruments import Instrument
from gateway.domain.market import Quote
from gateway.domain.settings import MarketDataSettings, SimulatorSettings
from tests.bench.fidelity import RECORDING, recordings_folder
from tests.fakes.clock import ManualClock
from tests.simulator.stories import INSTANT, D, make_ticket
from tests.simulator.test_venue import Desk

AAPL = Instrument(symbol="AAPL", venue="alpha", currency="USD", reference_px=D(200))
BTC = Instrument(symbol="BTC/USDT", venue="binance", currency="USDT", lot_size=D("0.00001"))


@pytest.mark.parametrize("is_market_first", [True, False])
async def test_the_first_market_order_fills_at_once(is_market_first: bool) -> None:
    """`make run`, one order, one fill: whichever of the two was started first."""
    clock, desk = ManualClock(), Desk()
    market = SyntheticMarket([AAPL], MarketDataSettings(), clock)
    venue = SimulatorVenue({"AAPL": AAPL}, INSTANT, market, clock)
    if is_market_first:
        await market.start()
        await venue.start(desk)
    else:
        await venue.start(desk)
        await market.start()
    await venue.submit(make_ticket("b", Side.BUY, 10, symbol="AAPL"))
    await asyncio.sleep(0)
    quote = market.quote("AAPL")
    assert quote is not None
    assert desk.kinds == ["new", "trade"]
    assert desk.batches[0][1].last_px == quote.ask_px
    await venue.close()
    await market.close()


async def test_passive_orders_fill_in_the_synthetic_market_too() -> None:
    """A market in which limit orders never filled would be no use to try strategies on."""
    clock, desk = ManualClock(), Desk()
    market = SyntheticMarket([AAPL], MarketDataSettings(), clock)
    venue = SimulatorVenue({"AAPL": AAPL}, INSTANT, market, clock)
    await market.start()
    await venue.start(desk)
    for number in range(40):
        quote = market.quote("AAPL")
        assert quote is not None
        side, px = (Side.BUY, quote.bid_px) if number % 2 else (Side.SELL, quote.ask_px)
        await venue.submit(make_ticket(f"o{number}", side, 10, px, symbol="AAPL"))
        for _ in range(20):
            clock.advance(ms=20)
            market._wake()
            await asyncio.sleep(0)
    fills = [report for batch in desk.batches for report in batch if report.exec_type is ExecType.TRADE]
    filled = len({report.order_id for report in fills})
    assert 10 < filled <= 40
    assert all(report.is_maker for report in fills)
    await venue.close()
    await market.close()


def test_on_the_recorded_feed_runs_are_repeatable_and_prices_real() -> None:
    """Real gaps and bursts: the same bytes twice, takers at prices on show, makers at their limits."""
    path = recordings_folder() / RECORDING
    if not path.exists():
        pytest.skip(f"THE RECORDED FEED IS MISSING: {path} (set GATEWAY_RECORDINGS); the model is not run on it")
    updates = [update for update, _ in zip(read_recording(path), range(12_000), strict=False)]

    def run() -> list[ExecutionReport]:
        model = MatchingModel({"BTC/USDT": BTC}, SimulatorSettings())
        reports: list[ExecutionReport] = []
        for number, update in enumerate(updates):
            now_ns = update.received_ns
            model.on_market(update, now_ns)
            if isinstance(update, Quote) and number % 50 == 0:
                side = Side.BUY if number % 100 else Side.SELL
                near = update.bid_px if side is Side.BUY else update.ask_px
                market = make_ticket(f"m{number}", side, "0.5", symbol="BTC/USDT", time_in_force=TimeInForce.IOC)
                passive = make_ticket(f"p{number}", side, "0.01", near, symbol="BTC/USDT", is_twin=True)
                stop = make_ticket(
                    f"s{number}",
                    side,
                    "0.1",
                    symbol="BTC/USDT",
                    ord_type=OrdType.TRAILING_STOP,
                    trailing_amount=5,
                )
                for ticket in (market, passive, stop):
                    model.submit(ticket, now_ns)
            reports.extend(model.advance(now_ns))
        return reports

    reports = run()
    assert msgspec.json.encode(reports) == msgspec.json.encode(run())
    low = min(update.bid_px for update in updates if isinstance(update, Quote) and update.bid_px)
    high = max(update.ask_px for update in updates if isinstance(update, Quote) and update.ask_px)
    trades = [report for report in reports if report.exec_type is ExecType.TRADE]
    assert {report.is_maker for report in trades} == {True, False}
    assert all(low - 50 <= report.last_px <= high + 50 for report in trades)
    assert all(report.fee > Decimal(0) for report in trades)
