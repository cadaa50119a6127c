"""One order's whole story. Read from the journal when somebody asks: nothing is done or kept for it per order, but for
the moments at which the latest records became durable."""

from array import array
from collections.abc import Iterator, Mapping

from gateway.domain.facts import OrderAcknowledged, OrderAdmitted, OrderDenied, OrderEnded, OrderExecuted
from gateway.domain.orders import Order
from gateway.domain.records import Record
from gateway.ports.clock import Clock
from gateway.ports.intake import OrderStory
from gateway.ports.journal import OrderTraces
from gateway.ports.read_model import OrderReads
from gateway.ports.stories import RecordedStory, Stage

_REMEMBERED = 1 << 15
#: What the first fact of a kind says of an order.
_MOMENTS: Mapping[type, str] = {
    OrderAcknowledged: "acknowledged by the venue",
    OrderExecuted: "first fill",
    OrderEnded: "ended",
}


class DurableTimes:
    """When each of the latest records became durable, in a ring."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._seqs = array("q", bytes(8 * _REMEMBERED))
        self._times = array("q", bytes(8 * _REMEMBERED))

    def note(self, record: Record) -> None:
        slot = record.seq % _REMEMBERED
        self._seqs[slot] = record.seq
        self._times[slot] = self._clock.now_ns()

    def of(self, seq: int) -> int | None:
        slot = seq % _REMEMBERED
        return self._times[slot] if self._seqs[slot] == seq else None


class Stories:
    """Implements ``ports.stories.OrderStories``."""

    def __init__(self, reads: OrderReads, traces: OrderTraces, durable: DurableTimes) -> None:
        self._reads = reads
        self._traces = traces
        self._durable = durable

    async def story(self, order_id: str) -> OrderStory | None:
        return await self._reads.order(order_id)

    async def recorded(self, order_id: str) -> RecordedStory | None:
        story = await self.story(order_id)
        if story is None:
            return None
        found = await self._traces.trace(order_id, story.order.created_ns, _last_ns(story))
        return RecordedStory(story, found.records, tuple(self._stages(story.order, found.records)), found.is_whole)

    def _stages(self, order: Order, records: tuple[Record, ...]) -> Iterator[Stage]:
        """Between the moments that are known: a negative span is a clock that was set back, and told as 0."""
        before = order.created_ns
        for name, at_ns in self._moments(order, records):
            yield Stage(name, max(at_ns - before, 0))
            before = at_ns

    def _moments(self, order: Order, records: tuple[Record, ...]) -> Iterator[tuple[str, int]]:
        seen: set[type] = set()
        for record, fact in ((one, fact) for one in records for fact in one.facts):
            kind = type(fact)
            if getattr(fact, "order_id", "") != order.order_id or kind in seen:
                continue
            seen.add(kind)
            if kind in _MOMENTS:
                yield _MOMENTS[kind], fact.ts_ns
            elif kind in (OrderAdmitted, OrderDenied) and (durable_ns := self._durable.of(record.seq)) is not None:
                yield "decided and made durable", durable_ns


def _last_ns(story: OrderStory) -> int:
    """An order that works may be spoken of until now: as far as the journal goes."""
    return 2**62 if story.order.is_open else max(order.updated_ns for order in (story.order, *story.legs))
