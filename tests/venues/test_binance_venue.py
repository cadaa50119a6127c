"""The adapter of Binance spot against the exchange's own wire: what it sends, what it makes of what it hears."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from decimal import Decimal

import pytest

from gateway.adapters.clock import SystemClock
from gateway.adapters.venues.binance import venue as venue_module
from gateway.adapters.venues.binance.client import RECV_WINDOW_MS, RestClient
from gateway.adapters.venues.binance.venue import BinanceVenue
from gateway.domain.effects import OrderTicket
from gateway.domain.enums import ExecType, OrdType, Side, SubmitStatus, TimeInForce
from gateway.domain.instruments import Instrument
from gateway.domain.settings import VenueSettings
from gateway.domain.venue_account import AccountUnreadable
from tests.patience import PATIENCE_S
from tests.venues.binance.server import BinanceServer
from tests.venues.listening import Heard
from tests.venues.tickets import ticket as any_ticket

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
D = Decimal
IN_FLIGHT_S = venue_module._IN_FLIGHT_S
ACCEPTED, REJECTED, UNKNOWN = SubmitStatus.ACCEPTED, SubmitStatus.REJECTED, SubmitStatus.UNKNOWN


BITCOIN = Instrument(symbol="BTC/USDT", venue="binance", currency="USDT", asset_class="crypto")


class Desk:
    """A venue on an exchange, with what it said."""

    def __init__(self, peer: BinanceServer, secret: str | None = None) -> None:
        self.peer = peer
        self.secret = secret
        self.heard = Heard()
        self.venue = self._new()

    def _new(self) -> BinanceVenue:
        clock = SystemClock()
        settings = VenueSettings(
            name="binance",
            adapter="binance",
            timeout_s=D(1),
            options={"base_url": f"{self.peer.url}/api", "stream_url": f"{self.peer.ws_url}/ws-api/v3"},
        )
        environ = {"BINANCE_API_KEY": self.peer.api_key, "BINANCE_SECRET": self.secret or self.peer.secret}
        return BinanceVenue(settings, RestClient(settings, environ, clock), clock, {"BTC/USDT": BITCOIN})

    async def open(self) -> None:
        await self.venue.start(self.heard)
        await self.heard.until(lambda: self.heard.is_connected)

    async def restart(self) -> None:
        await self.venue.close()
        self.heard = Heard()
        self.venue = self._new()
        await self.open()


@pytest.fixture
async def peer(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[BinanceServer]:
    monkeypatch.setattr(venue_module, "_IN_FLIGHT_S", 0.3)
    async with BinanceServer() as server:
        server.quote("BTCUSDT", "99999", "100001")
        yield server


@pytest.fixture
async def desk(peer: BinanceServer) -> AsyncIterator[Desk]:
    made = Desk(peer)
    await made.open()
    yield made
    await made.venue.close()


def ticket(**more: object) -> OrderTicket:
    good = {"venue": "binance", "symbol": "BTC/USDT", "time_in_force": TimeInForce.GTC}
    return any_ticket(**(good | {"order_qty": D("0.01"), "limit_px": D(99000)} | more))


MARKET: dict[str, object] = {"ord_type": OrdType.MARKET, "limit_px": None, "time_in_force": TimeInForce.DAY}
STOP: dict[str, object] = {"ord_type": OrdType.STOP, "limit_px": None, "side": Side.SELL, "stop_px": D(98000)}


def market(**more: object) -> OrderTicket:
    return ticket(**(MARKET | more))


def count_sent(peer: BinanceServer) -> int:
    """Orders that reached the exchange's door, those included that a fault kept out."""
    kept_out = sum(1 for kind, op in peer.faults.log if op == "place" and kind in ("drop_before", "error"))
    return kept_out + sum(1 for op, _ in peer.requests if op == "place")


