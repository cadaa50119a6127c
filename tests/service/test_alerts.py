"""Alerts around the engine: asked of every source, told at once, also while the journal cannot be written."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

from gateway.domain.alerts import AlertCondition, AlertKind, Severity
from gateway.domain.enums import Role
from gateway.domain.orders import Actor
from gateway.service.alerts import AGAIN_NS, EVERY_NS, LINGER_NS, SETTLE_NS, AlertDesk
from gateway.service.conditions import Conditions
from tests.fakes.alerts import ListNotifier
from tests.fakes.clock import ManualClock
from tests.fakes.journal import MemoryJournal
from tests.patience import PATIENCE_S
from tests.service.desk import Desk, desk

LOST = AlertCondition(kind=AlertKind.VENUE_LOST, subject="venue:alpha", severity=Severity.CRITICAL, text="away")
ANN = Actor("ann", Role.RISK)


class Room:
    """A desk with alerts; ``wrong`` is what the outside says."""

    def __init__(self, one: Desk, clock: ManualClock) -> None:
        self.one, self.clock = one, clock
        self.notifier = ListNotifier()
        self.alerts = AlertDesk(one.engine, clock, self.notifier)
        self.wrong: list[AlertCondition] = []
        self.asked = 0
        self.alerts.watch(self._source)

    def _source(self) -> Iterator[AlertCondition]:
        self.asked += 1
        yield from self.wrong

    def after(self, ns: int) -> None:
        self.clock.advance(ns=ns)
        self.alerts.tick()

    def told(self) -> list[tuple[str, bool]]:
        return [(alert.condition.key, alert.is_active) for alert in self.notifier.told]


@asynccontextmanager
async def room(journal: MemoryJournal | None = None, clock: ManualClock | None = None) -> AsyncIterator[Room]:
    clock = clock or ManualClock()
    async with desk(clock=clock, journal=journal) as one:
        yield Room(one, clock)


async def test_an_alert_is_told_when_it_begins_and_when_it_is_over() -> None:
    """Without this, the channels would be silent, or never say that it is over."""
    async with room() as here:
        here.wrong = [LOST]
        here.after(0)
        here.after(EVERY_NS)
        assert here.told() == [(LOST.key, True)]
        here.wrong = []
        here.after(EVERY_NS)
        assert here.told() == [(LOST.key, True)], "what was told is believed for a while"
        here.after(LINGER_NS)
        assert here.told() == [(LOST.key, True), (LOST.key, False)]


async def test_the_outside_is_not_asked_more_often_than_needed() -> None:
    """Without this, every tick would walk through prices, limits and the disk."""
    async with room() as here:
        for _ in range(4):
            here.after(EVERY_NS // 5)
        assert here.asked == 1


async def test_a_source_that_fails_keeps_no_other_from_being_heard() -> None:
    """Without this, a market that raises would hide a full disk."""
    async with room() as here:

        def broken() -> Iterator[AlertCondition]:
            raise RuntimeError("broken")
            yield LOST

        here.alerts.watch(broken)
        second = AlertCondition(kind=AlertKind.DISK_LOW, subject="low", severity=Severity.WARNING, text="little")
        here.alerts.watch(lambda: [second])
        here.wrong = [LOST]
        here.after(0)
        assert {key for key, _ in here.told()} == {LOST.key, second.key}
        assert [alert.condition.key for alert in here.alerts.active()] == [LOST.key, second.key], "the worst first"


async def test_that_the_journal_fails_is_told_although_it_cannot_be_recorded() -> None:
    """Without this, the one trouble that stops everything would be told when it is over."""
    async with room() as here:
        here.one.journal.failure = OSError("no space left")
        here.wrong = [
            AlertCondition(kind=AlertKind.JOURNAL_TROUBLE, subject="journal", severity=Severity.CRITICAL, text="full")
        ]
        here.after(0)
        await here.one.until(lambda: here.one.engine.failure is not None)
        assert here.told() == [("journal_trouble:journal", True)]
        assert [alert.condition.kind for alert in here.alerts.active()] == ["journal_trouble"]
        (alert,) = here.alerts.active()
        taken = await here.alerts.acknowledge(alert.alert_id, ANN, "making room")
        assert taken is not None
        here.one.journal.failure = None
        await here.one.until(lambda: here.one.engine.failure is None, within_s=PATIENCE_S)
        assert here.one.engine.durable_seq == here.one.engine.last_seq


async def test_who_takes_it_on_is_on_record() -> None:
    """Without this, nobody could tell later whether an alarm was heard."""
    async with room() as here:
        here.wrong = [LOST]
        here.after(0)
        (alert,) = here.alerts.active()
        taken = await here.alerts.acknowledge(alert.alert_id, ANN, "calling the broker")
        assert taken is not None
        assert taken.acknowledged is not None
        assert (taken.acknowledged.actor, taken.acknowledged.reason) == (ANN, "calling the broker")
        assert await here.alerts.acknowledge("venue_lost:venue:beta:1", ANN, "which?") is None


async def _after_a_restart(away_ns: int, is_taken_on: bool = False) -> tuple[ManualClock, MemoryJournal]:
    """A gateway that lost a venue, and ended ``away_ns`` later."""
    clock, journal = ManualClock(), MemoryJournal()
    async with room(journal, clock) as here:
        here.wrong = [LOST]
        here.after(0)
        (alert,) = here.alerts.active()
        if is_taken_on:
            await here.alerts.acknowledge(alert.alert_id, ANN, "calling the broker")
        await here.one.engine.durable(here.one.engine.last_seq)
    clock.advance(ns=away_ns)
    return clock, journal


async def test_what_nobody_can_know_yet_after_a_start_is_not_told_as_over() -> None:
    """Without this, every restart told people that a lost venue was back, because it counts as lost only after a
    while, and called them again a moment later."""
    clock, journal = await _after_a_restart(AGAIN_NS)
    async with room(journal, clock) as here:
        here.after(0)
        here.after(2 * EVERY_NS)
        assert here.told() == []
        here.wrong = [LOST]
        here.after(SETTLE_NS)
        here.after(EVERY_NS)
        assert here.told() == []
        here.wrong = []
        here.after(LINGER_NS)
        assert here.told() == [(LOST.key, False)]


async def test_what_ended_while_the_gateway_was_away_is_told_as_over() -> None:
    """Without this, an alert of before the start would last for ever."""
    clock, journal = await _after_a_restart(AGAIN_NS)
    async with room(journal, clock) as here:
        here.after(0)
        here.after(SETTLE_NS)
        assert here.told() == [(LOST.key, False)]


async def test_what_was_raised_right_before_a_crash_is_told_again() -> None:
    """Without this, an alert that waited for its channel when the process died was never told to anybody: it lasts, so
    it is not raised again."""
    clock, journal = await _after_a_restart(AGAIN_NS // 2)
    async with room(journal, clock) as here:
        here.after(0)
        here.after(EVERY_NS)
        assert here.told() == [(LOST.key, True)]
    clock, journal = await _after_a_restart(AGAIN_NS // 2, is_taken_on=True)
    async with room(journal, clock) as here:
        here.after(0)
        assert here.told() == [], "somebody has heard it"


def test_a_loss_in_simulation_wakes_nobody() -> None:
    """Without this, a simulated loss would ring as if money were lost, and, without a word of the book in the metric,
    Alertmanager had every venue demoted for it."""

    class Losses:
        def daily_loss_ratios(self) -> dict[tuple[str, str, str], float]:
            return {("shadow", "gateway", "daily_loss_limit"): 1.5, ("live", "gateway", "daily_loss_limit"): 1.2}

    outside: Any = None
    losses: Any = Losses()
    told = [*Conditions(outside, outside, outside, losses, lambda: None, lambda: "")._loss()]
    assert [(one.key, one.severity) for one in told] == [
        ("daily_loss_limit:shadow:gateway", Severity.WARNING),
        ("daily_loss_limit:live:gateway", Severity.CRITICAL),
    ]


def test_the_alert_of_a_full_disk_holds_no_figure_that_gets_old() -> None:
    """Without this, the page said that 41 MB were free for as long as the disk was full: an alert keeps the text that
    it began with."""
    outside: Any = SimpleNamespace(failure=None)
    told = []
    for free in (41_000_000, 0):
        conditions = Conditions(outside, outside, outside, outside, lambda free=free: free, lambda: "")  # type: ignore[misc]
        told += [one.text for one in conditions._journal()]
    text = "less than 200 MB are free on the disk of the journal: make room; when it is full, no order is accepted"
    assert told == [text, text]
