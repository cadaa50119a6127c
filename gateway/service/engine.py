"""The engine: events in, facts applied at once, effects out once the facts are durable.

``process`` is synchronous and never re-entered, so the event loop itself is the one consumer: two orders can
never look at the same headroom. The committer below it writes what was decided in groups; replies and effects
wait for their group. When the journal fails, nothing leaves any more except cancels: what was never durable is
taken back, and the group is retried until there is room again.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Container

import msgspec

from gateway.core.admission import settle
from gateway.core.apply import apply, trim
from gateway.core.decide import decide
from gateway.core.decision import Decision
from gateway.core.state import GatewayState
from gateway.domain.effects import Effect, EvaluatePolicy, ReconsiderOrder
from gateway.domain.enums import Route
from gateway.domain.events import Event, OrderReceived, PolicyVerdict, ReportsReceived
from gateway.domain.facts import Fact
from gateway.domain.orders import Order
from gateway.domain.positions import ClosedPosition
from gateway.domain.records import Checkpoint, Entry, Record
from gateway.ports.clock import Clock
from gateway.ports.intake import NotAccepting, T
from gateway.ports.journal import Journal, JournalUnavailable
from gateway.ports.telemetry import Telemetry
from gateway.service.checkpointing import Checkpointing
from gateway.service.closed_orders import ClosingOrders, closed_by
from gateway.service.containment import Containment
from gateway.service.tasks import TaskGroup
from gateway.service.waiters import Waiters

_log = logging.getLogger(__name__)
_RETRY_S = 0.5
#: What the simulator tells may wait so long for a record that somebody waits for: half of the commits are saved. What
#: a real venue tells does not wait.
_SIMULATED_WAIT_S = 0.005
#: Effects that wait for nothing: they change nothing outside.
_INWARD = frozenset({EvaluatePolicy, ReconsiderOrder})

#: Asks the policy within the process. Decides nothing, and touches no state.
Ask = Callable[[EvaluatePolicy], PolicyVerdict]
EffectSink = Callable[[list[Effect]], None]
RecordSink = Callable[[Record], None]


class _Pending(msgspec.Struct, gc=False):
    entry: Entry
    effects: list[Effect]


class Engine:
    """Owns the state and the order of all records. ``run_effects`` is called with effects that may leave."""

    def __init__(
        self,
        state: GatewayState,
        last_seq: int,
        journal: Journal,
        clock: Clock,
        telemetry: Telemetry,
        tasks: TaskGroup,
        *,
        max_batch: int,
        checkpoint_every: int,
    ) -> None:
        self.state = state
        self.last_seq = last_seq
        self.durable_seq = last_seq
        self.run_effects: EffectSink = lambda effects: None
        self.on_durable: RecordSink = lambda record: None
        #: Why the journal cannot be written, or None while it can.
        self.failure: str | None = None
        #: Applying a fact failed: no order is taken until a restart, whatever the journal says.
        self.is_broken = False
        self._journal = journal
        self._clock = clock
        self._telemetry = telemetry
        self._tasks = tasks
        self._max_batch = max_batch
        self._checkpointing = Checkpointing(journal, clock, checkpoint_every, last_seq)
        self._pending: deque[_Pending] = deque()
        #: The last record that took orders back. All up to it is written in one: a part alone could make an order
        #: durable whose withdrawal is not.
        self._withdrawn_seq = 0
        self._closing = ClosingOrders()
        #: Positions that the latest record closed or corrected, and the ids of those that it undid.
        self._closed_positions: tuple[tuple[ClosedPosition, ...], tuple[str, ...]] = ((), ())
        self._waiters = Waiters()
        self._wake = asyncio.Event()
        #: Something is pending that does not wait, or has waited long enough.
        self._is_due = False
        self._wait_over: asyncio.TimerHandle | None = None
        self._is_closing = False
        self._end: Checkpoint | None = None  # of the last record, once closing
        self._committer: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._committer = self._tasks.spawn(self._commit_forever(), "journal committer")

    def process(self, event: Event) -> Decision:
        """Decide one event and apply its facts. The caller handles the inward effects of the decision."""
        return self._take(event, decide(self.state, event))

    def process_order(self, event: OrderReceived, ask: Ask) -> Decision:
        """The same for an order whose policy answers at once: decided, asked and settled in one step, one record."""
        decision = decide(self.state, event)
        verdicts = tuple([ask(effect) for effect in decision.effects if isinstance(effect, EvaluatePolicy)])
        if verdicts:
            event = msgspec.structs.replace(event, verdicts=verdicts)
            decision = settle(self.state, decision, event)
        return self._take(event, decision)

    def _take(self, event: Event, decision: Decision) -> Decision:
        outward: list[Effect] = [effect for effect in decision.effects if type(effect) not in _INWARD]
        if not decision.facts:
            self._run_in_turn(outward)
            return decision
        closed = self._apply(decision.facts)
        positions, voided = self._closed_positions
        self.last_seq += 1
        record = Record(seq=self.last_seq, ts_ns=event.ts_ns, event=event, facts=decision.facts)
        entry = Entry(record=record, closed_orders=closed, closed_positions=positions, voided_positions=voided)
        for order in entry.closed_orders:
            self._closing.add(order)
        self._pending.append(_Pending(entry, outward))
        if outward or not self._is_simulated(event):
            self._hurry()
        elif self._wait_over is None:
            self._wait_over = asyncio.get_running_loop().call_later(_SIMULATED_WAIT_S, self._hurry)
        if self.failure is not None:
            self._contain([self._pending[-1]])
        return decision

    def _apply(self, facts: tuple[Fact, ...]) -> tuple[Order, ...]:
        """Change the state; returns the orders that are finished by it, before memory lets go of any."""
        try:
            for fact in facts:
                apply(self.state, fact)
            closed = closed_by(self.state, facts)
            self._closed_positions = self.state.ledger.news()
            trim(self.state)
        except Exception as error:
            # Memory is no longer what the journal says: nothing may be decided on it any more.
            self.is_broken = True
            self.failure = f"the state is broken ({error!r}); restart the gateway, it recovers from the journal"
            _log.critical("%s", self.failure)
            raise
        return closed

    def _run_in_turn(self, effects: list[Effect]) -> None:
        """Effects that no fact of their own justifies (a look-up after a restart): after what is decided already."""
        if not effects:
            return
        if self._pending and self.failure is None:
            self._pending[-1].effects.extend(effects)
            self._hurry()
        else:
            self.run_effects(effects)

    def find_order(self, order_id: str) -> Order | None:
        """The order as far as memory goes: open, lately finished, or finished and not in the archive yet."""
        return self.state.orders.get(order_id) or self._closing.find(order_id)

    def find_client_order(self, account: str, cl_ord_id: str) -> Order | None:
        """The same by client id."""
        return self.state.find_client_order(account, cl_ord_id) or self._closing.find_client(account, cl_ord_id)

    def finished_orders(self) -> list[Order]:
        """Orders that are finished and not in the archive yet."""
        return [order for order in self._closing if not order.parent_id]

    async def durable(self, seq: int) -> None:
        """Return once record ``seq`` is durable; raise NotAccepting when the journal fails before that."""
        if (written := self._written(seq)) is not None:
            await written

    async def durable_with(self, seq: int, make: Callable[[], T]) -> T:
        """The same, with what ``make`` makes meanwhile."""
        written = self._written(seq)
        if written is None:
            return make()
        await asyncio.sleep(0)  # the record goes to the disk first
        made = make()
        await written
        return made

    def _written(self, seq: int) -> asyncio.Future[None] | None:
        if seq <= self.durable_seq:
            return None
        if self.failure is not None:
            raise NotAccepting("journal_unavailable", self.failure)
        self._hurry()
        return self._waiters.add(seq)

    async def settle(self, seq: int) -> None:
        """Like ``durable``, for reads and cancels: with a failing journal they go on without it."""
        try:
            await self.durable(seq)
        except NotAccepting:
            return

    async def _commit_forever(self) -> None:
        while True:
            if not self._pending and self._is_closing:
                self._end = self._snapshot()  # now: what is decided from here on will be in no record
                return
            if not self._pending or not self._is_due:
                self._wake.clear()
                await self._wake.wait()
                continue
            count = min(len(self._pending), max(self._max_batch, self._withdrawn_seq - self.durable_seq))
            batch = [self._pending[i] for i in range(count)]
            self._begin_waiting(is_due=count < len(self._pending))
            started_ns = self._clock.monotonic_ns()
            try:
                await self._journal.append([pending.entry for pending in batch])
            except Exception as error:
                if not isinstance(error, JournalUnavailable):
                    _log.exception("the journal failed in a way it should not")
                self._is_due = True
                self._on_failure(str(error) or type(error).__name__)
                if self._is_closing:
                    return
                await asyncio.sleep(_RETRY_S)
                continue
            self._telemetry.on_commit(len(batch), self._clock.monotonic_ns() - started_ns)
            self._on_durable(batch)
            if self._checkpointing.is_due(self.durable_seq):
                await self.checkpoint()

    def _hurry(self) -> None:
        """Write what is pending as soon as may be."""
        self._is_due = True
        self._wake.set()

    def _begin_waiting(self, *, is_due: bool) -> None:
        self._is_due = is_due
        if self._wait_over is not None:
            self._wait_over.cancel()
            self._wait_over = None

    def _is_simulated(self, event: Event) -> bool:
        """Nothing but reports of the simulator, which can tell them again."""
        if type(event) is not ReportsReceived:
            return False
        orders = self.state.orders
        for report in event.reports:
            if not report.is_twin:
                order = orders.get(report.order_id)
                if order is None or order.route is not Route.SHADOW:
                    return False
        return True

    def _on_durable(self, batch: list[_Pending]) -> None:
        for pending in batch:
            self._pending.popleft()
            for order in pending.entry.closed_orders:
                self._closing.drop(order)
        self.durable_seq = batch[-1].entry.record.seq
        if self.failure is not None and not self._pending and not self.is_broken:
            _log.warning("the journal can be written again; orders are accepted again")
            self.failure = None
        self._waiters.release(self.durable_seq)
        effects = [effect for pending in batch for effect in pending.effects]
        if effects:
            self._let_out(effects)
        # In the loop's next turn: answers and requests to venues wait for nobody who only watches.
        asyncio.get_running_loop().call_soon(self._publish, [pending.entry.record for pending in batch])

    def _let_out(self, effects: list[Effect]) -> None:
        """Whatever becomes of them: the committer goes on, for everyone waits for it."""
        try:
            self.run_effects(effects)
        except Exception:
            _log.exception("effects could not be carried out; a restart asks the venues about their orders")

    def _publish(self, records: list[Record]) -> None:
        """Tell everyone who watches. One that fails holds none of the others back."""
        for record in records:
            for tell in (self._telemetry.on_record, self.on_durable):
                try:
                    tell(record)
                except Exception:
                    _log.exception("a watcher failed on record %d", record.seq)

    def _on_failure(self, text: str) -> None:
        """Stop admitting: tell everyone who waits, take back what was never durable, let cancels go."""
        if self.failure is None:
            _log.error("no order is accepted until the journal can be written: %s", text)
        self._telemetry.on_journal_failure()
        if not self.is_broken:  # that tells what to do, and outlasts this
            self.failure = text
        self._waiters.fail(text)
        self._contain(list(self._pending))

    def _contain(self, pending: list[_Pending]) -> None:
        """Keep new risk in, and let what reduces it out, for records that cannot be made durable now."""
        found = Containment()
        for item in pending:
            found.add(self.state, item.entry.record.facts, item.effects)
            item.effects = []
        self._unfinish(found.order_ids, pending)
        if (abandoned := found.abandoned(self._clock.now_ns(), self.failure)) is not None:
            self.process(abandoned)
            self._withdrawn_seq = self.last_seq
        if found.released:
            self._let_out(found.released)

    def _unfinish(self, withdrawn: Container[str], pending: list[_Pending]) -> None:
        """What is taken back was never finished either: it must not reach the archive."""
        for item in pending:
            kept = tuple(
                order
                for order in item.entry.closed_orders
                if order.order_id not in withdrawn and order.parent_id not in withdrawn
            )
            for order in item.entry.closed_orders:
                if order not in kept:
                    self._closing.drop(order)
            item.entry = msgspec.structs.replace(item.entry, closed_orders=kept)

    def _snapshot(self) -> Checkpoint | None:
        """Of a broken state none: it is not what the records come to, and the next start would go on from it."""
        return None if self.is_broken else self._checkpointing.take(self.state, self.last_seq)

    async def checkpoint(self) -> None:
        """Write the state as of now, once the records it folds are durable. A failure costs only start-up time."""
        if (checkpoint := self._snapshot()) is not None:
            self._tasks.spawn(self._checkpointing.save(checkpoint, self.durable), "checkpoint")

    async def close(self) -> None:
        """Make durable what was decided, then write a last checkpoint so that the next start folds nothing."""
        self._is_closing = True
        self._hurry()
        if self._committer is not None:
            await self._committer
        if self._end is not None:
            await self._checkpointing.save(self._end, self.durable)