async def until_refused(desk: Desk, words: str, **more: object) -> None:
    """What the adapter learns in the background it knows soon; until then the exchange refuses."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            answer = await desk.venue.submit(ticket(**more))
            assert answer.status is REJECTED
            if words in answer.text:
                return


async def test_filters_are_kept_before_sending(desk: Desk) -> None:
    """Without this, every mistake would cost a request and come back as a number."""
    trailing = {"ord_type": OrdType.TRAILING_STOP, "limit_px": None}
    for change, words in (
        ({"order_qty": D("0.000001")}, "quantity 0.000001 is below 0.00001 (binance LOT_SIZE)"),
        ({"order_qty": D("0.000015")}, "quantity 0.000015 is not a multiple of 0.00001 (binance LOT_SIZE)"),
        ({"order_qty": D(9001)}, "quantity 9001 is above 9000 (binance LOT_SIZE)"),
        (MARKET | {"order_qty": D(901)}, "quantity 901 is above 900 (binance MARKET_LOT_SIZE)"),
        ({"limit_px": D("99000.005")}, "limit_price 99000.005 is not a multiple of 0.01 (binance PRICE_FILTER)"),
        ({"limit_px": D(1_000_001)}, "limit_price 1000001 is above 1000000 (binance PRICE_FILTER)"),
        (STOP | {"stop_px": D("0.005")}, "stop_price 0.005 is below 0.01 (binance PRICE_FILTER)"),
        ({"order_qty": D("0.00002")}, "value 1.98 is below 5 (binance NOTIONAL)"),
        ({"order_qty": D(91)}, "value 9009000 is above 9000000 (binance NOTIONAL)"),
        (MARKET | {"order_qty": D("0.00004")}, "value 4 is below 5 (binance NOTIONAL)"),
        ({"limit_px": D(19_999)}, "average price of 100000, 19999 is below 20000 (binance PERCENT_PRICE_BY_SIDE)"),
        ({"limit_px": D(500_001)}, "average price of 100000, 500001 is above 500000 (binance PERCENT_PRICE_BY_SIDE)"),
        (trailing | {"trailing_percent": D("0.05")}, "trailing_percent 0.05 is below 0.1 (binance TRAILING_DELTA)"),
        (trailing | {"trailing_percent": D(21)}, "trailing_percent 21 is above 20 (binance TRAILING_DELTA)"),
        (trailing | {"trailing_percent": D("0.155")}, "0.155 is not a multiple of 0.01 (binance trailingDelta)"),
        ({"symbol": "XYZ/USDT"}, "binance does not list XYZ/USDT (XYZUSDT)"),
        ({"time_in_force": TimeInForce.AT_THE_OPENING}, "opg"),
        ({"ord_type": OrdType.MARKET_ON_CLOSE}, "moc"),
        ({"execution_algorithm": "vwap"}, "execution_algorithm"),
    ):
        answer = await desk.venue.submit(ticket(**change))
        assert (answer.status, words in answer.text) == (REJECTED, True), answer
        is_too_small = words.startswith(("quantity", "value")) and "is below" in words
        assert answer.is_too_small is is_too_small, answer  # or a flatten would try it again for ever
    assert count_sent(desk.peer) == 0


async def test_a_trailing_stop_follows_the_market_and_is_found_again(desk: Desk) -> None:
    """Without this, an order type that is offered would never have met the exchange's own rules for it."""
    order = ticket(ord_type=OrdType.TRAILING_STOP, limit_px=None, side=Side.SELL, trailing_percent=D(1))
    assert (await desk.venue.submit(order)).status is ACCEPTED
    desk.peer.quote("BTCUSDT", "103999", "104001")
    desk.peer.quote("BTCUSDT", "102999", "103001")
    await desk.restart()
    assert (await desk.venue.lookup(order)).is_known
    desk.peer.quote("BTCUSDT", "102900", "102902")  # 1% below 104,000
    await desk.heard.until_filled(order.order_id, order.order_qty)


async def test_filters_count_what_is_open_and_held(peer: BinanceServer) -> None:
    """Without this, the exchange would refuse what it was known here that it must refuse."""
    known = peer.desk.filters["BTCUSDT"]
    known["MAX_NUM_ORDERS"]["maxNumOrders"], known["MAX_NUM_ALGO_ORDERS"]["maxNumAlgoOrders"] = 3, 1
    known["MAX_POSITION"] = {"filterType": "MAX_POSITION", "maxPosition": "10.03"}  # 10 are held
    desk = Desk(peer)
    await desk.open()
    first, stop = ticket(), ticket(**STOP)
    for one, text in (
        (first, ""),
        (stop, ""),
        (ticket(**STOP), "1 stop orders are open, of 1 at most (binance MAX_NUM_ALGO_ORDERS)"),
        (ticket(order_qty=D("0.03")), "position with this order 10.04 is above 10.03 (binance MAX_POSITION)"),
        (ticket(order_qty=D("0.02")), ""),
        (ticket(side=Side.SELL, limit_px=D(101000)), "3 orders are open, of 3 at most (binance MAX_NUM_ORDERS)"),
    ):
        answer = await desk.venue.submit(one)
        assert (answer.status, answer.text) == ((REJECTED, text) if text else (ACCEPTED, ""))
    for one in (first, stop):
        assert (await desk.venue.cancel(one)).status is ACCEPTED
    assert (await desk.venue.submit(ticket(**STOP))).status is ACCEPTED
    assert (await desk.venue.submit(ticket(**MARKET))).status is ACCEPTED
    await until_refused(desk, "position with this order 10.03999 is above 10.03 (binance MAX_POSITION)")
    await desk.venue.close()


