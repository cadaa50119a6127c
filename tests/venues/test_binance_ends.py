"""When the end of an order at Binance is told that this process has not found yet: after what it filled before."""

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal

import pytest

from gateway.domain.enums import ExecType, SubmitStatus
from tests.venues.binance.server import BinanceServer
from tests.venues.test_binance_venue import Desk, ticket

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    async with BinanceServer() as peer:
        peer.quote("BTCUSDT", "99999", "100001")
        made = Desk(peer)
        await made.open()
        yield made
        await made.venue.close()


@pytest.mark.parametrize("is_ours", [True, False])
async def test_the_end_of_an_order_from_before_a_restart_follows_its_fills(desk: Desk, is_ours: bool) -> None:
    """Without this, an order that is canceled before it could be looked up after a restart would be over while what it
    filled is not known: a flatten would close that part of the position once more."""
    order = ticket()
    await desk.venue.submit(order)
    await desk.venue.close()
    desk.peer.trade("BTCUSDT", "98999", "0.004")
    await desk.restart()
    if is_ours:
        assert (await desk.venue.cancel(order)).status is SubmitStatus.ACCEPTED
    else:
        there = desk.peer.exchange.by_client_id(order.order_id)
        assert there is not None
        late = desk.peer.faults.add("late", "lookup")
        looking = asyncio.create_task(desk.venue.lookup(order))
        await late.hit.wait()
        desk.peer.exchange.cancel(there, "by-hand")
        late.release()
        assert (await looking).is_known is not True, "it was open when it was asked about"
        desk.heard.on_reports((await desk.venue.lookup(order)).reports)
    await desk.heard.until_kind(order.order_id, ExecType.CANCELED)
    kinds = [one.exec_type for one in desk.heard.reports if one.order_id == order.order_id]
    assert kinds.index(ExecType.CANCELED) > kinds.index(ExecType.TRADE)
    assert desk.heard.cum_qty(order.order_id) == Decimal("0.004")
    assert order.order_id not in desk.venue._orders.open
