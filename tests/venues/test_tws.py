"""The TWS of the tests under the real client library, unpatched.

Without these, a fault of an adapter could be a fault of the peer that it is tested with.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from decimal import Decimal

import ib_async
import pytest

from tests.venues.tws.server import TwsServer


@pytest.fixture
async def tws() -> AsyncIterator[TwsServer]:
    logging.getLogger("ib_async").setLevel(logging.CRITICAL)
    async with TwsServer() as server:
        server.quote("AAPL", "179.99", "180.01")
        yield server


@pytest.fixture
async def ib(tws: TwsServer) -> AsyncIterator["ib_async.IB"]:
    client = ib_async.IB()
    await connect(client, tws)
    yield client
    client.disconnect()


async def connect(client: "ib_async.IB", tws: TwsServer, client_id: int = 7) -> None:
    await client.connectAsync("127.0.0.1", tws.port, clientId=client_id, timeout=2, raiseSyncErrors=True)


async def until(condition, seconds: float = 2.0) -> None:  # type: ignore[no-untyped-def]
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110  # the client library has no one event for all of these
            await asyncio.sleep(0.002)


def stock() -> "ib_async.Contract":
    return ib_async.Stock("AAPL", "SMART", "USD")


async def test_a_market_order_fills_with_its_commission(tws: TwsServer, ib: "ib_async.IB") -> None:
    """The first order of anybody: sent, filled, paid for, and a position held."""
    trade = ib.placeOrder(stock(), ib_async.MarketOrder("BUY", 10, orderRef="o-1", tif="DAY"))
    await until(lambda: trade.fills and trade.fills[0].commissionReport.commission)
    assert trade.orderStatus.status == "Filled"
    assert (trade.fills[0].execution.shares, trade.fills[0].execution.price) == (10, 180.01)
    assert trade.fills[0].execution.orderRef == "o-1"
    positions = await ib.reqPositionsAsync()
    assert [(one.contract.symbol, one.position, one.avgCost) for one in positions] == [("AAPL", 10, 180.01)]


async def test_a_limit_order_rests_fills_in_parts_and_is_canceled(tws: TwsServer, ib: "ib_async.IB") -> None:
    """Partial fills, and a cancel of the rest that is confirmed by 202."""
    codes: list[int] = []
    ib.errorEvent += lambda request, code, text, contract: codes.append(code)
    trade = ib.placeOrder(stock(), ib_async.LimitOrder("BUY", 10, 179.5, orderRef="o-1", tif="DAY"))
    await until(lambda: trade.orderStatus.status == "Submitted")
    tws.trade("AAPL", "179.50", 4)
    await until(lambda: trade.orderStatus.filled == 4)
    assert trade.orderStatus.remaining == 6
    ib.cancelOrder(trade.order)
    await until(lambda: 202 in codes)
    assert trade.orderStatus.status == "Cancelled"


async def test_the_same_id_changes_the_order_and_a_used_one_is_refused(tws: TwsServer, ib: "ib_async.IB") -> None:
    """A modify is a placeOrder with the same id; ids only ever go up."""
    trade = ib.placeOrder(stock(), ib_async.LimitOrder("BUY", 10, 179.5, orderRef="o-1", tif="DAY"))
    await until(lambda: trade.orderStatus.status == "Submitted")
    trade.order.lmtPrice = 179.4
    ib.placeOrder(stock(), trade.order)
    await until(lambda: len(tws.seen) == 2)
    [order] = tws.market.orders.values()
    assert order.terms.limit_px == Decimal("179.4")
    errors: list[int] = []
    ib.errorEvent += lambda request, code, text, contract: errors.append(code)
    old = ib_async.LimitOrder("BUY", 1, 179.0, orderId=trade.order.orderId - 1, tif="DAY")
    ib.placeOrder(stock(), old)
    await until(lambda: 103 in errors)
    assert len(tws.market.orders) == 1


async def test_every_order_type_arrives_as_it_was_meant(tws: TwsServer, ib: "ib_async.IB") -> None:
    """The layout of placeOrder has over a hundred fields: one that is off by one would change prices."""
    order = ib_async.Order(
        action="SELL",
        totalQuantity=5,
        orderType="STP LMT",
        lmtPrice=170.0,
        auxPrice=171.0,
        tif="GTD",
        goodTillDate="20261231-20:00:00",
        orderRef="o-2",
        account="DU123456",
        displaySize=2,
        algoStrategy="Vwap",
        algoParams=[ib_async.TagValue("maxPctVol", "0.1"), ib_async.TagValue("noTakeLiq", "1")],
        outsideRth=True,
    )
    ib.placeOrder(ib_async.Stock("TSLA", "SMART", "USD"), order)
    ib.placeOrder(
        ib_async.Future("ES", "20261218", "CME"),
        ib_async.Order(action="BUY", totalQuantity=1, orderType="TRAIL", trailingPercent=2.0, tif="GTC"),
    )
    await until(lambda: len(tws.seen) == 2)
    stop, trail = tws.seen
    assert (stop.limit_px, stop.aux_px, stop.tif, stop.good_till) == (170, 171, "GTD", "20261231-20:00:00")
    assert (stop.account, stop.order_ref, stop.display_size, stop.outside_rth) == ("DU123456", "o-2", 2, True)
    assert (stop.algo, stop.algo_params) == ("Vwap", {"maxPctVol": "0.1", "noTakeLiq": "1"})
    assert (trail.order_type, trail.trailing_percent, trail.limit_px) == ("TRAIL", 2, None)


async def test_what_works_is_known_again_after_a_restart(tws: TwsServer, ib: "ib_async.IB") -> None:
    """Open orders, finished ones and executions are read on connecting, by the tag that the client gave."""
    ib.placeOrder(stock(), ib_async.LimitOrder("BUY", 10, 179.5, orderRef="works", tif="DAY"))
    done = ib.placeOrder(stock(), ib_async.MarketOrder("BUY", 3, orderRef="filled", tif="DAY"))
    await until(lambda: done.isDone())
    await tws.stop()
    await until(lambda: not ib.isConnected())
    await tws.start()
    again = ib_async.IB()
    await connect(again, tws)
    try:
        assert [trade.order.orderRef for trade in again.openTrades()] == ["works"]
        assert {trade.order.orderRef for trade in again.trades() if trade.isDone()} == {"filled"}
        assert [fill.execution.orderRef for fill in again.fills()] == ["filled"]
        assert again.client.getReqId() > max(order.order_id for order in tws.market.orders.values())
    finally:
        again.disconnect()


async def test_a_connection_dropped_around_an_order(tws: TwsServer, ib: "ib_async.IB") -> None:
    """The two halves of doubt: the order that never was, and the one that works and nobody heard of."""
    for fault, known in (("drop_before_place", []), ("drop_after_place", ["drop_after_place"])):
        client = ib_async.IB()
        await connect(client, tws, client_id=8)
        setattr(tws.faults, fault, True)
        client.placeOrder(stock(), ib_async.LimitOrder("BUY", 1, 179.0, orderRef=fault, tif="DAY"))
        await until(lambda client=client: not client.isConnected())
        assert [order.terms.order_ref for order in tws.market.orders.values()] == known


async def test_a_client_id_serves_one_client(tws: TwsServer, ib: "ib_async.IB") -> None:
    """The second client with an id in use is told 326 and let go."""
    second = ib_async.IB()
    with pytest.raises((ConnectionError, TimeoutError)):
        await second.connectAsync("127.0.0.1", tws.port, clientId=7, timeout=0.2)


async def test_orders_of_the_time_without_servers_are_sent_on(tws: TwsServer, ib: "ib_async.IB") -> None:
    """Between 1100 and 1102 an order is neither refused nor working, and then it works after all."""
    codes: list[int] = []
    ib.errorEvent += lambda request, code, text, contract: codes.append(code)
    tws.lose_servers()
    trade = ib.placeOrder(stock(), ib_async.LimitOrder("BUY", 1, 179.0, orderRef="o-1", tif="DAY"))
    await until(lambda: bool(tws.held_back) and 1100 in codes)
    assert trade.orderStatus.status == "PendingSubmit"
    tws.find_servers(data_lost=True)
    await until(lambda: trade.orderStatus.status == "Submitted")
    assert 1101 in codes


async def test_a_fill_that_the_stream_lost_is_among_the_executions(tws: TwsServer, ib: "ib_async.IB") -> None:
    """What an adapter must ask for, because nobody will tell."""
    trade = ib.placeOrder(stock(), ib_async.LimitOrder("BUY", 10, 179.5, orderRef="o-1", tif="DAY"))
    await until(lambda: trade.orderStatus.status == "Submitted")
    tws.faults.lose_fills = True
    tws.trade("AAPL", "179.50", 4)
    [fill] = await ib.reqExecutionsAsync()
    assert (fill.execution.orderRef, fill.execution.shares) == ("o-1", 4)


async def test_level_one_and_contracts(tws: TwsServer, ib: "ib_async.IB") -> None:
    """Quotes arrive as they move, and a contract is found by what is known of it."""
    [details] = await ib.reqContractDetailsAsync(ib_async.Future("ES", exchange="CME"))
    assert (details.contract.conId, details.contract.multiplier, details.minTick) == (649180695, "50", 0.25)
    [contract] = await ib.qualifyContractsAsync(stock())
    ticker = ib.reqMktData(contract)
    await until(lambda: ticker.bid == 179.99)
    tws.quote("AAPL", "180.10", "180.12")
    await until(lambda: (ticker.bid, ticker.ask) == (180.10, 180.12))
    tws.trade("AAPL", "180.11", 5)
    await until(lambda: ticker.last == 180.11)


async def test_market_data_reads_as_prints_and_a_book(tws: TwsServer, ib: "ib_async.IB") -> None:
    """Trades as text, and depth by rows that are inserted, changed and deleted, as the library puts them together."""
    tws.quote("AAPL", "180.10", "180.12", 300)
    [contract] = await ib.qualifyContractsAsync(stock())
    ticker = ib.reqMktData(contract, "233")
    await until(lambda: ticker.bid == 180.10)
    tws.trade("AAPL", "180.12", 40)
    await until(lambda: ticker.rtTradeVolume == 1000 or ticker.rtVolume == 1000)
    assert (ticker.last, ticker.lastSize, ticker.marketDataType) == (180.12, 40, 1)
    book = ib.reqMktDepth(contract, 5, isSmartDepth=True)
    tws.show_behind("AAPL", {"180.09": 500, "180.08": 700}, {"180.13": 100})
    await until(lambda: len(book.domBids) == 3)
    assert [(one.price, one.size) for one in book.domBids] == [(180.10, 300), (180.09, 500), (180.08, 700)]
    tws.show_behind("AAPL", {"180.08": 700}, {})
    await until(lambda: len(book.domBids) == 2 and len(book.domAsks) == 1)
    assert [(one.price, one.size) for one in book.domBids] == [(180.10, 300), (180.08, 700)]


async def test_prices_that_are_not_permitted_or_delayed_are_told(tws: TwsServer, ib: "ib_async.IB") -> None:
    """354 without a subscription; with delayed data its type, and ticks numbered as delayed ones."""
    codes: list[int] = []
    ib.errorEvent += lambda number, code, text, contract: codes.append(code)
    tws.faults.no_prices["AAPL"] = (354, "Requested market data is not subscribed.")
    [contract] = await ib.qualifyContractsAsync(stock())
    ib.reqMktData(contract)
    await until(lambda: 354 in codes)
    tws.faults.no_prices.clear()
    tws.faults.is_delayed = True
    ib.reqMarketDataType(3)
    ticker = ib.reqMktData(contract)
    await until(lambda: ticker.marketDataType == 3 and ticker.bid == 179.99)
    assert 10167 in codes
