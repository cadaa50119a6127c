"""SIGKILL under load, in SHADOW: what was answered stands, what was not answered can be asked for again."""

import asyncio
import os
import random
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from gateway.adapters.journal import verify
from tests.crash.traffic import MULTIPLIERS, Traffic
from tests.e2e.ledger import UNSETTLED, check_books, leaves
from tests.e2e.process import Api, GatewayProcess, Site, eventually, run_gateway
from tests.patience import PATIENCE_S

#: Kills in all; a new data directory every so many of them.
RUNS = int(os.environ.get("CRASH_RUNS", "10"))
RUNS_A_SITE = 20
SEED = int(os.environ.get("CRASH_SEED", "1"))
INITIAL_CASH = Decimal(100_000)
CLIENTS = 6


def prepare(site: Site, rng: random.Random) -> None:
    """Limits out of the way, and small numbers everywhere: a checkpoint, a full batch, an order that leaves memory
    are then near every kill."""
    site.lift_limits()
    site.merge(
        "gateway.yaml",
        {
            "accounts": {"second": {"initial_cash": int(INITIAL_CASH)}},
            "storage": {
                "checkpoint_every": rng.choice([7, 60, 500]),
                "max_batch": rng.choice([1, 3, 512]),
                "retained_closed_orders": rng.choice([5, 1000]),
            },
            "market_data": {"ticks_per_s": 200},
        },
    )


async def settled(api: Api) -> None:
    """Until no request is under way for any order."""
    waiting: list[Any] = []

    async def is_settled() -> bool:
        nonlocal waiting
        orders = await api.orders("&status=open")
        waiting = [
            one
            for one in (*orders, *leaves(orders))
            if one["ord_status"] in UNSETTLED or one["is_in_doubt"] or one["order_type"] == "market"
        ]
        return not waiting

    await eventually(is_settled, PATIENCE_S, lambda: f"orders stay on the way: {waiting}")


async def load(process: GatewayProcess, traffic: Traffic, rng: random.Random, longest_s: float = 0.4) -> None:
    """Clients at work, and then the kill."""
    api = process.api()
    async with asyncio.TaskGroup() as group:
        group.create_task(traffic.run(api, CLIENTS))
        await asyncio.sleep(rng.uniform(0.02, longest_s))
        process.kill()


async def check(process: GatewayProcess, traffic: Traffic, rng: random.Random) -> None:
    """Everything that must be true after a restart."""
    api = process.api()
    unanswered = [wish for wish in traffic.wishes if wish.seen is None]
    answered = [wish for wish in traffic.wishes if wish.seen is not None]
    for wish in answered[-150:] + rng.sample(answered, min(50, len(answered))):
        await traffic.look(api, wish)
    for wish in [*unanswered, *rng.sample(answered, min(40, len(answered)))]:
        await traffic.place(api, wish)
    await settled(api)
    for wish in traffic.wishes[-150:]:
        view = await traffic.look(api, wish)
        if wish.is_cancel_answered:
            assert view["leaves_qty"] == "0", ("a cancel that was answered 202 was forgotten", view)
    await check_books(api, initial_cash=INITIAL_CASH, multipliers=MULTIPLIERS)


def check_log(log: str) -> None:
    """Nothing broke inside, and no checkpoint was thrown away."""
    assert "Traceback" not in log, log
    assert "is not used" not in log, log


async def kill_again_and_again(site: Site, rng: random.Random, runs: int, *, may_be_denied: bool = False) -> Traffic:
    traffic = Traffic(rng, f"c{rng.randrange(10**9)}", may_be_denied=may_be_denied)
    process = GatewayProcess(site)
    try:
        for number in range(runs):
            is_cut_short = rng.random() < 0.2
            process.spawn(fresh=is_cut_short or number == 1)
            if is_cut_short:  # in the middle of a start, which is long in a new interpreter alone
                await asyncio.sleep(rng.uniform(0.0, 1.2))
                process.kill()
                process.spawn()
            await process.ready()
            await check(process, traffic, rng)
            await load(process, traffic, rng)
            await process.close()
            check_log(process.log)
            report = await asyncio.to_thread(verify, site.data)
            assert not report.problems, report.problems
        process.spawn()
        await process.ready()
        await check(process, traffic, rng)
        check_log(process.log)
    finally:
        await process.close()
    return traffic


@pytest.mark.crash
async def test_nothing_answered_is_lost_and_nothing_happens_twice(tmp_path: Path) -> None:
    """Without this, a reply could leave before its facts are durable, a restart could double a position, or a client
    that repeats an unanswered request could end up with two orders."""
    rng = random.Random(SEED)
    answers = 0
    for number, first in enumerate(range(0, RUNS, RUNS_A_SITE)):
        site = Site(tmp_path / f"site-{number}")
        prepare(site, rng)
        traffic = await kill_again_and_again(site, rng, min(RUNS_A_SITE, RUNS - first))
        answers += traffic.answers
        verified = await run_gateway("audit", "verify", "--data", site.data)
        assert verified.status == 0, verified.output
        replayed = await run_gateway("replay", "--data", site.data)
        assert replayed.status == 0, replayed.output
        assert " 0 differences" in replayed.output, replayed.output
    assert answers > RUNS * 10, "the load was no load"
