"""Prices of an exchange of ccxt, from Coinbase Exchange's own wire and without a key."""

import decimal
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest

from gateway.adapters.clock import SystemClock
from gateway.adapters.venues.ccxt import market as market_module
from gateway.adapters.venues.ccxt.market import CcxtMarket
from gateway.adapters.venues.ccxt.options import OptionsInvalid
from gateway.domain.settings import VenueSettings
from tests.venues.exchange.server import CoinbaseServer
from tests.venues.prices import Watched, crypto

D = Decimal
BTC, ETH = crypto("BTC/USD", "desk"), crypto("ETH/USD", "desk")


@pytest.fixture
async def peer() -> AsyncIterator[CoinbaseServer]:
    async with CoinbaseServer() as server:
        server.quote("BTC-USD", "99999.01", "100001.02", "0.12345678")
        server.quote("ETH-USD", "3499", "3501")
        yield server


def feed_of(peer: CoinbaseServer, confirm_s: float = 60.0, **options: str) -> CcxtMarket:
    at = {"exchange": "coinbaseexchange", "base_url": peer.url, "stream_url": f"{peer.ws_url}/ws"}
    settings = VenueSettings(name="desk", adapter="ccxt", timeout_s=D(1), options=at | options)
    return CcxtMarket(settings, SystemClock(), confirm_s)


async def test_prices_stream_and_what_stands_still_is_confirmed(peer: CoinbaseServer) -> None:
    """Without this, SHADOW would be filled from invented prices, from floats, or from prices of long ago."""
    feed = feed_of(peer, 0.2)
    watched = Watched(feed)
    feed.follow([BTC])
    await feed.start()
    await watched.until_priced("BTC/USD", "99999.01", "100001.02")
    await watched.until(lambda: "BTC/USD" in watched.books)
    bids, asks = watched.books["BTC/USD"]
    assert (bids, asks) == ({D("99999.01"): D("0.12345678")}, {D("100001.02"): D("0.12345678")})
    peer.quote("BTC-USD", "99998", "100002.03", "3")
    await watched.until_priced("BTC/USD", "99998", "100002.03")
    await watched.until(lambda: watched.books["BTC/USD"] == ({D(99998): D(3)}, {D("100002.03"): D(3)}))
    peer.trade("BTC-USD", "99998", "0.5")
    await watched.until(lambda: (D(99998), D("0.5")) in watched.trades("BTC/USD"))
    seen = feed.quote("BTC/USD")
    await watched.until(lambda: (quote := feed.quote("BTC/USD")) is not None and quote.received_ns > seen.received_ns)
    assert feed._client.exchange.apiKey is None
    assert not any(op in ("place", "account", "open_orders") for op, _ in peer.requests)
    assert decimal.getcontext().rounding == decimal.ROUND_HALF_EVEN
    await feed.close()


async def test_what_is_wanted_may_change_and_what_is_no_market_is_told(peer: CoinbaseServer) -> None:
    """Without this, a new instrument would have no prices until a restart, and nobody know why one has none."""
    feed = feed_of(peer)
    watched = Watched(feed)
    feed.follow([BTC])
    await feed.start()
    await watched.until_priced("BTC/USD", "99999.01", "100001.02")
    feed.follow([BTC, ETH, crypto("NO/SUCH", "desk")])
    await watched.until_priced("ETH/USD", "3499", "3501")
    await watched.until(lambda: "no market" in feed.trouble("NO/SUCH"))
    feed.follow([ETH])
    assert feed.quote("BTC/USD") is None
    feed.follow([BTC])
    peer.quote("BTC-USD", "99000", "99001")
    await watched.until_priced("BTC/USD", "99000", "99001")
    await feed.close()
    with pytest.raises(OptionsInvalid, match="in ccxt"):
        feed_of(peer, exchange="coinbasexchange")


async def test_an_answer_that_the_stream_overtook_is_left_aside(
    peer: CoinbaseServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without this, a book that was asked for in a silence sets that of the stream back, until it changes again."""
    feed = feed_of(peer)
    watched = Watched(feed)
    feed.follow([BTC])
    await feed.start()
    await watched.until(lambda: "BTC/USD" in watched.books)
    ask = feed._client.call

    async def late(method: str, *words: Any) -> Any:
        answer = await ask(method, *words)
        if method == "fetch_order_book":  # of exchanges that stream books without a key, as Coinbase does not
            feed._hear_book("BTC/USD", {"bids": [[D(99000), D(2)]], "asks": [[D(99001), D(2)]]})
        return answer

    monkeypatch.setattr(feed._client, "call", late)
    await feed._ask("BTC/USD")
    assert watched.books["BTC/USD"] == ({D(99000): D(2)}, {D(99001): D(2)})
    await feed.close()


@pytest.mark.parametrize("stream", ["yes", "no"])
async def test_prices_come_back_after_a_loss(
    peer: CoinbaseServer, stream: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without this, prices would end with the first lost connection, or stand still and look alive."""
    monkeypatch.setattr(market_module, "_MOST_FAILURES", 1)
    feed = feed_of(peer, 0.1, stream=stream)
    watched = Watched(feed)
    feed.follow([BTC])
    await feed.start()
    await watched.until_priced("BTC/USD", "99999.01", "100001.02")
    peer.go_silent()
    peer.quote("BTC-USD", "99000", "99001")
    await watched.until_priced("BTC/USD", "99000", "99001")
    await peer.stop()
    await watched.until(lambda: not feed.state().connection.is_connected)
    peer.quote("BTC-USD", "98000", "98001")
    await peer.start()
    await watched.until_priced("BTC/USD", "98000", "98001")
    await watched.until(lambda: watched.books["BTC/USD"][0].keys() == {D(98000)})
    await feed.close()
