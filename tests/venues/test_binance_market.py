"""Prices of Binance spot over its own wire: best prices, trades, depth, and what becomes of each when it breaks."""

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal

import pytest

from gateway.adapters.clock import SystemClock
from gateway.adapters.venues.binance import market as market_module
from gateway.adapters.venues.binance.market import BinanceMarket
from gateway.domain.settings import VenueSettings
from tests.patience import PATIENCE_S
from tests.venues.binance.server import BinanceServer
from tests.venues.prices import Watched, crypto

D = Decimal
BTC, ETH = crypto("BTC/USDT"), crypto("ETH/USDT")


@pytest.fixture
async def peer() -> AsyncIterator[BinanceServer]:
    async with BinanceServer() as server:
        server.quote("BTCUSDT", "61000", "61001", "2")
        server.quote("ETHUSDT", "2600", "2600.5", "30")
        yield server


def feed_of(peer: BinanceServer, confirm_s: float = 30.0, **options: str) -> BinanceMarket:
    where = {"data_url": f"{peer.url}/api", "data_stream_url": f"{peer.ws_url}/stream"}
    settings = VenueSettings(name="binance", adapter="binance", timeout_s=D(2), options=where | options)
    return BinanceMarket(settings, SystemClock(), confirm_s)


@pytest.fixture
async def desk(peer: BinanceServer, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Watched]:
    monkeypatch.setattr(market_module, "_SNAPSHOT_PAUSE_S", 0.01)
    watched = Watched(feed_of(peer))
    watched.feed.follow([BTC, ETH])
    await watched.feed.start()
    await watched.until_priced("BTC/USDT", "61000", "61001")
    await watched.until(lambda: watched.feed.depth("BTC/USDT") is not None)
    yield watched
    await watched.feed.close()


def book(watched: Watched, symbol: str) -> tuple[dict[Decimal, Decimal], dict[Decimal, Decimal]]:
    present = watched.feed.depth(symbol)
    assert present is not None
    return {one.px: one.qty for one in present.bids}, {one.px: one.qty for one in present.asks}


async def test_prices_come_without_a_key(peer: BinanceServer, desk: Watched) -> None:
    """Without this, SHADOW would need credentials, or have no prices of the venue at all."""
    quote = desk.feed.quote("BTC/USDT")
    assert quote is not None
    assert (quote.bid_qty, quote.is_synthetic) == (D(2), False)
    peer.quote("BTCUSDT", "61010", "61010.5", "3")
    await desk.until_priced("BTC/USDT", "61010", "61010.5")
    peer.trade("BTCUSDT", "61010.5", "0.25")
    await desk.until(lambda: desk.trades("BTC/USDT") == [(D("61010.5"), D("0.25"))])
    traded = desk.feed.quote("BTC/USDT")
    assert traded is not None
    assert traded.last_px == D("61010.5")
    assert not any("signature" in params or "X-MBX-APIKEY" in params for _, params in peer.requests)
    assert desk.feed.state().troubles == {}


async def test_depth_is_the_snapshot_and_every_change_after_it(peer: BinanceServer, desk: Watched) -> None:
    """Without this, the simulator would fill from a book that never was."""
    assert book(desk, "BTC/USDT") == ({D(61000): D(2)}, {D(61001): D(2)})
    peer.quote("BTCUSDT", "61005", "61007", "4")
    await desk.until(lambda: book(desk, "BTC/USDT") == ({D(61005): D(4)}, {D(61007): D(4)}))
    await desk.until(lambda: desk.books["BTC/USDT"] == book(desk, "BTC/USDT"))


async def test_a_lost_change_makes_depth_unknown_until_it_is_whole_again(peer: BinanceServer, desk: Watched) -> None:
    """Without this, one lost message would leave a wrong book behind for ever, and orders would be filled from it."""
    peer.faults.add("lose", "depth")
    peer.quote("BTCUSDT", "61005", "61007", "4")
    await desk.until_priced("BTC/USDT", "61005", "61007")
    peer.quote("BTCUSDT", "61006", "61008", "5")
    await desk.until(lambda: desk.feed.depth("BTC/USDT") is not None and D(61006) in book(desk, "BTC/USDT")[0])
    assert book(desk, "BTC/USDT") == ({D(61006): D(5)}, {D(61008): D(5)})
    assert desk.books["BTC/USDT"] == book(desk, "BTC/USDT")
    empty = [one for one in desk.updates if getattr(one, "is_snapshot", False) and not (one.bids or one.asks)]
    assert empty, "nobody was told that the depth is not known"


