"""A recorded feed played as if it were live."""

import asyncio
from decimal import Decimal
from pathlib import Path

import pytest

from gateway.adapters.marketdata import ReplayMarket
from gateway.domain.market import DepthUpdate, MarketUpdate, Quote
from gateway.domain.settings import MarketDataSettings
from gateway.ports.market_data import MarketData
from tests.fakes.clock import ManualClock
from tests.marketdata.samples import BTC, depth, line, snapshot, ticker, trade, write
from tests.patience import PATIENCE_S

MS = 1_000_000


def make_feed(folder: Path) -> Path:
    """Four lines over 300 ms: a quote, a trade, a quote, a quote."""
    return write(
        folder / "feed.jsonl.gz",
        line(1_000 * MS, ticker("100", "101")),
        line(1_100 * MS, trade("100", "0.5")),
        line(1_200 * MS, ticker("99", "101")),
        line(1_300 * MS, ticker("98", "101")),
    )


def make_market(path: Path, clock: ManualClock, speed: str = "1", loop: bool = False) -> ReplayMarket:
    return ReplayMarket(str(path), [BTC], MarketDataSettings(speed=Decimal(speed), loop=loop), clock)


async def test_lines_come_at_their_recorded_pace_with_stamps_of_now(tmp_path: Path) -> None:
    """Staleness is measured from received_ns: with the recorder's stamps every price would be years old."""
    clock = ManualClock()
    market: MarketData = make_market(make_feed(tmp_path), clock)
    assert isinstance(market, ReplayMarket)
    heard: list[MarketUpdate] = []
    market.listen("BTC/USDT", heard.append)
    await market.start()
    assert not market.is_synthetic
    assert len(heard) == 1
    assert heard[0].received_ns == clock.now_ns()
    clock.advance(ms=199)
    market._play()
    assert len(heard) == 2
    assert heard[1].event_ns == 1_700_000_000_123_000_000
    clock.advance(ms=1)
    market._play()
    assert len(heard) == 3
    quote = market.quote("BTC/USDT")
    assert quote is not None
    assert (quote.bid_px, quote.last_px) == (99, 100)
    assert not market.done.is_set()
    clock.advance(ms=100)
    market._play()
    assert market.done.is_set()
    await market.close()


async def test_a_trade_shows_in_the_quote_without_making_it_newer(tmp_path: Path) -> None:
    """The last price is news; that the bid still stands is not."""
    clock = ManualClock()
    market = make_market(make_feed(tmp_path), clock)
    await market.start()
    received_ns = clock.now_ns()
    clock.advance(ms=100)
    market._play()
    quote = market.quote("BTC/USDT")
    assert quote is not None
    assert (quote.last_px, quote.received_ns) == (100, received_ns)
    await market.close()


async def test_speed_divides_the_time(tmp_path: Path) -> None:
    """Ten times faster is a tenth of the waiting."""
    clock = ManualClock()
    market = make_market(make_feed(tmp_path), clock, speed="10")
    heard: list[MarketUpdate] = []
    market.listen(None, heard.append)
    await market.start()
    clock.advance(ms=10)
    market._play()
    assert len(heard) == 2
    await market.close()


