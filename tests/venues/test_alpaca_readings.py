"""What is read at Alpaca without trading: the account, whoever traded in it, and prices."""

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal

import pytest

from gateway.adapters.clock import SystemClock
from gateway.adapters.venues.alpaca import account as account_module
from gateway.adapters.venues.alpaca import listing as listing_module
from gateway.adapters.venues.alpaca import market as market_module
from gateway.adapters.venues.alpaca.market import AlpacaMarket
from gateway.domain.enums import Side
from gateway.domain.instruments import Instrument
from gateway.domain.market import DepthUpdate, MarketUpdate, Quote, TradeTick
from gateway.domain.settings import VenueSettings
from gateway.domain.venue_account import AccountUnreadable, VenuePosition
from tests.patience import PATIENCE_S
from tests.venues.alpaca.server import AlpacaServer
from tests.venues.alpaca_desk import Desk, market, open_desk, ticket

D = Decimal
PLAIN = {"side": "buy", "type": "limit", "time_in_force": "day", "qty": "2", "limit_price": "170"}


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    async with open_desk() as made:
        yield made


# --- the account ---------------------------------------------------------------------------------------


async def test_the_account_is_read_whoever_traded_in_it(desk: Desk) -> None:
    """Without this, a reconciliation would compare our book with our book, and orders of others would stay unseen."""
    order, bought, coins = ticket(), market(order_qty=D(3)), market(symbol="BTC/USD", order_qty=D("0.001"))
    for one in (order, bought, coins):
        await desk.venue.submit(one)
    desk.peer.account.place({**PLAIN, "symbol": "TSLA", "client_order_id": "by-hand"})
    desk.peer.trade("AAPL", "179.50", 4)
    await desk.heard.until_filled(order.order_id, 4)
    account = desk.venue.account
    by_id = {one.order_id: one for one in await account.open_orders()}
    assert by_id.keys() == {order.order_id, "by-hand"}
    ours = by_id[order.order_id]
    assert (ours.symbol, ours.side, ours.order_qty, ours.cum_qty, ours.limit_px) == (
        "AAPL",
        Side.BUY,
        10,
        4,
        D("179.5"),
    )
    executions = await account.executions(0)
    assert [(one.order_id, one.last_qty) for one in executions] == [
        (bought.order_id, 3),
        (coins.order_id, D("0.001")),
        (order.order_id, 4),
    ]
    assert {one.exec_id for one in executions} == {
        exec_id for one in (order, bought, coins) for exec_id in desk.heard.fills(one.order_id)
    }
    assert set(await account.positions()) == {VenuePosition(symbol="AAPL", qty=D(7)), _coins(desk)}
    assert await account.executions(executions[-1].transact_ns + 2_000_000_000) == ()


def _coins(desk: Desk) -> VenuePosition:
    return VenuePosition(symbol="BTC/USD", qty=desk.peer.account.positions["BTC/USD"][0])


async def test_changed_orders_carry_our_id(desk: Desk) -> None:
    """Without this, an order whose terms were changed would look like somebody else's."""
    order = ticket()
    await desk.venue.submit(order)
    await desk.venue.replace(order, D(10), D(170), None)
    desk.peer.trade("AAPL", "170", 1)
    [found] = await desk.venue.account.open_orders()
    [done] = await desk.venue.account.executions(0)
    assert (found.order_id, done.order_id) == (order.order_id, order.order_id)


async def test_shorts_are_below_zero(desk: Desk) -> None:
    """Without this, a short position would be reconciled as a long one."""
    await desk.venue.submit(market(side=Side.SELL, order_qty=D(5)))
    assert await desk.venue.account.positions() == (VenuePosition(symbol="AAPL", qty=D(-5)),)
    [done] = await desk.venue.account.executions(0)
    assert done.side is Side.SELL


