"""The disk is full: no order is taken, all that lowers risk goes on, and what was refused never happened."""

import asyncio
import resource
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.crash.socket_venue import VenueServer, launcher, venue_server
from tests.disks import small_disk
from tests.e2e.ledger import check_books
from tests.e2e.orders import market, resting
from tests.e2e.process import Api, GatewayProcess, Reply, Site, eventually, run_gateway, running
from tests.patience import PATIENCE_S

D = Decimal
PRICES = {"AAPL": D(180), "TSLA": D(250)}
UNLIMITED = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)


class Disk:
    """The disk of a running gateway: no file of its process may grow beyond what it has now, or all may again."""

    def __init__(self, gateway: GatewayProcess) -> None:
        self._gateway = gateway

    def fill(self) -> None:
        """A page or two still fit, as on a real disk that is nearly full."""
        log = self._gateway.site.data / "journal.sqlite3-wal"
        size = log.stat().st_size + 9_000
        resource.prlimit(self._gateway.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    def free(self) -> None:
        resource.prlimit(self._gateway.pid, resource.RLIMIT_FSIZE, UNLIMITED)


def is_refused_for_the_journal(reply: Reply) -> bool:
    """A 503 that says why, and when to come back."""
    if reply.status != 503:
        return False
    assert reply.headers["Content-Type"] == "application/problem+json"
    assert reply.headers["Retry-After"].isdigit()
    assert (reply.body["code"], reply.body["reason"]) == ("NOT_ACCEPTING", "journal_unavailable"), reply
    assert "journal" in reply.body["detail"]
    return True


async def until_full(api: Api, mark: str, **more: Any) -> dict[str, Reply]:
    """Place orders, many at once and some of them too large, until the disk stops them; every answer by id."""
    replies: dict[str, Reply] = {}

    async def one(number: int) -> None:
        wish = resting(f"s{number % 5}", f"{mark}-{number}", quantity=5_000_000 if number % 4 == 0 else 1, **more)
        replies[f"{mark}-{number}"] = await api.place(**wish)

    for first in range(0, 2_000, 20):
        await asyncio.gather(*(one(number) for number in range(first, first + 20)))
        if any(is_refused_for_the_journal(reply) for reply in replies.values()):
            return replies
    raise AssertionError("the disk never filled up")


async def until_accepting(api: Api) -> None:
    async def is_ready() -> bool:
        return (await api.get("/health/ready")).status == 200

    await eventually(is_ready, PATIENCE_S, lambda: "the gateway does not recover")


@pytest.mark.crash
async def test_a_full_disk_stops_orders_and_nothing_else(site: Site) -> None:
    """Without this, a full disk could let orders out that nobody remembers, keep people from canceling, or need a
    restart in the worst moment."""
    site.lift_limits()
    async with running(site) as gateway:
        api, disk = gateway.api(), Disk(gateway)
        rests = (await api.place(**resting("early"))).body["order_id"]
        bought = (await api.place(**market(strategy="early"))).body["order_id"]
        await api.until_order(bought, lambda one: one["ord_status"] == "filled")
        disk.fill()
        replies = await until_full(api, "full")
        refused = {mark for mark, reply in replies.items() if reply.status == 503}
        assert {reply.status for reply in replies.values()} <= {201, 422, 503}

        ready = await api.get("/health/ready")
        assert ready.status == 503
        assert any("journal" in text and ("full" in text or "quota" in text) for text in ready.body["reasons"]), ready
        assert (await api.get("/health/live")).status == 200
        assert "gateway_journal_failures_total" in (await api.get("/metrics")).body
        # Reading and canceling go on.
        assert (await api.order(bought)).body["ord_status"] == "filled"
        assert (await api.cancel(rests)).status == 202
        await api.until_order(rests, lambda one: one["ord_status"] == "canceled")
        assert (await api.replace(rests, quantity=2)).status in (409, 503)
        listed = {order["client_order_id"] for order in await api.orders()}
        assert not listed & refused, "a refused order is listed"
        assert await api.positions()
        assert await api.portfolio()
        assert is_refused_for_the_journal(await api.place(**resting("late")))

        disk.free()
        await until_accepting(api)
        made = {order["client_order_id"] for order in await api.orders()}
        assert not made & refused, "an order that was refused is on record"
        assert {mark for mark, reply in replies.items() if reply.status != 503} <= made
        for mark in sorted(refused)[:20]:
            number = int(mark.rpartition("-")[2])
            wish = resting(f"s{number % 5}", mark, quantity=5_000_000 if number % 4 == 0 else 1)
            assert (await api.place(**wish)).status == (422 if number % 4 == 0 else 201)
        await check_books(api, initial_cash=D(100_000), multipliers={})
        states = {order["order_id"]: order for order in await api.orders()}
        gateway.kill()
        gateway.spawn()
        await gateway.ready()
        after = {order["order_id"]: order for order in await gateway.api().orders()}
        assert after.keys() == states.keys()
        assert after[rests]["ord_status"] == "canceled"
        await check_books(gateway.api(), initial_cash=D(100_000), multipliers={})
        assert await gateway.stop() == 0
    for command in (("audit", "verify"), ("replay",)):
        done = await run_gateway(*command, "--data", site.data)
        assert done.status == 0, done.output


@pytest.mark.crash
async def test_the_kill_switch_works_on_a_full_disk_and_outlives_it(site: Site) -> None:
    """Without this, the one button that must always work would not, or would be forgotten by the next start."""
    site.lift_limits()
    async with running(site) as gateway:
        api, disk = gateway.api(), Disk(gateway)
        ids = [(await api.place(**resting(f"s{n}"))).body["order_id"] for n in range(5)]
        disk.fill()
        await until_full(api, "halt")
        scoped = {"reason": "runs away", "scope": "strategy", "id": "s1"}
        for wish in (scoped, {"reason": "fire drill"}):
            reply = await api.post("/api/trading/trading/disable", wish)
            assert reply.status in (200, 503), reply
        for order_id in ids:
            await api.until_order(order_id, lambda one: one["ord_status"] == "canceled")
        gateway.kill()
        gateway.spawn()
        await gateway.ready()
        api = gateway.api()
        modes = await api.fetch("/api/trading/modes")
        assert (modes["trading_state"], modes["trading_state_reason"]) == ("halted", "fire drill")
        stops = (await api.fetch("/api/trading/trading"))["stops"]
        assert [(one["scope"], one["cause"]) for one in stops] == [("gateway", "fire drill"), ("strategy", "runs away")]
        for order_id in ids:
            await api.until_order(order_id, lambda one: one["ord_status"] == "canceled")
        assert (await api.place(**resting())).status == 422


@pytest.mark.crash
async def test_nothing_refused_was_ever_sent(site: Site) -> None:
    """Without this, an order could reach the venue although its facts were never durable (invariant 1)."""
    site.lift_limits()
    site.merge("gateway.yaml", {"venues": {"ibkr": {"timeout": 0.5}}})
    site.set_modes("CANARY", ibkr=("CANARY", 100))
    async with venue_server(PRICES) as venue, running(site, launcher(venue, site.root)) as gateway:
        api, disk = gateway.api(), Disk(gateway)
        rests = (await api.place(**resting("early"))).body["order_id"]
        await api.until_order(rests, lambda one: one["ord_status"] == "new")
        disk.fill()
        replies = await until_full(api, "live")
        assert (await api.cancel(rests)).status == 202

        async def is_canceled() -> bool:
            return not venue.orders[rests].is_open

        await eventually(is_canceled, PATIENCE_S, lambda: "a live order cannot be canceled on a full disk")
        answered = {reply.body["order_id"] for reply in replies.values() if reply.status == 201}
        await same_orders(venue, answered | {rests})
        gateway.kill()  # what was not durable is gone: the venue must not know more than the journal
        gateway.spawn()
        await gateway.ready()
        api = gateway.api()
        for order_id in answered:
            await api.until_order(order_id, lambda one: one["ord_status"] == "new")
        await api.until_order(rests, lambda one: one["ord_status"] == "canceled")
        known = {order["order_id"] for order in await api.orders()}
        assert set(venue.sends) <= known, "the venue has an order that the gateway does not know"
        assert max(venue.sends.values()) == 1


async def same_orders(venue: VenueServer, expected: set[str]) -> None:
    async def are_same() -> bool:
        return set(venue.sends) == expected

    await eventually(are_same, PATIENCE_S, lambda: f"sent: {sorted(venue.sends)}, answered: {sorted(expected)}")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path, "4m") as folder:
        yield folder


