"""A venue across a socket, in two halves: an adapter for the gateway's process, and a server that lives in the test's
process and so survives every kill of the gateway. The server is the truth of what was really sent.

Lines of JSON, one request or one answer each; reports are pushed on the same connection. Knows the port, not the
gateway: what the adapter does is what any adapter must do.
"""

import asyncio
import contextlib
import random
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from gateway.domain.effects import OrderTicket
from gateway.domain.enums import ExecType, OrdType, SubmitStatus, TimeInForce
from gateway.domain.executions import ExecutionReport
from gateway.ports.venue import Answer, Lookup, VenueListener

D = Decimal
_LIMIT_BYTES = 2**20
_EPOCH_NS = 1_700_000_000_000_000_000


class Request(msgspec.Struct):
    """What the adapter asks. ``seen`` is how many pushed reports it has had; -1: only those from now on."""

    number: int
    action: str
    ticket: OrderTicket | None = None
    order_qty: Decimal | None = None
    limit_px: Decimal | None = None
    stop_px: Decimal | None = None
    seen: int = -1


class Message(msgspec.Struct):
    """An answer (``number`` of its request), or a push (number 0)."""

    number: int = 0
    status: SubmitStatus = SubmitStatus.ACCEPTED
    text: str = ""
    is_known: bool | None = None
    seen: int = 0
    reports: tuple[ExecutionReport, ...] = ()


# --- in the gateway's process -------------------------------------------------------------------------


