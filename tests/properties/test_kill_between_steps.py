"""A gateway killed between any two of its steps: what a start finds is what was answered for, no more and no less."""

import asyncio
import random
import shutil
from pathlib import Path

import pytest

from gateway.adapters.journal import SqliteJournal
from gateway.app.checks import replay_journal
from gateway.core.checkpoint import state_hash
from gateway.domain.enums import Mode, Side
from gateway.ports.intake import NotAccepting, Outcome
from gateway.ports.journal import ClosedPositionQuery
from gateway.service.recovery import recover_with_archive
from gateway.service.replay import replay
from tests.journal.helpers import archive_as_soon_as
from tests.service.desk import Desk, desk
from tests.world import TRADER, D, trading_config

_FILES = ("journal.sqlite3", "journal.sqlite3-wal", "journal.head")


async def step(one: Desk, rng: random.Random, answered: dict[str, str], number: int) -> None:
    """One thing that a client, a venue or the disk does."""
    kind = rng.choice(("order", "order", "order", "rest", "cancel", "repeat", "checkpoint", "burst", "turn"))
    if kind == "checkpoint":
        await one.engine.checkpoint()
    elif kind == "turn":
        for _ in range(rng.randint(1, 30)):
            await asyncio.sleep(0)
    elif kind == "cancel":
        open_ones = [order.order_id for order in one.engine.state.orders.values() if order.is_open]
        if open_ones:
            await one.intake.cancel(rng.choice(open_ones), TRADER)
    elif kind == "repeat" and answered:
        cl_ord_id = rng.choice(list(answered))
        earlier = await one.intake.find_earlier("", cl_ord_id) or await one.intake.find_earlier("default", cl_ord_id)
        assert earlier is not None
        assert earlier.order_id == answered[cl_ord_id]
    else:
        ids = [f"c{number}-{n}" for n in range(rng.randint(2, 6) if kind == "burst" else 1)]
        side, limit = rng.choice((Side.BUY, Side.SELL)), D(100) if kind == "rest" else None
        replies = await asyncio.gather(
            *(one.place(side, rng.randint(1, 20), cl_ord_id, limit=limit) for cl_ord_id in ids), return_exceptions=True
        )
        for cl_ord_id, reply in zip(ids, replies, strict=True):
            assert not isinstance(reply, BaseException) or isinstance(reply, NotAccepting), reply
            if not isinstance(reply, BaseException) and reply.outcome in (Outcome.CREATED, Outcome.DENIED):
                assert reply.story is not None
                answered[cl_ord_id] = reply.story.order.order_id


def killed(source: Path, target: Path) -> Path:
    """What ``kill -9`` leaves, without the shared memory."""
    target.mkdir()
    for name in _FILES:
        if (source / name).exists():
            shutil.copy(source / name, target / name)
    return target


async def check(directory: Path, one: Desk, answered: dict[str, str]) -> None:
    """A start on what is left knows every order that was answered."""
    durable_seq, last_seq, last_state = one.engine.durable_seq, one.engine.last_seq, state_hash(one.engine.state)
    journal = await SqliteJournal.open(directory)
    try:
        state, seq = await recover_with_archive(journal)
        folded = await recover_without_checkpoint(journal)
        assert state_hash(state) == folded
        assert seq >= durable_seq
        for cl_ord_id, order_id in answered.items():
            found = state.orders.get(order_id) or await journal.find(order_id)
            assert found is not None, f"{cl_ord_id} was answered, and is nowhere"
            assert order_id in state.orders or journal.may_hold(found.account, cl_ord_id)
        if seq == last_seq:
            assert state_hash(state) == last_state
        await journal.list_closed(ClosedPositionQuery())
    finally:
        await journal.close()
    assert await replay_journal(directory) == 0


async def recover_without_checkpoint(journal: SqliteJournal) -> str:
    report = await replay(journal.read(0))
    assert report.different == 0, report.differences
    return report.state_hash


@pytest.mark.parametrize("seed", range(10))
async def test_what_was_answered_is_found_whenever_it_is_killed(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without this, an order could be answered for and forgotten, or a start come to another state than the records, in
    some order of commits, checkpoints and batches of the archive that nobody thought of."""
    rng = random.Random(seed)
    archive_as_soon_as(monkeypatch, rng.choice((1, 3, 10, 48)), rng.choice((1, 4)))
    monkeypatch.setattr("gateway.service.engine._SIMULATED_WAIT_S", rng.choice((0.0, 0.005, 3_600)))
    config = trading_config(rng.choice((Mode.LIVE, Mode.SHADOW)), retained_closed_orders=rng.choice((1, 4, 1000)))
    live = tmp_path / "live"
    journal = await SqliteJournal.open(live)
    answered: dict[str, str] = {}
    try:
        async with desk(journal=journal, config=config) as one:  # type: ignore[arg-type]
            for number in range(30):
                await step(one, rng, answered, number)
                if rng.random() < 0.2:
                    await check(killed(live, tmp_path / f"killed{number}"), one, answered)
            assert len(answered) > 10
            assert len(set(one.venue.sends)) == len(one.venue.sends)
    finally:
        await journal.close()
    assert await replay_journal(live) == 0, capsys.readouterr().err
