"""What a venue says may come twice, late, out of order, or about nobody's orders: the book is right all the same."""

import asyncio
import random
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest

from gateway.domain.enums import ExecType
from gateway.domain.executions import ExecutionReport
from tests.crash.socket_venue import VenueServer, launcher, venue_server
from tests.e2e.ledger import check_books
from tests.e2e.orders import market, resting
from tests.e2e.process import Api, GatewayProcess, Site, eventually, running
from tests.patience import PATIENCE_S

D = Decimal
PRICES = {"AAPL": D(180), "TSLA": D(250)}
Desk = tuple[VenueServer, GatewayProcess]


@pytest.fixture
async def desk(site: Site) -> AsyncIterator[Desk]:
    """A gateway that sends everything to a venue of the test's, and keeps few finished orders in memory."""
    site.lift_limits()
    site.merge("gateway.yaml", {"venues": {"ibkr": {"timeout": 0.5}}, "storage": {"retained_closed_orders": 2}})
    site.set_modes("CANARY", ibkr=("CANARY", 100))
    async with venue_server(PRICES) as venue, running(site, launcher(venue, site.root)) as gateway:
        yield venue, gateway


async def working(api: Api, **fields: Any) -> str:
    """A resting order that the venue has acknowledged."""
    reply = await api.place(**resting(**fields))
    assert reply.status == 201, reply
    order_id = str(reply.body["order_id"])
    await api.until_order(order_id, lambda one: one["ord_status"] == "new")
    return order_id


async def story(api: Api) -> dict[str, dict[str, Any]]:
    """Every order as it stands, but for its twin (the simulator's business) and when it was touched."""
    orders = await api.orders()
    for order in orders:
        del order["twin"], order["updated_at"]
    return {order["order_id"]: order for order in orders}


async def settle(api: Api, venue: VenueServer) -> None:
    """A cancel that the venue answers has everything before it on its connection behind it."""
    mark = await working(api, strategy="marker")
    await api.cancel(mark)
    await api.until_order(mark, lambda one: one["ord_status"] == "canceled")


@pytest.mark.parametrize("how", ["twice", "backwards", "shuffled"])
async def test_reports_that_come_again_change_nothing(desk: Desk, how: str) -> None:
    """Without this, a venue that replays its session after a reconnect would double fills, or bring old terms back
    (invariant 7)."""
    venue, gateway = desk
    api = gateway.api()
    for number in range(4):
        reply = await api.place(**market(strategy=f"s{number}", quantity=3))
        await api.until_order(reply.body["order_id"], lambda one: one["ord_status"] == "filled")
    replaced, partly, ended = [await working(api, strategy=name) for name in ("replaced", "partly", "ended")]
    for quantity in (5, 9, 7):
        assert (await api.replace(replaced, quantity=quantity)).status == 202
        await api.until_order(replaced, lambda one, qty=str(quantity): one["order_qty"] == qty)
    await api.replace(partly, quantity=3)
    await api.until_order(partly, lambda one: one["order_qty"] == "3")
    venue.fill(venue.orders[partly], D(2), D(100))
    await api.cancel(ended)
    await settle(api, venue)
    before, positions = await story(api), await api.positions()

    again = list(venue.told)
    if how == "backwards":
        again.reverse()
    elif how == "shuffled":
        random.Random(1).shuffle(again)
    for report in again:
        venue.push(report)
    await settle(api, venue)
    after = await story(api)
    assert {order_id: after[order_id] for order_id in before} == before
    for old, new in zip(positions, await api.positions(), strict=True):
        assert (old["quantity"], old["realized_pnl"]) == (new["quantity"], new["realized_pnl"])
    await check_books(api, initial_cash=D(100_000), multipliers={})


async def test_a_replace_that_got_lost_leaves_the_terms_that_the_venue_has(desk: Desk) -> None:
    """Without this, an earlier replace in the venue's answer would pass for the lost one, and exposure would be held at
    terms that no order has (invariant 6)."""
    venue, gateway = desk
    api = gateway.api()
    order_id = await working(api, quantity=3)
    assert (await api.replace(order_id, limit_price="101")).status == 202
    await api.until_order(order_id, lambda one: one["limit_price"] == "101")
    venue.faults.lose_replace = 1.0
    assert (await api.replace(order_id, quantity=6, limit_price="90")).status == 202
    await api.until_order(order_id, lambda one: one["ord_status"] == "new")
    order = (await api.order(order_id)).body
    assert (order["order_qty"], order["limit_price"]) == ("3", "101"), order
    await check_books(api, initial_cash=D(100_000), multipliers={})
    venue.faults.lose_replace = 0.0
    assert (await api.replace(order_id, quantity=4)).status == 202
    await api.until_order(order_id, lambda one: one["order_qty"] == "4")
    await check_books(api, initial_cash=D(100_000), multipliers={})


async def test_a_fill_after_the_cancel_is_booked(desk: Desk) -> None:
    """Without this, a fill that crossed a cancel would be missing in the position; FIX keeps the order canceled."""
    venue, gateway = desk
    api = gateway.api()
    order_id = await working(api, quantity=5)
    await api.cancel(order_id)
    await api.until_order(order_id, lambda one: one["ord_status"] == "canceled")
    for round_number in range(3):
        if round_number == 1:  # the order has left memory
            for number in range(4):
                other = await working(api, strategy=f"other{number}")
                await api.cancel(other)
                await api.until_order(other, lambda one: one["ord_status"] == "canceled")
        if round_number == 2:  # and the process is another one
            gateway.kill()
            gateway.spawn()
            await gateway.ready()
            api = gateway.api()
        venue.fill(venue.orders[order_id], D(1), D(100))
        order = await api.until_order(order_id, lambda one, qty=str(round_number + 1): one["cum_qty"] == qty)
        assert (order["ord_status"], order["leaves_qty"]) == ("canceled", "0"), order
    held = [view["quantity"] for view in await api.positions() if view["quantity"] != "0"]
    assert held == ["3"]
    # A late fill opened a position: it can be closed, live.
    reply = await api.place(**market("sell", quantity=3))
    assert reply.body["route"] == "live", reply
    await api.until_order(reply.body["order_id"], lambda one: one["ord_status"] == "filled")
    await check_books(api, initial_cash=D(100_000), multipliers={})


async def test_reports_on_orders_of_nobody_are_counted_and_harm_nothing(desk: Desk) -> None:
    """Without this, a shared account's other orders would stop the gateway, or end up in its books."""
    venue, gateway = desk
    api = gateway.api()
    await working(api)
    for exec_type in ExecType:
        venue.push(
            ExecutionReport(
                order_id="somebody-else", exec_type=exec_type, transact_ns=1, exec_id="e1", last_qty=D(7), last_px=D(1)
            )
        )

    async def is_counted() -> bool:
        return (await api.statistics()).get("reports", {}).get("unmatched", 0) == len(ExecType)

    await eventually(is_counted, PATIENCE_S)
    assert await api.positions() == []
    assert (await api.order("somebody-else")).status == 404
    await asyncio.sleep(0.1)
    assert "Traceback" not in gateway.log, gateway.log
    await check_books(api, initial_cash=D(100_000), multipliers={})
