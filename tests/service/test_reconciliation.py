"""The service around reconciliation: what it reads when, what it books, and a venue that cannot be read."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from gateway.domain.capabilities import Reach
from gateway.domain.enums import ExecType, Mode, OrdStatus, Side, SubmitStatus
from gateway.domain.events import ConfigLoaded
from gateway.domain.orders import Order
from gateway.domain.reconciliation import SettleAs
from gateway.domain.venue_account import AccountUnreadable, VenueExecution, VenueOrder, VenuePosition
from gateway.ports.intake import ControlRefused
from gateway.ports.journal import JournalUnavailable
from gateway.ports.venue import Answer
from gateway.service.agreement import AgreementDesk
from gateway.service.reconciliation import Reconciler
from tests.fakes.clock import ManualClock
from tests.fakes.venue import FakeVenue
from tests.reconciliation.venue import ALPHA
from tests.service.desk import Desk, desk
from tests.world import ADMIN, RITA, trading_config

D = Decimal


class FakeAccount:
    """Implements ``ports.venue.VenueAccount``: what the test says, or a failure."""

    def __init__(self) -> None:
        self.failure: Exception | None = None
        self.held: tuple[VenuePosition, ...] = ()
        self.working: tuple[VenueOrder, ...] = ()
        self.traded: tuple[VenueExecution, ...] = ()
        #: From when on executions were asked for, one entry for each time.
        self.asked: list[int] = []

    def _check(self) -> None:
        if self.failure is not None:
            raise self.failure

    async def open_orders(self) -> tuple[VenueOrder, ...]:
        self._check()
        return self.working

    async def executions(self, since_ns: int) -> tuple[VenueExecution, ...]:
        self.asked.append(since_ns)
        return self.traded

    async def positions(self) -> tuple[VenuePosition, ...]:
        self._check()
        return self.held


class ReadVenue(FakeVenue):
    """A venue whose account can be read."""

    def __init__(self) -> None:
        super().__init__("alpha", fills=False)
        self.account = FakeAccount()

    def work(self, order: Order) -> None:
        self.account.working = (shown(order),)


def shown(order: Order) -> VenueOrder:
    return VenueOrder(
        venue_order_id=f"v-{order.order_id}",
        order_id=order.order_id,
        symbol=order.symbol,
        side=order.side,
        order_qty=order.order_qty,
    )


@asynccontextmanager
async def reading(lookup: Reach = Reach.ALL) -> AsyncIterator[tuple[Desk, ReadVenue, Reconciler, ManualClock]]:
    venue, clock = ReadVenue(), ManualClock()
    declared = {"alpha": msgspec.structs.replace(ALPHA, lookup=lookup)}
    config = trading_config(Mode.LIVE, capabilities=declared)
    async with desk(venue=venue, config=config, clock=clock) as one:
        one.simulator.can_look_up = False  # it would speak of the order, not of its twin
        reconciler = Reconciler(one.engine, one.table, one.journal, one.executor.on_reports, clock, one.tasks)
        yield one, venue, reconciler, clock


async def working(one: Desk, venue: ReadVenue, **fields: Any) -> Order:
    order = one.order(await one.place(limit=D(180), **fields))
    await one.until(lambda: order.ord_status is OrdStatus.NEW)
    venue.work(order)
    return order


async def test_what_was_missed_is_booked_by_the_ordinary_path_once() -> None:
    """Without this, an execution that no stream told would never reach the order, the position and the journal."""
    async with reading() as (one, venue, reconciler, clock):
        order = await working(one, venue)
        clock.advance(s=60)
        venue.account.traded = (
            VenueExecution(
                exec_id="e1",
                symbol="AAPL",
                side=Side.BUY,
                last_qty=D(4),
                last_px=D(180),
                transact_ns=clock.now_ns() - 30_000_000_000,
                order_id=order.order_id,
                fee=D("0.5"),
            ),
        )
        venue.account.held = (VenuePosition(symbol="AAPL", qty=D(4)),)
        for _ in range(3):
            await reconciler.read("alpha")
            clock.advance(s=60)
        assert (order.cum_qty, order.fees) == (D(4), D("0.5"))
        assert reconciler.readings()["gateway_missed_executions_total"] == {("alpha",): 1.0}
        assert reconciler.readings()["gateway_reconciliation_drifts"] == {("alpha",): 0.0}


async def test_what_the_venue_corrected_while_nobody_listened_is_corrected_and_shown() -> None:
    """Without this, the books would keep a price that the venue has taken back, and nobody would be told."""
    async with reading() as (one, venue, reconciler, clock):
        order = await working(one, venue)
        clock.advance(s=60)
        told = {"exec_id": "e1", "symbol": "AAPL", "side": Side.BUY, "last_qty": D(4), "order_id": order.order_id}
        moment = clock.now_ns() - 30_000_000_000
        for px in (D(180), D(181), D(181)):
            venue.account.traded = (VenueExecution(**told, last_px=px, transact_ns=moment),)
            clock.advance(s=10)
            await reconciler.read("alpha")
        assert (order.avg_px, len(order.fills)) == (D(181), 1)
        [shown] = AgreementDesk(one.engine, reconciler, clock).venues()[0].differing
        assert (shown.booked_px, shown.venue_px) == (D(180), D(181))


async def test_a_venue_that_cannot_be_read_is_not_judged_and_says_why() -> None:
    """Without this, a page that does not load would be an empty account: every position drift, every order lost."""
    async with reading() as (one, venue, reconciler, clock):
        await working(one, venue)
        venue.account.held = (VenuePosition(symbol="AAPL", qty=D(7)),)
        clock.advance(s=60)
        for failure in (AccountUnreadable("the budget is used up"), RuntimeError("a bug")):
            venue.account.failure = failure
            reconciler.tick()
            await one.until(lambda: not reconciler.watched["alpha"].is_reading)
            assert str(failure) in reconciler.watched["alpha"].trouble
            clock.advance(s=60)
        assert not one.engine.state.agreements
        [view] = AgreementDesk(one.engine, reconciler, clock).venues()
        assert (view.read_ns, view.holdings) == (0, ())


async def test_the_log_says_when_a_venue_is_lost_and_back(caplog: pytest.LogCaptureFixture) -> None:
    """Without this, the log of a pulled cable was what the venue's library says, every retry of it, and nothing of what
    it means; of most venues, nothing at all until the alert."""
    caplog.set_level("INFO", "gateway.service.executor")
    async with reading() as (one, *_):
        for is_connected, text in ((False, "gone"), (False, "still gone"), (True, ""), (True, "")):
            one.executor.on_status("alpha", is_connected, text)
    told = [record.getMessage() for record in caplog.records if record.name == "gateway.service.executor"]
    lost = "venue alpha is not connected, orders for it are denied: gone"
    assert told[-2:] == [lost, "venue alpha is connected"]
    assert told.count(lost) == 1


async def test_a_venue_is_read_when_it_is_back_and_not_while_it_is_away() -> None:
    """Without this, what was missed during an outage would wait for the clock; or a dead line would be asked."""
    async with reading() as (one, venue, reconciler, clock):
        one.executor.on_status("alpha", False, "gone")
        reconciler.tick()
        assert not venue.account.asked
        one.executor.on_status("alpha", True, "")
        for expected in (2, 2):  # once, before and after the holdings; then not before it is due
            reconciler.tick()
            await one.until(lambda: not reconciler.watched["alpha"].is_reading)
            assert len(venue.account.asked) == expected
        clock.advance(s=61)
        reconciler.tick()
        await one.until(lambda: len(venue.account.asked) == 4)


async def test_an_order_that_a_forgetful_venue_does_not_find_is_asked_for_again() -> None:
    """Without this, the first empty list of a venue that forgets would be the last question, and its later word would
    find nobody."""
    async with reading(Reach.NONE) as (one, venue, _, _):
        venue.answer = lambda ticket: Answer(SubmitStatus.UNKNOWN, "cut off")
        order = one.order(await one.place(limit=D(180)))
        await one.until(lambda: len(venue.lookups) >= 3)
        assert (order.is_in_doubt, order.ord_status) == (True, OrdStatus.PENDING_NEW)


async def test_what_the_last_reading_showed_is_held_against_a_settlement() -> None:
    """Without this, an order that everybody can see at the venue could be declared never to have been sent."""
    async with reading(Reach.NONE) as (one, venue, reconciler, clock):
        venue.answer = lambda ticket: Answer(SubmitStatus.UNKNOWN, "cut off")
        order = one.order(await one.place(limit=D(180)))
        await one.until(lambda: order.is_in_doubt)
        people = AgreementDesk(one.engine, reconciler, clock)
        venue.work(order)
        clock.advance(s=10)
        await reconciler.read("alpha")
        with pytest.raises(ControlRefused, match="listed it as open") as refused:
            await people.settle(order.order_id, SettleAs.NEVER_SENT, None, None, RITA, "phoned")
        assert refused.value.code == "VENUE_SAYS_OTHERWISE"
        venue.account.working = ()
        clock.advance(s=10)
        await reconciler.read("alpha")
        await people.settle(order.order_id, SettleAs.NEVER_SENT, None, None, RITA, "phoned")
        assert order.ord_status is OrdStatus.CANCELED
        assert venue.released == [order.order_id]


async def test_an_order_that_is_over_and_left_memory_is_canceled_at_the_venue() -> None:
    """Without this, what the venue brings back to life days after its end would work there until somebody takes it back
    by hand: the gateway knows from its archive that it is its own."""
    async with reading() as (one, venue, reconciler, clock):
        order = await working(one, venue)
        venue.report(order.order_id, ExecType.CANCELED)
        config = msgspec.structs.replace(one.engine.state.config, retained_closed_orders=0, revision="fewer")
        one.engine.process(ConfigLoaded(ts_ns=clock.now_ns(), config=config, actor=ADMIN))
        later = one.order(await one.place(limit=D(180)))
        await one.until(lambda: later.ord_status is OrdStatus.NEW)
        venue.report(later.order_id, ExecType.CANCELED)
        await one.until(lambda: one.engine.find_order(order.order_id) is None)
        await one.engine.durable(one.engine.last_seq)
        records = len(one.journal.rows)
        for _ in range(3):
            clock.advance(s=60)
            await reconciler.read("alpha")
        await one.until(lambda: venue.cancels.count(order.order_id) == 2)
        await one.until(lambda: len(one.journal.rows) == records + 1)  # told of once; what the venue says is no news


async def test_a_venue_whose_order_cannot_be_looked_up_is_not_reconciled_now() -> None:
    """Without this, a disk that cannot be read fills the log with tracebacks, and who asks why sees the name of a class
    or hears of a fault inside."""

    async def find(order_id: str) -> Order | None:
        raise JournalUnavailable("the disk reports an error")

    async with reading() as (one, venue, reconciler, clock):
        await working(one, venue)
        venue.account.working = tuple(msgspec.structs.replace(it, order_id="o-old") for it in venue.account.working)
        one.journal.find = find  # type: ignore[method-assign]
        clock.advance(s=60)
        words = "it speaks of order o-old, which cannot be looked up: the disk reports an error"
        with pytest.raises(AccountUnreadable, match=words):
            await reconciler.read("alpha")