async def test_filters_that_the_exchange_changes_are_read_again(desk: Desk) -> None:
    """Without this, orders would go by the filters of the day on which the gateway was started."""
    desk.venue._rulebook._read_ns = -(10**12)  # long ago
    desk.peer.desk.filters["BTCUSDT"]["LOT_SIZE"]["stepSize"] = "0.001"
    answer = await desk.venue.submit(ticket(order_qty=D("0.0105")))
    assert (answer.status, "Filter failure: LOT_SIZE" in answer.text) == (REJECTED, True)
    await until_refused(desk, "not a multiple of 0.001 (binance LOT_SIZE)", order_qty=D("0.0105"))


async def test_an_average_that_cannot_be_had_holds_no_order_up(desk: Desk) -> None:
    """Without this, a quiet corner of the exchange's API could stop all trading at it."""
    desk.peer.faults.add("error", "market", times=9)
    assert (await desk.venue.submit(ticket())).status is ACCEPTED
    answer = await desk.venue.submit(ticket(limit_px=D(19_999)))
    assert "Filter failure: PERCENT_PRICE_BY_SIDE" in answer.text


async def test_a_request_is_valid_no_longer_than_the_adapter_takes_it_to_be(desk: Desk) -> None:
    """Without this, an order could be called absent and be executed after that: the library has its own window."""
    await desk.venue.submit(ticket())
    windows = {params["recvWindow"] for op, params in desk.peer.requests if op == "place"}
    assert windows == {str(RECV_WINDOW_MS)}
    assert venue_module.BUDGET_WAIT_S + RECV_WINDOW_MS / 1_000 < IN_FLIGHT_S


@pytest.mark.parametrize("word", ["eventStreamTerminated", "serverShutdown"])
async def test_a_stream_that_the_exchange_ends_is_made_again(desk: Desk, word: str) -> None:
    """Without this, the socket would stay open and nothing be heard on it, and fills come late."""
    [old] = desk.peer.hub.connections
    old.send(json.dumps({"event": {"e": word, "E": 1}}))
    await desk.heard.until(lambda: not desk.heard.is_connected)
    await desk.heard.until(lambda: desk.heard.is_connected)
    order = ticket(order_qty=D("0.01"), limit_px=D(99000))
    await desk.venue.submit(order)
    desk.peer.trade("BTCUSDT", "99000", "0.01")
    await desk.heard.until_filled(order.order_id, D("0.01"))


async def test_too_many_orders_stop_orders_and_nothing_else(desk: Desk) -> None:
    """Without this, who has placed too many could neither look up what is in doubt nor be read, at worst for a day."""
    desk.peer.budget.orders_per_10s = 1
    first = ticket()
    assert (await desk.venue.submit(first)).status is ACCEPTED
    for words in ("Too many new orders", "(-1015); nothing was sent"):
        answer = await desk.venue.submit(ticket())
        assert (answer.status, words in answer.text) == (REJECTED, True), answer
    assert count_sent(desk.peer) == 2
    assert (await desk.venue.lookup(first)).is_known
    assert (await desk.venue.cancel(first)).status is ACCEPTED


async def test_an_end_told_while_a_change_is_under_way_is_not_lost(desk: Desk) -> None:
    """Without this, an order that a person cancels at the exchange while a change of it is on its way would stay open
    here: the change is refused for it, and what was told meanwhile belonged to a change."""
    order = ticket()
    await desk.venue.submit(order)
    await desk.heard.until_kind(order.order_id, ExecType.NEW)
    stuck = desk.peer.faults.add("stuck", "replace")
    changing = asyncio.create_task(desk.venue.replace(order, order.order_qty, D(98000), None))
    await stuck.hit.wait()
    [there] = [one for one in desk.peer.exchange.orders.values() if one.client_id == order.order_id]
    desk.peer.exchange.cancel(there, "by-hand")
    stuck.release()
    assert (await changing).status is REJECTED
    await desk.heard.until_kind(order.order_id, ExecType.CANCELED)


