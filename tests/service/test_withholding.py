"""Between the decision about an order and its send, trading may be taken back: then the order does not leave."""

import asyncio
import time
from collections.abc import Callable

import pytest

from gateway.domain.effects import OrderTicket
from gateway.domain.enums import Mode, OrdStatus, Route, Side, SubmitStatus, TradingState
from gateway.domain.events import CancelReceived, ConfigLoaded, Event, TradingSwitched
from gateway.domain.orders import Order, Reject, ReplaceRequest
from gateway.domain.rollout_events import AlertsReceived, RolloutCommand, RolloutCommanded
from gateway.domain.rollout_facts import HeardAlert
from gateway.ports.sending import IS_WANTED
from gateway.ports.venue import Answer
from tests.fakes.venue import FakeVenue
from tests.service.desk import Desk, desk
from tests.world import ADMIN, RITA, TRADER, D, trading_config


def alert(order: Order) -> Event:
    heard = HeardAlert(fingerprint="f", starts_ns=time.time_ns(), is_firing=True, name="Slow", venue="alpha")
    return AlertsReceived(ts_ns=time.time_ns(), alerts=(heard,))


def pause(order: Order) -> Event:
    return RolloutCommanded(
        ts_ns=time.time_ns(), venue="alpha", command=RolloutCommand.PAUSE, actor=RITA, reason="fills"
    )


def lower(order: Order) -> Event:
    return ConfigLoaded(ts_ns=time.time_ns(), config=trading_config(Mode.SHADOW), actor=ADMIN)


def reduce(order: Order) -> Event:
    return TradingSwitched(ts_ns=time.time_ns(), state=TradingState.REDUCING, actor=RITA, reason="late")


def halt(order: Order) -> Event:
    return TradingSwitched(ts_ns=time.time_ns(), state=TradingState.HALTED, actor=RITA, reason="fire")


def cancel(order: Order) -> Event:
    return CancelReceived(ts_ns=time.time_ns(), order_id=order.order_id, actor=TRADER)


async def decided(one: Desk, **fields: object) -> Order:
    """An order that is decided and, the journal being slow, not sent."""
    one.journal.gate = asyncio.Event()
    known = set(one.engine.state.orders)
    one.tasks.spawn(one.place(**fields), "place")  # type: ignore[arg-type]
    await one.until(lambda: len(one.engine.state.orders) > len(known))
    (order_id,) = set(one.engine.state.orders) - known
    order = one.engine.state.orders[order_id]
    assert order.is_admitted
    assert order.route is Route.LIVE
    return order


def let_go(one: Desk) -> None:
    assert one.journal.gate is not None
    one.journal.gate.set()
    one.journal.gate = None


def refusal(order: Order) -> Reject:
    assert order.reject is not None
    return order.reject


@pytest.mark.parametrize(
    ("take_back", "words"),
    [
        (alert, "the rollout of alpha is demoted (alert: "),
        (pause, "the rollout of alpha is paused (person: fills)"),
        (lower, "nothing new goes live at alpha any more"),
        (reduce, "only orders that reduce"),
        (halt, "trading is disabled: fire"),
        (cancel, "canceled before it was sent"),
    ],
)
async def test_what_is_not_sent_when_trading_is_taken_back_never_is(
    take_back: Callable[[Order], Event], words: str
) -> None:
    """Without it a queue of decided orders would go on opening positions after a demotion, for as long as it is."""
    async with desk(Mode.LIVE) as one:
        order = await decided(one)
        one.engine.process(take_back(order))
        let_go(one)
        await one.until(lambda: not order.is_open)
        await one.engine.durable(one.engine.last_seq)
        assert one.venue.calls == []
        assert order.ord_status is OrdStatus.CANCELED
        assert (refusal(order).stage, refusal(order).code) == ("router", "WITHHELD")
        assert words in refusal(order).text
        state = one.engine.state
        assert state.books[Route.LIVE].gateway.held == 0
        evidence = state.rollouts["alpha"].evidence
        assert (state.rollouts["alpha"].orders, evidence.total.ended, evidence.live_opened) == (0, 0, 0)
        assert state.venues["alpha"].live_orders_today == 0
        await one.crash()
    async with desk(Mode.LIVE, journal=one.journal, venue=one.venue) as again:
        assert again.engine.state.orders[order.order_id].ord_status is OrdStatus.CANCELED
        assert one.venue.sends == one.venue.lookups == []


