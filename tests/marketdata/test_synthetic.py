"""The synthetic market: repeatable, sane for weeks, fillable at once, and honest about what it is."""

import asyncio
import time
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from gateway.adapters.marketdata import SyntheticMarket
from gateway.adapters.marketdata.walk import LEVELS, SyntheticWalk
from gateway.domain.instruments import Instrument
from gateway.domain.market import DepthUpdate, MarketUpdate, Quote, TradeTick
from gateway.domain.money import is_multiple
from gateway.domain.settings import MarketDataSettings
from gateway.ports.market_data import MarketData
from tests.fakes.clock import ManualClock

D = Decimal


def make(symbol: str, reference: str | None, tick: str = "0.01", lot: str = "1", **more: str) -> Instrument:
    px = None if reference is None else D(reference)
    terms = {name: D(value) for name, value in more.items()}
    return Instrument(
        symbol=symbol, venue="v", currency="USD", tick_size=D(tick), lot_size=D(lot), reference_px=px, **terms
    )


INSTRUMENTS = [
    make("AAPL", "200"),
    make("BTC/USDT", "60000", lot="0.00001"),
    make("ES", "5000", tick="0.25", multiplier="50"),
    make("EURUSD", "1.1", tick="0.0001", lot="1000"),
    make("PENNY", "0.05"),
    make("DUST", "0.00001234", tick="0.00000001"),
    make("UNKNOWN", None),
]


@pytest.mark.parametrize("instrument", INSTRUMENTS, ids=lambda one: one.symbol)
def test_every_update_is_on_the_grids_and_uncrossed(instrument: Instrument) -> None:
    """Prices off the tick grid would be refused by our own checks, and a crossed market fills nonsense."""
    walk = SyntheticWalk(instrument, 1)
    for step in range(500):
        for update in walk.step(step):
            if isinstance(update, Quote):
                assert update.is_synthetic
                assert update.bid_px is not None
                assert update.ask_px is not None
                assert 0 < update.bid_px < update.ask_px
                pairs = [(update.bid_px, update.bid_qty), (update.ask_px, update.ask_qty)]
            elif isinstance(update, DepthUpdate):
                assert update.is_snapshot
                assert len(update.bids) == len(update.asks) == LEVELS
                assert [one.px for one in update.bids] == sorted({one.px for one in update.bids}, reverse=True)
                assert [one.px for one in update.asks] == sorted({one.px for one in update.asks})
                assert update.bids[0].px == walk.quote.bid_px
                assert update.asks[0].qty == walk.quote.ask_qty
                pairs = [(one.px, one.qty) for one in (*update.bids, *update.asks)]
            else:
                pairs = [(update.px, update.qty)]
            for px, qty in pairs:
                assert qty is not None
                assert px > 0
                assert qty > 0
                assert is_multiple(px, instrument.tick_size)
                assert is_multiple(qty, instrument.lot_size)


@pytest.mark.parametrize("instrument", INSTRUMENTS[:4], ids=lambda one: one.symbol)
def test_prices_move_and_come_home(instrument: Instrument) -> None:
    """It runs for weeks beside limits and canaries: a walk that drifted off would break both."""
    walk = SyntheticWalk(instrument, 3)
    assert instrument.reference_px is not None
    seen = set()
    for step in range(20_000):
        walk.step(step)
        assert walk.quote.bid_px is not None
        seen.add(walk.quote.bid_px)
        assert abs(walk.quote.bid_px / instrument.reference_px - 1) < D("0.05")
    assert len(seen) > 50


def test_in_the_long_run_the_price_stays_within_its_third_of_a_percent() -> None:
    """Without the pull home, a free walk of this length would be some three percent away."""
    walk = SyntheticWalk(INSTRUMENTS[0], 1)
    away = []
    for _ in range(300_000):
        walk._move()
        away.append(walk._bid - walk._home)
    deviation = (sum(one * one for one in away) / len(away)) ** 0.5
    assert 0.002 < deviation / walk._home < 0.005
    assert max(map(abs, away)) / walk._home < 0.02


def test_trades_hit_both_sides_at_the_standing_quote() -> None:
    """Resting orders of both sides need someone to trade with, at prices that were on show."""
    walk = SyntheticWalk(INSTRUMENTS[0], 1)
    sides = {True: 0, False: 0}
    for step in range(1_000):
        before = walk.quote
        for update in walk.step(step):
            if isinstance(update, TradeTick):
                sides[update.is_buyer_maker] += 1
                assert update.px == (before.bid_px if update.is_buyer_maker else before.ask_px)
                assert walk.quote.last_px == update.px
    assert min(sides.values()) > 150


def test_the_same_seed_gives_the_same_walk_whatever_else_there_is() -> None:
    """A demonstration or a bug report must be repeatable, on another day and beside other symbols."""

    def run(seed: int, base_ns: int) -> list[tuple[object, ...]]:
        walk = SyntheticWalk(INSTRUMENTS[0], seed)
        for step in range(200):
            walk.step(base_ns + step)
        return [(walk.quote.bid_px, walk.quote.bid_qty, walk.quote.ask_px, walk.quote.last_px)]

    assert run(1, 0) == run(1, 10**18)
    assert run(1, 0) != run(2, 0)


