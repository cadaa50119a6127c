"""The Binance peer, judged by python-binance and ccxt as they are: what they say on the wire, it understands.

Without these tests, a fault of the peer would be taken for one of an adapter, or hide one.
"""

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal as D
from typing import Any

import aiohttp
import pytest

from tests.patience import PATIENCE_S
from tests.venues.binance.server import BinanceServer
from tests.venues.clients import binance_client, market_stream, until, user_stream

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
LIMIT = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01"}
RESTING = LIMIT | {"price": "99000"}


@pytest.fixture
async def venue() -> AsyncIterator[BinanceServer]:
    async with BinanceServer() as peer:
        peer.quote("BTCUSDT", "99999", "100001")
        yield peer


@pytest.fixture
async def client(venue: BinanceServer) -> AsyncIterator[Any]:
    async with binance_client(venue) as one:
        yield one


async def refusal(awaitable: Any) -> tuple[int, int, str]:
    from binance.exceptions import BinanceAPIException

    with pytest.raises(BinanceAPIException) as caught:
        await awaitable
    return caught.value.status_code, caught.value.code, caught.value.message


async def recv(socket: Any) -> Any:
    return await asyncio.wait_for(socket.recv(), PATIENCE_S)


async def reports(socket: Any, count: int) -> list[tuple[str, str, str]]:
    """(execution type, status, cumulative quantity) of the next reports."""
    found = []
    while len(found) < count:
        event = await recv(socket)
        if event["e"] == "executionReport":
            found.append((event["x"], event["X"], event["z"]))
    return found


# --- orders -------------------------------------------------------------------------------------------


async def test_an_order_lives_through_partial_fill_and_cancel(venue: BinanceServer, client: Any) -> None:
    """Without this, the plainest story of an order could not be told."""
    async with user_stream(client) as stream:
        placed = await client.create_order(**RESTING, newClientOrderId="one")
        assert (placed["status"], placed["clientOrderId"], placed["fills"]) == ("NEW", "one", [])
        venue.trade("BTCUSDT", "99000", "0.004")
        found = await client.get_order(symbol="BTCUSDT", origClientOrderId="one")
        assert (found["status"], found["executedQty"]) == ("PARTIALLY_FILLED", "0.00400000")
        cancelled = await client.cancel_order(symbol="BTCUSDT", origClientOrderId="one")
        assert (cancelled["status"], cancelled["origClientOrderId"]) == ("CANCELED", "one")
        assert await reports(stream, 3) == [
            ("NEW", "NEW", "0.00000000"),
            ("TRADE", "PARTIALLY_FILLED", "0.00400000"),
            ("CANCELED", "CANCELED", "0.00400000"),
        ]
    [trade] = await client.get_my_trades(symbol="BTCUSDT")
    assert (trade["qty"], trade["price"], trade["isMaker"]) == ("0.00400000", "99000.00000000", True)
    assert await client.get_open_orders(symbol="BTCUSDT") == []
    assert (await refusal(client.cancel_order(symbol="BTCUSDT", origClientOrderId="one")))[:2] == (400, -2011)


async def test_a_client_id_is_taken_only_while_its_order_is_open(venue: BinanceServer, client: Any) -> None:
    """Without this, the trap of Binance would be missing: a resent id makes a second order once the first is filled."""
    await client.create_order(**RESTING, newClientOrderId="twin")
    code = await refusal(client.create_order(**RESTING, newClientOrderId="twin"))
    assert code == (400, -2010, "Duplicate order sent.")
    venue.trade("BTCUSDT", "99000", 1)
    second = await client.create_order(**RESTING, newClientOrderId="twin")
    assert second["orderId"] == 2
    assert (await client.get_order(symbol="BTCUSDT", origClientOrderId="twin"))["orderId"] == 2