@pytest.mark.crash
async def test_a_disk_that_someone_else_filled(disk: Path) -> None:
    """Without this, only a quota would be tested, and a file system without a free block might behave otherwise: a
    start on it included."""
    site = Site(disk / "gateway")
    site.lift_limits()
    ballast = disk / "ballast"
    async with running(site) as gateway:
        api = gateway.api()
        rests = (await api.place(**resting("early"))).body["order_id"]
        fill_up(ballast)
        replies = await until_full(api, "full")
        assert (await api.cancel(rests)).status == 202
        await api.until_order(rests, lambda one: one["ord_status"] == "canceled")
        assert (await api.get("/health/ready")).status == 503
        ballast.unlink()
        await until_accepting(api)
        refused = {mark for mark, reply in replies.items() if reply.status == 503}
        assert not {order["client_order_id"] for order in await api.orders()} & refused
        assert (await api.place(**resting("late"))).status == 201
        assert await gateway.stop() == 0
    fill_up(ballast)
    second = GatewayProcess(site)
    try:
        second.spawn()
        try:
            await second.ready()
        except AssertionError:
            assert await second.ended() == 1
            assert "Traceback" not in second.log, second.log
            assert "cannot start" in second.log
    except aiohttp.ClientError:
        raise AssertionError(second.log) from None
    finally:
        await second.close()
        ballast.unlink()
    async with running(site) as gateway:
        assert (await gateway.api().place(**resting("again"))).status == 201


def fill_up(path: Path) -> None:
    """Write until not a byte more fits."""
    with path.open("wb", buffering=0) as file:
        for size in (65_536, 4_096, 1):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                continue
