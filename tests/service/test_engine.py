"""The engine between clients, journal and venues: nothing is answered or sent before it is durable."""

import asyncio
from decimal import Decimal

import pytest

from gateway.core.checkpoint import state_hash
from gateway.domain.config import Limits
from gateway.domain.enums import Mode, OrdStatus, Route, Side, SubmitStatus, TradingState
from gateway.domain.events import ConfigLoaded, TradingSwitched
from gateway.domain.orders import ReplaceRequest
from gateway.domain.records import Checkpoint
from gateway.ports.intake import NotAccepting, Outcome, RequestInvalid
from gateway.ports.venue import Answer
from gateway.service.recovery import recover
from tests.fakes.journal import MemoryJournal
from tests.fakes.outside import FunctionPolicy
from tests.fakes.venue import FakeVenue
from tests.service.desk import desk
from tests.world import ADMIN, TRADER, trading_config

D = Decimal


async def test_nothing_is_answered_or_sent_before_it_is_durable() -> None:
    """Without this, a crash could forget an order that a client was told about, or that a venue has."""
    async with desk(Mode.LIVE) as one:
        one.journal.gate = asyncio.Event()
        placing = asyncio.ensure_future(one.place())
        await one.until(lambda: one.engine.state.orders)
        await asyncio.sleep(0.02)
        assert not placing.done()
        assert one.venue.sends == []
        one.journal.gate.set()
        reply = await placing
        assert reply.outcome is Outcome.CREATED
        await one.until(lambda: len(one.venue.sends) == 1)


async def test_orders_that_arrive_together_share_a_commit() -> None:
    """Without this, every order would pay for a disk flush of its own."""
    async with desk() as one:
        one.journal.gate = asyncio.Event()
        orders = [asyncio.ensure_future(one.place()) for _ in range(30)]
        await one.until(lambda: len(one.engine.state.orders) == 30)
        one.journal.gate.set()
        await asyncio.gather(*orders)
        assert max(one.journal.batches) > 10


async def test_the_same_client_order_id_is_one_order() -> None:
    """Without this, a client that repeats a request after a timeout would trade twice."""
    async with desk(Mode.LIVE) as one:
        first, second = await asyncio.gather(one.place(cl_ord_id="a"), one.place(cl_ord_id="a"))
        other = await one.place(qty=11, cl_ord_id="a")
        assert [first.outcome, second.outcome, other.outcome] == [Outcome.CREATED, Outcome.REPEATED, Outcome.CONFLICT]
        assert one.order(first) is one.order(second)
        await one.until(lambda: one.venue.sends)
        assert len(one.venue.sends) == 1


async def test_a_client_order_id_stays_taken_after_its_order_left_memory() -> None:
    """Without this, an id could be used again once enough other orders had been finished."""
    config = trading_config(retained_closed_orders=2)
    async with desk(config=config) as one:
        first = await one.place(cl_ord_id="old")
        for _ in range(5):
            await one.place()
        await one.until(lambda: first.story.order.order_id not in one.engine.state.orders)  # type: ignore[union-attr]
        again = await one.place(cl_ord_id="old")
        assert again.outcome is Outcome.REPEATED
        assert again.story is not None
        assert again.story.order.ord_status is OrdStatus.FILLED
        assert (await one.place(qty=3, cl_ord_id="old")).outcome is Outcome.CONFLICT


async def test_a_full_disk_stops_orders_and_lets_cancels_and_reads_through() -> None:
    """Without this, a full disk would lose what was answered, or trap people in their orders."""
    async with desk(Mode.LIVE, venue=FakeVenue(fills=False)) as one:
        working = await one.place(limit=D(180))
        await one.until(lambda: one.order(working).ord_status is OrdStatus.NEW)
        one.journal.failure = "disk is full"
        with pytest.raises(NotAccepting, match="disk is full"):
            await one.place(cl_ord_id="later")
        with pytest.raises(NotAccepting):
            await one.place(cl_ord_id="much-later")
        assert len(one.venue.sends) == 1
        order = one.order(working)
        reply = await one.intake.cancel(order.order_id, TRADER)
        assert reply.outcome is Outcome.REQUESTED
        await one.until(lambda: order.ord_status is OrdStatus.CANCELED)
        assert (await one.reads.order(order.order_id)) is not None
        assert one.engine.state.books[Route.LIVE].gateway.held == 0