async def test_a_market_order_fills_against_the_quote_and_moves_balances(venue: BinanceServer, client: Any) -> None:
    """Without this, positions and fees at the venue would not be there to compare with."""
    venue.quote("BTCUSDT", "99999", "100001", "0.5")
    done = await client.create_order(symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.8")
    assert (done["status"], done["executedQty"]) == ("EXPIRED", "0.50000000")
    [fill] = done["fills"]
    assert (fill["price"], fill["commission"], fill["commissionAsset"]) == ("100001.00000000", "0.00050000", "BTC")
    balances = {row["asset"]: D(row["free"]) for row in (await client.get_account())["balances"]}
    assert balances["BTC"] == D("10.4995")
    assert balances["USDT"] == D(1_000_000) - D("50000.5")
    broke = await refusal(client.create_order(symbol="BTCUSDT", side="SELL", type="MARKET", quantity="50"))
    assert broke == (400, -2010, "Account has insufficient balance for requested action.")


async def test_stops_sleep_until_their_price(venue: BinanceServer, client: Any) -> None:
    """Without this, a stop at the peer would rest like the order that it becomes."""
    stop = LIMIT | {"type": "STOP_LOSS_LIMIT", "price": "100500", "stopPrice": "100400"}
    await client.create_order(**stop, newClientOrderId="stop")
    assert not (await client.get_order(symbol="BTCUSDT", origClientOrderId="stop"))["isWorking"]
    venue.quote("BTCUSDT", "100398", "100401")
    assert (await client.get_order(symbol="BTCUSDT", origClientOrderId="stop"))["status"] == "FILLED"
    late = await refusal(client.create_order(**stop))
    assert late == (400, -2010, "Order would trigger immediately.")


@pytest.mark.parametrize(
    ("change", "code", "text"),
    [
        ({"quantity": "0.000001"}, -1013, "Filter failure: LOT_SIZE"),
        ({"quantity": "0.000015"}, -1013, "Filter failure: LOT_SIZE"),
        ({"price": "99000.005"}, -1013, "Filter failure: PRICE_FILTER"),
        ({"price": "1000"}, -1013, "Filter failure: PERCENT_PRICE_BY_SIDE"),
        ({"quantity": "0.00002", "price": "99000"}, -1013, "Filter failure: NOTIONAL"),
        ({"quantity": "0.0000000001"}, -1111, "Parameter 'quantity' has too much precision."),
        ({"quantity": "-1"}, -1100, "Illegal characters found in parameter 'quantity'"),
        ({"symbol": "NOSUCH"}, -1121, "Invalid symbol."),
        ({"timeInForce": None}, -1102, "Mandatory parameter 'timeInForce' was not sent"),
        ({"type": "MARKET"}, -1106, "Parameter 'timeInForce' sent when not required."),
        ({"type": "LIMIT_MAKER", "timeInForce": None, "price": "100001"}, -2010, "Order would immediately match"),
        ({"newClientOrderId": "no.dots"}, -1100, "Illegal characters found in parameter 'newClientOrderId'"),
    ],
)
async def test_what_binance_refuses_is_refused_with_its_code(
    client: Any, change: dict[str, str], code: int, text: str
) -> None:
    """Without this, an adapter would never meet the refusals that it must translate."""
    status, got, said = await refusal(client.create_order(**(RESTING | change)))
    assert (status, got) == (400, code)
    assert text in said


async def test_a_cancel_replace_tells_which_half_failed(venue: BinanceServer, client: Any) -> None:
    """Without this, a replace of which only the cancel worked could not be played."""
    await client.create_order(**RESTING, newClientOrderId="old")
    swap = RESTING | {"cancelReplaceMode": "STOP_ON_FAILURE", "cancelOrigClientOrderId": "old"}
    assert (await refusal(client.cancel_replace_order(**swap | {"quantity": "0.000015"})))[1] == -1013
    assert len(await client.get_open_orders()) == 1
    done = await client.cancel_replace_order(**swap | {"price": "98000"}, newClientOrderId="new")
    assert (done["cancelResult"], done["newOrderResult"]) == ("SUCCESS", "SUCCESS")
    assert (await refusal(client.cancel_replace_order(**swap)))[:2] == (400, -2022)
    half = swap | {"cancelReplaceMode": "ALLOW_FAILURE"}
    assert (await refusal(client.cancel_replace_order(**half)))[:2] == (409, -2021)


# --- who and when -------------------------------------------------------------------------------------


async def test_signature_key_and_clock_are_checked(venue: BinanceServer, client: Any) -> None:
    """Without this, an adapter that signs wrongly would pass every test."""
    async with binance_client(venue, secret="wrong") as stranger:
        assert (await refusal(stranger.get_account()))[:2] == (400, -1022)
    venue.refuse_credentials()
    assert (await refusal(client.create_order(**RESTING)))[:2] == (401, -2015)
    venue.refuse_credentials(False)
    for skew_ms in (-2_000, 20_000):
        venue.skew(skew_ms)
        assert (await refusal(client.create_order(**RESTING)))[:2] == (400, -1021)
    async with binance_client(venue) as later:  # it measures the difference when it starts
        assert (await later.create_order(**RESTING))["status"] == "NEW"


async def test_weight_is_counted_and_runs_out(venue: BinanceServer, client: Any) -> None:
    """Without this, a budget kept from the headers could never be seen to work."""
    venue.budget.used_weight = 0
    await client.get_account()
    assert client.response.headers["X-MBX-USED-WEIGHT-1M"] == "20"
    await client.create_order(**RESTING)
    assert client.response.headers["X-MBX-USED-WEIGHT-1M"] == "20"
    assert client.response.headers["X-MBX-ORDER-COUNT-10S"] == "1"
    venue.budget.weight_per_minute, venue.budget.strikes = 30, 1
    assert (await refusal(client.get_account()))[:2] == (429, -1003)
    assert 0 < int(client.response.headers["Retry-After"]) <= 60
    assert (await refusal(client.get_account()))[:2] == (418, -1003)
    venue.budget.banned_until_ms, venue.budget.weight_per_minute = 0, 6_000
    venue.budget.orders_per_10s = venue.budget.used_10s
    assert (await refusal(client.create_order(**RESTING)))[:2] == (429, -1015)


# --- faults -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["drop_before", "drop_after", "error", "error_after", "cut", "garble", "silent"])
async def test_a_fault_of_the_answer_and_what_really_happened(venue: BinanceServer, kind: str) -> None:
    """Without this, «in doubt» could not be played both ways: the client hears nothing useful, the venue knows."""
    from binance.exceptions import BinanceAPIException, BinanceRequestException

    failures = (aiohttp.ClientError, asyncio.TimeoutError, BinanceAPIException, BinanceRequestException, ValueError)
    async with binance_client(venue, timeout_s=0.3) as client:
        venue.faults.add(kind, "place", status=504)
        with pytest.raises(failures):
            await client.create_order(**RESTING, newClientOrderId="doubt")
        is_there = kind not in ("drop_before", "error")
        if is_there:
            assert (await client.get_order(symbol="BTCUSDT", origClientOrderId="doubt"))["status"] == "NEW"
        else:
            assert (await refusal(client.get_order(symbol="BTCUSDT", origClientOrderId="doubt")))[1] == -2013
        assert len(venue.orders()) == is_there


async def test_a_late_request_takes_effect_after_the_client_gave_up(venue: BinanceServer) -> None:
    """Without this, an order that arrives after a lookup said «no such order» could not be played."""
    async with binance_client(venue, timeout_s=0.2) as client:
        stuck = venue.faults.add("stuck", "place")
        with pytest.raises(asyncio.TimeoutError):
            await client.create_order(**RESTING, newClientOrderId="stuck")
        assert (await refusal(client.get_order(symbol="BTCUSDT", origClientOrderId="stuck")))[1] == -2013
        stuck.release()
        await until(venue.orders)
        assert (await client.get_order(symbol="BTCUSDT", origClientOrderId="stuck"))["status"] == "NEW"


async def test_a_late_answer_comes_when_released(venue: BinanceServer, client: Any) -> None:
    """Without this, fills could not be made to beat the answer to their order."""
    late = venue.faults.add("late", "place")
    placing = asyncio.create_task(client.create_order(**RESTING))
    await asyncio.wait_for(late.hit.wait(), PATIENCE_S)
    await until(venue.orders)
    venue.trade("BTCUSDT", "99000", 1)
    assert not placing.done()
    late.release()
    assert (await placing)["status"] == "NEW"
    assert venue.orders()[0]["status"] == "FILLED"


async def test_venue_errors_carry_their_status_and_wait(venue: BinanceServer, client: Any) -> None:
    """Without this, being throttled or banned would look like any error."""
    for status, code in ((429, -1003), (418, -1003), (503, -1008), (504, -1007), (502, 0)):
        venue.faults.add("error", "account", status=status, retry_after_s=7)
        assert (await refusal(client.get_account()))[:2] == (status, code)
        assert client.response.headers["Retry-After"] == "7"


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("lose", ["NEW", "NEW"]),
        ("twice", ["NEW", "TRADE", "TRADE", "NEW"]),
        ("swap", ["NEW", "NEW", "TRADE"]),
        ("hold", ["NEW", "NEW", "TRADE"]),
    ],
)
async def test_the_stream_loses_repeats_and_shuffles(
    venue: BinanceServer, client: Any, kind: str, expected: list[str]
) -> None:
    """Without this, missed, doubled and late fills could not be provoked."""
    async with user_stream(client) as stream:
        fault = venue.faults.add(kind, "fill")
        venue.faults.add("lose", "account", times=None)
        await client.create_order(**RESTING)
        venue.trade("BTCUSDT", "99000", "0.01")
        await client.create_order(**RESTING)
        fault.release()
        assert [one for one, _, _ in await reports(stream, len(expected))] == expected


