"""Few finished orders are kept in memory: the others are found all the same, and nothing happens twice."""

import asyncio

import pytest

from tests.e2e.orders import market, resting
from tests.e2e.process import Site, running


@pytest.mark.parametrize("retained", [0, 3])
async def test_a_denied_order_is_answered_as_denied(site: Site, retained: int) -> None:
    """Without this, a denial that leaves memory at once would be answered as an outage."""
    site.merge("gateway.yaml", {"storage": {"retained_closed_orders": retained}})
    async with running(site) as gateway:
        api = gateway.api()
        for number in range(2):
            reply = await api.place(**resting(client_order_id=f"large-{number}", quantity=5_000_000))
            assert reply.status == 422, reply
            assert (await api.order(reply.body["order"]["order_id"])).status == 200


async def test_many_orders_that_finish_at_once_are_all_kept(site: Site) -> None:
    """Without this, the kill switch over more orders than memory keeps would lose the first of them for good, and
    free their client_order_ids for a second order."""
    site.merge("gateway.yaml", {"storage": {"retained_closed_orders": 3}})
    async with running(site) as gateway:
        api = gateway.api()
        wishes = [resting(client_order_id=f"c{number}") for number in range(20)]
        ids = [(await api.place(**wish)).body["order_id"] for wish in wishes]
        assert (await api.post("/api/trading/trading/disable", {"reason": "test"})).status == 200
        for order_id in ids:
            order = await api.until_order(order_id, lambda one: one["leaves_qty"] == "0")
            assert order["ord_status"] == "canceled"
        assert {order["order_id"] for order in await api.orders()} == set(ids)
        assert (await api.post("/api/trading/trading/enable", {})).status == 200
        for wish, order_id in zip(wishes, ids, strict=True):
            again = await api.place(**wish)
            assert (again.status, again.body["order_id"]) == (200, order_id)


async def test_an_order_is_never_nowhere(site: Site) -> None:
    """Without this, an order between memory and archive would be 404 for a moment, and its client_order_id new."""
    site.merge("gateway.yaml", {"storage": {"retained_closed_orders": 1}, "simulator": {"order_latency_ms": 0}})
    async with running(site) as gateway:
        api = gateway.api()

        async def one(number: int) -> None:
            fields = market("buy", f"s{number % 4}", f"m{number}", symbol="SOL/USDT", quantity="0.1")
            first = await api.place(**fields)
            assert first.status == 201, first
            for _ in range(5):
                seen, again = await asyncio.gather(api.order(first.body["order_id"]), api.place(**fields))
                assert seen.status == 200, seen
                assert (again.status, again.body["order_id"]) == (200, first.body["order_id"]), again

        await asyncio.gather(*(one(number) for number in range(40)))
        assert len(await api.orders()) == 40