async def test_half_a_change_of_which_the_rest_is_in_doubt_is_no_end(desk: Desk) -> None:
    """Without this, an order would be told as canceled while its change works: the exchange says that it does not know
    of the new order."""
    order = ticket()
    await desk.venue.submit(order)
    words = {
        "code": -2021,
        "msg": "Order cancel-replace partially failed.",
        "data": {"newOrderResult": "FAILURE", "newOrderResponse": {"code": -1007, "msg": "Timeout waiting"}},
    }
    desk.peer.faults.add("error_after", "replace", status=409, body=json.dumps(words))
    answer = await desk.venue.replace(order, order.order_qty, D(98000), None)
    assert answer.status is SubmitStatus.UNKNOWN
    assert (await desk.venue.lookup(order)).is_known is True
    assert ExecType.CANCELED not in desk.heard.kinds(order.order_id)
    assert [one["clientOrderId"] for one in desk.peer.orders() if one["status"] == "NEW"] == [f"{order.order_id}_r1"]


async def test_executions_are_asked_for_by_the_clock_of_the_exchange(desk: Desk) -> None:
    """Without this, a gateway whose clock is ahead would never hear of the fills that it missed."""
    desk.peer.skew(-20 * 60_000)
    await desk.restart()
    order = market()
    assert (await desk.venue.submit(order)).status is ACCEPTED
    await desk.heard.until_filled(order.order_id, order.order_qty)
    told = await desk.venue.account.executions(time.time_ns() - 660 * 10**9)
    assert [one.order_id for one in told] == [order.order_id]


@pytest.mark.parametrize("skew_ms", [-60_000, 60_000])
async def test_a_clock_that_was_set_keeps_no_order_from_being_canceled(desk: Desk, skew_ms: int) -> None:
    """Without this, after a step of our clock every cancel would be refused, that of a halt too, and the account not be
    read, until somebody places an order."""
    order = ticket()
    assert (await desk.venue.submit(order)).status is ACCEPTED
    desk.peer.skew(skew_ms)
    assert (await desk.venue.cancel(order)).status is SubmitStatus.THROTTLED, "the executor asks again"
    async with asyncio.timeout(PATIENCE_S):
        while (await desk.venue.cancel(order)).status is not ACCEPTED:  # noqa: ASYNC110  # asking is all one can do
            await asyncio.sleep(0.05)
    desk.peer.skew(0)
    with pytest.raises(AccountUnreadable):
        await desk.venue.account.open_orders()
    async with asyncio.timeout(PATIENCE_S):
        while abs(desk.venue._rest.offset_ms) > 1_000:  # noqa: ASYNC110  # nobody tells
            await asyncio.sleep(0.05)
    assert await desk.venue.account.open_orders() == ()


@pytest.mark.parametrize(("status", "op"), [(418, "place"), (418, "lookup"), (429, "cancel")])
async def test_who_is_told_to_wait_sends_no_cancel_that_makes_it_longer(desk: Desk, status: int, op: str) -> None:
    """Without this, the cancels of a halt, repeated every few seconds, would make a ban of two minutes one of days, in
    which nothing can be canceled at all."""
    order = ticket()
    assert (await desk.venue.submit(order)).status is ACCEPTED
    desk.peer.faults.add("error", op, status=status, retry_after_s=3)
    act = {"place": desk.venue.submit, "lookup": desk.venue.lookup, "cancel": desk.venue.cancel}[op]
    await act(ticket() if op == "place" else order)
    asked = len(desk.peer.door)
    answer = await desk.venue.cancel(order)
    assert (answer.status, len(desk.peer.door) - asked) == (SubmitStatus.THROTTLED, 0)
    async with asyncio.timeout(PATIENCE_S):
        while (await desk.venue.cancel(order)).status is not ACCEPTED:  # noqa: ASYNC110  # asking is all one can do
            await asyncio.sleep(0.05)


async def test_a_redirect_is_not_followed_with_an_order(desk: Desk) -> None:
    """Without this, the library would send an order once more to wherever a front end points."""
    order = ticket()
    desk.peer.faults.add("error", "place", status=307, body="", location=f"{desk.peer.url}/api/v3/order")
    assert (await desk.venue.submit(order)).status is SubmitStatus.UNKNOWN
    assert desk.peer.orders() == []


async def test_an_event_that_cannot_be_read_costs_no_other(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without this, one odd event would end the connection, and no order could be sent until it stands again; the order
    that it names is asked for."""
    order = ticket()
    await desk.venue.submit(order)
    stream = desk.peer.users
    publish = stream._publish
    monkeypatch.setattr(stream, "_publish", lambda name, event: publish(name, {**event, "l": None, "z": "-", "B": 1}))
    desk.peer.trade("BTCUSDT", "99000", "0.004")
    await desk.heard.until_filled(order.order_id, "0.004")
    assert desk.heard.downs == 0
