"""The Alpaca peer, judged by alpaca-py as it is: what it says on the wire, the library understands.

Without these tests, a fault of the peer would be taken for one of an adapter, or hide one.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.patience import PATIENCE_S
from tests.venues.alpaca.server import AlpacaServer
from tests.venues.clients import alpaca_client, alpaca_trade_updates, running, until

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
LIMIT: dict[str, Any] = {
    "symbol": "AAPL",
    "side": "buy",
    "type": "limit",
    "time_in_force": "day",
    "qty": 10,
    "limit_price": 179.5,
}
BRACKET = LIMIT | {
    "limit_price": 181,
    "order_class": "bracket",
    "take_profit": {"limit_price": 190},
    "stop_loss": {"stop_price": 170},
}


@pytest.fixture
async def venue() -> AsyncIterator[AlpacaServer]:
    async with AlpacaServer() as peer:
        peer.quote("AAPL", "179.99", "180.01")
        yield peer


class Desk:
    """alpaca-py's client, called in threads."""

    def __init__(self, venue: AlpacaServer) -> None:
        self.client = alpaca_client(venue)

    async def __call__(self, name: str, *arguments: Any, **named: Any) -> Any:
        return await asyncio.to_thread(getattr(self.client, name), *arguments, **named)

    async def place(self, **body: Any) -> Any:
        """POST /v2/orders, and the order as the library reads it."""
        from alpaca.trading.models import Order

        return Order(**await self("post", "/orders", body))

    async def refusal(self, awaitable: Any) -> tuple[int, int, str]:
        from alpaca.common.exceptions import APIError

        with pytest.raises(APIError) as caught:
            await awaitable
        return caught.value.status_code, caught.value.code, caught.value.message


@pytest.fixture
def desk(venue: AlpacaServer) -> Desk:
    return Desk(venue)


@pytest.fixture
async def updates(venue: AlpacaServer) -> AsyncIterator[list[tuple[str, str, float]]]:
    """(event, status, filled quantity) as the trade updates stream tells them."""
    told: list[tuple[str, str, float]] = []

    async def hear(update: Any) -> None:
        if update.event != "pending_new":
            told.append((str(update.event), update.order.status.value, float(update.order.filled_qty)))

    stream = alpaca_trade_updates(venue)
    stream.subscribe_trade_updates(hear)
    async with running(stream, venue):
        await until(lambda: any(one.state.get("listens") for one in venue.hub.connections))
        yield told


async def test_an_order_lives_through_partial_fill_and_cancel(
    venue: AlpacaServer, desk: Desk, updates: list[tuple[str, str, float]]
) -> None:
    """Without this, the plainest story of an order could not be told."""
    from alpaca.trading.requests import LimitOrderRequest

    request = LimitOrderRequest(
        symbol="AAPL", qty=10, side="buy", time_in_force="day", limit_price=179.5, client_order_id="one"
    )
    placed = await desk("submit_order", request)
    assert (placed.status.value, placed.client_order_id) == ("pending_new", "one")
    venue.trade("AAPL", "179.50", 4)
    found = await desk("get_order_by_client_id", "one")
    assert (found.status.value, found.filled_qty, found.filled_avg_price) == ("partially_filled", "4", "179.5")
    await desk("cancel_order_by_id", placed.id)
    await until(lambda: len(updates) == 3)
    assert updates == [("new", "new", 0), ("partial_fill", "partially_filled", 4), ("canceled", "canceled", 4)]
    again = await desk.refusal(desk("cancel_order_by_id", placed.id))
    assert again == (422, 42210000, 'order is already in "canceled" state')
    [position] = await desk("get_all_positions")
    assert (position.qty, position.avg_entry_price, position.side.value) == ("4", "179.5", "long")
    [fill] = await desk("get", "/account/activities/FILL")
    assert (fill["type"], fill["qty"], fill["leaves_qty"]) == ("partial_fill", "4", "6")
    assert fill["order_id"] == str(placed.id)


