"""The same ``client_order_id`` again: while the first is decided, after it was refused, and after a restart."""

import asyncio
from decimal import Decimal

import msgspec
import pytest

from gateway.domain.enums import Mode, OrdStatus
from gateway.domain.events import AdmissionsAbandoned
from gateway.domain.facts import OrderHeld, OrderWithdrawn
from gateway.domain.orders import Order, ReplaceRequest
from gateway.ports.intake import NotAccepting, Outcome
from gateway.ports.journal import JournalBroken, JournalUnavailable
from tests.fakes.journal import MemoryJournal
from tests.fakes.outside import FunctionPolicy
from tests.service.desk import desk
from tests.world import DENY, TRADER, trading_config

D = Decimal


async def test_a_repeat_waits_for_what_the_policy_server_says_of_the_first() -> None:
    """Without this, a client that asks again would hear ``pending_new`` of an order that is denied a moment later."""
    policy = FunctionPolicy(delay_s=0.0)
    async with desk(Mode.LIVE, policy=policy) as one:
        policy.gate, policy.verdict = asyncio.Event(), DENY
        first = asyncio.ensure_future(one.place(cl_ord_id="a"))
        await one.until(lambda: policy.documents)
        first.cancel()  # its client hung up, which changes nothing
        again = [asyncio.ensure_future(one.place(cl_ord_id="a")) for _ in range(3)]
        await asyncio.sleep(0.01)
        assert not any(task.done() for task in again)
        policy.gate.set()
        for reply in await asyncio.gather(*again):
            assert reply.outcome is Outcome.REPEATED
            assert reply.story is not None
            assert reply.story.order.ord_status is OrdStatus.DENIED
        assert len(policy.documents) == 1


async def test_a_repeat_of_an_order_that_is_taken_back_is_refused_with_it() -> None:
    """Without this, a repeat would be told of an order that exists nowhere."""
    policy = FunctionPolicy(delay_s=0.0)
    async with desk(Mode.LIVE, policy=policy) as one:
        policy.gate = asyncio.Event()
        both = [asyncio.ensure_future(one.place(cl_ord_id="a")) for _ in range(2)]
        await one.until(lambda: policy.documents)
        await one.until(lambda: not one.engine._pending)
        one.journal.failure = "disk is full"
        policy.gate.set()
        for outcome in await asyncio.gather(*both, return_exceptions=True):
            assert isinstance(outcome, NotAccepting)
        assert one.venue.sends == []
        one.journal.failure = None
        await one.until(lambda: one.engine.failure is None)
        assert (await one.place(cl_ord_id="a")).outcome is Outcome.CREATED


async def test_no_order_is_made_durable_without_its_withdrawal() -> None:
    """Without this, a crash between two batches of the recovery would bring orders to life that got 503."""
    journal = MemoryJournal()
    async with desk(journal=journal, config=trading_config()) as one:
        journal.gate = asyncio.Event()
        # More than one batch holds (64).
        placing = [asyncio.ensure_future(one.place(cl_ord_id=f"c{n}", limit=D(100))) for n in range(100)]
        await one.until(lambda: len(one.engine._pending) == 100)
        journal.failure = "disk is full"
        journal.gate.set()
        for outcome in await asyncio.gather(*placing, return_exceptions=True):
            assert isinstance(outcome, NotAccepting)
        batches = len(journal.batches)
        journal.failure = None
        await one.until(lambda: one.engine.failure is None)
        # What a crash after the first write that worked would find.
        written = journal.records[: sum(journal.batches[: batches + 1])]
        assert isinstance(written[-1].event, AdmissionsAbandoned)
        facts = [fact for record in written for fact in record.facts]
        held = {fact.order.order_id for fact in facts if isinstance(fact, OrderHeld)}
        assert len(held) == 100
        assert held == {fact.order_id for fact in facts if isinstance(fact, OrderWithdrawn)}
    copy = MemoryJournal()
    copy.rows = [msgspec.json.encode(record) for record in written]
    async with desk(journal=copy) as again:
        assert again.engine.state.open_orders() == []
        assert (await again.place(cl_ord_id="c7", limit=D(100))).outcome is Outcome.CREATED
        assert len(again.engine.state.open_orders()) == 1


class _StoppedClock:
    """A machine without a battery: its clock says the same after every boot."""

    def now_ns(self) -> int:
        return 1_700_000_000_000_000_000

    def monotonic_ns(self) -> int:
        return 0


async def test_a_clock_that_repeats_itself_gives_no_order_id_twice() -> None:
    """Without this, an order could take the id of one from before a restart: its place in the books, its fills, and
    at the venue its name."""
    journal = MemoryJournal()
    order_ids = set()
    for count in (1, 2, 3):
        async with desk(journal=journal, clock=_StoppedClock()) as one:
            order_ids.add(one.order(await one.place(limit=D(100))).order_id)
        assert len(order_ids) == count


