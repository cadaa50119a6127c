"""SHADOW, CANARY and LIVE, end to end: what reaches the venue is counted at the venue."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import pytest

from tests.crash.socket_venue import VenueServer, launcher, venue_server
from tests.e2e.ledger import check_books
from tests.e2e.orders import market, resting
from tests.e2e.process import Api, GatewayProcess, Site, eventually, running
from tests.patience import PATIENCE_S
from tests.ports import lasting_port

D = Decimal
PRICES = {"AAPL": D(180), "TSLA": D(250)}


@asynccontextmanager
async def live_site(site: Site, *more: str) -> AsyncIterator[tuple[VenueServer, GatewayProcess]]:
    """A gateway with a venue of the test's behind ``ibkr``."""
    site.lift_limits()
    site.merge("gateway.yaml", {"venues": {"ibkr": {"timeout": 0.5}}})
    async with venue_server(PRICES) as venue, running(site, launcher(venue, site.root, *more)) as gateway:
        yield venue, gateway


def builds(site: Site) -> list[str]:
    """What became of order adapters so far."""
    path = site.root / "builds.txt"
    return path.read_text().split() if path.exists() else []


async def effective(api: Api, venue: str = "ibkr") -> str:
    modes = await api.fetch("/api/trading/modes")
    return next(str(view["effective_mode"]) for view in modes["venues"] if view["venue"] == venue)


async def until_mode(api: Api, mode: str) -> None:
    async def is_so() -> bool:
        return await effective(api) == mode

    await eventually(is_so, PATIENCE_S, lambda: f"the mode does not become {mode}")


async def go_live(site: Site, api: Api) -> None:
    """The only way there: through CANARY."""
    for mode in ("CANARY", "LIVE"):
        site.set_modes("LIVE", ibkr=(mode, 100))
        await until_mode(api, mode)


async def filled(api: Api, **fields: Any) -> dict[str, Any]:
    reply = await api.place(**fields)
    assert reply.status == 201, reply
    return await api.until_order(reply.body["order_id"], lambda one: one["ord_status"] == "filled")


async def test_shadow_never_builds_an_order_adapter(site: Site) -> None:
    """Without this, a process in SHADOW could hold a connection that is able to trade (invariant 1)."""
    async with live_site(site) as (venue, gateway):
        for is_edited in (True, False):
            api = gateway.api()
            await asyncio.gather(*(filled(api, **market("buy", f"s{n}", quantity=2)) for n in range(5)))
            rests = (await api.place(**resting("rest"))).body["order_id"]
            assert (await api.cancel(rests)).status == 202
            await asyncio.gather(*(filled(api, **market("sell", f"s{n}")) for n in range(5)))
            assert (await api.post("/api/trading/trading/disable", {})).status == 200
            assert (await api.post("/api/trading/trading/enable", {})).status == 200
            connections = (await api.fetch("/api/trading/connections"))["connections"]
            assert not next(one for one in connections if one["name"] == "ibkr")["is_connected"]
            # An edit that leaves the effective mode alone, then a crash with positions open, then again.
            if is_edited:
                site.set_modes("SHADOW", ibkr=("LIVE", 0))
                await asyncio.sleep(1.2)
            assert await effective(api) == "SHADOW"
            gateway.kill()
            gateway.spawn()
            await gateway.ready()
        positions = await gateway.api().positions()
        assert {view["book"] for view in positions} == {"shadow"}
        assert any(view["quantity"] != "0" for view in positions)
        assert builds(site) == []
        assert venue.connections == 0


async def test_shadow_to_live_in_one_edit_is_refused(site: Site) -> None:
    """Without this, one slip of the hand in a file could send everything for real, with no evidence at all."""
    async with live_site(site) as (venue, gateway):
        api = gateway.api()
        site.set_modes("LIVE", ibkr=("LIVE", 0))

        async def is_told() -> bool:
            return any("SHADOW to LIVE" in text for text in (await api.get("/health/ready")).body["warnings"])

        await eventually(is_told, PATIENCE_S, lambda: gateway.log)
        assert await effective(api) == "SHADOW"
        assert (await filled(api, **market()))["route"] == "shadow"
        assert builds(site) == []
        assert not venue.sends
        await go_live(site, api)
        assert (await filled(api, **market("buy", "s2")))["route"] == "live"


