"""Reading a recorded feed: exact numbers, right symbols, and lines that are not right."""

import json
import logging
from decimal import Decimal
from pathlib import Path

import pytest

from gateway.adapters.marketdata import read_recording
from gateway.adapters.marketdata.recording import Recording
from gateway.adapters.venues.shared.binance_stream import BinanceStream
from gateway.adapters.venues.simulator.book import Book
from gateway.domain.instruments import Instrument
from gateway.domain.market import DepthUpdate, MarketUpdate, Quote, TradeTick
from tests.bench.fidelity import RECORDING, recordings_folder
from tests.marketdata.samples import BTC, ETH, depth, line, snapshot, ticker, trade, write


def read(path: Path) -> list[MarketUpdate]:
    return list(read_recording(path, [BTC]))


@pytest.mark.parametrize("name", ["feed.jsonl", "feed.jsonl.gz"])
def test_numbers_and_stamps_come_through_exactly(tmp_path: Path, name: str) -> None:
    """A price that went through a float, or a stamp that lost digits, cannot be compared with the venue's."""
    path = write(
        tmp_path / name,
        line(1_700_000_000_000_000_001, ticker("61837.63000001", "61837.64000000")),
        line(1_700_000_000_000_000_002, trade("61837.63000001", "0.00009000")),
        line(1_700_000_000_000_000_003, ticker("61837.62000000", "61837.64000000")),
    )
    first, second, third = read(path)
    assert isinstance(first, Quote)
    assert (first.symbol, str(first.bid_px), str(first.ask_qty)) == (
        "BTC/USDT",
        "61837.63000001",
        "2.00000000",
    )
    assert (first.event_ns, first.received_ns) == (0, 1_700_000_000_000_000_001)
    assert first.last_px is None
    assert isinstance(second, TradeTick)
    assert (str(second.px), str(second.qty), second.is_buyer_maker) == ("61837.63000001", "0.00009000", True)
    assert second.event_ns == 1_700_000_000_123_000_000
    assert isinstance(third, Quote)
    assert third.last_px == second.px
    assert not third.is_synthetic


def test_an_absent_side_is_none(tmp_path: Path) -> None:
    """Binance writes zeros for an empty side; a bid of nothing at zero is not a bid."""
    path = write(tmp_path / "feed.jsonl", line(1, ticker("0.00000000", "5.0", bid_qty="0.00000000")))
    (quote,) = read(path)
    assert isinstance(quote, Quote)
    assert (quote.bid_px, quote.bid_qty, quote.ask_px) == (None, None, Decimal(5))


def test_depth_begins_with_the_snapshot_and_includes_what_came_early(tmp_path: Path) -> None:
    """The simulator can use neither changes without a book nor a book without the changes since."""
    path = write(
        tmp_path / "feed.jsonl",
        line(1, depth(1, 5, [["98", "7"]], [])),
        line(2, depth(6, 12, [["99", "3"]], [])),
        line(3, snapshot(10, [["99", "1"], ["97", "2"]], [["101", "4"]])),
        line(4, depth(13, 13, [["97", "0"]], [])),
    )
    first, second = read(path)
    assert isinstance(first, DepthUpdate)
    assert first.is_snapshot
    assert [(level.px, level.qty) for level in first.bids] == [(99, 3), (97, 2)]
    assert isinstance(second, DepthUpdate)
    assert not second.is_snapshot
    assert second.event_ns == 1_700_000_000_200_000_000


def test_a_snapshot_shows_nothing_beyond_its_own_levels(tmp_path: Path) -> None:
    """A far level that changed while the snapshot was on its way is known, those before it are not: told as one book,
    they would look empty, and orders there would be first in their queues."""
    path = write(
        tmp_path / "feed.jsonl",
        line(1, depth(11, 12, [["98", "5"], ["50", "3"]], [["101", "0"], ["102", "4"], ["150", "3"]])),
        line(2, snapshot(10, [["99", "1"], ["97", "2"]], [["101", "4"], ["103", "1"]])),
        line(3, depth(13, 14, [["49", "3"]], [])),
    )
    first, second = read_recording(path, [BTC])
    assert isinstance(first, DepthUpdate)
    assert [level.px for level in first.bids] == [99, 98, 97]
    assert [level.px for level in first.asks] == [102, 103]
    assert isinstance(second, DepthUpdate)
    assert [level.px for level in second.bids] == [49]


def test_a_gap_in_the_depth_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Whoever keeps a book from these updates must know that it is not one any more."""
    path = write(
        tmp_path / "feed.jsonl",
        line(1, depth(9, 10, [], [])),
        line(2, snapshot(10, [["99", "1"]], [["101", "4"]])),
        line(3, depth(15, 16, [["98", "1"]], [])),
    )
    with caplog.at_level(logging.WARNING):
        updates = read(path)
    last = updates[-1]
    assert isinstance(last, DepthUpdate)
    assert last.is_snapshot
    assert (last.bids, last.asks) == ((), ())
    assert "line 3: depth messages of BTC/USDT are missing" in caplog.text


@pytest.mark.parametrize(
    "bad",
    [
        "garbage\n",
        "17000 {not json\n",
        "17000 \n",
        "-5 {}\n",
        '17000 {"stream":"btcusdt@kline_1m","data":{}}\n',
        '17000 {"stream":"btcusdt@trade","data":{"s":"BTCUSDT"}}\n',
        line(17000, ticker("NaN", "5")),
        line(17000, ticker("-1", "5")),
        line(17000, snapshot(3, [], [])),
        "17000 \x00\xff\n",
        f"{'9' * 5_000} {{}}\n",
    ],
)
def test_a_bad_line_is_named_counted_and_skipped(tmp_path: Path, caplog: pytest.LogCaptureFixture, bad: str) -> None:
    """A recording of months has broken lines; one of them must neither end the replay nor pass unseen."""
    path = write(tmp_path / "feed.jsonl", line(1, ticker("4", "5")), bad, line(3, ticker("4", "6")))
    recording = Recording(path, [BTC])
    with caplog.at_level(logging.WARNING):
        updates = [one for frame in recording.frames() for one in recording.updates(frame, 0)]
    assert len(updates) == 2
    assert recording.bad_lines == 1
    assert f"{path} line 2 was skipped" in caplog.text


def test_many_bad_lines_do_not_flood_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A file of another format would otherwise write its own length into the log."""
    path = write(tmp_path / "feed.jsonl", *["nonsense\n"] * 500)
    recording = Recording(path, [BTC])
    with caplog.at_level(logging.WARNING):
        assert list(recording.frames()) == []
    assert recording.bad_lines == 500
    assert len(caplog.records) == 21