async def test_orders_over_the_websocket_api_meet_the_same_faults(venue: BinanceServer, client: Any) -> None:
    """Without this, an adapter that orders over the WebSocket API would never meet a fault."""
    body = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01"}
    placed = await client.ws_create_order(**body, price="99000", newClientOrderId="by-ws")
    assert placed["status"] == "NEW"
    venue.faults.add("error_after", "place", status=504)
    assert (await refusal(client.ws_create_order(**body, price="98000", newClientOrderId="doubt")))[:2] == (504, -1007)
    found = await client.ws_get_order(symbol="BTCUSDT", origClientOrderId="doubt")
    assert found["status"] == "NEW"
    assert (await refusal(client.ws_get_order(symbol="BTCUSDT", origClientOrderId="no")))[:2] == (400, -2013)


async def test_a_stream_that_is_cut_says_nothing_more(venue: BinanceServer, client: Any) -> None:
    """Without this, the dead stream of python-binance would be unknown: it reconnects and does not subscribe again."""
    stream = client.streams.user_socket()
    await stream.connect()
    [before] = venue.hub.connections
    venue.hang_up()
    assert (await recv(stream))["e"] == "error"
    await until(lambda: before not in venue.hub.connections)
    await client.create_order(**RESTING)
    assert not any(one.state for one in venue.hub.connections)


