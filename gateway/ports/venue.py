"""A place that executes orders: a broker, an exchange, or the simulator."""

from collections.abc import Callable
from decimal import Decimal
from typing import Protocol

import msgspec

from gateway.domain.effects import OrderTicket
from gateway.domain.enums import SubmitStatus
from gateway.domain.orders import ExecutionReport


class Answer(msgspec.Struct, frozen=True):
    """Outcome of one request. ACCEPTED means that the request was taken, not that it is done: reports tell."""

    status: SubmitStatus
    text: str = ""


class Lookup(msgspec.Struct, frozen=True):
    """What the venue knows of one order. ``is_known`` None: it could not answer, ask again later. False is only
    said by a venue whose lookup is authoritative. ``reports`` bring the order up to date."""

    is_known: bool | None
    reports: tuple[ExecutionReport, ...] = ()


class VenueListener(Protocol):
    """Where a venue tells what happens, in the order in which it happened."""

    def on_reports(self, reports: tuple[ExecutionReport, ...]) -> None: ...

    def on_status(self, venue: str, is_connected: bool, text: str) -> None: ...


class Venue(Protocol):
    """``submit`` is called at most once per order id, ever. No method may resend by itself.

    A timeout or a dropped connection after the request may have left is UNKNOWN, never REJECTED.
    """

    async def start(self, listener: VenueListener) -> None: ...

    async def submit(self, ticket: OrderTicket) -> Answer: ...

    async def cancel(self, ticket: OrderTicket) -> Answer: ...

    async def replace(
        self, ticket: OrderTicket, order_qty: Decimal, limit_px: Decimal | None, stop_px: Decimal | None
    ) -> Answer: ...

    async def lookup(self, ticket: OrderTicket) -> Lookup: ...

    async def close(self) -> None: ...


VenueFactory = Callable[[], Venue]
