"""The peer for ccxt, judged by ccxt and ccxt.pro as they are: what it says on the wire, they understand.

Without these tests, a fault of the peer would be taken for one of an adapter, or hide one. A ccxt client takes a
quarter of a second to close, so these tests tell longer stories than others.
"""

import asyncio
import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.venues.clients import ccxt_client, until
from tests.venues.exchange.server import CoinbaseServer

PAIR = "BTC/USD"
ONE, TWO, THREE = (str(uuid.UUID(int=number)) for number in (2**100, 2**101, 2**102))


@pytest.fixture
async def venue() -> AsyncIterator[CoinbaseServer]:
    async with CoinbaseServer() as peer:
        peer.quote("BTC-USD", "99999", "100001")
        yield peer


@pytest.fixture
async def client(venue: CoinbaseServer) -> AsyncIterator[Any]:
    async with ccxt_client(venue) as one:
        yield one


def buy(client: Any, client_id: str, px: float | None = 99_000, qty: float = 0.01, **params: Any) -> Any:
    kind = "market" if px is None else "limit"
    return client.create_order(PAIR, kind, "buy", qty, px, {"clientOrderId": client_id} | params)


async def test_an_order_lives_through_partial_fill_and_cancel(venue: CoinbaseServer, client: Any) -> None:
    """Without this, the plainest story of an order could not be told."""
    placed = await buy(client, ONE)
    assert (placed["status"], placed["clientOrderId"], placed["filled"]) == ("open", ONE, 0)
    venue.trade("BTC-USD", "99000", "0.004")
    found = await client.fetch_order(None, PAIR, {"clientOrderId": ONE})
    assert (found["id"], found["status"], found["filled"]) == (placed["id"], "open", 0.004)
    assert [one["id"] for one in await client.fetch_open_orders(PAIR)] == [placed["id"]]
    await client.cancel_order(None, PAIR, {"clientOrderId": ONE})
    assert (await client.fetch_order(placed["id"], PAIR))["status"] == "canceled"
    [trade] = await client.fetch_my_trades(PAIR)
    assert (trade["order"], trade["amount"], trade["price"]) == (placed["id"], 0.004, 99_000)
    assert (trade["side"], trade["takerOrMaker"], trade["fee"]["cost"]) == ("buy", "maker", 0.396)
    balance = await client.fetch_balance()
    assert (balance["BTC"]["total"], balance["USD"]["used"]) == (10.004, 0)


async def test_lookup_by_client_id_has_its_traps(venue: CoinbaseServer, client: Any) -> None:
    """Without this, an id that is unknown after a cancel, or that names two orders, would surprise an adapter."""
    import ccxt

    await buy(client, ONE)
    await client.cancel_order(None, PAIR, {"clientOrderId": ONE})
    for call in (client.fetch_order, client.cancel_order):
        with pytest.raises(ccxt.OrderNotFound):
            await call(None, PAIR, {"clientOrderId": ONE})
    first, second = await buy(client, TWO), await buy(client, TWO)
    assert first["id"] != second["id"]
    assert len(venue.orders()) == 2
    done = await buy(client, THREE, None)
    assert (await client.fetch_order(done["id"]))["status"] == "closed"
    with pytest.raises(ccxt.OrderNotFound):
        await client.cancel_order(done["id"])


async def test_what_the_exchange_refuses_is_refused(venue: CoinbaseServer, client: Any) -> None:
    """Without this, an adapter would never meet the refusals that it must translate."""
    import ccxt

    for error, text, order in (
        (ccxt.InsufficientFunds, "Insufficient funds", buy(client, ONE, qty=100)),
        (ccxt.InvalidOrder, "Invalid order id", buy(client, "no-uuid")),
        (ccxt.ExchangeError, "notional is too small", buy(client, ONE, qty=0.00001)),
        (ccxt.InvalidOrder, "Product not found", client.private_post_orders({"product_id": "NO-SUCH", "side": "buy"})),
    ):
        with pytest.raises(error, match=text):
            await order
    fine = {"product_id": "BTC-USD", "side": "buy", "price": "99000.001", "size": "0.01"}
    with pytest.raises(ccxt.ExchangeError, match="price is too accurate"):
        await client.private_post_orders(fine)
    crossing = await buy(client, ONE, 100_001, postOnly=True)
    assert (crossing["status"], crossing["info"]["reject_reason"]) == ("rejected", "post only")
    assert venue.orders() == []


async def test_keys_signature_and_clock_are_checked(venue: CoinbaseServer, client: Any) -> None:
    """Without this, a client with wrong keys would pass every test, on the API or on the stream."""
    import ccxt

    venue.refuse_credentials()
    with pytest.raises(ccxt.AuthenticationError, match="Invalid API Key"):
        await client.fetch_balance()
    with pytest.raises(ccxt.AuthenticationError, match="Invalid API Key"):
        await client.watch_orders(PAIR)
    venue.refuse_credentials(False)
    client.secret = "d3Jvbmc="
    with pytest.raises(ccxt.AuthenticationError, match="invalid signature"):
        await client.fetch_balance()
    client.secret = venue.secret
    venue.skew(60_000)
    with pytest.raises(ccxt.ExchangeError, match="request timestamp expired"):
        await buy(client, ONE)


