"""Reads the venues by the clock, compares, books what was missed, and has the core note what is certain.

Each venue is read after it connects and every so often from then on; sooner again after a reading that leaves
something to look at twice. Nothing here decides: see ``core.reconciliation``.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping

import msgspec

from gateway.core.reconciliation.agreeing import Sightings
from gateway.core.reconciliation.comparing import Comparison, compare
from gateway.core.state import GatewayState
from gateway.core.trading.agreements import words_of, words_of_execution
from gateway.domain.executions import ExecutionReport
from gateway.domain.facts import CancelRequested, Fact, OrderInDoubt
from gateway.domain.money import plain
from gateway.domain.orders import Order
from gateway.domain.reconciliation_facts import DriftFound, ExecutionsDiffer, ForeignOrderGone, ForeignOrderSeen
from gateway.domain.rollout_facts import RolloutHeld
from gateway.domain.venue_account import AccountReading, AccountUnreadable
from gateway.ports.clock import Clock
from gateway.ports.journal import JournalBroken, JournalUnavailable, OrderArchive
from gateway.ports.venue import ReadsAccount, VenueAccount
from gateway.service.engine import Engine
from gateway.service.foreign_text import clean_reading
from gateway.service.tasks import TaskGroup
from gateway.service.venue_table import VenueTable

_log = logging.getLogger(__name__)
_NS = 1_000_000_000
_TICK_S = 1.0
#: A reading that takes longer says too little about any one moment.
_READ_MAX_S = 60
#: How far back executions are asked for: at first (a weekend), and before the last reading.
_FIRST_SINCE_S, _OVERLAP_S = 72 * 3_600, 600
#: A reading that leaves something open is repeated after this share of the interval.
_SOON = 6
#: Ids that were looked for in the archive in vain are remembered.
_STRANGERS = 10_000


class Watched:
    """One venue, as far as it is read."""

    def __init__(self) -> None:
        self.sightings = Sightings()
        self.due_ns = 0
        self.read_ns = 0
        self.connected_ns = -1
        self.is_reading = False
        self.trouble = "it was not read yet"
        self.missed = 0
        self.reading: AccountReading | None = None


class Reconciler:
    """``tick`` looks what is due; ``read`` does one venue. ``report`` books reports like those of a venue."""

    def __init__(
        self,
        engine: Engine,
        table: VenueTable,
        archive: OrderArchive,
        report: Callable[[tuple[ExecutionReport, ...]], None],
        clock: Clock,
        tasks: TaskGroup,
    ) -> None:
        self._engine = engine
        self._table = table
        self._archive = archive
        self._report = report
        self._clock = clock
        self._tasks = tasks
        #: The venues that are read, since their adapters first ran.
        self.watched: dict[str, Watched] = {}
        self._strangers: dict[str, None] = {}

    @property
    def state(self) -> GatewayState:
        return self._engine.state

    async def run(self) -> None:
        while True:
            await asyncio.sleep(_TICK_S)
            try:
                self.tick()
            except Exception:
                _log.exception("reconciliation failed")

    def tick(self) -> None:
        """Begin every reading that is due."""
        for venue in self._table.names():
            if self._is_due(venue):
                self.watched[venue].is_reading = True
                self._tasks.spawn(self._read_guarded(venue), "account reading")

    def _is_due(self, venue: str) -> bool:
        watched = self.watched.setdefault(venue, Watched())
        use = self.state.venues.get(venue)
        if watched.is_reading or (use is not None and not use.is_connected):
            return False
        connected_ns = 0 if use is None else use.since_ns
        if connected_ns != watched.connected_ns:  # back again: what was missed is wanted now
            watched.connected_ns = connected_ns
            return True
        return self._clock.monotonic_ns() >= watched.due_ns

    async def _read_guarded(self, venue: str) -> None:
        watched = self.watched[venue]
        try:
            await self.read(venue)
        except AccountUnreadable as error:
            watched.trouble = str(error)
            _log.warning("%s is not reconciled: %s", venue, error)
        except Exception as error:
            watched.trouble = f"reading it failed: {error!r}"
            _log.exception("reading the account at %s failed", venue)
        finally:
            watched.is_reading = False
            every_s = self.state.config.reconciliation.every_s_of(venue)
            wait_s = float(every_s)
            if watched.trouble or not watched.sightings.is_settled(self.state):
                wait_s = max(self.state.config.reconciliation.grace_s + 1, every_s / _SOON)
            watched.due_ns = self._clock.monotonic_ns() + int(wait_s * _NS)

    async def read(self, venue: str) -> Comparison | None:
        """Read one venue and act on what is certain. None when its adapter cannot read, or declares nothing."""
        slot, can = self._table.names().get(venue), self.state.config.capabilities.get(venue)
        watched = self.watched.setdefault(venue, Watched())
        if slot is None or can is None or not isinstance(slot.venue, ReadsAccount):
            watched.trouble = "its adapter does not read accounts"
            return None
        reading = await self._reading(venue, slot.venue.account, watched)
        archived = await self._archived(reading)
        found = compare(self.state, can, reading, archived)
        watched.read_ns, watched.trouble, watched.reading = reading.begun_ns, "", reading
        self._act(watched, found)
        return found

    async def _reading(self, venue: str, account: VenueAccount, watched: Watched) -> AccountReading:
        """Executions on both sides of the holdings, so that one that falls between them is noticed."""
        begun_ns = self._clock.now_ns()
        since_ns = watched.read_ns - _OVERLAP_S * _NS if watched.read_ns else begun_ns - _FIRST_SINCE_S * _NS
        try:
            async with asyncio.timeout(_READ_MAX_S):
                before = await account.executions(since_ns)
                positions = await account.positions()
                open_orders = await account.open_orders()
                after = await account.executions(since_ns)
        except TimeoutError:
            raise AccountUnreadable(f"it took longer than {_READ_MAX_S} s") from None
        reading = AccountReading(
            venue=venue,
            begun_ns=begun_ns,
            ended_ns=self._clock.now_ns(),
            executions_before=before,
            positions=positions,
            open_orders=open_orders,
            executions_after=after,
        )
        return clean_reading(reading)

    async def _archived(self, reading: AccountReading) -> Mapping[str, Order]:
        """Orders of ours that left memory and that the venue still speaks of."""
        named = {one.order_id for one in reading.executions_after} | {one.order_id for one in reading.open_orders}
        named.discard("")
        found: dict[str, Order] = {}
        for order_id in sorted(named - self.state.orders.keys() - self._strangers.keys()):
            try:
                order = self._engine.find_order(order_id) or await self._archive.find(order_id)
            except (JournalUnavailable, JournalBroken) as error:
                raise AccountUnreadable(f"it speaks of order {order_id}, which cannot be looked up: {error}") from error
            if order is not None and order.venue == reading.venue:
                found[order_id] = order
            else:
                self._strangers[order_id] = None
        while len(self._strangers) > _STRANGERS:
            del self._strangers[next(iter(self._strangers))]
        return found

    def _act(self, watched: Watched, found: Comparison) -> None:
        before, grace_ns = watched.sightings.last, self.state.config.reconciliation.grace_s * _NS
        known = set() if before is None else {(one.order_id, one.exec_id) for one in before.missing}
        missed = tuple(
            one
            for one in found.missing
            if one.transact_ns + grace_ns <= found.begun_ns or (one.order_id, one.exec_id) in known
        )
        if missed:  # what is younger may still be on its way
            watched.missed += len(missed)
            _log.warning(
                "%s: %d execution(s) were missed and are booked now: %s", found.venue, len(missed), _named(missed)
            )
            self._report(missed)
        corrected = watched.sightings.corrections(self.state, found)
        event = watched.sightings.take(self.state, found)
        if event is not None:
            event = msgspec.structs.replace(event, ts_ns=self._clock.now_ns())
        for fact in () if event is None else self._engine.process(event).facts:
            _log.error("reconciliation of %s: %s", found.venue, _words(fact))
        if corrected:
            _log.warning("%s: %s are corrected as it lists them", found.venue, _named(corrected))
            self._report(corrected)

    # --- figures ------------------------------------------------------------------------------------

    def readings(self) -> dict[str, dict[tuple[str, ...], float]]:
        """The metrics of reconciliation, per venue that an adapter serves or that something was found at."""
        now_ns, state = self._clock.now_ns(), self.state
        venues = sorted({*self.watched, *state.agreements})
        agreements = {venue: state.agreements.get(venue) for venue in venues}
        return {
            "gateway_reconciliation_drifts": {
                (venue,): float(len(one.drifts)) if one is not None else 0.0 for venue, one in agreements.items()
            },
            "gateway_unknown_orders": {
                (venue,): float(sum(order.is_open for order in one.foreign.values())) if one is not None else 0.0
                for venue, one in agreements.items()
            },
            "gateway_missed_executions_total": {(venue,): float(one.missed) for venue, one in self.watched.items()},
            "gateway_reconciliation_age_seconds": {
                (venue,): max(now_ns - one.read_ns, 0) / _NS for venue, one in self.watched.items() if one.read_ns
            },
        }


def _named(reports: tuple[ExecutionReport, ...]) -> str:
    return ", ".join(f"{one.exec_id or one.exec_ref_id} of {one.order_id}" for one in reports[:10])


def _words(fact: Fact) -> str:
    """A fact of reconciliation for the log."""
    match fact:
        case DriftFound(drift=drift):
            return words_of(drift)
        case ForeignOrderSeen(order=order):
            what = f"{order.side.value} {plain(order.order_qty)} {order.symbol}, filled {plain(order.cum_qty)}"
            return f"order {order.venue_order_id} did not come through this gateway: {what} ({order.text})"
        case ForeignOrderGone(venue_order_id=venue_order_id):
            return f"order {venue_order_id} is not open any more"
        case ExecutionsDiffer(executions=executions):
            return "; ".join(words_of_execution(one) for one in executions) or "all executions agree again"
        case OrderInDoubt(order_id=order_id, text=text):
            return f"order {order_id} is in doubt: {text}"
        case RolloutHeld(hold=hold):
            return f"the rollout is {hold.kind.value} ({hold.cause.value})"
        case CancelRequested(order_id=order_id):
            return f"order {order_id} opens or adds live, and is canceled"
    return type(fact).__name__