@pytest.mark.parametrize("take_back", [alert, reduce])
async def test_what_closes_a_position_leaves_all_the_same(take_back: Callable[[Order], Event]) -> None:
    """Invariant 3: without it a demotion would hold the way out back together with the way in."""
    async with desk(Mode.LIVE) as one:
        opened = one.order(await one.place(qty=10))
        await one.until(lambda: opened.ord_status is OrdStatus.FILLED)
        order = await decided(one, side=Side.SELL, qty=10)
        one.engine.process(take_back(order))
        let_go(one)
        await one.until(lambda: order.ord_status is OrdStatus.FILLED)


async def test_a_crash_before_it_is_on_record_leaves_it_to_the_venue() -> None:
    """Without it an order that was held back would stay open for ever, or be sent by the next start."""
    venue = FakeVenue()
    async with desk(Mode.LIVE, venue=venue) as one:
        order = await decided(one)
        one.engine.process(alert(order))
        let_go(one)
        await one.until(lambda: not order.is_open)
        await one.crash()
        facts = [[type(fact).__name__ for fact in record.facts] for record in one.journal.records]
        admitted = next(number for number, names in enumerate(facts) if "OrderAdmitted" in names)
        one.journal.rows = one.journal.rows[: admitted + 1]
    async with desk(Mode.LIVE, journal=one.journal, venue=venue) as again:
        found = again.engine.state.orders[order.order_id]
        await again.until(lambda: found.ord_status is OrdStatus.CANCELED)
        assert refusal(found).code == "NEVER_SENT"
        assert (venue.sends, venue.lookups) == ([], [order.order_id])


async def test_an_order_that_waits_for_the_venues_budget_is_held_back_there() -> None:
    """Without it orders that wait for a rate limit, for seconds, would go live after a demotion."""

    class Waiting(FakeVenue):
        async def submit(self, ticket: OrderTicket) -> Answer:
            self.calls.append("waits")
            await turn.wait()
            if not IS_WANTED.get()():
                return Answer(SubmitStatus.REJECTED, "nothing was sent")
            return await super().submit(ticket)

    venue, turn = Waiting(), asyncio.Event()
    async with desk(Mode.LIVE, venue=venue, timeout_s=2) as one:
        order = one.order(await one.place())
        await one.until(lambda: venue.calls == ["waits"])
        one.engine.process(alert(order))
        turn.set()
        await one.until(lambda: not order.is_open)
        assert (refusal(order).code, venue.sends) == ("WITHHELD", [])
        assert one.engine.state.rollouts["alpha"].errors == 0  # not a rejection of the venue's
        assert not venue.cancels


async def test_dearer_terms_that_wait_are_held_back_too() -> None:
    """Without it a replace could add live risk after the demotion, where working orders are left as they are."""
    async with desk(Mode.LIVE, venue=FakeVenue(fills=False)) as one:
        order = one.order(await one.place(limit=D(100)))
        await one.until(lambda: order.ord_status is OrdStatus.NEW)
        one.journal.gate = asyncio.Event()
        one.tasks.spawn(one.intake.replace(order.order_id, ReplaceRequest(order_qty=D(20)), TRADER), "replace")
        await one.until(lambda: order.pending_replace is not None)
        one.engine.process(pause(order))  # which leaves what works
        let_go(one)
        await one.until(lambda: order.pending_replace is None)
        assert (order.order_qty, order.ord_status) == (10, OrdStatus.NEW)
        denied = next(f for r in one.journal.records for f in r.facts if type(f).__name__ == "ReplaceDenied")
        assert denied.reject.code == "WITHHELD"


@pytest.mark.parametrize("take_back", [halt, cancel])
async def test_terms_that_wait_while_the_order_is_canceled_are_held_back_whatever_they_are(
    take_back: Callable[[Order], Event],
) -> None:
    """Without this, a change to less, which at some venues is a new order, would go out after the kill switch has
    answered."""

    class Changing(FakeVenue):
        async def replace(self, ticket: OrderTicket, *terms: object) -> Answer:
            self.calls.append("replace")
            return Answer(SubmitStatus.ACCEPTED)

    venue = Changing(fills=False)
    async with desk(Mode.LIVE, venue=venue) as one:
        order = one.order(await one.place(limit=D(100)))
        await one.until(lambda: order.ord_status is OrdStatus.NEW)
        one.journal.gate = asyncio.Event()
        one.tasks.spawn(one.intake.replace(order.order_id, ReplaceRequest(order_qty=D(5)), TRADER), "replace")
        await one.until(lambda: order.pending_replace is not None)
        one.engine.process(take_back(order))
        let_go(one)
        await one.until(lambda: order.ord_status is OrdStatus.CANCELED)
        assert venue.calls == ["submit", "cancel"]