async def test_a_fault_of_the_answer_and_what_really_happened(venue: CoinbaseServer) -> None:
    """Without this, «in doubt» could not be played both ways: the client hears nothing useful, the venue knows."""
    import ccxt

    async with ccxt_client(venue, timeout_ms=200) as client:
        for kind, error, is_there in (
            ("drop_before", ccxt.ExchangeNotAvailable, False),
            ("drop_after", ccxt.ExchangeNotAvailable, True),
            ("error", ccxt.ExchangeNotAvailable, False),
            ("error_after", ccxt.ExchangeNotAvailable, True),
            ("cut", ccxt.ExchangeError, True),
            ("silent", ccxt.RequestTimeout, True),
        ):
            doubt = str(uuid.uuid5(uuid.NAMESPACE_DNS, kind))
            venue.faults.add(kind, "place", status=503)
            with pytest.raises(error):
                await buy(client, doubt)
            known = [row["client_oid"] for row in venue.orders()]
            assert (doubt in known) == is_there, kind
        stuck = venue.faults.add("stuck", "place")
        with pytest.raises(ccxt.RequestTimeout):
            await buy(client, ONE)
        with pytest.raises(ccxt.OrderNotFound):
            await client.fetch_order(None, PAIR, {"clientOrderId": ONE})
        stuck.release()
        await until(lambda: ONE in [row["client_oid"] for row in venue.orders()])
        venue.faults.add("error", "account", status=429, retry_after_s=1)
        with pytest.raises(ccxt.RateLimitExceeded):
            await client.fetch_balance()


async def test_orders_are_told_by_the_stream_and_lost_by_it(venue: CoinbaseServer, client: Any) -> None:
    """Without this, ccxt.pro would have nothing to watch, and missed fills could not be provoked."""
    import ccxt

    watching = asyncio.create_task(client.watch_orders(PAIR))
    await until(lambda: any(one.state["wants"] for one in venue.hub.connections))
    await buy(client, ONE)
    assert [(one["clientOrderId"], one["status"]) for one in await watching] == [(ONE, "open")]
    trades = asyncio.create_task(client.watch_my_trades(PAIR))
    await until(lambda: [op for op, _ in venue.requests].count("subscribe") == 2)
    venue.faults.add("lose", "fill")
    venue.trade("BTC-USD", "99000", "0.004")
    venue.trade("BTC-USD", "99000", "0.006")
    told = await trades
    assert [(one["amount"], one["side"]) for one in told] == [(0.006, "buy")]
    assert sum(one["amount"] for one in await client.fetch_my_trades(PAIR)) == 0.01
    cut = asyncio.create_task(client.watch_my_trades(PAIR))
    await asyncio.sleep(0)
    venue.hang_up()
    with pytest.raises(ccxt.NetworkError):
        await cut
    again = asyncio.create_task(client.watch_my_trades(PAIR))
    await until(lambda: any(one.state["wants"] for one in venue.hub.connections))
    await buy(client, TWO, None)
    assert [one["amount"] for one in await again][-1] == 0.01


async def test_the_market_is_told_and_orders_outlive_a_restart(venue: CoinbaseServer, client: Any) -> None:
    """Without this, there would be no prices for SHADOW, and no restart with working orders."""
    book = await client.watch_order_book(PAIR)
    assert (book["bids"][0][0], book["asks"][0][0]) == (99_999, 100_001)
    venue.quote("BTC-USD", "99998", "100002", 3)
    moved = await client.watch_order_book(PAIR)
    assert (moved["bids"][0], moved["asks"][0]) == ([99_998, 3], [100_002, 3])
    ticker = await client.watch_ticker(PAIR)
    assert (ticker["bid"], ticker["ask"]) == (99_998, 100_002)
    assert (await client.fetch_ticker(PAIR))["bid"] == 99_998
    assert (await client.fetch_order_book(PAIR))["asks"][0][:2] == [100_002, 3]
    await buy(client, ONE)
    filled = await buy(client, TWO, None)
    await venue.restart()
    assert [one["clientOrderId"] for one in await client.fetch_open_orders()] == [ONE]
    venue.roll_back()
    assert (await buy(client, THREE, None))["id"] == filled["id"]
    assert abs(await client.fetch_time() - venue.now_ms()) < 60_000


async def test_a_stop_sleeps_until_its_price(venue: CoinbaseServer, client: Any) -> None:
    """Without this, a stop at the peer would rest like the order that it becomes."""
    stop = await buy(client, ONE, 100_500, stopPrice=100_400)
    assert (await client.fetch_order(stop["id"]))["info"]["status"] == "active"
    venue.quote("BTC-USD", "100398", "100401")
    assert (await client.fetch_order(stop["id"]))["status"] == "closed"
