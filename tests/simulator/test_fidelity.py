"""The fidelity report: its counting on a hand-made feed, and its figures on the recorded one."""

from decimal import Decimal

import pytest

from gateway.adapters.marketdata import read_recording
from gateway.domain.market import MarketUpdate, Quote, TradeTick
from tests.bench.fidelity import RECORDING, recordings_folder
from tests.bench.fill_rules import compare_touch_with_queue
from tests.simulator.stories import D

S = 1_000_000_000


def quote(second: float, bid: int, ask: int) -> Quote:
    return Quote("ACME", D(bid), D(5), D(ask), D(5), None, None, 0, int(second * S))


def trade(second: float, px: int, qty: int, is_buyer_maker: bool) -> TradeTick:
    return TradeTick("ACME", D(px), D(qty), 0, int(second * S), is_buyer_maker)


def test_it_tells_a_touch_from_a_fill() -> None:
    """The report exists to show this difference; if it miscounted, it would flatter us."""
    feed: list[MarketUpdate] = [
        quote(1, 99, 101),  # buy at 99 and sell at 101 join, 5 ahead of each
        trade(2, 99, 3, True),  # touches the buy, 2 still ahead
        trade(3, 101, 6, False),  # comes through the queue of the sell
        quote(12, 99, 101),
        quote(30, 99, 101),
    ]
    report = compare_touch_with_queue(feed, symbol="ACME", order_qty=D(1), interval_ms=15_000)
    assert (report.placed, report.touch_filled, report.queue_filled) == (2, 2, 1)
    assert report.touch_filled_by_quotes == 0
    assert (report.touch_percent, report.queue_percent) == (100, 50)
    assert "touch rule" in report.table()


def test_orders_cut_short_by_the_end_do_not_count() -> None:
    """Without it, the last orders of every feed would count as failures of both rules."""
    report = compare_touch_with_queue([quote(1, 99, 101), quote(5, 99, 101)], symbol="ACME")
    assert report.placed == 0
    assert report.queue_percent == 0
    assert report.table()


def test_on_the_recorded_feed_the_touch_rule_is_the_kinder_one() -> None:
    """The documented figures; a change of the model that moves them must say so in docs/simulator.md."""
    path = recordings_folder() / RECORDING
    if not path.exists():
        pytest.skip(f"THE RECORDED FEED IS MISSING: {path} (set GATEWAY_RECORDINGS); fidelity is not measured")
    report = compare_touch_with_queue(read_recording(path), symbol="BTC/USDT")
    assert report.placed == 640
    assert report.touch_percent == Decimal("95.8")
    assert report.queue_percent == Decimal("63.6")
    assert report.touch_filled_by_quotes == 396
