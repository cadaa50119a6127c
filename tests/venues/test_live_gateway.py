"""A whole gateway, as a process of its own, on a TWS: what goes live, twins, closing, a kill and a restart."""

from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest

from tests.e2e.orders import market, resting
from tests.e2e.process import Site, eventually, running
from tests.patience import PATIENCE_S
from tests.venues.tws.server import TwsServer

D = Decimal


@pytest.fixture
def site(tmp_path: Path) -> Site:
    made = Site(tmp_path)
    made.lift_limits()
    return made


def point_at(site: Site, tws: TwsServer, pct: float) -> None:
    site.merge("gateway.yaml", {"venues": {"ibkr": {"port": tws.port, "timeout": 1}}})
    site.set_modes("CANARY", ibkr=("CANARY", pct))


async def test_a_canary_at_interactive_brokers(site: Site) -> None:
    """Without this, all parts could be right and the whole wrong: what the gateway says went live must be what TWS has,
    each with its twin, and closing must follow the position whatever is drawn now."""
    async with TwsServer() as tws:
        tws.quote("AAPL", "179.99", "180.01")
        point_at(site, tws, 30)
        async with running(site) as gateway:
            api = gateway.api()

            async def is_connected() -> bool:
                views = (await api.fetch("/api/trading/connections"))["connections"]
                return any(view["name"] == "ibkr" and view["is_connected"] for view in views)

            await eventually(is_connected, PATIENCE_S, lambda: gateway.log)
            replies = [await api.place(**market(strategy=f"s{n}")) for n in range(30)]
            assert {reply.status for reply in replies} == {201}
            orders = [
                await api.until_order(reply.body["order_id"], lambda one: one["ord_status"] == "filled")
                for reply in replies
            ]
            routes = Counter(order["route"] for order in orders)
            live = {order["order_id"] for order in orders if order["route"] == "live"}
            assert 0 < routes["live"] < 30
            assert {order.terms.order_ref for order in tws.market.orders.values()} == live
            assert all(order["twin"] is not None for order in orders if order["order_id"] in live)
            site.set_modes("CANARY", ibkr=("SHADOW", 0))  # back to SHADOW: what is live can still be closed, live
            closing = [await api.place(**market("sell", strategy=order["strategy_id"])) for order in orders]
            assert Counter(reply.body["route"] for reply in closing) == routes
            for reply in closing:
                await api.until_order(reply.body["order_id"], lambda one: one["ord_status"] == "filled")
            assert all(holding.qty == 0 for holding in tws.market.holdings.values())


async def test_a_killed_gateway_finds_its_orders_at_the_venue_again(site: Site) -> None:
    """Without this, a crash would leave orders at the venue that nobody can cancel, and fills that nobody books."""
    async with TwsServer() as tws:
        tws.quote("AAPL", "179.99", "180.01")
        point_at(site, tws, 100)
        async with running(site) as gateway:
            api = gateway.api()

            async def takes_orders() -> bool:
                reply = await api.place(**resting("probe"))
                return bool(reply.body.get("route") == "live")  # else it is refused: the venue is not connected yet

            await eventually(takes_orders, PATIENCE_S, lambda: gateway.log)
            works = (await api.place(**resting("works"))).body["order_id"]
            fills = (await api.place(**resting("fills", limit_price="150"))).body["order_id"]
            for order_id in (works, fills):
                await api.until_order(order_id, lambda one: one["ord_status"] == "new")
            tws.faults.drop_after_place = True
            doubted = (await api.place(**resting("doubted"))).body["order_id"]

            async def has_arrived() -> bool:
                return any(order.order_ref == doubted for order in tws.seen)

            await eventually(has_arrived, PATIENCE_S, lambda: gateway.log)
            gateway.kill()
            tws.trade("AAPL", "150", 10)
            gateway.spawn()
            await gateway.ready()
            api = gateway.api()
            assert (await api.until_order(fills, lambda one: one["ord_status"] == "filled"))["avg_px"] == "150"
            await api.until_order(doubted, lambda one: one["ord_status"] == "new")
            for order_id in (works, doubted):
                assert (await api.cancel(order_id)).status == 202
                await api.until_order(order_id, lambda one: one["ord_status"] == "canceled")
            sent = Counter(order.order_ref for order in tws.seen)
            assert set(sent.values()) == {1}, "nothing is sent twice"
            positions = (await api.fetch("/api/trading/positions?book=live"))["positions"]
            assert {one["quantity"] for one in positions if one["strategy_id"] == "fills"} == {"1"}