async def test_all_pages_are_read(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without this, a busy account would be read in part, and the rest taken for missing."""
    monkeypatch.setattr(listing_module, "_PAGE", 3)
    monkeypatch.setattr(account_module, "_PAGE", 2)
    monkeypatch.setattr(desk.peer.account, "now_ms", iter(range(10**12, 2 * 10**12, 50)).__next__)
    for number in range(8):
        desk.peer.account.place({**PLAIN, "symbol": "TSLA", "client_order_id": f"hand-{number}"})
    desk.peer.quote("TSLA", "100", "101")
    for _ in range(7):
        desk.peer.account.place({**PLAIN, "symbol": "AAPL"})
    assert len(await desk.venue.account.open_orders()) == 7
    assert len(await desk.venue.account.executions(0)) == 8


async def test_an_execution_of_an_order_that_is_gone_hides_no_other(desk: Desk) -> None:
    """Without this, one order that Alpaca does not have any more would keep the account from being read for as long as
    its executions are listed, and nothing there would be reconciled."""
    gone, bought = market(), market(order_qty=D(3))
    for one in (gone, bought):
        await desk.venue.submit(one)
    order = desk.peer.account.by_client_id(gone.order_id)
    assert order is not None
    find = desk.peer.account.find
    desk.peer.account.find = lambda order_id: find("" if order_id == order.id else order_id)  # type: ignore[method-assign]
    listed = account_module.list_orders

    async def list_orders(*asked: object) -> list:
        return [row for row in await listed(*asked) if row["id"] != order.id]  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(account_module, "list_orders", list_orders)
        executions = await desk.venue.account.executions(0)
    assert [(one.order_id, one.venue_order_id == order.id) for one in executions] == [
        ("", True),
        (bought.order_id, False),
    ]


async def test_an_order_of_several_legs_hides_no_other(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without this, a spread of options that a person enters would keep the account from being read: such an order has
    neither symbol nor side."""
    order = ticket()
    await desk.venue.submit(order)
    theirs = desk.peer.account.place({**PLAIN, "symbol": "TSLA", "client_order_id": "by-hand"})
    plain = theirs.wire

    def wire(**more: bool) -> dict:
        return plain(**more) | {"symbol": "", "side": "", "order_class": "mleg", "limit_price": "-1.2"}

    monkeypatch.setattr(theirs, "wire", wire)
    found = {one.order_id: one for one in await desk.venue.account.open_orders()}
    assert found.keys() == {order.order_id, "by-hand"}
    assert (found["by-hand"].symbol, found["by-hand"].limit_px) == ("mleg", D("-1.2"))


@pytest.mark.parametrize("reading", ["open_orders", "executions", "positions"])
@pytest.mark.parametrize("kind", ["error", "garble", "drop_before"])
async def test_what_cannot_be_read_is_no_emptiness(desk: Desk, reading: str, kind: str) -> None:
    """Without this, an outage would look like an account that holds nothing."""
    on = {"open_orders": "open_orders", "executions": "fills", "positions": "positions"}[reading]
    desk.peer.faults.add(kind, on, times=2)
    with pytest.raises(AccountUnreadable):
        await (desk.venue.account.executions(0) if reading == "executions" else getattr(desk.venue.account, reading)())


# --- prices --------------------------------------------------------------------------------------------


class Prices:
    """A market on a peer, with what it told but for depth."""

    def __init__(self, peer: AlpacaServer, feed: str = "iex", **environ: str) -> None:
        self.peer = peer
        self.told: list[MarketUpdate] = []
        options = {"data_url": peer.url, "data_stream_url": peer.ws_url, "feed": feed}
        settings = VenueSettings(name="alpaca", adapter="alpaca", timeout_s=D(1), options=options)
        keys = {"ALPACA_API_KEY": peer.api_key, "ALPACA_SECRET_KEY": peer.secret} | environ
        self.market = AlpacaMarket(settings, keys, SystemClock(), 0.05)
        self.market.listen(None, self._hear)

    def _hear(self, update: MarketUpdate) -> None:
        if not isinstance(update, DepthUpdate):
            self.told.append(update)

    def follow(self, *symbols: str) -> None:
        self.market.follow([Instrument(symbol=one, venue="alpaca", currency="USD") for one in symbols])

    async def subscribed(self, *symbols: str) -> None:
        """Wait until the peer has been asked for these and no others."""
        async with asyncio.timeout(PATIENCE_S):
            while self.wants() != set(symbols):  # noqa: ASYNC110  # the peer tells nobody
                await asyncio.sleep(0.01)

    def wants(self) -> set[str]:
        return {symbol for one in self.peer.hub.connections for symbol in one.state.get("wants", {}).get("quotes", ())}

    async def until_book(self, symbol: str, *sides: list[tuple[str, int]]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while (book := self.market.depth(symbol)) is None or sides != (  # noqa: ASYNC110
                [(str(one.px.to_integral_value()), int(one.qty)) for one in book.bids],
                [(str(one.px.to_integral_value()), int(one.qty)) for one in book.asks],
            ):
                await asyncio.sleep(0.01)

    async def until(self, count: int) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while len(self.told) < count:  # noqa: ASYNC110
                await asyncio.sleep(0.01)


@pytest.fixture
async def prices() -> AsyncIterator[Prices]:
    async with AlpacaServer() as peer:
        made = Prices(peer)
        yield made
        await made.market.close()


BOTH = ("AAPL", "BTC/USD")


async def test_quotes_and_trades_are_exact(prices: Prices) -> None:
    """Without this, SHADOW at Alpaca would be filled from no price, or from one that a float rounded."""
    prices.follow(*BOTH)
    await prices.market.start()
    await prices.subscribed(*BOTH)
    prices.peer.quote("AAPL", "179.90", "180.10", 7)
    prices.peer.trade("AAPL", "179.90", 3)
    prices.peer.quote("BTC/USD", "99999.123456789", "100001")
    prices.peer.quote("TSLA", "1", "2")
    async with asyncio.timeout(PATIENCE_S):
        while prices.market.quote("BTC/USD") is None:  # noqa: ASYNC110  # it is told last
            await asyncio.sleep(0.01)
    # What was asked for at first may be answered now, and tell the same quotes once more.
    quote, coin = ({one.symbol: one for one in prices.told if isinstance(one, Quote)}[symbol] for symbol in BOTH)
    (trade,) = (one for one in prices.told if isinstance(one, TradeTick))
    assert (quote.bid_px, quote.ask_px, quote.ask_qty, quote.is_synthetic) == (D("179.9"), D("180.1"), 7, False)
    assert (trade.px, trade.qty, trade.is_buyer_maker) == (D("179.9"), 3, True)
    assert coin.bid_px == D("99999.123456789")
    assert abs(quote.event_ns - quote.received_ns) < 5 * 10**9
    now = prices.market.quote("AAPL")
    assert now is not None
    assert (now.bid_px, now.last_px) == (D("179.9"), D("179.9"))


async def test_the_book_of_coins_is_what_its_changes_add_up_to(prices: Prices) -> None:
    """Without this, SHADOW orders in coins would be filled as if the best price held any quantity."""
    prices.peer.quote("BTC/USD", "99999", "100001", 5)
    prices.follow("AAPL", "BTC/USD")
    await prices.market.start()
    await prices.until_book("BTC/USD", [("99999", 5), ("99998", 10)], [("100001", 5), ("100002", 10)])
    prices.peer.quote("BTC/USD", "99998", "100001", 3)
    await prices.until_book("BTC/USD", [("99998", 3), ("99997", 6)], [("100001", 3), ("100002", 6)])
    assert prices.market.depth("AAPL") is None, "of shares there is none"
    prices.peer.hang_up()
    async with asyncio.timeout(PATIENCE_S):
        while prices.market.depth("BTC/USD") is not None:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_a_book_that_the_subscription_has_not_leaves_the_prices(prices: Prices) -> None:
    """Without this, the eleventh coin of a free subscription would have no prices at all."""
    prices.peer.data.most_books = 0
    prices.follow("BTC/USD")
    await prices.market.start()
    await prices.subscribed("BTC/USD")
    prices.peer.quote("BTC/USD", "99999", "100001", 5)
    await prices.until(1)
    assert (prices.market.depth("BTC/USD"), prices.market.trouble("BTC/USD")) == (None, "")


async def test_the_delayed_feed_marks_shares_and_not_coins() -> None:
    """Without this, prices of a quarter of an hour ago would pass for those of now."""
    async with AlpacaServer() as peer:
        prices = Prices(peer, "delayed_sip")
        prices.follow("AAPL", "BTC/USD")
        await prices.market.start()
        await prices.subscribed("AAPL", "BTC/USD")
        peer.quote("AAPL", "179.90", "180.10", 7)
        peer.quote("BTC/USD", "99999", "100001")
        await prices.until(2)
        assert {one.symbol: one.is_delayed for one in prices.told if isinstance(one, Quote)} == {
            "AAPL": True,
            "BTC/USD": False,
        }
        await prices.market.close()


async def test_subscriptions_follow_the_configuration_and_come_back(prices: Prices) -> None:
    """Without this, a new instrument would have no prices until a restart, and an outage would end them all."""
    prices.follow("AAPL")
    await prices.market.start()
    await prices.subscribed("AAPL")
    prices.follow("TSLA", "AAPL")
    await prices.subscribed("AAPL", "TSLA")
    prices.follow("TSLA")
    await prices.subscribed("TSLA")
    prices.follow("TSLA", "BTC/USD")  # on another stream
    await prices.subscribed("TSLA", "BTC/USD")
    prices.peer.hang_up()
    await prices.subscribed()
    await prices.subscribed("TSLA", "BTC/USD")
    assert prices.market.state().reconnects >= 2


async def test_keys_that_are_refused_are_told(prices: Prices) -> None:
    """Without this, a wrong key would look like a quiet market."""
    prices.peer.refuse_credentials()
    prices.follow("AAPL")
    await prices.market.start()
    async with asyncio.timeout(PATIENCE_S):
        while "auth failed" not in prices.market.state().connection.text:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert not prices.market.state().connection.is_connected


async def test_a_symbol_that_is_refused_has_a_trouble_of_its_own(prices: Prices) -> None:
    """Without this, the 31st symbol of a free subscription would silently have no prices."""
    prices.follow("AAPL", "TSLA")
    await prices.market.start()
    await prices.subscribed("AAPL", "TSLA")
    prices.peer.quote("AAPL", "179", "181")
    await prices.until(1)
    stream = prices.market._streams[False]
    stream.asked.append(("TSLA", False))
    prices.market._hear(stream, {"T": "error", "code": 405, "msg": "symbol limit exceeded"}, 0)
    assert prices.market.state().troubles == {"TSLA": "alpaca 405: symbol limit exceeded"}
    assert prices.market.quote("AAPL") is not None


async def test_a_quiet_symbol_stays_fresh(prices: Prices, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without this, a share that stands still would count as stale, and its orders be denied. Prices are there before
    the first move, too."""
    monkeypatch.setattr(market_module, "_QUIET_NS", 1)
    prices.peer.quote("AAPL", "179", "181")
    prices.peer.quote("BTC/USD", "99999", "100001")
    prices.follow("AAPL", "BTC/USD")
    await prices.market.start()
    await prices.until(6)
    quotes = [one for one in prices.told if one.symbol == "AAPL"]
    assert quotes[-1].received_ns > quotes[0].received_ns
    assert quotes[-1].event_ns >= quotes[0].event_ns
    assert prices.market.state().connection.is_connected


async def test_a_stream_that_only_looks_alive_is_found_out(prices: Prices, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without this, a stream that has gone silent would look like a market that stands still."""
    monkeypatch.setattr(market_module, "_QUIET_NS", 1)
    prices.peer.quote("AAPL", "179", "181")
    prices.follow("AAPL")
    await prices.market.start()
    await prices.until(2)
    prices.peer.go_silent()
    prices.peer.quote("AAPL", "170", "171")
    async with asyncio.timeout(PATIENCE_S):
        while not prices.market.state().reconnects:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