async def test_when_there_is_room_again_orders_are_taken_and_none_of_the_refused_goes_out() -> None:
    """Without this, an order that was refused with 503 could be sent minutes later, at another price."""
    async with desk(Mode.LIVE) as one:
        one.journal.failure = "disk is full"
        with pytest.raises(NotAccepting):
            await one.place(cl_ord_id="refused")
        one.journal.failure = None
        await one.until(lambda: one.engine.failure is None)
        assert one.venue.sends == []
        again = await one.place(cl_ord_id="refused")
        assert again.outcome is Outcome.CREATED
        await one.until(lambda: one.venue.sends == [again.story.order.order_id])  # type: ignore[union-attr]
        await one.engine.settle(one.engine.last_seq)
        state, _ = await recover(one.journal)
        assert state_hash(state) == state_hash(one.engine.state)


async def test_a_policy_server_that_answers_during_a_full_disk_admits_nothing() -> None:
    """Without this, an order whose policy was slow would slip out between failure and recovery."""
    policy = FunctionPolicy(delay_s=0.0)
    async with desk(Mode.LIVE, policy=policy) as one:
        policy.gate = asyncio.Event()
        placing = asyncio.ensure_future(one.place())
        await one.until(lambda: policy.documents)
        await one.until(lambda: not one.engine._pending)
        one.journal.failure = "disk is full"
        policy.gate.set()
        with pytest.raises(NotAccepting):
            await placing
        one.journal.failure = None
        await one.until(lambda: one.engine.failure is None)
        await asyncio.sleep(0.01)
        assert one.venue.sends == []
        assert one.engine.state.books[Route.LIVE].gateway.held == 0


async def test_a_timeout_is_in_doubt_until_the_venue_itself_answers() -> None:
    """Without this, an order that the venue took while the answer got lost would be forgotten or repeated."""
    async with desk(Mode.LIVE, venue=FakeVenue(fills=False)) as one:
        one.venue.is_silent = True
        one.venue.can_look_up = False
        order = one.order(await one.place(limit=D(180)))
        await one.until(lambda: order.is_in_doubt)
        assert order.ord_status is OrdStatus.PENDING_NEW
        assert one.engine.state.books[Route.LIVE].gateway.held == D(1800)
        one.venue.can_look_up = True
        await one.until(lambda: order.ord_status is OrdStatus.NEW)
        assert not order.is_in_doubt
        assert len(one.venue.sends) == 1


async def test_an_order_that_never_arrived_ends_without_being_sent_again() -> None:
    """Without this, an order lost on the way would hold its exposure for ever, or be sent at a later price."""
    async with desk(Mode.LIVE) as one:
        one.venue.is_deaf = True
        order = one.order(await one.place())
        await one.until(lambda: order.ord_status is OrdStatus.CANCELED)
        assert order.reject is not None
        assert order.reject.code == "NEVER_SENT"
        assert len(one.venue.sends) == 1
        assert one.engine.state.books[Route.LIVE].gateway.held == 0


async def test_a_venue_rejection_is_told_apart_from_our_denial() -> None:
    """Without this, a desk could not tell its own limits from the broker's."""
    async with desk(Mode.LIVE, config=trading_config(Mode.LIVE, limits=Limits(max_order_size=D(10)))) as one:
        one.venue.answer = lambda ticket: Answer(SubmitStatus.REJECTED, "insufficient margin")
        order = one.order(await one.place())
        await one.until(lambda: order.ord_status is OrdStatus.REJECTED)
        assert order.reject is not None
        assert (order.reject.stage, order.reject.text) == ("venue", "insufficient margin")
        denied = await one.place(qty=11)
        assert denied.outcome is Outcome.DENIED
        assert denied.reject is not None
        assert denied.reject.stage == "risk"


async def test_a_restart_finds_every_answered_order_and_sends_none_twice() -> None:
    """Without this, a crash would lose orders, or repeat those that were on their way."""
    journal, venue = MemoryJournal(), FakeVenue(fills=False)
    async with desk(Mode.LIVE, journal=journal, venue=venue) as one:
        replies = [await one.place(limit=D(180)) for _ in range(5)]
        await one.until(lambda: len(venue.book) == 5)
        await one.crash()
    async with desk(Mode.LIVE, journal=journal, venue=venue) as again:
        for reply in replies:
            order = again.order(reply)
            assert order.is_open
        await again.until(lambda: all(again.order(reply).ord_status is OrdStatus.NEW for reply in replies))
        assert len(venue.sends) == 5
        assert again.engine.state.books[Route.LIVE].gateway.held == 5 * D(1800)


async def test_every_live_order_has_a_twin_that_touches_no_book() -> None:
    """Without this, there would be nothing to compare live fills with, or simulated fills would count as real."""
    async with desk(Mode.LIVE) as one:
        order = one.order(await one.place())
        await one.until(lambda: order.twin is not None and order.twin.ord_status is OrdStatus.FILLED)
        assert one.simulator.sends == [order.order_id] * 2  # the twin, and the second one
        assert one.engine.state.books[Route.SHADOW].positions == {}
        assert order.cum_qty == 10