@pytest.mark.parametrize("error", [JournalUnavailable("the disk reports an error"), JournalBroken("it is malformed")])
async def test_a_repeat_that_cannot_be_looked_for_is_not_accepted(error: Exception) -> None:
    """Without this, a client whose order may be there already hears of an error inside, without a word on when to ask
    again."""

    async def find(account: str, cl_ord_id: str) -> Order | None:
        raise error

    async with desk() as one:
        await one.place(cl_ord_id="a")
        one.journal.may_hold = lambda account, cl_ord_id: True  # type: ignore[method-assign]
        one.journal.find_by_client_id = find  # type: ignore[method-assign]
        with pytest.raises(NotAccepting, match=str(error)) as refused:
            await one.place(cl_ord_id="b")
        assert refused.value.reason == "journal_unavailable"
        assert (await one.place(cl_ord_id="a")).outcome is Outcome.REPEATED


@pytest.mark.parametrize("error", [JournalUnavailable("the disk reports an error"), JournalBroken("it is malformed")])
async def test_what_only_an_unreadable_archive_knows_changes_nothing_and_is_not_lost(error: Exception) -> None:
    """Without this, asking for an order that left memory could say that there is none, or record what nobody did."""

    async def find(order_id: str) -> Order | None:
        raise error

    async with desk(config=trading_config(retained_closed_orders=1)) as one:
        first = await one.place(cl_ord_id="a")
        assert first.story is not None
        order_id = first.story.order.order_id
        for _ in range(3):
            await one.place()
        await one.until(lambda: one.engine.find_order(order_id) is None)
        found, last_seq = one.journal.find, one.engine.last_seq
        one.journal.find = find  # type: ignore[method-assign]
        for ask in (
            one.reads.order(order_id),
            one.intake.cancel(order_id, TRADER),
            one.intake.replace(order_id, ReplaceRequest(order_qty=D(5)), TRADER),
        ):
            with pytest.raises(type(error), match=str(error)):
                await ask
        assert one.engine.last_seq == last_seq
        one.journal.find = found  # type: ignore[method-assign]
        assert (await one.intake.cancel(order_id, TRADER)).outcome is Outcome.REFUSED
        assert (await one.place(cl_ord_id="a")).outcome is Outcome.REPEATED


async def test_an_order_that_ended_while_the_policy_thought_is_told_as_taken_though_it_cannot_be_read() -> None:
    """Without this, its client hears of a fault inside, or that nothing was taken, and may send it again."""

    async def find(order_id: str) -> Order | None:
        raise JournalUnavailable("the disk reports an error")

    async with desk() as one:
        one.journal.find = find  # type: ignore[method-assign]
        with pytest.raises(NotAccepting, match=r"order o-gone was decided and is over, .*: the disk reports an error"):
            await one.intake._decided("o-gone")


async def test_of_denials_that_memory_let_go_of_before_the_journal_failed_all_tell_the_same() -> None:
    """More orders are denied in the moment in which the journal fails than memory keeps: the oldest are not taken back
    but stay on record, denied. Without this, answer, record and repeat could come to say different things of them, or
    one be sent after all."""
    policy = FunctionPolicy()
    async with desk(Mode.LIVE, policy=policy, config=trading_config(Mode.LIVE, retained_closed_orders=2)) as one:
        policy.verdict = DENY
        one.journal.gate, one.journal.failure = asyncio.Event(), "disk is full"
        placing = [asyncio.ensure_future(one.place(cl_ord_id=f"c{n}", limit=D(100))) for n in range(6)]
        await one.until(lambda: one.engine.find_client_order("default", "c5") is not None)
        one.journal.gate.set()
        for outcome in await asyncio.gather(*placing, return_exceptions=True):
            assert isinstance(outcome, NotAccepting)
        with pytest.raises(NotAccepting):
            await one.place(cl_ord_id="c0", limit=D(100))
        one.journal.failure = None
        await one.until(lambda: one.engine.failure is None)
        on_record = {order.cl_ord_id: order.ord_status for order in one.journal.archived.values()}
        assert on_record == dict.fromkeys(("c0", "c1", "c2", "c3"), OrdStatus.DENIED)
        for n in range(6):
            reply = await one.place(cl_ord_id=f"c{n}", limit=D(100))
            assert reply.outcome is (Outcome.REPEATED if n < 4 else Outcome.DENIED)
            assert reply.story is not None
            assert reply.story.order.ord_status is OrdStatus.DENIED
        assert one.venue.sends == []
        records = one.journal.rows
    copy = MemoryJournal()
    copy.rows = records
    async with desk(Mode.LIVE, journal=copy, policy=policy) as again:
        assert again.engine.state.open_orders() == []
