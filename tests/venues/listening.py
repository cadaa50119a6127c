"""A listener that remembers what a venue said, for the tests to wait on."""

import asyncio
from collections.abc import Callable
from decimal import Decimal

from gateway.domain.enums import ExecType
from gateway.domain.executions import ExecutionReport


class Heard:
    """Implements ``ports.venue.VenueListener``. Executions count once by their id, as the gateway counts them."""

    def __init__(self) -> None:
        self.reports: list[ExecutionReport] = []
        self.is_connected = False
        self.status = ""
        #: How often the connection was lost.
        self.downs = 0
        self._changed = asyncio.Event()

    def on_reports(self, reports: tuple[ExecutionReport, ...]) -> None:
        self.reports.extend(reports)
        self._changed.set()

    def on_status(self, venue: str, is_connected: bool, text: str) -> None:
        self.downs += self.is_connected and not is_connected
        self.is_connected, self.status = is_connected, text
        self._changed.set()

    def kinds(self, order_id: str) -> list[ExecType]:
        """What was said of an order, without repetitions of the same."""
        return list(dict.fromkeys(report.exec_type for report in self.reports if report.order_id == order_id))

    def fills(self, order_id: str) -> dict[str, ExecutionReport]:
        """Executions of an order by id."""
        found: dict[str, ExecutionReport] = {}
        for report in self.reports:
            if report.order_id == order_id and report.exec_type is ExecType.TRADE:
                found.setdefault(report.exec_id, report)
        return found

    def cum_qty(self, order_id: str) -> Decimal:
        return sum((report.last_qty for report in self.fills(order_id).values()), Decimal(0))

    async def until(self, condition: Callable[[], bool], seconds: float = 5.0) -> None:
        """Wait for something that follows from what is heard."""
        async with asyncio.timeout(seconds):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    async def until_kind(self, order_id: str, kind: ExecType) -> None:
        await self.until(lambda: kind in self.kinds(order_id))

    async def until_filled(self, order_id: str, qty: Decimal | int | str) -> None:
        await self.until(lambda: self.cum_qty(order_id) == Decimal(qty))