@pytest.mark.parametrize("stamp_ns", [0, 9_000_000_000_000_000_000])
async def test_a_stamp_of_another_age_is_not_waited_for(
    stamp_ns: int, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Without this, one bad line in a recording (a clock that was set, a gap over a night) stops the market for years,
    or plays all that follows at once, and nothing says why."""
    clock = ManualClock()
    lines = [line(stamp, ticker("100", "101")) for stamp in (10**18, stamp_ns, 10**18 + 100 * MS, 10**18 + 200 * MS)]
    market = make_market(write(tmp_path / "feed.jsonl", *lines), clock)
    heard: list[MarketUpdate] = []
    market.listen(None, heard.append)
    await market.start()
    assert len(heard) == 3
    clock.advance(ms=99)
    market._play()
    assert len(heard) == 3
    clock.advance(ms=1)
    market._play()
    assert market.done.is_set()
    assert [one.message.split(": it")[0].split("line ")[1][:12] for one in caplog.records[:2]] == [
        "2 is stamped",
        "3 is stamped",
    ]
    await market.close()


async def test_a_first_stamp_of_another_age_stops_nothing(tmp_path: Path) -> None:
    """Without this, a first line without a clock makes the second wait for half a century."""
    market = make_market(
        write(tmp_path / "feed.jsonl", line(1, ticker("1", "2")), line(10**18, ticker("100", "101"))), ManualClock()
    )
    await market.start()
    assert market.done.is_set()
    await market.close()


async def test_speed_zero_plays_once_as_fast_as_it_can(tmp_path: Path) -> None:
    """For tests and reports; with `loop` it would never end and never rest."""
    market = make_market(make_feed(tmp_path), ManualClock(), speed="0", loop=True)
    heard: list[MarketUpdate] = []
    market.listen(None, heard.append)
    await market.start()
    await asyncio.wait_for(market.done.wait(), PATIENCE_S)
    assert len(heard) == 4
    await market.close()


async def test_a_long_recording_does_not_hold_up_the_event_loop(tmp_path: Path) -> None:
    """Orders must get through while thousands of lines are due."""
    path = write(tmp_path / "feed.jsonl", *[line(1_000, ticker("100", "101"))] * 1_000)
    market = make_market(path, ManualClock(), speed="0")
    heard: list[MarketUpdate] = []
    market.listen(None, heard.append)
    await market.start()
    assert len(heard) == 200
    await asyncio.sleep(0)
    assert len(heard) == 400
    await market.close()


async def test_a_loop_begins_again_with_an_unknown_depth(tmp_path: Path) -> None:
    """The book of the end is not that of the beginning; kept, it would be liquidity from another hour."""
    path = write(
        tmp_path / "feed.jsonl",
        line(1 * MS, depth(9, 10, [], [])),
        line(2 * MS, snapshot(10, [["99", "1"]], [["101", "4"]])),
        line(3 * MS, ticker("99", "101")),
    )
    clock = ManualClock()
    market = make_market(path, clock, loop=True)
    heard: list[MarketUpdate] = []
    market.listen(None, heard.append)
    await market.start()
    clock.advance(ms=2)
    market._play()
    empty = heard[-1]
    assert isinstance(empty, DepthUpdate)
    assert empty.is_snapshot
    assert (empty.bids, empty.asks) == ((), ())
    heard.clear()
    clock.advance(ms=1_002)
    market._play()
    assert [type(update) for update in heard][:2] == [DepthUpdate, Quote]
    assert not market.done.is_set()
    await market.close()


async def test_a_recording_that_is_taken_away_is_a_lost_connection(tmp_path: Path) -> None:
    """Without this, prices that stand still for good would be those of a source that plays and is connected."""
    clock = ManualClock()
    path = make_feed(tmp_path)
    market = make_market(path, clock, loop=True)
    await market.start()
    path.unlink()
    for _ in range(5):
        clock.advance(ms=100)
        market._play()
    state = market.state()
    assert not state.connection.is_connected
    assert "cannot be read any more" in state.connection.last_error
    assert state.connection.since_ns == clock.now_ns() - 200 * MS
    await market.close()


async def test_a_recording_that_is_emptied_is_a_lost_connection(tmp_path: Path) -> None:
    """It would stop without a word, and call itself connected and playing."""
    clock = ManualClock()
    path = make_feed(tmp_path)
    market = make_market(path, clock, loop=True)
    await market.start()
    write(path)
    for _ in range(5):
        clock.advance(ms=100)
        market._play()
    assert not market.state().connection.is_connected
    assert market.done.is_set()
    await market.close()


async def test_a_late_listener_is_given_the_depth_as_it_stands(tmp_path: Path) -> None:
    """Changes alone tell it nothing, and the next snapshot may never come."""
    path = write(
        tmp_path / "feed.jsonl",
        line(1 * MS, depth(9, 10, [], [])),
        line(1 * MS, snapshot(10, [["99", "1"]], [["101", "4"]])),
        line(1 * MS, depth(11, 11, [["98", "2"]], [])),
        line(9 * MS, ticker("99", "101")),
    )
    market = make_market(path, ManualClock())
    await market.start()
    heard: list[MarketUpdate] = []
    market.listen(None, heard.append)
    (present,) = heard
    assert isinstance(present, DepthUpdate)
    assert present.is_snapshot
    assert [level.px for level in present.bids] == [99, 98]
    await market.close()


async def test_bad_lines_are_counted_and_played_over(tmp_path: Path) -> None:
    """A broken line in the middle of a demonstration must not end it."""
    path = write(tmp_path / "feed.jsonl", line(1, ticker("1", "2")), "what?\n", line(2, ticker("1", "3")))
    market = make_market(path, ManualClock(), speed="0")
    await market.start()
    await asyncio.wait_for(market.done.wait(), PATIENCE_S)
    assert market.bad_lines == 1
    quote = market.quote("BTC/USDT")
    assert quote is not None
    assert quote.ask_px == 3
    await market.close()


async def test_a_missing_or_empty_file_is_said_at_the_start(tmp_path: Path) -> None:
    """Otherwise the gateway would run without prices and nobody would know why."""
    with pytest.raises(FileNotFoundError):
        await make_market(tmp_path / "nowhere.jsonl", ManualClock()).start()
    with pytest.raises(ValueError, match="holds no message"):
        await make_market(write(tmp_path / "empty.jsonl", "\n"), ManualClock()).start()


async def test_close_stops_it_from_inside_a_listener_too(tmp_path: Path) -> None:
    """Whoever sees enough may close it; nothing must come after that."""
    market = make_market(make_feed(tmp_path), ManualClock(), speed="0")
    heard: list[MarketUpdate] = []

    def once(update: MarketUpdate) -> None:
        heard.append(update)
        market._loop = None  # what close() does first

    market.listen(None, once)
    await market.start()
    await market.close()
    await asyncio.sleep(0.01)
    assert len(heard) == 1