async def test_a_new_gateway_does_not_start_in_live(site: Site) -> None:
    """Without this, an empty data directory (a lost volume, a typo) would start sending with no past to judge by."""
    site.set_modes("LIVE", ibkr=("LIVE", 0))
    async with venue_server(PRICES) as venue:
        gateway = GatewayProcess(site, launcher(venue, site.root), port=lasting_port())
        try:
            gateway.spawn()
            assert await gateway.ended() != 0
            assert "SHADOW or CANARY" in gateway.log
            assert "Traceback" not in gateway.log
            assert builds(site) == []
        finally:
            await gateway.close()


async def test_demotion_closes_live_and_only_then_lets_go_of_the_venue(site: Site) -> None:
    """Without this, lowering the mode could lock a live position in, or keep a venue connected that nobody needs
    (invariants 3 and 10)."""
    site.set_modes("CANARY", ibkr=("CANARY", 100))
    async with live_site(site) as (venue, gateway):
        api = gateway.api()
        await go_live(site, api)
        assert (await filled(api, **market("buy", "holder", quantity=3)))["route"] == "live"
        rests = (await api.place(**resting("rester"))).body["order_id"]
        await api.until_order(rests, lambda one: one["ord_status"] == "new")
        site.set_modes("SHADOW", ibkr=("SHADOW", 0))
        await until_mode(api, "SHADOW")

        assert (await filled(api, **market("buy", "opener")))["route"] == "shadow"
        assert (await filled(api, **market("buy", "holder")))["route"] == "shadow"
        gateway.kill()
        gateway.spawn()
        await gateway.ready()
        api = gateway.api()
        assert await effective(api) == "SHADOW"
        assert (await api.cancel(rests)).status == 202
        await api.until_order(rests, lambda one: one["ord_status"] == "canceled")
        assert builds(site) == ["built", "built"]

        # More than the live position: the closing parts each on their own route, the rest as a new cycle.
        closing = await filled(api, **market("sell", "holder", quantity=6))
        assert closing["route"] == "split"
        legs = [(leg["route"], leg["order_qty"], leg["route_reason"]) for leg in closing["legs"]]
        assert legs == [
            ("live", "3", "CLOSES_POSITION"),
            ("shadow", "1", "CLOSES_POSITION"),
            ("shadow", "2", "MODE_SHADOW"),
        ]
        assert sum((order.position for order in venue.orders.values()), D(0)) == 0

        async def is_closed() -> bool:
            return builds(site) == ["built", "built", "closed"]

        await eventually(is_closed, PATIENCE_S, lambda: f"the adapter is still there: {builds(site)}")
        sent = sum(venue.sends.values())
        assert (await filled(api, **market("buy", "late", quantity=5)))["route"] == "shadow"
        assert sum(venue.sends.values()) == sent
        await check_books(api, initial_cash=D(100_000), multipliers={})


