"""What this adapter knows of each order that it sent or heard of: which id it has at TWS, and who waits for what."""

import asyncio
from dataclasses import dataclass, field
from decimal import Decimal

from gateway.ports.venue import Answer

#: Statuses with which IB itself says that it has the order.
WORKING = frozenset({"PreSubmitted", "Submitted"})
CANCELING = frozenset({"PendingCancel", "PreCancelled"})
CANCELED = frozenset({"Cancelled", "ApiCancelled"})
#: Finished orders remembered, for errors and fills that come late.
_REMEMBERED = 10_000


@dataclass
class Terms:
    """What an order of ours can be changed in."""

    qty: Decimal
    limit_px: Decimal | None
    aux_px: Decimal | None

    def fit(self, wanted: "Terms") -> bool:
        """Whether these, as TWS shows them, are what was asked for; a price that was not asked for may be any."""
        pairs = ((self.limit_px, wanted.limit_px), (self.aux_px, wanted.aux_px))
        return self.qty == wanted.qty and all(px is None or shown == px for shown, px in pairs)


@dataclass
class Tracked:
    """One order. The waiters are set while a request is under way, and answered by what TWS says."""

    order_id: str
    tws_id: int
    perm_id: int = 0
    is_acknowledged: bool = False
    is_done: bool = False
    #: The text of an error that may have been its end: an Inactive status makes it one.
    refusal: str = ""
    #: What TWS said when it was canceled.
    end_text: str = ""
    submit: asyncio.Future[Answer] | None = None
    cancel: asyncio.Future[Answer] | None = None
    change: asyncio.Future[Answer] | None = None
    #: The terms of the last change, until TWS shows or refuses them, and when it was sent (monotonic).
    wanted: Terms | None = None
    changed_ns: int = 0

    @property
    def venue_order_id(self) -> str:
        return str(self.perm_id) if self.perm_id else ""

    def answer(self, waiter: str, answer: Answer) -> bool:
        """Answer who waits for ``submit``, ``cancel`` or ``change``; False when nobody does (any more)."""
        future: asyncio.Future[Answer] | None = getattr(self, waiter)
        setattr(self, waiter, None)
        if future is None or future.done():
            return False
        future.set_result(answer)
        return True


@dataclass
class OrderBook:
    """All tracked orders, by our id and by that of TWS. Finished ones are forgotten, the oldest first."""

    by_order_id: dict[str, Tracked] = field(default_factory=dict)
    by_tws_id: dict[int, Tracked] = field(default_factory=dict)
    _done: dict[str, None] = field(default_factory=dict)

    def add(self, order_id: str, tws_id: int) -> Tracked:
        """The order with this id of ours, begun when new. A known one learns its id at TWS."""
        tracked = self.by_order_id.get(order_id)
        if tracked is None:
            tracked = self.by_order_id[order_id] = Tracked(order_id, tws_id)
        elif tws_id > 0:
            tracked.tws_id = tws_id
        if tws_id > 0:
            self.by_tws_id[tws_id] = tracked
        return tracked

    def finish(self, tracked: Tracked) -> None:
        tracked.is_done = True
        self._done[tracked.order_id] = None
        if len(self._done) > _REMEMBERED:
            oldest = next(iter(self._done))
            del self._done[oldest]
            gone = self.by_order_id.pop(oldest)
            if self.by_tws_id.get(gone.tws_id) is gone:
                del self.by_tws_id[gone.tws_id]

    def open(self) -> list[Tracked]:
        return [tracked for tracked in self.by_order_id.values() if not tracked.is_done]

    def lose(self, answer: Answer) -> None:
        """The connection is gone: whoever waits is told that nobody knows."""
        for tracked in self.by_order_id.values():
            for waiter in ("submit", "cancel", "change"):
                tracked.answer(waiter, answer)
