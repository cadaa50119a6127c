"""A start gives the journal back what its archive lacks: exactly what the engine had told it to keep."""

import asyncio
from collections.abc import Sequence

import pytest

from gateway.core.checkpoint import state_hash
from gateway.domain.config import Limits
from gateway.domain.enums import Mode, OrdStatus, Side, SubmitStatus
from gateway.domain.orders import Order
from gateway.domain.positions import ClosedPosition
from gateway.domain.records import Checkpoint, Entry
from gateway.ports.intake import NotAccepting
from gateway.ports.journal import JournalBroken
from gateway.ports.venue import Answer
from gateway.service.recovery import recover, recover_with_archive
from tests.fakes.journal import MemoryJournal
from tests.service.desk import desk
from tests.world import D, trading_config


class ForgetfulJournal(MemoryJournal):
    """Implements ``ports.journal.ArchivesLater``: after a crash, all behind ``archived_seq`` has to be given back."""

    def __init__(self) -> None:
        super().__init__()
        self.archived_seq = 0
        self.told: list[Entry] = []
        self.given_back: list[Entry] = []

    async def append(self, entries: Sequence[Entry]) -> None:
        await super().append(entries)
        self.told += entries

    def take_up(self, entries: Sequence[Entry]) -> None:
        self.given_back += entries


def archive_of(entries: Sequence[Entry]) -> tuple[dict[str, Order], dict[str, ClosedPosition]]:
    orders: dict[str, Order] = {}
    positions: dict[str, ClosedPosition] = {}
    for entry in entries:
        orders |= {one.order_id: one for one in entry.closed_orders}
        for closed_id in entry.voided_positions:
            positions.pop(closed_id, None)
        positions |= {one.closed_id: one for one in entry.closed_positions}
    return orders, positions


async def trade(journal: ForgetfulJournal) -> None:
    """Fills, denials, closed positions, and orders that a failing journal makes the engine take back."""
    config = trading_config(Mode.LIVE, retained_closed_orders=1, limits=Limits(max_order_size=D(100)))
    async with desk(Mode.LIVE, journal=journal, config=config) as one:
        for number in range(6):
            await one.place(side=Side.BUY if number % 2 else Side.SELL, cl_ord_id=f"c{number}")
        journal.failure = "the disk is full"
        quantities = (1, 1, 10**9)  # the last would be denied, and is finished at once
        refused = [asyncio.ensure_future(one.place(qty=n, cl_ord_id=f"refused{n}")) for n in quantities]
        for task in refused:
            with pytest.raises(NotAccepting):
                await task
        journal.failure = None
        await one.until(lambda: one.engine.failure is None)
        last = await one.place(side=Side.SELL, cl_ord_id="last")
        await one.until(lambda: one.order(last).ord_status is OrdStatus.FILLED)
        await one.until(lambda: not one.engine.finished_orders())


async def test_a_start_gives_back_exactly_what_was_to_be_archived() -> None:
    """Without this, orders that were finished just before a crash would be archived otherwise than they ended, or
    orders that were refused with 503 be among them."""
    journal = ForgetfulJournal()
    await trade(journal)
    state, seq = await recover_with_archive(journal)
    told, given_back = archive_of(journal.told), archive_of(journal.given_back)
    assert len(told[0]) == 7
    assert told[1], "nothing was closed"
    assert given_back == told
    assert (seq, len(state.orders)) == (len(journal.rows), len((await recover(journal))[0].orders))


async def test_a_start_gives_back_only_what_is_not_archived() -> None:
    """Without this, each start would write the whole archive anew."""
    journal = ForgetfulJournal()
    await trade(journal)
    journal.archived_seq = len(journal.rows) - 2
    await recover_with_archive(journal)
    assert [entry.record.seq for entry in journal.given_back] == [journal.archived_seq + 1, journal.archived_seq + 2]


async def test_a_start_looks_once_at_each_record_that_the_archive_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without this, a start after a crash would take the square of the records since the last archived order: minutes
    for those fifty thousand that lie between two checkpoints."""
    journal = ForgetfulJournal()
    await trade(journal)
    calls: list[object] = []
    monkeypatch.setattr("gateway.service.recovery.withdrawn_by", lambda *args: calls.append(args) or ())
    await recover_with_archive(journal)
    assert len(calls) == len(journal.rows)


async def test_the_last_checkpoint_is_the_state_of_the_record_that_it_names() -> None:
    """Without this, an answer that comes in the moment of stopping would be in the checkpoint and in no record: its
    order would be in no archive, and its client id free for a second order."""
    journal = MemoryJournal()
    async with desk(Mode.LIVE, journal=journal) as one:
        one.venue.answer = lambda ticket: Answer(SubmitStatus.REJECTED, "no")
        journal.gate = asyncio.Event()
        placing = asyncio.ensure_future(one.place(cl_ord_id="mine"))
        await one.until(lambda: one.engine.state.orders)
        closing = asyncio.ensure_future(one.engine.close())
        await asyncio.sleep(0.01)
        journal.gate.set()
        await placing
        await closing
        assert one.engine.last_seq > one.engine.durable_seq, "the venue's answer came too late for the journal"
    assert [checkpoint.seq for checkpoint in journal.checkpoints] == [one.engine.durable_seq]
    records_alone = MemoryJournal()
    records_alone.rows = journal.rows
    (by_records, _), (by_checkpoint, _) = await recover(records_alone), await recover(journal)
    assert state_hash(by_checkpoint) == state_hash(by_records)


async def test_a_checkpoint_beside_an_unreadable_record_is_told_in_a_line(caplog: pytest.LogCaptureFixture) -> None:
    """Without this, one disk error beside a checkpoint fills the log with a traceback, and ends a stop with one."""

    async def save(checkpoint: Checkpoint) -> None:
        raise JournalBroken("the journal file is damaged")

    async with desk() as one:
        await one.place()
        one.journal.save_checkpoint = save  # type: ignore[method-assign]
        await one.engine.close()
    assert "no checkpoint was written: the journal file is damaged" in caplog.text