@pytest.mark.parametrize(
    ("change", "code", "text"),
    [
        ({"client_order_id": "taken"}, (422, 40010001), "client_order_id must be unique"),
        ({"client_order_id": "x" * 129}, (422, 40010001), "client_order_id must be no more than 128 characters"),
        ({"symbol": "NOSUCH"}, (422, 42210000), 'asset "NOSUCH" not found'),
        ({"limit_price": 179.505}, (422, 42210000), "sub-penny increment"),
        ({"limit_price": None}, (422, 40010001), "limit orders require limit price"),
        ({"qty": -1}, (422, 40010001), "qty must be > 0"),
        ({"qty": 100_000}, (403, 40310000), "insufficient buying power"),
        ({"time_in_force": "gtd"}, (422, 40010001), "invalid time_in_force"),
        ({"type": "market", "limit_price": None, "extended_hours": True}, (422, 42210000), "extended hours"),
        ({"side": "sell", "limit_price": 179}, (403, 40310000), "potential wash trade detected"),
        ({"take_profit": {"limit_price": 190}}, (422, 42210000), "simple orders must not have"),
        ({"order_class": "bracket"}, (422, 42210000), "bracket orders require take_profit and stop_loss"),
    ],
)
async def test_what_alpaca_refuses_is_refused_with_its_code(
    venue: AlpacaServer, desk: Desk, change: dict[str, Any], code: tuple[int, int], text: str
) -> None:
    """Without this, an adapter would never meet the refusals that it must translate."""
    await desk.place(**LIMIT, client_order_id="taken")
    status, got, said = await desk.refusal(desk.place(**(LIMIT | change)))
    assert (status, got) == code
    assert text in said
    assert len(venue.orders()) == 1


async def test_a_client_id_stays_taken_after_the_end(venue: AlpacaServer, desk: Desk) -> None:
    """Without this, Alpaca's guarantee (an id is good for one order, ever) could not be told from Binance's."""
    await desk.place(**LIMIT, client_order_id="twin")
    venue.trade("AAPL", "179.50", 10)
    assert (await desk.refusal(desk.place(**LIMIT, client_order_id="twin")))[:2] == (422, 40010001)


async def test_a_bracket_wakes_its_legs_and_one_cancels_the_other(
    venue: AlpacaServer, desk: Desk, updates: list[tuple[str, str, float]]
) -> None:
    """Without this, order classes could not be tested against a venue that knows them."""
    placed = await desk.place(**BRACKET)
    assert [(leg.type.value, leg.status.value) for leg in placed.legs] == [("limit", "held"), ("stop", "held")]
    venue.quote("AAPL", "191.00", "191.10")
    await until(lambda: len(updates) == 5)
    assert [event for event, _, _ in updates] == ["new", "fill", "new", "fill", "canceled"]
    assert venue.account.positions == {}
    assert {row["status"] for row in venue.orders()} == {"filled", "canceled"}


async def test_an_oco_closes_a_position_once(venue: AlpacaServer, desk: Desk) -> None:
    """Without this, both legs of an OCO could fill at the peer."""
    await desk.place(**LIMIT | {"limit_price": 181})
    oco = LIMIT | {"side": "sell", "limit_price": 190, "order_class": "oco", "stop_loss": {"stop_price": 170}}
    placed = await desk.place(**oco | {"take_profit": {"limit_price": 190}})
    venue.quote("AAPL", "169.00", "169.10")
    assert (await desk("get_order_by_id", placed.id)).status.value == "canceled"
    assert (await desk("get_order_by_id", placed.legs[0].id)).status.value == "filled"
    assert venue.account.positions == {}


async def test_a_replace_makes_a_new_order_that_starts_anew(
    venue: AlpacaServer, desk: Desk, updates: list[tuple[str, str, float]]
) -> None:
    """Without this, an adapter would lose the order when its id changes, or fill twice what was filled already."""
    from alpaca.trading.requests import ReplaceOrderRequest

    old = await desk.place(**LIMIT, client_order_id="old")
    venue.trade("AAPL", "179.50", 4)
    new = await desk("replace_order_by_id", old.id, ReplaceOrderRequest(qty=12, limit_price=179.6))
    assert (new.replaces, new.filled_qty) == (old.id, "0")
    gone = await desk("get_order_by_id", old.id)
    assert (gone.status.value, gone.replaced_by) == ("replaced", new.id)
    venue.trade("AAPL", "179.60", 12)
    await until(lambda: len(updates) == 5)
    assert [event for event, _, _ in updates] == ["new", "partial_fill", "replaced", "new", "fill"]
    assert (await desk("get_open_position", "AAPL")).qty == "16"
    late = await desk.refusal(desk("replace_order_by_id", old.id, ReplaceOrderRequest(qty=13)))
    assert late[:2] == (422, 42210000)