async def test_a_silent_stream_stays_open(venue: BinanceServer, client: Any) -> None:
    """Without this, a half-open connection, which only a heartbeat of one's own can find, could not be played."""
    stream = client.streams.user_socket()
    await stream.connect()
    venue.go_silent()
    await client.create_order(**RESTING)
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(stream.recv(), 0.1)
    assert len(venue.hub.connections) == 1


async def test_orders_outlive_a_restart_and_ids_can_roll_back(venue: BinanceServer, client: Any) -> None:
    """Without this, neither a restart with working orders nor ids given twice could be played."""
    await client.create_order(**RESTING, newClientOrderId="kept")
    filled = await client.create_order(symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.1")
    await venue.restart()
    assert [row["clientOrderId"] for row in await client.get_open_orders()] == ["kept"]
    venue.roll_back()
    again = await client.create_order(symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.1")
    assert again["orderId"] == filled["orderId"]
    assert again["fills"][0]["tradeId"] == filled["fills"][0]["tradeId"]


async def test_another_process_can_play_the_venue(venue: BinanceServer, client: Any) -> None:
    """Without this, the peer could not be driven beside a gateway in its own process, or by hand."""
    async with aiohttp.ClientSession(venue.url) as hand:
        await client.create_order(**RESTING)
        for verb, body in (
            ("trade", {"symbol": "BTCUSDT", "px": "99000", "qty": "0.01"}),
            ("fault", {"kind": "error", "on": "account"}),
        ):
            async with hand.post(f"/_control/{verb}", json=body) as reply:
                assert reply.status == 200
        async with hand.post("/_control/orders") as reply:
            assert [row["status"] for row in await reply.json()] == ["FILLED"]
        assert (await refusal(client.get_account()))[0] == 503
        async with hand.post("/_control/fault", json={"kind": "nonsense"}) as reply:
            assert reply.status == 400
        async with hand.post("/_control/stop") as reply:
            assert reply.status == 404


# --- market data --------------------------------------------------------------------------------------


async def test_market_streams_follow_the_book_without_gaps(venue: BinanceServer, client: Any) -> None:
    """Without this, a depth book kept from the stream would have nothing true to agree with."""
    names = ["btcusdt@bookTicker", "btcusdt@trade", "btcusdt@depth@100ms"]
    async with market_stream(venue, client, names) as stream:
        await until(lambda: venue.hub.connections)
        snapshot = await client.get_order_book(symbol="BTCUSDT", limit=5)
        book = {px: qty for px, qty in snapshot["bids"]}
        venue.quote("BTCUSDT", "99998", "100002", 3)
        await client.create_order(**RESTING)
        venue.trade("BTCUSDT", "99500", "0.2")
        last, seen = snapshot["lastUpdateId"], set()
        while len(seen) < 3 or len(book) < 2:
            message = await recv(stream)
            data = message["data"]
            seen.add(message["stream"])
            if data.get("e") == "depthUpdate":
                assert data["U"] == last + 1
                last = data["u"]
                book |= {px: qty for px, qty in data["b"]}
                book = {px: qty for px, qty in book.items() if D(qty)}
        assert book == {"99998.00000000": "3.00000000", "99000.00000000": "0.01000000"}
    ticker = await client.get_orderbook_ticker(symbol="BTCUSDT")
    assert (ticker["bidPrice"], ticker["askPrice"]) == ("99998.00000000", "100002.00000000")


async def test_ccxt_reads_the_same_venue(venue: BinanceServer) -> None:
    """Without this, the peer would only be known to fit one library's way to sign and to cancel."""
    import ccxt.pro as ccxt

    rest = f"{venue.url}/api/v3"
    streams = {"spot": f"{venue.ws_url}/ws", "ws-api": {"spot": f"{venue.ws_url}/ws-api/v3"}}
    exchange = ccxt.binance(
        {
            "apiKey": venue.api_key,
            "secret": venue.secret,
            "enableRateLimit": False,
            "urls": {"api": {"public": rest, "private": rest, "ws": streams}},
            "options": {"fetchMarkets": {"types": ["spot"]}, "fetchMargins": False},
        }
    )
    exchange.has["fetchCurrencies"] = False
    try:
        watching = asyncio.create_task(exchange.watch_orders("BTC/USDT"))
        await until(lambda: any(one.state.get("subscriptions") for one in venue.hub.connections))
        order = await exchange.create_order("BTC/USDT", "limit", "buy", 0.01, 99000, {"clientOrderId": "by-ccxt"})
        assert [(one["clientOrderId"], one["status"]) for one in await watching] == [("by-ccxt", "open")]
        venue.trade("BTCUSDT", "99000", "0.004")
        found = await exchange.fetch_order(None, "BTC/USDT", {"clientOrderId": "by-ccxt"})
        assert (found["status"], found["filled"]) == ("open", 0.004)
        await exchange.cancel_order(order["id"], "BTC/USDT")
        assert (await exchange.fetch_balance())["BTC"]["free"] == 10.003996
        with pytest.raises(ccxt.OrderNotFound):
            await exchange.cancel_order(order["id"], "BTC/USDT")
    finally:
        await exchange.close()
