"""SIGKILL under load, with a venue that outlives it: every order is sent at most once, and book and venue agree."""

import asyncio
import contextlib
import os
import random
from decimal import Decimal
from pathlib import Path

import aiohttp
import pytest

from tests.crash.socket_venue import Faults, VenueServer, launcher, venue_server
from tests.crash.test_shadow_crash import check, check_log, load, prepare, settled
from tests.crash.traffic import Traffic
from tests.e2e.ledger import OPEN, leaves, signed_fills
from tests.e2e.process import Api, GatewayProcess, Site, eventually, run_gateway
from tests.patience import PATIENCE_S

D = Decimal
RUNS = int(os.environ.get("CRASH_RUNS", "6"))
RUNS_A_SITE = 20
SEED = int(os.environ.get("CRASH_SEED", "1"))
PRICES = {"AAPL": D(180), "TSLA": D(250)}
SIZES = {"AAPL": "3", "TSLA": "2"}
FAULTS = Faults(late=0.1, hang_up=0.04, mute=0.06, lose=0.04, reject=0.05, lose_cancel=0.1, lose_replace=0.1)


async def compare(api: Api, venue: VenueServer) -> None:
    """Order by order, and position by position, the gateway and the venue tell the same story."""
    twice = {order_id: count for order_id, count in venue.sends.items() if count > 1}
    assert not twice, f"sent more than once: {twice}"
    orders = await api.orders()
    live = {order["order_id"]: order for order in leaves(orders) if order["route"] == "live"}
    for order_id, order in live.items():
        assert order["ord_status"] == "denied" or order["twin"] is not None, ("a live order without a twin", order)
        if order_id not in venue.orders:
            assert order["ord_status"] not in (*OPEN, "filled"), ("the venue never had it", order)
            assert order["cum_qty"] == "0", order
    for order_id, held in venue.orders.items():
        order = live[order_id]
        assert D(order["cum_qty"]) == held.cum_qty, (order, held)
        assert D(order["order_qty"]) == held.order_qty, (order, held)
        assert (order["ord_status"] in OPEN) == held.is_open, (order, held)
        if held.is_open and held.limit_px is not None:
            assert D(order["limit_price"]) == held.limit_px, (order, held)
    traded: dict[tuple[str, str, str], Decimal] = {}
    for held in venue.orders.values():
        key = (held.ticket.account, held.ticket.strategy_id, held.ticket.symbol)
        traded[key] = traded.get(key, D(0)) + held.position
    booked = {
        (account, strategy, symbol): qty
        for (book, account, strategy, _, symbol), qty in signed_fills(orders).items()
        if book == "live"
    }
    assert booked == {key: qty for key, qty in traded.items() if qty}


async def quiet(api: Api, venue: VenueServer) -> None:
    """The venue trades no more, and what it did has arrived."""
    venue.is_trading = False
    await settled(api)

    async def agrees() -> bool:
        orders = {order["order_id"]: order for order in leaves(await api.orders())}
        return all(D(orders[order_id]["cum_qty"]) == held.cum_qty for order_id, held in venue.orders.items())

    await eventually(agrees, PATIENCE_S, lambda: "fills of the venue do not arrive")


class Operator:
    """Someone who cannot leave it alone: edits modes and limits, halts and resumes, opens and ends sessions."""

    def __init__(self, site: Site, rng: random.Random) -> None:
        self._site = site
        self._rng = rng

    async def meddle(self, api: Api) -> None:
        """Until the connection breaks."""
        with contextlib.suppress(aiohttp.ClientError, TimeoutError, OSError):
            while True:
                await asyncio.sleep(self._rng.uniform(0, 0.15))
                await self._act(api)

    async def _act(self, api: Api) -> None:
        match self._rng.randrange(6):
            case 0 | 1:
                mode = self._rng.choice(["SHADOW", "CANARY", "CANARY", "LIVE"])
                self._site.set_modes("LIVE", ibkr=(mode, self._rng.choice([20, 60, 100])))
            case 2:
                self._site.merge("risk.yaml", {"limits": {"max_order_size": self._rng.choice([2, 1_000_000])}})
            case 3:
                caps = {"max_live_orders": self._rng.choice([3, 1_000]), "max_live_notional": 20_000}
                self._site.merge("rollout.yaml", {"caps": {"ibkr": caps}})
            case 4:
                state = self._rng.choice(["halted", "reducing"])
                await api.post("/api/trading/trading/disable", {"state": state, "reason": "meddling"})
                await api.post("/api/trading/trading/enable", {})
            case _:
                await api.post("/api/trading/session/start", {"strategies": ["s0", "s1"]})
                await api.post("/api/trading/session/end")