async def test_a_trailing_stop_follows_the_market(venue: AlpacaServer, desk: Desk) -> None:
    """Without this, a trailing stop at the peer would be a plain stop."""
    await desk.place(**LIMIT | {"limit_price": 181})
    trailing = {"symbol": "AAPL", "side": "sell", "type": "trailing_stop", "time_in_force": "day", "qty": 10}
    stop = await desk.place(**trailing, trail_price=5)
    venue.quote("AAPL", "199.99", "200.01")
    moved = await desk("get_order_by_id", stop.id)
    assert (moved.hwm, moved.stop_price, moved.status.value) == ("200", "195", "new")
    venue.quote("AAPL", "194.99", "195.01")
    assert (await desk("get_order_by_id", stop.id)).status.value == "filled"


async def test_lists_and_figures_are_readable(venue: AlpacaServer, desk: Desk) -> None:
    """Without this, a reconciliation would have no account, no lists and no calendar to read."""
    from alpaca.trading.enums import QueryOrderStatus
    from alpaca.trading.requests import GetCalendarRequest, GetOrdersRequest

    await desk.place(**BRACKET, client_order_id="parent")
    venue.open_market(False)
    waiting = await desk.place(**LIMIT, client_order_id="waits")
    assert waiting.status.value == "accepted"
    assert not (await desk("get_clock")).is_open
    everything = await desk("get_orders", GetOrdersRequest(status=QueryOrderStatus.ALL, nested=True))
    assert [one.client_order_id for one in everything] == ["waits", "parent"]
    assert len(await desk("get_orders", GetOrdersRequest(status=QueryOrderStatus.OPEN))) == 3
    venue.open_market()
    assert (await desk("get_order_by_id", waiting.id)).status.value == "new"
    figures = await desk("get_account")
    assert (figures.cash, figures.buying_power) == ("998199.9", "996404.9")
    assert (await desk("get_asset", "AAPL")).tradable
    assert len(await desk("get_all_assets")) == 5
    assert await desk("get_calendar", GetCalendarRequest())
    cancelled = await desk("cancel_orders")
    assert {row.status for row in cancelled} == {200}
    closed = await desk("close_position", "AAPL")
    assert closed.side.value == "sell"
    assert venue.account.positions == {}


async def test_keys_are_checked(venue: AlpacaServer, desk: Desk) -> None:
    """Without this, bad credentials would pass every test, on the API or on the stream."""
    venue.refuse_credentials()
    assert (await desk.refusal(desk("get_account")))[0] == 403
    stream = alpaca_trade_updates(venue)
    await stream._connect()
    with pytest.raises(ValueError, match="failed to authenticate"):
        await stream._auth()
    await stream.close()


async def test_requests_are_counted_and_run_out(venue: AlpacaServer, desk: Desk) -> None:
    """Without this, a budget of requests could never be seen to be kept."""
    desk.client._retry = 0
    venue.requests_per_minute = 2
    answers = [await asyncio.to_thread(desk.client.get_clock) for _ in range(2)]
    assert len(answers) == 2
    assert (await desk.refusal(desk("get_clock")))[0] == 429


# --- faults -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["drop_before", "drop_after", "error", "error_after", "cut", "garble"])
async def test_a_fault_of_the_answer_and_what_really_happened(venue: AlpacaServer, desk: Desk, kind: str) -> None:
    """Without this, «in doubt» could not be played both ways: the client hears nothing useful, the venue knows."""
    from alpaca.common.exceptions import APIError
    from requests.exceptions import RequestException

    venue.faults.add(kind, "place", status=500)
    with pytest.raises((APIError, RequestException)):
        await desk("post", "/orders", LIMIT | {"client_order_id": "doubt"})
    is_there = kind not in ("drop_before", "error")
    if is_there:
        assert (await desk("get_order_by_client_id", "doubt")).status.value == "new"
    else:
        assert (await desk.refusal(desk("get_order_by_client_id", "doubt")))[:2] == (404, 40410000)
    assert len(venue.orders()) == is_there


