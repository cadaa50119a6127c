"""The kill switch, from the button to the venue: whatever else is going on, it ends with nothing at work."""

import asyncio
import json
from decimal import Decimal

import pytest

from tests.crash.socket_venue import Faults, launcher, venue_server
from tests.e2e.orders import market, resting
from tests.e2e.process import Api, Reply, Site, eventually, running
from tests.patience import PATIENCE_S

PRICES = {"AAPL": Decimal(180), "TSLA": Decimal(250)}
DISABLE, ENABLE = "/api/trading/trading/disable", "/api/trading/trading/enable"


async def is_halted(api: Api) -> bool:
    return (await api.fetch("/api/trading/modes"))["trading_state"] == "halted"


def assert_denied(reply: Reply) -> None:
    assert (reply.status, reply.body["code"]) == (422, "TRADING_HALTED"), reply
    assert "fire drill" in reply.body["detail"]


async def test_it_cancels_what_is_open_and_denies_what_comes(site: Site) -> None:
    """Without this, a person who stops trading could not rely on it, in the minute that matters."""
    async with running(site) as gateway:
        api = gateway.api()
        ids = [(await api.place(**resting(f"s{number}"))).body["order_id"] for number in range(5)]
        bought = (await api.place(**market(strategy="holder"))).body["order_id"]
        await api.until_order(bought, lambda one: one["ord_status"] == "filled")
        assert (await api.post(DISABLE, {"reason": "fire drill"})).status == 200
        for order_id in ids:
            await api.until_order(order_id, lambda one: one["ord_status"] == "canceled")
        assert [view["held_exposure"] for view in await api.portfolio()] == ["0", "0"]
        assert await is_halted(api)
        assert_denied(await api.place(**resting()))
        assert_denied(await api.place(**market("sell", "holder")))
        assert any("fire drill" in text for text in (await api.get("/health/ready")).body["warnings"])

        gateway.kill()
        gateway.spawn()
        await gateway.ready()
        api = gateway.api()
        assert await is_halted(api)
        assert_denied(await api.place(**resting()))
        # Pressing it twice is safe, and letting go works.
        assert (await api.post(DISABLE, {"reason": "fire drill"})).status == 200
        assert (await api.post(ENABLE, {})).status == 200
        assert (await api.place(**resting())).status == 201
        assert (await api.place(**market("sell", "holder"))).status == 201
        assert await gateway.stop() == 0
    async with running(site) as gateway:
        assert not await is_halted(gateway.api())


async def test_reducing_lets_only_closing_orders_pass(site: Site) -> None:
    """Without this, "reduce only" could hold a position in, or let a new one in through a replace."""
    async with running(site) as gateway:
        api = gateway.api()
        rests = (await api.place(**resting("other"))).body["order_id"]
        bought = (await api.place(**market(strategy="holder", quantity=3))).body["order_id"]
        await api.until_order(bought, lambda one: one["ord_status"] == "filled")
        assert (await api.post(DISABLE, {"reason": "fire drill", "state": "reducing"})).status == 200
        denied = await api.place(**resting("holder"))
        assert (denied.status, denied.body["code"]) == (422, "TRADING_REDUCING"), denied
        raised = await api.replace(rests, quantity=50)
        assert (raised.status, raised.body["code"]) == (422, "TRADING_REDUCING"), raised
        assert (await api.place(**market("sell", "holder", quantity=2))).status == 201
        assert (await api.cancel(rests)).status == 202


@pytest.mark.crash
async def test_it_holds_through_a_kill_in_the_same_moment(site: Site) -> None:
    """Without this, a crash right after the button was pressed could bring orders back to life, or forget the halt."""
    async with running(site) as gateway:
        for number in range(4):
            api = gateway.api()
            await api.post(ENABLE, {})
            ids = [(await api.place(**resting(f"s{n}", f"{number}-{n}"))).body["order_id"] for n in range(8)]
            pressed = asyncio.create_task(api.post(DISABLE, {"reason": "fire drill"}))
            await asyncio.wait([pressed], timeout=None if number % 2 else 0.001 * number)
            gateway.kill()
            await asyncio.wait([pressed])  # an answer that left before the kill is an answer
            was_told = pressed.exception() is None and pressed.result().status == 200
            assert was_told or not number % 2
            gateway.spawn()
            await gateway.ready()
            api = gateway.api()
            if was_told:
                assert await is_halted(api)
            if await is_halted(api):
                for order_id in ids:
                    await api.until_order(order_id, lambda one: one["ord_status"] == "canceled")


@pytest.mark.parametrize(
    "faults", [Faults(slow=1.0), Faults(mute=1.0), Faults(lose_cancel=0.6)], ids=["slow", "mute", "lost-cancel"]
)
async def test_nothing_stays_at_work_at_a_difficult_venue(site: Site, faults: Faults) -> None:
    """Without this, a cancel could overtake the order it is for, or get lost, and a live order would work on although
    trading was stopped."""
    site.lift_limits()
    site.merge("gateway.yaml", {"venues": {"ibkr": {"timeout": 0.5}}})
    site.set_modes("CANARY", ibkr=("CANARY", 100))
    async with venue_server(PRICES, faults) as venue, running(site, launcher(venue, site.root)) as gateway:
        api = gateway.api()
        wishes = [api.place(**resting(f"s{number}")) for number in range(12)]
        replies = await asyncio.gather(*wishes)
        assert {(reply.status, reply.body["route"]) for reply in replies} == {(201, "live")}, replies
        assert (await api.post(DISABLE, {"reason": "fire drill"})).status == 200

        async def is_quiet() -> bool:
            orders = await api.orders("&status=open")
            return not orders and not any(order.is_open for order in venue.orders.values())

        await eventually(
            is_quiet, PATIENCE_S, lambda: f"at work: {[one for one in venue.orders.values() if one.is_open]}"
        )
        assert max(venue.sends.values()) == 1
        for reply in replies:
            order = (await api.order(reply.body["order_id"])).body
            assert order["ord_status"] == "canceled", order
            assert order["reject"] is None or reply.body["order_id"] not in venue.orders, order


@pytest.mark.crash
@pytest.mark.parametrize("how", ["KILL", "FLATTEN", "halt_mark.json"])
async def test_what_was_stopped_while_it_was_away_fills_nothing_at_the_start(site: Site, how: str) -> None:
    """Without this, orders that were on their way at a kill would be taken up and fill at the prices of the start,
    before the file that a person put there for it is read."""
    site.merge("gateway.yaml", {"simulator": {"order_latency_ms": 50_000}})
    async with running(site) as gateway:
        placed = [(await gateway.api().place(**market(strategy=f"s{number}"))).body["order_id"] for number in range(3)]
        gateway.kill()
        (site.data / how).write_text(json.dumps({"halted": True, "reason": "prices look wrong"}))
        gateway.spawn()
        await gateway.ready()
        api = gateway.api()
        assert await is_halted(api)
        for order_id in placed:
            done = await api.until_order(order_id, lambda one: one["ord_status"] != "pending_new")
            assert (done["ord_status"], done["cum_qty"]) == ("canceled", "0")
