"""What is to happen to waiting orders at known times: expiries, openings and closes."""

from heapq import heapify, heappop, heappush

from gateway.adapters.venues.simulator.order import Phase, SimOrder

#: Entries of finished orders are swept out when they are this many and more than half of all.
_SWEEP_AT = 64


class Timetable:
    """A heap of (time, order). Orders that finish earlier leave at the next sweep, so it cannot grow with them."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, SimOrder]] = []
        self._count = 0
        self._finished = 0

    def __len__(self) -> int:
        return len(self._heap)

    @property
    def next_due_ns(self) -> int | None:
        heap = self._heap
        while heap and heap[0][2].phase is Phase.DONE:
            heappop(heap)
            self._finished -= 1
        return heap[0][0] if heap else None

    def add(self, due_ns: int, order: SimOrder) -> None:
        """Equal times keep the order in which they were added."""
        order.is_timed = True
        self._count += 1
        heappush(self._heap, (due_ns, self._count, order))

    def pop(self) -> tuple[int, SimOrder]:
        """Take the next entry; call only when ``next_due_ns`` names one."""
        due_ns, _, order = heappop(self._heap)
        order.is_timed = False
        return due_ns, order

    def note_finished(self, order: SimOrder) -> None:
        """A finished order's entry is dead weight from now on."""
        if not order.is_timed:
            return
        self._finished += 1
        if self._finished > _SWEEP_AT and 2 * self._finished > len(self._heap):
            self._heap = [entry for entry in self._heap if entry[2].phase is not Phase.DONE]
            heapify(self._heap)
            self._finished = 0