async def test_the_library_resends_an_order_by_itself(venue: AlpacaServer, desk: Desk) -> None:
    """Without this, alpaca-py's trap would be unknown: after 504 it posts again, and makes two orders of one."""
    venue.faults.add("error_after", "place", status=504)
    refused = await desk.refusal(desk.place(**LIMIT, client_order_id="tagged"))
    assert refused == (422, 40010001, "client_order_id must be unique")
    venue.faults.add("error_after", "place", status=504)
    await desk.place(**LIMIT)
    assert len(venue.orders()) == 3
    assert [op for op, _ in venue.requests].count("place") == 4


async def test_the_library_waits_for_ever(venue: AlpacaServer, desk: Desk) -> None:
    """Without this, alpaca-py's missing timeout would go unseen: only the end of the connection ends its call."""
    fault = venue.faults.add("silent", "account")
    waiting = asyncio.create_task(desk("get_account"))
    await asyncio.wait_for(fault.hit.wait(), PATIENCE_S)
    assert not waiting.done()
    await venue.stop()
    with pytest.raises(OSError, match="abort"):
        await waiting


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("lose", ["new", "new"]),
        ("twice", ["new", "fill", "fill", "new"]),
        ("swap", ["new", "new", "fill"]),
        ("hold", ["new", "new", "fill"]),
    ],
)
async def test_the_stream_loses_repeats_and_shuffles(
    venue: AlpacaServer, desk: Desk, updates: list[tuple[str, str, float]], kind: str, expected: list[str]
) -> None:
    """Without this, missed, doubled and late fills could not be provoked."""
    fault = venue.faults.add(kind, "fill")
    venue.faults.add("lose", "pending", times=None)
    await desk.place(**LIMIT)
    venue.trade("AAPL", "179.50", 10)
    await desk.place(**LIMIT)
    fault.release()
    await until(lambda: len(updates) >= len(expected))
    assert [event for event, _, _ in updates] == expected


async def test_orders_outlive_a_restart_and_ids_can_roll_back(venue: AlpacaServer, desk: Desk) -> None:
    """Without this, neither a restart with working orders nor ids given twice could be played."""
    await desk.place(**LIMIT, client_order_id="kept")
    filled = await desk.place(**LIMIT | {"limit_price": 181})
    await venue.restart()
    assert [one.client_order_id for one in await desk("get_orders")] == ["kept"]
    venue.roll_back()
    assert (await desk.place(**LIMIT | {"limit_price": 181})).id == filled.id


# --- market data --------------------------------------------------------------------------------------


async def test_quotes_and_trades_are_told(venue: AlpacaServer) -> None:
    """Without this, level 1 from Alpaca would have nothing to read: msgpack on the stream, JSON on request."""
    from alpaca.data.historical import StockHistoricalDataClient
    from alpaca.data.live import StockDataStream
    from alpaca.data.requests import StockLatestQuoteRequest

    told: list[Any] = []

    async def hear(data: Any) -> None:
        told.append(data)

    stream = StockDataStream(venue.api_key, venue.secret, url_override=f"{venue.ws_url}/v2/iex")
    stream.subscribe_quotes(hear, "AAPL")
    stream.subscribe_trades(hear, "AAPL")
    async with running(stream, venue):
        await until(lambda: any(one.state["wants"]["trades"] for one in venue.hub.connections))
        venue.quote("AAPL", "179.90", "180.10", 7)
        venue.trade("AAPL", "180.00", 3)
        venue.quote("TSLA", "1", "2")
        await until(lambda: len(told) == 2)
    quote, trade = told
    assert (quote.bid_price, quote.ask_price, quote.ask_size, trade.price, trade.size) == (179.9, 180.1, 7, 180, 3)
    assert abs(trade.timestamp.timestamp() * 1000 - venue.now_ms()) < 60_000
    data = StockHistoricalDataClient(venue.api_key, venue.secret, url_override=venue.url)
    latest = await asyncio.to_thread(data.get_stock_latest_quote, StockLatestQuoteRequest(symbol_or_symbols="AAPL"))
    assert latest["AAPL"].bid_price == 179.9
