"""When it proves something that a venue does not have an order, and when not: each of these was called absent once, and
was there."""

import asyncio
from decimal import Decimal
from pathlib import Path

import pytest

from gateway.adapters.venues.alpaca import book as alpaca_book
from gateway.adapters.venues.binance import venue as binance_venue
from gateway.domain.effects import OrderTicket
from gateway.domain.enums import ExecType, SubmitStatus
from gateway.ports.venue import Lookup, Venue
from tests.patience import PATIENCE_S
from tests.venues import test_binance_venue as binance
from tests.venues.alpaca_desk import open_desk
from tests.venues.alpaca_desk import ticket as alpaca_ticket
from tests.venues.binance.server import BinanceServer
from tests.venues.peer import Peer
from tests.venues.test_ibkr import Desk as IbkrDesk
from tests.venues.test_ibkr import ticket as ibkr_ticket
from tests.venues.tws.server import TwsServer

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
#: How long, here, a request may be under way.
UNDER_WAY_S = 0.6


async def arrives_while_looked_for(peer: Peer, venue: Venue, order: OrderTicket) -> Lookup:
    """What the venue's adapter makes of "no such order", judged while the order was on its way, and told when it was
    there."""
    stuck = peer.faults.add("stuck", "place")
    sending = asyncio.create_task(venue.submit(order))
    await stuck.hit.wait()
    sending.cancel()  # its time is over, and it is still on its way
    await asyncio.gather(sending, return_exceptions=True)
    late = peer.faults.add("late", "lookup")
    looking = asyncio.create_task(venue.lookup(order))
    await late.hit.wait()
    stuck.release()
    await asyncio.sleep(UNDER_WAY_S + 0.1)
    late.release()
    return await looking


async def test_binance_absence_counts_from_when_it_was_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without this, an order that arrived while "no such order" was on its way back would be called never sent."""
    monkeypatch.setattr(binance_venue, "_IN_FLIGHT_S", UNDER_WAY_S)
    async with BinanceServer() as peer:
        peer.quote("BTCUSDT", "99999", "100001")
        desk = binance.Desk(peer)
        await desk.open()
        order = binance.ticket()
        assert (await arrives_while_looked_for(peer, desk.venue, order)).is_known is None
        assert [one["status"] for one in peer.orders() if one["clientOrderId"] == order.order_id] == ["NEW"]
        await desk.venue.close()


async def test_alpaca_absence_counts_from_when_it_was_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without this, the same would happen at Alpaca."""
    monkeypatch.setattr(alpaca_book, "IN_FLIGHT_S", UNDER_WAY_S)
    async with open_desk() as desk:
        order = alpaca_ticket()
        assert (await arrives_while_looked_for(desk.peer, desk.venue, order)).is_known is None
        assert len([one for one in desk.peer.orders() if one["client_order_id"] == order.order_id]) == 1


async def test_alpaca_waits_for_a_change_of_before_a_restart_whatever_our_clock_says() -> None:
    """Without this, an order would be told as canceled by a clock that is minutes ahead, and its change arrive."""
    async with open_desk() as desk:
        desk.peer.skew(-300_000)
        order = alpaca_ticket()
        await desk.venue.submit(order)
        stuck = desk.peer.faults.add("stuck", "place")
        changing = asyncio.create_task(desk.venue.replace(order, order.order_qty, Decimal(179), None))
        await stuck.hit.wait()
        changing.cancel()
        await asyncio.gather(changing, return_exceptions=True)
        await desk.stop()
        await desk.open()
        found = await desk.venue.lookup(order)  # seconds after the new order left
        assert (found.is_known, [one for one in found.reports if one.exec_type is ExecType.CANCELED]) == (None, [])
        stuck.release()


async def test_alpaca_tells_no_end_of_an_order_whose_change_arrived_while_it_was_looked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without this, an order would be told as canceled while the answer "no such change" was on its way back, and the
    change works."""
    monkeypatch.setattr(alpaca_book, "IN_FLIGHT_S", UNDER_WAY_S)
    async with open_desk() as desk:
        order = alpaca_ticket()
        await desk.venue.submit(order)
        stuck = desk.peer.faults.add("stuck", "place")
        changing = asyncio.create_task(desk.venue.replace(order, order.order_qty, Decimal(179), None))
        await stuck.hit.wait()
        changing.cancel()
        await asyncio.gather(changing, return_exceptions=True)
        canceled = desk.peer.faults.add("late", "lookup")
        looking = asyncio.create_task(desk.venue.lookup(order))
        await canceled.hit.wait()
        absent = desk.peer.faults.add("late", "lookup")
        canceled.release()
        await absent.hit.wait()
        stuck.release()
        await asyncio.sleep(UNDER_WAY_S + 0.1)
        absent.release()
        assert (await looking).is_known is None


@pytest.mark.parametrize("status", [408, 302])
async def test_what_a_proxy_answers_for_binance_proves_nothing(status: int) -> None:
    """Without this, an order would be called rejected because something on the way gave up waiting for its answer."""
    async with BinanceServer() as peer:
        peer.quote("BTCUSDT", "99999", "100001")
        desk = binance.Desk(peer)
        await desk.open()
        order = binance.ticket()
        peer.faults.add("error_after", "place", status=status, body="<html><h1>Request Timeout</h1></html>")
        assert (await desk.venue.submit(order)).status is SubmitStatus.UNKNOWN
        assert [one["status"] for one in peer.orders() if one["clientOrderId"] == order.order_id] == ["NEW"]
        await desk.venue.close()


async def test_tws_has_the_orders_of_another_client_id_too(tmp_path: Path) -> None:
    """Without this, a gateway that is restarted with another ``client_id`` would call absent what works there."""
    async with TwsServer() as tws:
        tws.quote("AAPL", "179.99", "180.01")
        first = IbkrDesk(tws, tmp_path)
        await first.open()
        tws.faults.drop_after_place = True
        order = ibkr_ticket()
        assert (await first.venue.submit(order)).status is SubmitStatus.UNKNOWN
        await first.venue.close()
        second = IbkrDesk(tws, tmp_path, client_id=8)
        await second.open()
        async with asyncio.timeout(PATIENCE_S):
            while (found := await second.venue.lookup(order)).is_known is None:  # noqa: ASYNC110  # asking is all one can do
                await asyncio.sleep(0.1)
        assert found.is_known is True
        await second.venue.close()
