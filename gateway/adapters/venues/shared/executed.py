"""What is known to have filled, so that a venue's own sum of an order shows when a fill was never told."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from decimal import Decimal

from gateway.adapters.venues.shared.background import Background
from gateway.domain.effects import OrderTicket
from gateway.domain.enums import ExecType
from gateway.domain.executions import ExecutionReport
from gateway.domain.money import ZERO

#: A fill that the venue counts and nobody told usually follows at once; it is asked for after so long, and again after
#: ever longer waits.
GAP_WAIT_S = 0.5
_MAX_WAIT_S = 30.0
#: Orders remembered; a sum that comes later than that is compared with nothing.
_REMEMBERED = 10_000


class Executed:
    """Executions by order, each counted once by its id, whichever channel told it. ``ask`` looks an order up and
    reports what it finds, through ``note`` like everything else."""

    def __init__(self, background: Background, ask: Callable[[OrderTicket], Awaitable[object]]) -> None:
        self._background = background
        self._ask = ask
        self._qty: dict[str, dict[str, Decimal]] = {}
        self._wanted: dict[str, Decimal] = {}

    def note(self, reports: Iterable[ExecutionReport]) -> None:
        for report in reports:
            if report.exec_type is ExecType.TRADE:
                self._qty.setdefault(report.order_id, {})[report.exec_id] = report.last_qty
                if len(self._qty) > _REMEMBERED:
                    del self._qty[next(iter(self._qty))]

    def cum_qty(self, order_id: str) -> Decimal:
        return sum(self._qty.get(order_id, {}).values(), ZERO)

    def compare(self, ticket: OrderTicket, cum_qty: Decimal) -> bool:
        """The venue says that so much of the order has filled in all: ask for what is missing until nothing is. True:
        nothing is."""
        order_id = ticket.order_id
        if cum_qty <= self.cum_qty(order_id):
            return True
        if cum_qty <= self._wanted.get(order_id, ZERO):
            return False
        is_asking = order_id in self._wanted
        self._wanted[order_id] = cum_qty
        if not is_asking:
            self._background.spawn(self._fill_gap(ticket), f"missing fills of {order_id}")
        return False

    async def _fill_gap(self, ticket: OrderTicket) -> None:
        wait_s = GAP_WAIT_S
        try:
            while True:
                await asyncio.sleep(wait_s)
                if self.cum_qty(ticket.order_id) >= self._wanted[ticket.order_id]:
                    return
                await self._ask(ticket)
                wait_s = min(wait_s * 2, _MAX_WAIT_S)
        finally:
            del self._wanted[ticket.order_id]
