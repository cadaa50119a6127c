"""A place that executes orders: a broker, an exchange, or the simulator."""

from decimal import Decimal
from typing import Protocol, runtime_checkable

import msgspec

from gateway.domain.effects import OrderTicket
from gateway.domain.enums import SubmitStatus
from gateway.domain.executions import ExecutionReport
from gateway.domain.venue_account import VenueExecution, VenueOrder, VenuePosition


class Answer(msgspec.Struct, frozen=True):
    """Outcome of one request. ACCEPTED means that the request was taken, not that it is done: reports tell.

    ``is_too_small``: REJECTED because the venue takes no order of so little; nothing was sent.
    """

    status: SubmitStatus
    text: str = ""
    is_too_small: bool = False


class Lookup(msgspec.Struct, frozen=True):
    """What the venue knows of one order. ``is_known`` None: it could not answer, ask again later. False: it answered,
    and has no such order among those since ``since_ns`` (Unix time; 0: ever). ``reports`` bring the order up to
    date."""

    is_known: bool | None
    reports: tuple[ExecutionReport, ...] = ()
    since_ns: int = 0


class VenueListener(Protocol):
    """Where a venue tells what happens, in the order in which it happened: the end of an order after all its fills."""

    def on_reports(self, reports: tuple[ExecutionReport, ...]) -> None:
        """What became of orders; the same report may be told again."""
        ...

    def on_status(self, venue: str, is_connected: bool, text: str) -> None:
        """Whether the venue can be reached; ``text`` says why not."""
        ...


class Venue(Protocol):
    """``submit`` is called at most once per order id, ever. No method may resend by itself.

    A timeout or a dropped connection after the request may have left is UNKNOWN, never REJECTED. A cancel that no
    budget has room for, ours or the venue's, is THROTTLED; an order or a change is REJECTED then.
    """

    async def start(self, listener: VenueListener) -> None:
        """Connect, and report to ``listener`` from now on. Returns without waiting for the connection to stand."""
        ...

    async def submit(self, ticket: OrderTicket) -> Answer:
        """Send a new order, once."""
        ...

    async def cancel(self, ticket: OrderTicket) -> Answer:
        """Ask for the end of an order; a report tells whether it came."""
        ...

    async def replace(
        self, ticket: OrderTicket, order_qty: Decimal, limit_px: Decimal | None, stop_px: Decimal | None
    ) -> Answer:
        """Ask for new terms of an order, all of them: ``order_qty`` is the whole, what has filled included."""
        ...

    async def lookup(self, ticket: OrderTicket) -> Lookup:
        """Ask the venue itself what became of an order."""
        ...

    async def close(self) -> None:
        """Let go of the connection. No order is canceled by it."""
        ...


class VenueAccount(Protocol):
    """Reads what the venue says of the account. An adapter implements it in ``account.py``, on the connection of its
    order adapter, which gives it as its property ``account`` (see ``ReadsAccount``).

    **Fresh.** Each call asks the venue, after it was called: nothing comes from a cache or a stream. The caller takes
    the time before and after, and what is true at the venue at some moment in between is what is returned.

    **Whole.** All pages are read, and all of the account that the gateway trades is told, also what other programs
    and people did there (as far as ``VenueCapabilities.sees_other_orders`` goes). What cannot be read whole, for
    whatever reason (no connection, a budget that is used up, a timeout), raises AccountUnreadable; an empty tuple
    says that there is nothing.

    **Silent.** Reading changes no order and sends no report, except that an adapter may report what it learns on the
    way through its listener as usual, under the same execution ids.
    """

    async def open_orders(self) -> tuple[VenueOrder, ...]:
        """Every order that can still trade, each once (by ``venue_order_id``)."""
        ...

    async def executions(self, since_ns: int) -> tuple[VenueExecution, ...]:
        """Every execution at or after ``since_ns`` (Unix time of the venue), as far back as
        ``VenueCapabilities.executions`` reaches. More than was asked for does no harm.

        At a venue that lists them by instrument only, those of the configured instruments.
        """
        ...

    async def positions(self) -> tuple[VenuePosition, ...]:
        """Everything that is held now; empty at a venue with ``Holdings.NONE``."""
        ...


@runtime_checkable
class ReadsAccount(Protocol):
    """A venue whose account can be read. One without the property is not reconciled."""

    @property
    def account(self) -> VenueAccount: ...


@runtime_checkable
class ReleasesOrders(Protocol):
    """A venue that goes on asking for orders which it believes to be open."""

    def release(self, order_id: str) -> None:
        """A person settled the order. What the venue tells of it unasked is still reported."""
        ...