@pytest.mark.parametrize("fault", ["twice", "swap"])
async def test_changes_told_twice_or_out_of_order_give_the_same_book(
    peer: BinanceServer, desk: Watched, fault: str
) -> None:
    """Without this, levels would stay that are long gone."""
    peer.faults.add(fault, "depth")
    for bid in range(61010, 61015):
        peer.quote("BTCUSDT", str(bid), str(bid + 2), "1")
    await desk.until(lambda: desk.feed.depth("BTC/USDT") is not None and D(61014) in book(desk, "BTC/USDT")[0])
    assert book(desk, "BTC/USDT") == ({D(61014): D(1)}, {D(61016): D(1)})
    assert desk.books["BTC/USDT"] == book(desk, "BTC/USDT")


async def test_a_broken_connection_comes_back_with_all_it_had(peer: BinanceServer, desk: Watched) -> None:
    """Without this, prices would stand still after the exchange's daily disconnect."""
    peer.hang_up()
    await desk.until(lambda: not desk.feed.state().connection.is_connected)
    assert desk.feed.depth("BTC/USDT") is None, "what changed meanwhile is not known"
    assert desk.prices("BTC/USDT") == (D(61000), D(61001)), "a quote ages, and the limits on age decide"
    await desk.until(lambda: desk.feed.depth("ETH/USDT") is not None)
    peer.quote("ETHUSDT", "2610", "2611", "30")
    await desk.until_priced("ETH/USDT", "2610", "2611")
    state = desk.feed.state()
    assert (state.connection.is_connected, state.reconnects) == (True, 1)


async def test_a_server_that_announces_its_end_is_left_at_once(peer: BinanceServer, desk: Watched) -> None:
    """Without this, prices would stop whenever the exchange restarts a server."""
    peer.say_to_markets('{"e":"serverShutdown","E":1770123456789}')
    await desk.until(lambda: desk.feed.state().reconnects == 1)
    peer.quote("BTCUSDT", "61020", "61021")
    await desk.until_priced("BTC/USDT", "61020", "61021")


async def test_a_stream_that_only_looks_alive_is_found_out(peer: BinanceServer) -> None:
    """Without this, an open socket that says nothing more would freeze prices while all looks well."""
    watched = Watched(feed_of(peer, confirm_s=0.05))
    watched.feed.follow([BTC])
    await watched.feed.start()
    await watched.until_priced("BTC/USDT", "61000", "61001")
    await watched.until(lambda: watched.feed.depth("BTC/USDT") is not None)
    peer.go_silent()
    peer.quote("BTCUSDT", "61500", "61501")
    await watched.until_priced("BTC/USDT", "61500", "61501")
    await watched.until(lambda: watched.feed.state().reconnects >= 1)
    assert "silent" in watched.feed.state().connection.last_error
    await watched.feed.close()


