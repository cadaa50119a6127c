"""A canary at each venue: a whole gateway, as a process of its own, with five percent of what is new going live."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.e2e.process import Api, Site, eventually, running
from tests.patience import PATIENCE_S
from tests.venues.contract.drivers import Driver
from tests.venues.contract.matrix import VENUES
from tests.venues.contract.registry import DRIVERS

#: Positions opened, each by a strategy of its own: at five percent some go live.
CYCLES = 80


def prepare(driver: Driver, folder: Path) -> Site:
    site = Site(folder)
    site.lift_limits()
    symbols = yaml.safe_load(site.read("instruments.yaml"))["symbols"]
    group = symbols["crypto" if "/" in driver.symbol else "equities"]
    group[:] = [one for one in group if one["symbol"] != driver.symbol]
    group.append({"symbol": driver.symbol, **driver.symbol_keys()})
    site.merge("instruments.yaml", {"symbols": symbols})
    keys = driver.venue_keys() | {"timeout": 10}  # a burst waits for the rate limit, and is refused in half of it
    site.merge("gateway.yaml", {"venues": {driver.name: keys}})
    site.set_modes("CANARY", **{driver.name: ("CANARY", 5)})
    return site


async def trade(api: Api, driver: Driver, side: str) -> list[dict[str, Any]]:
    """One market order of each strategy, and what became of it."""

    async def one(number: int) -> dict[str, Any]:
        fields = {"symbol": driver.symbol, "side": side, "quantity": f"{driver.unit:f}", "order_type": "market"}
        reply = await api.place(strategy_id=f"s{number}", **fields)
        assert reply.status == 201, reply
        return await api.until_order(reply.body["order_id"], lambda order: order["ord_status"] == "filled", 30)

    return list(await asyncio.gather(*(one(number) for number in range(CYCLES))))


@pytest.mark.parametrize("name", VENUES)
async def test_a_canary_of_five_percent(name: str, tmp_path: Path) -> None:
    """Without this, all parts could be right and the whole wrong: what the gateway says went live must be what the
    venue has, a position opened live must be closed live, and each live order must have its simulated twin."""
    driver = DRIVERS[name](tmp_path)
    await driver.open_peer()
    try:
        site = prepare(driver, tmp_path / "site")
        async with running(site, environ=driver.environ()) as gateway:
            api = gateway.api()

            async def is_connected() -> bool:
                views = (await api.fetch("/api/trading/connections"))["connections"]
                return any(view["name"] == name and view["is_connected"] for view in views)

            await eventually(is_connected, PATIENCE_S, lambda: gateway.log)
            opened = await trade(api, driver, "buy")
            live = {order["order_id"] for order in opened if order["route"] == "live"}
            assert 0 < len(live) < CYCLES / 4
            assert set(driver.truths()) == live
            closed = await trade(api, driver, "sell")
            assert [order["route"] for order in closed] == [order["route"] for order in opened]
            assert len(driver.truths()) == 2 * len(live)
            assert all(order["twin"] is not None for order in [*opened, *closed] if order["route"] == "live")
            positions = (await api.fetch("/api/trading/positions?book=live"))["positions"]
            assert not any(float(one["quantity"]) for one in positions)
    finally:
        await driver.close_peer()