class SocketVenue:
    """Implements ``ports.venue.Venue``. A connection that breaks leaves every open request UNKNOWN."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._listener: VenueListener | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None
        self._connecting = asyncio.Lock()
        #: What is waited for, by request number, and on which connection.
        self._answers: dict[int, tuple[asyncio.Future[Message], asyncio.StreamWriter]] = {}
        self._count = 0
        self._seen = -1

    async def start(self, listener: VenueListener) -> None:
        self._listener = listener
        with contextlib.suppress(OSError):
            await self._connect()

    async def submit(self, ticket: OrderTicket) -> Answer:
        return await self._answer(Request(0, "submit", ticket))

    async def cancel(self, ticket: OrderTicket) -> Answer:
        return await self._answer(Request(0, "cancel", ticket))

    async def replace(
        self, ticket: OrderTicket, order_qty: Decimal, limit_px: Decimal | None, stop_px: Decimal | None
    ) -> Answer:
        return await self._answer(Request(0, "replace", ticket, order_qty, limit_px, stop_px))

    async def lookup(self, ticket: OrderTicket) -> Lookup:
        try:
            message = await self._ask(Request(0, "lookup", ticket))
        except OSError:
            return Lookup(None)
        return Lookup(message.is_known, message.reports, since_ns=1)  # it forgets nothing

    async def close(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._reading

    async def _answer(self, request: Request) -> Answer:
        try:
            message = await self._ask(request)
        except OSError as error:
            return Answer(SubmitStatus.UNKNOWN, f"the connection broke: {error}")
        return Answer(message.status, message.text)

    async def _ask(self, request: Request) -> Message:
        await self._connect()
        return await self._send(request)

    async def _send(self, request: Request) -> Message:
        writer = self._writer
        if writer is None or writer.is_closing():
            raise ConnectionResetError("not connected")
        self._count += 1
        request.number = self._count
        answer: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._answers[request.number] = answer, writer
        try:
            writer.write(msgspec.json.encode(request) + b"\n")
            return await answer
        finally:
            self._answers.pop(request.number, None)

    async def _connect(self) -> None:
        async with self._connecting:
            if self._writer is not None and not self._writer.is_closing():
                return
            reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port, limit=_LIMIT_BYTES)
            self._reading = asyncio.get_running_loop().create_task(self._read(reader, self._writer))
            message = await self._send(Request(0, "hello", seen=self._seen))
            self._seen = max(self._seen, message.seen)

    async def _read(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with contextlib.suppress(OSError):
                while line := await reader.readline():
                    self._hear(msgspec.json.decode(line, type=Message))
        finally:
            writer.close()
            for waiter, on in self._answers.values():
                if on is writer and not waiter.done():
                    waiter.set_exception(ConnectionResetError("the venue hung up"))

    def _hear(self, message: Message) -> None:
        if not message.number:
            self._seen = message.seen
            assert self._listener is not None
            self._listener.on_reports(message.reports)
        elif message.number in self._answers:
            waiter, _ = self._answers[message.number]
            if not waiter.done():
                waiter.set_result(message)


# --- in the test's process ----------------------------------------------------------------------------


class VenueOrder(msgspec.Struct):
    """One order as the venue holds it."""

    ticket: OrderTicket
    order_qty: Decimal
    limit_px: Decimal | None
    cum_qty: Decimal = D(0)
    is_open: bool = True
    reports: list[ExecutionReport] = []

    @property
    def position(self) -> Decimal:
        """What its fills did to the position."""
        return self.cum_qty * self.ticket.side.sign

    @property
    def is_resting(self) -> bool:
        return self.is_open and self.ticket.ord_type is OrdType.LIMIT


class Faults(msgspec.Struct):
    """How often, of all submits, the venue misbehaves in which way."""

    #: Takes the order, answers later.
    late: float = 0.0
    #: Takes the order, and hangs up instead of answering.
    hang_up: float = 0.0
    #: Takes the order, and never answers.
    mute: float = 0.0
    #: Loses the order, and hangs up.
    lose: float = 0.0
    #: Says no.
    reject: float = 0.0
    #: Takes the order only after a while; a cancel that comes before is refused as unknown.
    slow: float = 0.0
    #: Loses a cancel, and hangs up.
    lose_cancel: float = 0.0
    #: Loses a replace, and hangs up.
    lose_replace: float = 0.0


class VenueServer:
    """The venue. ``sends`` counts every submit that reached it, by order id."""

    def __init__(self, rng: random.Random, faults: Faults, prices: dict[str, Decimal]) -> None:
        self.faults = faults
        self.prices = prices
        self.orders: dict[str, VenueOrder] = {}
        self.sends: Counter[str] = Counter()
        self.cancels: Counter[str] = Counter()
        #: When the last submit of each order, and the last cancel of all, reached it (``time.monotonic_ns``).
        self.sent_ns: dict[str, int] = {}
        self.cancel_ns = 0
        self.lost: set[str] = set()
        self.connections = 0
        #: Fills of resting orders happen only while this is set.
        self.is_trading = False
        self._rng = rng
        #: Every report, in the order in which the adapter gets them.
        self.told: list[ExecutionReport] = []
        self._writer: asyncio.StreamWriter | None = None
        self._trades = 0
        self._serving: set[asyncio.Task[Any]] = set()
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection; the newest gets the pushes."""
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        try:
            await self._serve(reader, writer)
        except asyncio.CancelledError:
            writer.transport.abort()  # not raised on: asyncio's server would log it
        finally:
            self._serving.discard(task)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with asyncio.TaskGroup() as group:
            try:
                while line := await reader.readline():
                    request = msgspec.json.decode(line, type=Request)
                    if request.action == "hello":
                        self._welcome(request, writer)
                    else:
                        group.create_task(self._handle(request, writer))
            except OSError:
                pass
            finally:
                if self._writer is writer:
                    self._writer = None
                writer.close()
                with contextlib.suppress(OSError):
                    await writer.wait_closed()

    async def hang_up(self) -> None:
        """Cut every connection, and wait until nobody serves any."""
        for task in list(self._serving):
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)

    def _welcome(self, request: Request, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        seen = len(self.told) if request.seen < 0 else request.seen
        _tell(writer, Message(request.number, seen=seen))
        if seen < len(self.told):
            _tell(writer, Message(seen=len(self.told), reports=tuple(self.told[seen:])))

    async def _handle(self, request: Request, writer: asyncio.StreamWriter) -> None:
        ticket = request.ticket
        assert ticket is not None
        assert not ticket.is_twin, "a twin is the simulator's"
        match request.action:
            case "submit":
                await self._submit(ticket, request, writer)
            case "cancel":
                self._cancel(ticket, request, writer)
            case "replace":
                self._replace(ticket, request, writer)
            case "lookup":
                order = self.orders.get(ticket.order_id)
                reports = () if order is None else tuple(order.reports)
                _tell(writer, Message(request.number, is_known=order is not None, reports=reports))

    async def _submit(self, ticket: OrderTicket, request: Request, writer: asyncio.StreamWriter) -> None:
        order_id = ticket.order_id
        self.sends[order_id] += 1
        self.sent_ns[order_id] = time.monotonic_ns()
        fault = self._draw_fault()
        if fault == "lose":
            self.lost.add(order_id)
            writer.transport.abort()
            return
        if fault == "reject":
            _tell(writer, Message(request.number, SubmitStatus.REJECTED, "the venue does not like it"))
            return
        if fault == "slow":
            await asyncio.sleep(self._rng.uniform(0.1, 0.3))
        self._take(ticket)
        if fault == "hang_up":
            writer.transport.abort()
            return
        if fault == "late":
            await asyncio.sleep(self._rng.uniform(0.02, 0.2))
        if fault != "mute":
            _tell(writer, Message(request.number))

    def _draw_fault(self) -> str:
        share = self._rng.random()
        for name in ("late", "hang_up", "mute", "lose", "reject", "slow"):
            share -= float(getattr(self.faults, name))
            if share < 0:
                return name
        return ""

    def _take(self, ticket: OrderTicket) -> None:
        order = VenueOrder(ticket, ticket.order_qty, ticket.limit_px)
        self.orders[ticket.order_id] = order
        self._report(order, ExecType.NEW)
        px = self.prices[ticket.symbol]
        is_marketable = ticket.limit_px is None or (ticket.limit_px - px) * ticket.side.sign >= 0
        if is_marketable:
            if self._rng.random() < 0.5 and order.order_qty > 1:
                self.fill(order, D(1), px)
            self.fill(order, order.order_qty - order.cum_qty, px)
        elif ticket.time_in_force in (TimeInForce.IOC, TimeInForce.FOK):
            self._end(order)

    def fill(self, order: VenueOrder, qty: Decimal, px: Decimal) -> None:
        self._trades += 1
        order.cum_qty += qty
        order.is_open = order.cum_qty < order.order_qty
        self._report(order, ExecType.TRADE, exec_id=f"x{self._trades}", last_qty=qty, last_px=px)

    def _end(self, order: VenueOrder) -> None:
        order.is_open = False
        self._report(order, ExecType.CANCELED)

    def _cancel(self, ticket: OrderTicket, request: Request, writer: asyncio.StreamWriter) -> None:
        order = self.orders.get(ticket.order_id)
        self.cancels[ticket.order_id] += 1
        self.cancel_ns = time.monotonic_ns()
        if self._rng.random() < self.faults.lose_cancel:
            writer.transport.abort()
            return
        if order is None or not order.is_open:
            _tell(writer, Message(request.number, SubmitStatus.REJECTED, "no such open order"))
            return
        _tell(writer, Message(request.number))
        self._end(order)

    def _replace(self, ticket: OrderTicket, request: Request, writer: asyncio.StreamWriter) -> None:
        order = self.orders.get(ticket.order_id)
        qty = request.order_qty
        if self._rng.random() < self.faults.lose_replace:
            writer.transport.abort()
            return
        if order is None or not order.is_open or qty is None or qty <= order.cum_qty:
            _tell(writer, Message(request.number, SubmitStatus.REJECTED, "the order cannot be replaced"))
            return
        order.order_qty, order.limit_px = qty, request.limit_px
        _tell(writer, Message(request.number))
        self._report(order, ExecType.REPLACED, order_qty=qty, limit_px=request.limit_px, stop_px=request.stop_px)

    def _report(self, order: VenueOrder, exec_type: ExecType, **more: Any) -> None:
        order_id = order.ticket.order_id
        report = ExecutionReport(
            order_id=order_id,
            exec_type=exec_type,
            transact_ns=_EPOCH_NS + len(self.told),
            venue_order_id=f"v-{order_id}",
            **more,
        )
        order.reports.append(report)
        self.push(report)

    def push(self, *reports: ExecutionReport) -> None:
        """Tell the adapter: what just happened, or once more what happened long ago."""
        self.told.extend(reports)
        if self._writer is not None:
            _tell(self._writer, Message(seen=len(self.told), reports=reports))

    async def trade(self) -> None:
        """Fill some of what rests, in parts, for as long as it runs."""
        while True:
            await asyncio.sleep(0.02)
            resting = [order for order in self.orders.values() if order.is_resting] if self.is_trading else []
            if resting:
                order = self._rng.choice(resting)
                assert order.limit_px is not None
                self.fill(order, D(1), order.limit_px)


def _tell(writer: asyncio.StreamWriter, message: Message) -> None:
    if not writer.is_closing():
        writer.write(msgspec.json.encode(message) + b"\n")


@asynccontextmanager
async def venue_server(
    prices: dict[str, Decimal], faults: Faults | None = None, seed: int = 1
) -> AsyncIterator[VenueServer]:
    """A venue that listens, with a market of its own, and is gone afterwards."""
    venue = VenueServer(random.Random(seed), faults or Faults(), prices)
    server = await asyncio.start_server(venue.serve, "127.0.0.1", 0, limit=_LIMIT_BYTES)
    venue.port = server.sockets[0].getsockname()[1]
    trading = asyncio.get_running_loop().create_task(venue.trade())
    try:
        yield venue
    finally:
        trading.cancel()
        server.close()
        await venue.hang_up()
        with contextlib.suppress(asyncio.CancelledError):
            await trading


def launcher(venue: VenueServer, folder: Path, *more: str) -> list[str]:
    """The command line of a gateway whose venue ``ibkr`` is ``venue``; it notes its adapters' lives in ``folder``."""
    builds = ["--builds", str(folder / "builds.txt")]
    return [sys.executable, "-m", "tests.crash.launcher", "--venue-port", str(venue.port), *builds, *more]