async def test_a_symbol_that_stands_still_stays_fresh(peer: BinanceServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without this, every quiet pair would count as stale, and its orders be denied, though its price is right."""
    monkeypatch.setattr(market_module, "_QUIET_NS", 0)
    watched = Watched(feed_of(peer, confirm_s=0.02))
    watched.feed.follow([BTC])
    await watched.feed.start()
    await watched.until_priced("BTC/USDT", "61000", "61001")
    first = watched.feed.quote("BTC/USDT")
    assert first is not None
    await watched.until(lambda: (watched.feed.quote("BTC/USDT") or first).received_ns > first.received_ns)
    assert watched.feed.state().reconnects == 0
    await watched.feed.close()


@pytest.mark.parametrize(
    "garbage",
    [
        "<html>busy</html>",
        '{"stream":"btcusdt@bookTicker","data":{"u":1,"s":"BTCUSDT","b":"NaN","B":"1","a":"2","A":"1"}}',
        '{"stream":"btcusdt@bookTicker","data":{"u":1,"s":"BTCUSDT","b":"-5","B":"1","a":"2","A":"1"}}',
        '{"stream":"btcusdt@trade","data":{"e":"trade"}}',
        '{"stream":"nosuch@thing","data":{}}',
        '{"error":{"code":2,"msg":"Invalid request"},"id":3}',
        "[]",
        '"',
    ],
)
async def test_garbage_is_skipped_and_what_follows_is_read(peer: BinanceServer, desk: Watched, garbage: str) -> None:
    """Without this, one bad message would end all prices, or become one."""
    peer.say_to_markets(garbage)
    peer.quote("BTCUSDT", "61030", "61031")
    await desk.until_priced("BTC/USDT", "61030", "61031")
    assert desk.feed.state().reconnects == 0


async def test_a_symbol_that_the_exchange_does_not_have_says_so(peer: BinanceServer) -> None:
    """Without this, a slip in a symbol would look like a quiet market."""
    watched = Watched(feed_of(peer))
    watched.feed.follow([BTC, crypto("DOGE/EUR")])
    await watched.feed.start()
    await watched.until_priced("BTC/USDT", "61000", "61001")
    troubles = watched.feed.state().troubles
    assert list(troubles) == ["DOGE/EUR"]
    assert "DOGEEUR" in troubles["DOGE/EUR"]
    assert watched.feed.quote("DOGE/EUR") is None
    await watched.feed.close()


async def test_symbols_come_and_go_on_a_standing_connection(peer: BinanceServer, desk: Watched) -> None:
    """Without this, an edit of the symbols would interrupt the prices of all others."""
    desk.feed.follow([ETH, crypto("ETH/BTC")])
    assert desk.feed.quote("BTC/USDT") is None
    assert desk.withdrawn("BTC/USDT"), "who listens must not hold on to the last price"
    await desk.until(lambda: desk.feed.quote("ETH/BTC") is not None)
    peer.quote("BTCUSDT", "1", "2")
    peer.quote("ETHBTC", "0.042", "0.043")
    peer.quote("ETHUSDT", "2700", "2701")
    await desk.until_priced("ETH/BTC", "0.042", "0.043")
    await desk.until_priced("ETH/USDT", "2700", "2701")
    assert desk.feed.quote("BTC/USDT") is None
    assert desk.feed.state().reconnects == 0


async def test_an_exchange_that_is_not_there_is_told_and_waited_for(peer: BinanceServer) -> None:
    """Without this, a gateway started before its network would never have prices."""
    await peer.stop()
    watched = Watched(feed_of(peer))
    watched.feed.follow([BTC])
    await watched.feed.start()
    await watched.until(lambda: watched.feed.state().connection.failed_attempts > 0)
    assert not watched.feed.state().connection.is_connected
    await peer.start()
    await watched.until_priced("BTC/USDT", "61000", "61001")
    await watched.feed.close()


async def test_a_symbol_that_is_delisted_does_not_take_the_others_with_it(
    peer: BinanceServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without this, the exchange's refusal to answer for one symbol would leave all quiet ones to grow stale."""
    monkeypatch.setattr(market_module, "_QUIET_NS", 0)
    watched = Watched(feed_of(peer, confirm_s=0.02))
    watched.feed.follow([BTC, ETH])
    await watched.feed.start()
    await watched.until_priced("ETH/USDT", "2600", "2600.5")
    del peer.exchange.markets["BTCUSDT"]
    await watched.until(lambda: "BTC/USDT" in watched.feed.state().troubles)
    first = watched.feed.quote("ETH/USDT")
    assert first is not None
    await watched.until(lambda: (watched.feed.quote("ETH/USDT") or first).received_ns > first.received_ns)
    assert watched.withdrawn("BTC/USDT")
    await watched.feed.close()


async def test_a_connection_outlives_the_time_that_one_request_may_take(peer: BinanceServer) -> None:
    """Without this, the timeout of requests would cut the stream again and again."""
    where = {"data_url": f"{peer.url}/api", "data_stream_url": f"{peer.ws_url}/stream"}
    settings = VenueSettings(name="binance", adapter="binance", timeout_s=D("0.05"), options=where)
    watched = Watched(BinanceMarket(settings, SystemClock(), 30.0))
    watched.feed.follow([BTC])
    await watched.feed.start()
    await watched.until_priced("BTC/USDT", "61000", "61001")
    await asyncio.sleep(0.2)
    peer.quote("BTCUSDT", "61001", "61002")
    await watched.until_priced("BTC/USDT", "61001", "61002")
    assert watched.feed.state().reconnects == 0
    await watched.feed.close()


async def test_snapshots_wait_when_the_exchange_says_so(peer: BinanceServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without this, asking on after 429 would get the address banned, and orders with it."""
    waits: list[float] = []
    sleep = asyncio.sleep

    async def noted(delay: float) -> None:
        waits.append(delay)
        await sleep(0)

    peer.faults.add("error", "market", status=429, retry_after_s=7)
    watched = Watched(feed_of(peer))
    watched.feed.follow([BTC])
    monkeypatch.setattr(market_module.asyncio, "sleep", noted)
    await watched.feed.start()
    async with asyncio.timeout(PATIENCE_S):
        while watched.feed.depth("BTC/USDT") is None:
            await sleep(0.005)
    assert 7.0 in waits
    await watched.feed.close()