def test_a_damaged_archive_ends_where_it_breaks(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A recorder that was killed leaves such a file; what is readable is still worth reading."""
    whole = write(tmp_path / "feed.jsonl.gz", *[line(n, ticker("4", str(5 + n))) for n in range(5_000)])
    cut = tmp_path / "cut.jsonl.gz"
    cut.write_bytes(whole.read_bytes()[:-40])
    with caplog.at_level(logging.WARNING):
        count = len(read(cut))
    assert 0 < count <= 5_000
    assert "archive is damaged" in caplog.text


@pytest.mark.parametrize("instruments", [(BTC,), (BTC, ETH), ()])
def test_a_snapshot_is_of_the_symbol_whose_numbers_it_has(tmp_path: Path, instruments: tuple[Instrument, ...]) -> None:
    """A snapshot names no symbol, and in a recording of several the depth of another may come just before it. Read as
    that one's, its book would be filled from at the prices of another."""
    path = write(
        tmp_path / "two.jsonl",
        line(1, depth(11, 12, [["60000", "1"]], [], raw="BTCUSDT")),
        line(2, depth(500_011, 500_012, [["3000", "1"]], [], raw="ETHUSDT")),
        line(3, snapshot(11, [["59999", "2"]], [["60001", "2"]])),
        line(4, depth(13, 14, [["59998", "1"]], [], raw="BTCUSDT")),
        line(5, snapshot(500_012, [["2999", "2"]], [["3001", "2"]])),
    )
    books = [one for one in read_recording(path, instruments) if isinstance(one, DepthUpdate) and one.is_snapshot]
    found = {(one.symbol, one.bids[-1].px) for one in books}
    assert found == {("BTC/USDT", 59999)} | ({("ETH/USDT", 2999)} if instruments != (BTC,) else set())


def test_only_the_instruments_symbols_are_read(tmp_path: Path) -> None:
    """A recording may hold more than the gateway trades."""
    path = write(
        tmp_path / "feed.jsonl",
        line(1, ticker("4", "5", raw="DOGEUSDT")),
        line(2, ticker("4", "5", raw="ETHUSDT")),
    )
    assert [update.symbol for update in read_recording(path, [BTC, ETH])] == ["ETH/USDT"]


def test_a_symbol_that_comes_back_has_no_last_trade_of_before() -> None:
    """Hours may lie between. Its first quote would carry that trade, and stops, which watch the last price, would wake
    by it."""
    stream = BinanceStream([BTC, ETH])
    stream.decode(json.dumps(trade("60000", "1")).encode(), 1)
    stream.follow([ETH])
    stream.follow([BTC, ETH])
    (quote,) = stream.decode(json.dumps(ticker("49999", "50001")).encode(), 2)
    assert isinstance(quote, Quote)
    assert quote.last_px is None


def test_without_instruments_symbols_are_divided_at_the_quote_asset(tmp_path: Path) -> None:
    """Reports on a recording need no configuration."""
    raws = ("BTCUSDT", "ETHBTC", "BNBFDUSD", "ODD")
    path = write(tmp_path / "feed.jsonl", *[line(1, ticker("4", "5", raw=raw)) for raw in raws])
    symbols = [update.symbol for update in read_recording(path)]
    assert symbols == ["BTC/USDT", "ETH/BTC", "BNB/FDUSD", "ODD"]


def test_the_recorded_feed_reads_without_a_fault() -> None:
    """The real thing: every line understood, and depth and quotes, which are two streams, telling one story."""
    path = recordings_folder() / RECORDING
    if not path.exists():
        pytest.skip(f"THE RECORDED FEED IS MISSING: {path} (set GATEWAY_RECORDINGS); it is not read")
    recording = Recording(path, [BTC])
    depth_alone, counts, agreed = Book(), {Quote: 0, TradeTick: 0, DepthUpdate: 0}, 0
    touch: tuple[Decimal | None, Decimal | None] = (None, None)
    for frame in recording.frames():
        for update in recording.updates(frame, frame.recorded_ns):
            counts[type(update)] += 1
            if isinstance(update, Quote):
                touch = (update.bid_px, update.ask_px)
            elif isinstance(update, DepthUpdate):
                depth_alone.apply(update)
                agreed += (depth_alone.bids.best_px, depth_alone.asks.best_px) == touch
    assert recording.bad_lines == 0
    assert counts == {Quote: 28_040, TradeTick: 9_757, DepthUpdate: 3_449}
    assert agreed / counts[DepthUpdate] > 0.999
