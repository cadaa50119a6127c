"""Trades that an exchange tells at the beginning of a stream happened before it."""

from typing import Any

import pytest

from gateway.adapters.venues.ccxt.market import CcxtMarket
from gateway.domain.instruments import Instrument
from gateway.domain.market import MarketUpdate, TradeTick
from gateway.domain.settings import VenueSettings
from tests.fakes.clock import ManualClock

BTC = Instrument(symbol="BTC/USD", venue="desk", currency="USD")
HOUR_MS = 3_600_000


class Stream:
    """A feed whose messages are made by hand."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        settings = VenueSettings(name="desk", adapter="ccxt", options={"exchange": "bitfinex"})
        self.feed = CcxtMarket(settings, self.clock, 60.0)
        self.feed.follow([BTC])
        self.prices: list[int] = []
        self.feed.listen(None, self._hear)

    def _hear(self, update: MarketUpdate) -> None:
        if isinstance(update, TradeTick):
            self.prices.append(int(update.px))

    def says(self, *trades: dict[str, Any]) -> None:
        self.feed._hear_trades("BTC/USD", trades)

    def trade(self, number: int | None, px: int, age_ms: int = 0) -> dict[str, Any]:
        stamp = self.clock.now_ns() // 1_000_000 - age_ms
        return {"id": number, "price": str(px), "amount": "1", "side": "sell", "timestamp": stamp}


@pytest.fixture
def stream() -> Stream:
    return Stream()


def test_trades_of_before_a_stream_fill_nobody(stream: Stream) -> None:
    """Bitfinex and Kraken begin with some dozens of past trades: each would have served our resting orders."""
    stream.says(stream.trade(1, 60, 2 * HOUR_MS), stream.trade(2, 61, HOUR_MS), stream.trade(3, 62))
    assert stream.prices == [62]


def test_a_trade_that_is_told_again_after_a_loss_counts_once(stream: Stream) -> None:
    """Every new connection tells the last ones again, some of them seconds old."""
    stream.says(stream.trade(1, 60), stream.trade(2, 61))
    stream.feed._prints.reopen()
    stream.says(stream.trade(1, 60), stream.trade(2, 61), stream.trade(3, 62, 1_000))
    assert stream.prices == [60, 61, 62]


def test_trades_of_a_running_stream_count_whatever_the_clock_of_the_exchange(stream: Stream) -> None:
    """Clocks differ: by stamps alone, an exchange that is late by a minute would never trade."""
    stream.says(stream.trade(1, 60))
    stream.says(stream.trade(2, 61, 60_000), stream.trade(None, 62, 60_000), stream.trade(None, 62, 60_000))
    assert stream.prices == [60, 61, 62, 62]


def test_memory_of_trades_does_not_grow(stream: Stream) -> None:
    """A stream runs for months."""
    for number in range(5_000):
        stream.says(stream.trade(number, 60))
    seen = stream.feed._prints._seen["BTC/USD"]
    assert len(seen._ids) == len(seen._order) == 2_000