async def test_every_symbol_has_a_quote_when_start_returns() -> None:
    """The first order after `make run` must fill at once, not be refused for want of a price."""
    market = SyntheticMarket(INSTRUMENTS, MarketDataSettings(), ManualClock())
    heard: list[MarketUpdate] = []
    market.listen(None, heard.append)
    assert market.quote("AAPL") is None
    await market.start()
    for instrument in INSTRUMENTS:
        quote = market.quote(instrument.symbol)
        assert quote is not None
        assert quote.is_synthetic
    assert {type(update) for update in heard} == {Quote, DepthUpdate}
    assert market.quote("NOPE") is None
    await market.close()


async def test_steps_follow_the_clock_and_go_round_the_symbols() -> None:
    """The rate is a total: more symbols must not mean more load."""
    clock = ManualClock()
    market = SyntheticMarket(INSTRUMENTS, MarketDataSettings(ticks_per_s=70), clock)
    await market.start()
    quotes: list[Quote] = []
    market.listen(None, lambda update: quotes.append(update) if isinstance(update, Quote) else None)
    clock.advance(ms=500)
    market._wake()
    assert len(quotes) == 35
    assert {sum(quote.symbol == one.symbol for quote in quotes) for one in INSTRUMENTS} == {5}
    assert quotes[-1].received_ns == clock.now_ns()
    await market.close()


async def test_a_long_pause_is_not_made_up_for() -> None:
    """A laptop that slept all night must not play the whole night in one go."""
    clock = ManualClock()
    market = SyntheticMarket(INSTRUMENTS, MarketDataSettings(ticks_per_s=50), clock)
    await market.start()
    quotes: list[MarketUpdate] = []
    market.listen("AAPL", quotes.append)
    clock.advance(s=8 * 3_600)
    market._wake()
    assert len(quotes) < 60
    await market.close()


def test_many_symbols_are_still_refreshed_before_they_are_stale() -> None:
    """With 500 symbols the default rate would let every price go stale, and every order be refused."""
    many = [make(f"S{number}", "100") for number in range(500)]
    assert SyntheticMarket(many, MarketDataSettings(), ManualClock()).steps_per_s == 200
    assert SyntheticMarket(many, MarketDataSettings(ticks_per_s=1_000), ManualClock()).steps_per_s == 1_000
    assert SyntheticMarket([], MarketDataSettings(ticks_per_s=0), ManualClock()).steps_per_s == 0


async def test_no_instruments_is_a_quiet_market() -> None:
    """An empty configuration is a beginning, not a division by zero."""
    market = SyntheticMarket([], MarketDataSettings(), ManualClock())
    await market.start()
    assert market.is_synthetic
    await market.close()


async def test_instruments_may_change_while_it_runs() -> None:
    """An edit of instruments.yaml must give new symbols prices without disturbing the others."""
    market: MarketData = SyntheticMarket(INSTRUMENTS[:2], MarketDataSettings(), ManualClock())
    assert isinstance(market, SyntheticMarket)
    await market.start()
    before = market.quote("AAPL")
    market.follow([INSTRUMENTS[0], INSTRUMENTS[2]])
    assert market.quote("AAPL") is before
    assert market.quote("BTC/USDT") is None
    assert market.quote("ES") is not None
    await market.close()


async def test_an_edit_of_the_grid_begins_the_walk_anew() -> None:
    """On its old grid it would show prices at which every order is refused as off the tick."""
    market = SyntheticMarket(INSTRUMENTS[:1], MarketDataSettings(), ManualClock())
    await market.start()
    heard: list[MarketUpdate] = []
    market.listen(None, heard.append)
    coarse = msgspec.structs.replace(INSTRUMENTS[0], tick_size=D(7), lot_size=D(3))
    market.follow([coarse])
    market.follow([coarse])  # and what stays goes on
    quote = market.quote(coarse.symbol)
    assert quote is not None
    assert (quote.bid_px % 7, quote.ask_px % 7, quote.bid_qty % 3) == (0, 0, 0)
    assert heard[0] is quote
    assert len(heard) == 2
    await market.close()


async def test_the_real_loop_drives_it_with_few_wake_ups() -> None:
    """A timer per tick would cost more than the ticks."""

    class LiveClock:
        now_ns = staticmethod(time.time_ns)
        monotonic_ns = staticmethod(time.monotonic_ns)

    market = SyntheticMarket(INSTRUMENTS, MarketDataSettings(ticks_per_s=2_000), LiveClock())
    await market.start()
    wakes, quotes = 0, []
    wake = market._wake

    def count() -> None:
        nonlocal wakes
        wakes += 1
        wake()

    market._wake = count  # type: ignore[method-assign]
    market.listen(None, lambda update: quotes.append(update) if isinstance(update, Quote) else None)
    began = time.monotonic()
    await asyncio.sleep(0.3)
    lasted_s = time.monotonic() - began
    await market.close()
    assert wakes <= 210 * lasted_s
    assert 1_000 * lasted_s < len(quotes) < 2_400 * lasted_s
    count_at_close = len(quotes)
    await asyncio.sleep(0.05)
    assert len(quotes) == count_at_close


def test_the_walk_uses_no_clock_and_no_shared_chance() -> None:
    """Otherwise it would be repeatable in tests only."""
    import gateway.adapters.marketdata.walk as module

    source = Path(module.__file__).read_text()
    assert "import time" not in source
    assert "random.random" not in source
