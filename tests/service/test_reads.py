"""What readers find: an order under the words that it is shown with."""

from gateway.domain.enums import Mode, OrderClass, OrdStatus, Route
from gateway.domain.order_class import StopLoss, TakeProfit
from gateway.ports.journal import OrderQuery
from tests.fakes.venue import FakeVenue
from tests.service.desk import desk
from tests.world import D


async def test_an_open_order_with_exits_is_found_by_the_route_and_status_that_it_is_shown_with() -> None:
    """Without this, who lists what works live would miss every bracket: memory keeps the parent of what was sent."""
    exits = {"take_profit": TakeProfit(D(200)), "stop_loss": StopLoss(D(100))}
    async with desk(Mode.LIVE, venue=FakeVenue(fills=False)) as one:
        reply = await one.place(limit=D(150), order_class=OrderClass.BRACKET, **exits)
        assert reply.story is not None
        order_id = reply.story.order.order_id
        await one.until(lambda: one.engine.state.orders[f"{order_id}-1"].ord_status is OrdStatus.NEW)
        (shown,) = await one.reads.orders(OrderQuery())
        assert (shown.order.route, shown.order.ord_status) == (Route.LIVE, OrdStatus.NEW)
        for found in (OrderQuery(route=Route.LIVE), OrderQuery(statuses=(OrdStatus.NEW,))):
            assert [story.order.order_id for story in await one.reads.orders(found)] == [order_id]
        for other in (OrderQuery(route=Route.SPLIT), OrderQuery(statuses=(OrdStatus.PENDING_NEW,))):
            assert await one.reads.orders(other) == []
