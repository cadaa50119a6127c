"""The adapter of Binance spot against the exchange's own wire: what it sends, what it makes of what it hears."""

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal

import pytest

from gateway.adapters.clock import SystemClock
from gateway.adapters.venues.binance import venue as venue_module
from gateway.adapters.venues.binance.client import RestClient
from gateway.adapters.venues.binance.venue import BinanceVenue
from gateway.domain.effects import OrderTicket
from gateway.domain.enums import ExecType, OrdType, SubmitStatus, TimeInForce
from gateway.domain.settings import VenueSettings
from tests.venues.binance.server import BinanceServer
from tests.venues.listening import Heard
from tests.venues.tickets import ticket as any_ticket

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
D = Decimal
ACCEPTED, REJECTED, UNKNOWN = SubmitStatus.ACCEPTED, SubmitStatus.REJECTED, SubmitStatus.UNKNOWN


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
        return BinanceVenue(settings, RestClient(settings, environ, clock), clock)

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


def market(**more: object) -> OrderTicket:
    return ticket(ord_type=OrdType.MARKET, limit_px=None, time_in_force=TimeInForce.DAY, **more)


def count_sent(peer: BinanceServer) -> int:
    """Orders that reached the exchange's door, those included that a fault kept out."""
    kept_out = sum(1 for kind, op in peer.faults.log if op == "place" and kind in ("drop_before", "error"))
    return kept_out + sum(1 for op, _ in peer.requests if op == "place")


async def test_an_order_rests_fills_in_parts_and_is_canceled(desk: Desk) -> None:
    """Without this, nothing would trade, or fills would count twice: they come in the answer and on the stream."""
    order = ticket()
    assert (await desk.venue.submit(order)).status is ACCEPTED
    desk.peer.trade("BTCUSDT", "99000", "0.004")
    await desk.heard.until_filled(order.order_id, "0.004")
    assert (await desk.venue.cancel(order)).status is ACCEPTED
    await desk.heard.until_kind(order.order_id, ExecType.CANCELED)
    bought = market()
    assert (await desk.venue.submit(bought)).status is ACCEPTED
    await desk.heard.until_filled(bought.order_id, "0.01")
    [fill] = desk.heard.fills(bought.order_id).values()
    assert (fill.last_px, fill.fee, fill.fee_currency) == (D(100001), D("0.00001"), "BTC")
    await asyncio.sleep(0.05)
    assert desk.heard.cum_qty(bought.order_id) == D("0.01")


@pytest.mark.parametrize("kind", ["drop_before", "drop_after", "error", "error_after", "cut", "garble"])
async def test_a_broken_answer_is_doubt_and_the_exchange_settles_it(desk: Desk, kind: str) -> None:
    """Without this, a broken answer would lose an order or send it twice (invariant 8)."""
    desk.peer.faults.add(kind, "place", status=504)
    order = ticket()
    assert (await desk.venue.submit(order)).status is UNKNOWN
    arrived = kind not in ("drop_before", "error")
    while (found := await desk.venue.lookup(order)).is_known is None:  # noqa: ASYNC110  # asking is all one can do
        await asyncio.sleep(0.05)
    assert found.is_known is arrived
    assert len(desk.peer.orders()) == arrived
    assert count_sent(desk.peer) == 1


async def test_a_request_that_is_still_under_way_is_not_called_absent(desk: Desk) -> None:
    """Without this, an order believed absent could arrive after all."""
    stuck = desk.peer.faults.add("stuck", "place")
    order = ticket()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await desk.venue.submit(order)
    assert (await desk.venue.lookup(order)).is_known is None
    stuck.release()
    await desk.heard.until_kind(order.order_id, ExecType.NEW)


async def test_filters_are_kept_before_sending(desk: Desk) -> None:
    """Without this, every mistake would cost a request and come back as a number."""
    for change, words in (
        ({"order_qty": D("0.000001")}, "LOT_SIZE"),
        ({"limit_px": D("99000.005")}, "PRICE_FILTER"),
        ({"order_qty": D("0.00002")}, "NOTIONAL"),
        ({"time_in_force": TimeInForce.AT_THE_OPENING}, "opg"),
        ({"ord_type": OrdType.MARKET_ON_CLOSE}, "moc"),
        ({"execution_algorithm": "vwap"}, "execution_algorithm"),
    ):
        answer = await desk.venue.submit(ticket(**change))
        assert (answer.status, words in answer.text) == (REJECTED, True), answer
    assert count_sent(desk.peer) == 0


async def test_a_change_is_one_order_here_and_two_there(desk: Desk) -> None:
    """Without this, the cancel of the old half would end the order that goes on."""
    order = ticket()
    await desk.venue.submit(order)
    assert (await desk.venue.replace(order, D("0.02"), D(98000), None)).status is ACCEPTED
    await desk.heard.until_kind(order.order_id, ExecType.REPLACED)
    desk.peer.trade("BTCUSDT", "98000", "0.02")
    await desk.heard.until_filled(order.order_id, "0.02")
    assert ExecType.CANCELED not in desk.heard.kinds(order.order_id)


async def test_a_lost_fill_is_found_after_a_reconnect(desk: Desk) -> None:
    """Without this, a position would be wrong until somebody looked."""
    order = ticket()
    await desk.venue.submit(order)
    desk.peer.faults.add("lose", "fill")
    desk.peer.trade("BTCUSDT", "99000", "0.004")
    desk.peer.hang_up()
    await desk.heard.until(lambda: not desk.heard.is_connected)
    await desk.heard.until_filled(order.order_id, "0.004")


async def test_a_restart_finds_orders_by_their_id(desk: Desk) -> None:
    """Without this, orders of before could neither be canceled nor known to be filled."""
    works, done = ticket(), ticket(limit_px=D(99500))
    for order in (works, done):
        await desk.venue.submit(order)
    await desk.venue.close()
    desk.peer.trade("BTCUSDT", "99500", "0.01")
    desk.heard, desk.venue = Heard(), desk._new()
    await desk.open()
    found = await desk.venue.lookup(done)
    assert [report.exec_type for report in found.reports] == [ExecType.NEW, ExecType.TRADE]
    assert (await desk.venue.cancel(works)).status is ACCEPTED
    await desk.heard.until_kind(works.order_id, ExecType.CANCELED)


async def test_a_clock_that_is_off_is_set_and_credentials_are_told(desk: Desk) -> None:
    """Without this, a drifting clock would stop trading for good, and a wrong key look like an outage."""
    desk.peer.skew(20_000)
    assert (await desk.venue.submit(ticket())).status is REJECTED
    await asyncio.sleep(0.1)
    assert (await desk.venue.submit(ticket())).status is ACCEPTED
    desk.peer.refuse_credentials()
    answer = await desk.venue.submit(ticket())
    assert answer.status is REJECTED
    assert "BINANCE_API_KEY" in desk.heard.status