async def test_the_kill_switch_cancels_everything_and_takes_nothing() -> None:
    """Without this, the red button would stop new orders and leave the old ones working."""
    async with desk(Mode.LIVE, venue=FakeVenue(fills=False)) as one:
        orders = [one.order(await one.place(limit=D(180))) for _ in range(4)]
        await one.until(lambda: len(one.venue.book) == 4)
        await one.controls.switch_trading(TradingState.HALTED, ADMIN, "drill")
        await one.until(lambda: all(order.ord_status is OrdStatus.CANCELED for order in orders))
        denied = await one.place()
        assert denied.reject is not None
        assert denied.reject.code == "TRADING_HALTED"
        await one.controls.switch_trading(TradingState.ACTIVE, ADMIN, "over")
        assert (await one.place()).outcome is Outcome.CREATED


async def test_the_kill_switch_works_with_a_broken_journal_and_policy() -> None:
    """Without this, the day everything breaks would be the day the switch does too."""
    async with desk(Mode.LIVE, venue=FakeVenue(fills=False), policy=FunctionPolicy(delay_s=0.0)) as one:
        order = one.order(await one.place(limit=D(180)))
        await one.until(lambda: len(one.venue.book) == 1)
        one.policy.gate = asyncio.Event()
        one.journal.failure = "I/O error"
        await one.controls.switch_trading(TradingState.HALTED, ADMIN, "everything burns")
        await one.until(lambda: order.ord_status is OrdStatus.CANCELED)
        assert one.venue.cancels == [order.order_id]


async def test_a_request_that_is_no_order_leaves_no_trace() -> None:
    """Without this, unreadable requests would fill the journal, or half an order would be recorded."""
    async with desk() as one:
        before = one.engine.last_seq
        with pytest.raises(RequestInvalid) as caught:
            await one.place(qty=-1, limit=D("NaN"))
        assert [error.field for error in caught.value.errors] == ["quantity", "limit_price"]
        assert one.engine.last_seq == before


async def test_a_reader_sees_every_record_once_also_when_it_was_slow() -> None:
    """Without this, a stream client that fell behind would miss a fill without knowing."""
    async with desk() as one:
        seen: list[int] = []

        async def read() -> None:
            async for record in one.feed.records(0):
                seen.append(record.seq)
                await asyncio.sleep(0)

        reading = asyncio.ensure_future(read())
        for _ in range(50):
            await one.place(side=Side.BUY)
        await one.until(lambda: len(seen) == one.engine.last_seq)
        reading.cancel()
        assert seen == list(range(1, one.engine.last_seq + 1))


async def test_an_edit_while_the_policy_server_thinks_has_the_order_decided_again() -> None:
    """Without this, a demotion would not reach the orders that were being checked."""
    policy = FunctionPolicy(delay_s=0.0)
    async with desk(Mode.LIVE, policy=policy) as one:
        policy.gate = asyncio.Event()
        placing = asyncio.ensure_future(one.place())
        await one.until(lambda: policy.documents)
        demoted = trading_config(Mode.SHADOW, revision="demoted")
        one.engine.process(ConfigLoaded(ts_ns=one.clock.now_ns(), config=demoted, actor=ADMIN))
        policy.gate.set()
        order = one.order(await placing)
        assert order.route is Route.SHADOW
        await one.until(lambda: one.simulator.sends)
        assert one.venue.sends == []


async def test_a_checkpoint_that_cannot_be_restored_costs_time_and_nothing_else() -> None:
    """Without this, an upgrade that changes the state's form would not start, or start with another state."""
    journal = MemoryJournal()
    async with desk(journal=journal) as one:
        for _ in range(5):
            await one.place()
        await one.engine.durable(one.engine.last_seq)
        expected, last = state_hash(one.engine.state), one.engine.last_seq
    for data, mark in ((b'{"version":99}', "x"), (b"{}", "x")):
        journal.checkpoints = [Checkpoint(seq=3, ts_ns=0, state=data, state_hash=mark)]
        state, seq = await recover(journal)
        assert (state_hash(state), seq) == (expected, last)


async def test_a_checkpoint_that_cannot_be_made_stops_no_record(caplog: pytest.LogCaptureFixture) -> None:
    """Without this, one value that cannot be encoded would end the task that writes the journal, and nothing would be
    durable any more."""
    async with desk() as one:
        one.engine.state.day = Unwritable()
        await one.engine.checkpoint()
        await one.place()
        one.engine.state.day = 0
        await one.engine.checkpoint()
        await one.until(lambda: one.journal.checkpoints)
    assert "no checkpoint can be made of the state" in caplog.text