async def one_site(site: Site, rng: random.Random, runs: int, operator: Operator | None = None) -> int:
    async with venue_server(PRICES, FAULTS, rng.randrange(10**9)) as venue:
        traffic = Traffic(rng, f"l{rng.randrange(10**9)}", SIZES, may_be_denied=operator is not None)
        process = GatewayProcess(site, launcher(venue, site.root))
        try:
            for number in range(runs + 1):
                if operator is None and number == runs // 2:  # an edit while the gateway is down
                    site.set_modes("LIVE", ibkr=("LIVE", 0))
                process.spawn(fresh=number == 1)
                await process.ready()
                api = process.api()
                await api.post("/api/trading/trading/enable", {})
                await quiet(api, venue)
                await compare(api, venue)
                await check(process, traffic, rng)
                await quiet(api, venue)
                await compare(api, venue)
                if number < runs:
                    venue.is_trading = True
                    async with asyncio.TaskGroup() as group:
                        if operator is not None:
                            group.create_task(operator.meddle(api))
                        # An edit takes effect within the second: some should, before the kill.
                        await load(process, traffic, rng, 0.4 if operator is None else 1.5)
                    # While nobody listens, the venue goes on.
                    await asyncio.sleep(rng.uniform(0, 0.2))
                await process.close()
                check_log(process.log)
        finally:
            await process.close()
        assert any(order.cum_qty for order in venue.orders.values()), "nothing was traded live"
        return len(venue.orders)


async def prove(site: Site) -> None:
    """The journal is whole, and deciding it again comes to the same."""
    for command in (("audit", "verify"), ("replay",)):
        done = await run_gateway(*command, "--data", site.data)
        assert done.status == 0, done.output


@pytest.mark.crash
async def test_every_order_reaches_the_venue_at_most_once(tmp_path: Path) -> None:
    """Without this, a crash between sending and remembering could send an order twice, or forget one that works at the
    venue, or leave book and venue apart."""
    rng = random.Random(SEED)
    sent = 0
    for number, first in enumerate(range(0, RUNS, RUNS_A_SITE)):
        site = Site(tmp_path / f"site-{number}")
        prepare(site, rng)
        site.merge("gateway.yaml", {"venues": {"ibkr": {"timeout": 0.1}}})
        site.set_modes("LIVE", ibkr=("CANARY", 60))
        sent += await one_site(site, rng, min(RUNS_A_SITE, RUNS - first))
        await prove(site)
    assert sent > RUNS * 3, "hardly anything went live"


@pytest.mark.crash
async def test_people_who_change_everything_meanwhile(tmp_path: Path) -> None:
    """Without this, modes, limits, halts and sessions would each work alone, and a cycle that is demoted, capped,
    halted and killed in one second could end up on two routes, sent twice, or decided otherwise in the replay."""
    rng = random.Random(SEED + 1)
    runs = max(RUNS * 5 // 8, 1)
    for number, first in enumerate(range(0, runs, RUNS_A_SITE)):
        site = Site(tmp_path / f"site-{number}")
        prepare(site, rng)
        site.merge("gateway.yaml", {"venues": {"ibkr": {"timeout": 0.1}}})
        site.set_modes("LIVE", ibkr=("CANARY", 60))
        await one_site(site, rng, min(RUNS_A_SITE, runs - first), Operator(site, rng))
        await prove(site)
