"""Ends of orders that a venue does not know itself: the day of DAY and the date of GTD, where all it has is GTC."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

from gateway.adapters.venues.shared.background import Background
from gateway.domain.effects import OrderTicket
from gateway.domain.enums import OrdType, TimeInForce
from gateway.ports.clock import Clock

_NS = 1_000_000_000
_RETRY_S = 5.0


def expiry_ns(ticket: OrderTicket, now_ns: int) -> int | None:
    """When the order is to end: at its date, or for DAY at midnight UTC, as crypto has no session. None: never."""
    if ticket.ord_type is OrdType.MARKET:
        return None
    if ticket.time_in_force is TimeInForce.GTD:
        return ticket.expire_ns
    if ticket.time_in_force is not TimeInForce.DAY:
        return None
    today = datetime.fromtimestamp(now_ns / 1e9, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return int((today + timedelta(days=1)).timestamp()) * _NS


class Expiries:
    """Calls ``cancel`` when an order's time is over, and again until it says that the order is gone."""

    def __init__(self, clock: Clock, background: Background, cancel: Callable[[OrderTicket], Awaitable[bool]]) -> None:
        self._clock = clock
        self._background = background
        self._cancel = cancel
        self._timers: dict[str, asyncio.TimerHandle] = {}

    def add(self, ticket: OrderTicket) -> None:
        """Watch over an order that works; one that is watched already, or never ends, is left alone."""
        now_ns = self._clock.now_ns()
        due_ns = expiry_ns(ticket, now_ns)
        if due_ns is None or ticket.order_id in self._timers:
            return
        wait_s = max(due_ns - now_ns, 0) / _NS
        loop = asyncio.get_running_loop()
        self._timers[ticket.order_id] = loop.call_later(
            wait_s, lambda: self._background.spawn(self._expire(ticket), f"end of {ticket.order_id}")
        )

    def forget(self, order_id: str) -> None:
        """The order is done."""
        timer = self._timers.pop(order_id, None)
        if timer is not None:
            timer.cancel()

    def close(self) -> None:
        for order_id in list(self._timers):
            self.forget(order_id)

    async def _expire(self, ticket: OrderTicket) -> None:
        while ticket.order_id in self._timers:
            if await self._cancel(ticket):
                self.forget(ticket.order_id)
                return
            await asyncio.sleep(_RETRY_S)