class Unwritable(int):
    """A number that has no form in JSON."""


async def test_a_twin_that_ends_after_its_order_is_in_the_archive_too() -> None:
    """Without this, the list of finished orders would show twins that never filled."""
    async with desk(Mode.LIVE) as one:
        one.simulator.fills = False
        order = one.order(await one.place())
        await one.until(lambda: order.ord_status is OrdStatus.FILLED)
        one.simulator.fill(order.order_id)
        await one.until(lambda: order.second_twin is not None and order.second_twin.ord_status is OrdStatus.FILLED)
        await one.engine.durable(one.engine.last_seq)
        archived = one.journal.archived[order.order_id]
        assert archived.second_twin is not None
        assert archived.second_twin.ord_status is OrdStatus.FILLED


async def test_a_restart_takes_up_what_was_asked_before_the_crash() -> None:
    """Without this, open orders would be dead after a restart, a cancel forgotten, a replace pending for ever."""
    journal, venue = MemoryJournal(), FakeVenue(fills=False)
    async with desk(Mode.LIVE, journal=journal, venue=venue) as one:
        canceled, replaced = one.order(await one.place(limit=D(180))), one.order(await one.place(limit=D(180)))
        await one.until(lambda: len(venue.book) == 2)
        one.engine.run_effects = lambda effects: None  # the process dies between the journal and the venue
        await one.intake.cancel(canceled.order_id, TRADER)
        await one.intake.replace(replaced.order_id, ReplaceRequest(order_qty=D(5)), TRADER)
        assert venue.cancels == []
    async with desk(Mode.LIVE, journal=journal, venue=venue) as again:
        state = again.engine.state
        await again.until(lambda: state.orders[canceled.order_id].ord_status is OrdStatus.CANCELED)
        await again.until(lambda: state.orders[replaced.order_id].pending_replace is None)
        assert state.orders[replaced.order_id].order_qty == 10
        assert state.books[Route.LIVE].gateway.held == 1800
        assert len(venue.sends) == 2


async def test_shadow_orders_work_on_in_the_simulator_after_a_restart() -> None:
    """Without this, a resting simulated order would never fill again once the gateway was restarted."""
    journal = MemoryJournal()
    async with desk(journal=journal) as one:
        one.simulator.fills = False
        order = one.order(await one.place(limit=D(180)))
        order_id = order.order_id
        await one.until(lambda: order.ord_status is OrdStatus.NEW)
        await one.engine.durable(one.engine.last_seq)
    async with desk(journal=journal) as again:
        await again.until(lambda: again.simulator.lookups == [order_id])
        assert again.engine.state.books[Route.SHADOW].gateway.held == 1800


async def test_a_cancel_never_overtakes_its_order() -> None:
    """Without this, a quick cancel would reach the venue first, be refused as unknown, and the order would live."""
    async with desk(Mode.LIVE, venue=FakeVenue(fills=False), timeout_s=1.0) as one:
        one.venue.delay_s = 0.05
        order = one.order(await one.place(limit=D(180)))
        await one.until(lambda: bool(one.venue.sends))
        await one.intake.cancel(order.order_id, TRADER)
        await one.until(lambda: order.ord_status is OrdStatus.CANCELED)
        assert one.venue.calls == ["submit", "cancel"]


async def test_a_finished_order_is_found_before_it_is_in_the_archive() -> None:
    """Without this, an order could be nowhere for a moment: 404, and its client id free to trade twice."""
    async with desk(config=trading_config(retained_closed_orders=1)) as one:
        first = await one.place(cl_ord_id="first")
        order_id = first.story.order.order_id  # type: ignore[union-attr]
        await one.until(lambda: one.engine.state.orders[order_id].ord_status is OrdStatus.FILLED)
        one.journal.gate = asyncio.Event()
        one.journal.archived.clear()
        others = [asyncio.ensure_future(one.place()) for _ in range(5)]
        await asyncio.sleep(0.02)
        one.journal.gate.set()
        await asyncio.gather(*others)
        one.journal.gate = asyncio.Event()
        one.engine.process(TradingSwitched(ts_ns=1, state=TradingState.HALTED, actor=ADMIN, reason="t"))
        denied = [asyncio.ensure_future(one.place(cl_ord_id=f"d{n}")) for n in range(4)]
        await one.until(lambda: one.engine.find_client_order("default", "d3") is not None)
        assert one.engine.find_client_order("default", "d0") is not None
        assert one.engine.state.find_client_order("default", "d0") is None
        one.journal.gate.set()
        await asyncio.gather(*denied)
        assert one.engine.finished_orders() == []