async def test_canary_at_50_percent(site: Site) -> None:
    """Without this, a canary could split one position over two books, send more than its share, lose the comparison
    with its twin, or leave a live entry without its exit when the mode is lowered."""
    site.set_modes("CANARY", ibkr=("CANARY", 50))
    async with live_site(site) as (venue, gateway):
        api = gateway.api()
        routes: Counter[str] = Counter()

        async def cycle(strategy: str, symbol: str) -> None:
            entry = await filled(api, **market("buy", strategy, quantity=3, symbol=symbol))
            more = await filled(api, **market("buy", strategy, quantity=1, symbol=symbol))
            leave = await filled(api, **market("sell", strategy, quantity=4, symbol=symbol))
            assert {more["route"], leave["route"]} == {entry["route"]}
            assert {more["cycle"], leave["cycle"]} == {entry["cycle"]}
            routes[entry["route"]] += 1

        for _ in range(3):
            await asyncio.gather(*(cycle(f"s{n}", symbol) for n in range(20) for symbol in PRICES))
        assert sum(routes.values()) == 120
        assert 36 <= routes["live"] <= 84, routes  # four standard deviations around 60
        modes = await api.fetch("/api/trading/modes")
        view = next(one for one in modes["venues"] if one["venue"] == "ibkr")
        assert (view["cycles_live"], view["cycles_shadow"]) == (routes["live"], routes["shadow"])
        assert D(view["measured_share"]) == (D(routes["live"]) / 120).quantize(D("1e-12"))
        assert len(venue.sends) == 3 * routes["live"]

        orders = await check_books(api, initial_cash=D(100_000), multipliers={})

        async def twins_are_done() -> bool:
            return all((o["twin"]["ord_status"] == "filled") for o in await api.orders("&route=live"))

        await eventually(twins_are_done, PATIENCE_S, lambda: "a live order's twin never filled")
        for order in orders:
            assert (order["twin"] is not None) == (order["route"] == "live"), order
        for order in await api.orders("&route=live"):
            assert order["twin"]["cum_qty"] == order["cum_qty"]

        entries = {n: await filled(api, **market("buy", f"s{n}", quantity=2)) for n in range(20)}
        site.set_modes("CANARY", ibkr=("SHADOW", 50))
        await until_mode(api, "SHADOW")
        for n, entry in entries.items():
            leave = await filled(api, **market("sell", f"s{n}", quantity=2))
            assert (leave["route"], leave["cycle"]) == (entry["route"], entry["cycle"])
        assert {entry["route"] for entry in entries.values()} == {"live", "shadow"}
        assert sum((order.position for order in venue.orders.values()), D(0)) == 0
        assert max(venue.sends.values()) == 1


async def test_an_adapter_that_cannot_be_built_is_a_refused_edit(site: Site) -> None:
    """Without this, a venue without its credentials would leave an edit half applied, with nobody told."""
    async with live_site(site, "--broken", "IBKR_ACCOUNT_ID is not set") as (_, gateway):
        api = gateway.api()
        site.set_modes("CANARY", ibkr=("CANARY", 100))

        async def is_told() -> bool:
            return any("IBKR_ACCOUNT_ID" in text for text in (await api.get("/health/ready")).body["warnings"])

        await eventually(is_told, PATIENCE_S, lambda: gateway.log)
        assert await effective(api) == "SHADOW"
        assert (await filled(api, **market()))["route"] == "shadow"
        # The file is still watched, and the next edit takes effect.
        site.set_modes("SHADOW", ibkr=("SHADOW", 0))
        site.change("risk.yaml", "max_order_size: 1000000", "max_order_size: 7")

        async def bites() -> bool:
            return (await api.place(**market(quantity=8))).status == 422

        await eventually(bites, PATIENCE_S, lambda: gateway.log)


@pytest.mark.parametrize("is_new", [True, False], ids=["first-start", "restart"])
async def test_an_adapter_that_cannot_be_built_does_not_start_in_silence(site: Site, is_new: bool) -> None:
    """Without this, a start with missing credentials would end in a stack trace, or run as if nothing were wrong."""
    site.lift_limits()
    async with venue_server(PRICES) as venue:
        if not is_new:
            async with running(site) as gateway:
                assert await gateway.stop() == 0
        site.set_modes("CANARY", ibkr=("CANARY", 100))
        gateway = GatewayProcess(site, launcher(venue, site.root, "--broken", "IBKR_ACCOUNT_ID is not set"))
        try:
            gateway.spawn()
            if is_new:
                assert await gateway.ended() == 1
            else:  # the past goes on in SHADOW, or it says no: but it says why
                try:
                    await gateway.ready()
                    assert await effective(gateway.api()) == "SHADOW"
                except AssertionError:
                    assert await gateway.ended() == 1
            words = [line for line in gateway.log.splitlines() if "cannot be built" in line]
            assert any("IBKR_ACCOUNT_ID is not set" in line for line in words), gateway.log
        finally:
            await gateway.close()
