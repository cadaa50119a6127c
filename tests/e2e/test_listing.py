"""Reading page by page while everything moves: nothing is shown twice, nothing is left out."""

import asyncio
from collections import Counter
from typing import Any

from tests.e2e.orders import market, resting
from tests.e2e.process import Site, running

#: After each page: while it lasts, orders finish and others come.
PAUSE_S = 0.01


async def test_pages_that_are_turned_while_orders_finish(site: Site) -> None:
    """Without this, an order that finishes between two pages would move from memory to the archive and be on none of
    them, or on both; whoever reconciles from the list would act on that."""
    site.lift_limits()
    site.merge("gateway.yaml", {"storage": {"retained_closed_orders": 3, "max_batch": 2}})
    async with running(site) as gateway:
        api = gateway.api()
        ids = [(await api.place(**resting(f"s{n % 7}"))).body["order_id"] for n in range(80)]

        async def finish() -> None:
            for order_id in ids[::2]:
                await api.cancel(order_id)
                await asyncio.sleep(0.002)

        async def go_on() -> None:
            for number in range(60):
                await api.place(**market(strategy=f"t{number % 7}"))
                await asyncio.sleep(0.002)

        async def closed_ones() -> list[dict[str, Any]]:
            await asyncio.sleep(0.15)
            return await api.orders("&status=closed", 5, PAUSE_S)

        listed, closed, _, _ = await asyncio.gather(api.orders("", 7, PAUSE_S), closed_ones(), finish(), go_on())
        times = Counter(order["order_id"] for order in listed)
        assert {order_id: times[order_id] for order_id in ids} == dict.fromkeys(ids, 1)
        assert max(times.values()) == 1
        assert max(Counter(order["order_id"] for order in closed).values()) == 1
        assert all(order["leaves_qty"] == "0" for order in closed)
        for query in ("", "&strategy_id=s3", "&symbol=AAPL&route=shadow", "&status=open", "&status=canceled,filled"):
            some = await api.orders(query, 4, PAUSE_S)
            whole = await api.orders(query)
            assert [order["order_id"] for order in some] == [order["order_id"] for order in whole]
            moments = [order["created_at"] for order in whole]
            assert moments == sorted(moments, reverse=True)
