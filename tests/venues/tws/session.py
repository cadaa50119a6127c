"""One client on its socket: what it asks, and what it is told."""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from tests.venues.faults import REQUEST_KINDS, Fault, Kind
from tests.venues.tws import messages
from tests.venues.tws.feed import MarketFeed
from tests.venues.tws.frames import ProtocolError, fields_of, frame, read_frame, read_hello
from tests.venues.tws.messages import Fields
from tests.venues.tws.orders import TwsExecution, TwsOrder
from tests.venues.tws.requests import CANCEL_ORDER, PLACE_ORDER, PlaceOrder, integer, read_contract, read_place_order

if TYPE_CHECKING:
    from tests.venues.tws.server import TwsServer

_READ_ONLY = "Error validating request.-'bO' : cause - The API interface is currently in Read-Only mode."
_MODIFIABLE = frozenset({"PreSubmitted", "Submitted"})
_OPS = {4: "cancel", 5: "lookup", 7: "lookup", 16: "lookup", 99: "lookup", 9: "instruments", 71: "stream"}
#: An error that is in no list of errors: it says nothing about what became of the request.
_NO_PROOF = (10999, "An error that no document names.")


class Session:
    """Answers one client. ``client_id`` is -1 until it has said who it is."""

    def __init__(self, server: "TwsServer", reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._server = server
        self._reader = reader
        self._writer = writer
        self.client_id = -1
        self.version = 0
        self._strikes = 0
        self.feed = MarketFeed(server, self._send, self._send_error)
        self._tasks: set[asyncio.Task[None]] = set()
        self.is_silent = False
        #: What is said while a fault of a request is at work, in place of being sent.
        self._kept: list[Fields] | None = None
        #: Messages behind one that is stuck, itself included: a stream has an order.
        self._stuck: deque[list[str]] = deque()

    async def serve(self) -> None:
        """Until the client leaves, breaks the protocol, or is hung up on."""
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError, ProtocolError):
            low, high = await read_hello(self._reader)
            self.version = min(high, self._server.version)
            if self.version < low:
                return
            self._send([self.version, time.strftime("%Y%m%d %H:%M:%S EST", time.localtime(self._now_s()))])
            while True:
                fields = fields_of(await read_frame(self._reader))
                if self._stuck:
                    self._stuck.append(fields)
                elif not self.is_silent:
                    self._hear(fields)

    def _now_s(self) -> int:
        return int(time.time()) + self._server.skew_s

    def hang_up(self) -> None:
        """Cut the connection without a word. What came in before takes effect."""
        self._unstick()
        for task in self._tasks:
            task.cancel()
        if self._writer.transport is not None:
            self._writer.transport.abort()

    def _send(self, fields: Fields) -> None:
        if self._kept is not None:
            self._kept.append(fields)
        elif not self.is_silent and not self._writer.is_closing():
            self._writer.write(frame(fields))

    def _send_error(self, request_id: int, code: int, text: str) -> None:
        self._send(messages.error(self.version, request_id, code, text))

    def tell(self, event: str, *told: Fields) -> None:
        """Messages about orders: these are what the faults delay, double and swallow."""
        if not self._server.faults.mute:
            self._server.hub.tell(event, lambda: self._tell(*told))

    def _tell(self, *told: Fields) -> None:
        faults = self._server.faults
        for fields in [*told, *(told if faults.doubled else ())]:
            if faults.late_s:
                self._later(faults.late_s, fields)
            else:
                self._send(fields)

    def _later(self, delay_s: float, fields: Fields) -> None:
        async def send() -> None:
            await asyncio.sleep(delay_s)
            self._send(fields)

        task = asyncio.get_running_loop().create_task(send())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _hear(self, fields: list[str]) -> None:
        if self._is_too_fast():
            return
        op = self._op_of(fields)
        if op in ("place", "replace", "cancel"):
            self._server.door.append((op, integer(fields[1 if op != "cancel" else 2])))
        fault = self._server.plan.take(REQUEST_KINDS, op)
        if fault is None:
            self._handle(fields)
        else:
            self._misbehave(fault, fields)

    def _handle(self, fields: list[str]) -> None:
        handler = self._handlers().get(integer(fields[0]))
        if handler is not None:
            handler(fields)

    def _op_of(self, fields: list[str]) -> str:
        number = integer(fields[0])
        if number == PLACE_ORDER:
            earlier = self._server.market.of_client(self.client_id, integer(fields[1]))
            return "place" if earlier is None else "replace"  # which comes too late for one that is done
        return _OPS.get(number, "other")

    def _misbehave(self, fault: Fault, fields: list[str]) -> None:
        """A fault of a request, as far as a stream of messages has it."""
        number = integer(fields[2 if integer(fields[0]) == CANCEL_ORDER else 1]) if len(fields) > 2 else -1
        if fault.kind is Kind.DROP_BEFORE:
            self.hang_up()
        elif fault.kind is Kind.ERROR and fault.status == 429:
            self._send_error(-1, 100, "Max rate of messages per second has been exceeded")
        elif fault.kind is Kind.ERROR:
            self._send_error(number, *_NO_PROOF)
        elif fault.kind is Kind.STUCK:
            self._stuck.append(fields)
            fault.hold(self._unstick)
        else:
            self._spoil(fault, fields, number)

    def _spoil(self, fault: Fault, fields: list[str], number: int) -> None:
        """The request takes effect; what is said at once about it does not come as it should."""
        self._kept = said = []
        try:
            self._handle(fields)
        finally:
            self._kept = None
        match fault.kind:
            case Kind.LATE:
                fault.hold(lambda: [self._send(one) for one in said] and None)
            case Kind.DROP_AFTER:
                self.hang_up()
            case Kind.ERROR_AFTER:
                self._send_error(number, *_NO_PROOF)
            case Kind.GARBLE:
                self._send([999, "<html><body>We will be right back.</body></html>"])
            case Kind.CUT:
                raw = frame(said[0]) if said else b""
                self._writer.write(raw[: len(raw) // 2])
                self._writer.close()

    def _unstick(self) -> None:
        waiting, self._stuck = list(self._stuck), deque()
        for fields in waiting:
            self._handle(fields)

    def _is_too_fast(self) -> bool:
        """The pacing rule, for all clients together: error 100, and the end of the session after three violations."""
        limit = self._server.faults.messages_per_s
        now = time.monotonic()
        recent = self._server.recent
        recent.append(now)
        self._server.heard += 1
        while now - recent[0] > 1:
            recent.popleft()
        if not limit or len(recent) <= limit:
            return False
        self._strikes += 1
        self._send_error(-1, 100, "Max rate of messages per second has been exceeded")
        if self._strikes >= 3:
            self.hang_up()
        recent.clear()
        return True

    def _handlers(self) -> dict[int, Callable[[list[str]], None]]:
        return {
            1: self.feed.watch,
            2: self.feed.unwatch,
            3: self._place,
            4: self._cancel,
            5: lambda fields: self._list_open(own=True),
            6: self._account_updates,
            7: self._list_executions,
            8: lambda fields: self._send(messages.next_valid_id(self._next_id())),
            9: self._contract_details,
            10: self.feed.watch_depth,
            11: self.feed.unwatch_depth,
            16: lambda fields: self._list_open(own=False),
            17: lambda fields: self._send(messages.managed_accounts(self._server.market.accounts)),
            49: self._tell_time,
            58: self._cancel_all,
            59: self.feed.set_type,
            61: self._list_positions,
            71: self._start,
            76: self._account_updates_multi,
            99: self._list_completed,
        }

    def _start(self, fields: list[str]) -> None:
        client_id = integer(fields[2])
        if self._server.session_of(client_id) is not None:
            self._send_error(-1, 326, "Unable to connect as the client id is already in use. Retry with a unique id.")
            self._writer.close()
            return
        self.client_id = client_id
        self._send(messages.managed_accounts(self._server.market.accounts))
        self._send(messages.next_valid_id(self._next_id()))
        self._send_error(-1, 2104, "Market data farm connection is OK:usfarm")
        if self._server.faults.is_cut_off:
            self._send_error(-1, 1100, "Connectivity between IBKR and Trader Workstation has been lost.")

    def _tell_time(self, _: list[str]) -> None:
        if not self._server.faults.silent:
            self._send(messages.current_time(self._now_s()))

    def _next_id(self) -> int:
        return self._server.market.next_ids.get(self.client_id, 1)

    # --- orders -----------------------------------------------------------------------------------

    def _place(self, fields: list[str]) -> None:
        terms = read_place_order(fields, self.version)
        server = self._server
        server.seen.append(terms)
        if server.faults.drop_before_place:
            server.faults.drop_before_place = False
            self.hang_up()
            return
        earlier = server.market.of_client(self.client_id, terms.order_id)
        if earlier is not None and earlier.status in _MODIFIABLE:
            self._modify(earlier, terms)
        elif terms.order_id < self._next_id():
            self._send_error(terms.order_id, 103, "Duplicate order id")
        else:
            self._enter(terms)

    def _enter(self, terms: PlaceOrder) -> None:
        server, faults = self._server, self._server.faults
        listings = server.market.find(terms.contract)
        refusal = self._refusal_of(terms, len(listings))
        if refusal is not None:
            self._send_error(terms.order_id, *refusal)
            return
        order = server.market.enter(self.client_id, terms, listings[0])
        if faults.reject_next:
            text, faults.reject_next = faults.reject_next, ""
            server.market.end(order, "Inactive")
            self._send_error(terms.order_id, 201, f"Order rejected - reason:{text}")
            self.tell("rejected", messages.open_order(self.version, order), messages.order_status(order))
            return
        if faults.is_cut_off:
            order.status = "PendingSubmit"
            server.held_back.append(order)
            return
        if faults.drop_after_place:
            faults.drop_after_place = False
            server.market.work(order)
            self.hang_up()
            return
        self.tell("ack", messages.open_order(self.version, order), messages.order_status(order))
        server.market.work(order)
        if not order.cum_qty or not order.is_done:
            self.tell("ack", messages.open_order(self.version, order), messages.order_status(order))

    def _refusal_of(self, terms: PlaceOrder, found: int) -> tuple[int, str] | None:
        if self._server.faults.read_only:
            return 321, _READ_ONLY
        if found == 0:
            return 200, "No security definition has been found for the request"
        if found > 1:
            return 200, "The contract description specified is ambiguous"
        if terms.qty <= 0:
            return 434, "The order size cannot be zero"
        listing = self._server.market.find(terms.contract)[0]
        for px in (terms.limit_px, terms.aux_px):
            if px and terms.order_type != "TRAIL" and px % listing.min_tick:
                return 110, "The price does not conform to the minimum price variation for this contract."
        if terms.order_type in ("MOC", "LOC") and terms.tif not in ("", "DAY"):
            return 113, "The Time-In-Force must be DAY for this order type."
        if terms.account and terms.account not in self._server.market.accounts:
            return 435, "You must specify an account."
        return None

    def _modify(self, order: TwsOrder, terms: PlaceOrder) -> None:
        faults = self._server.faults
        if faults.is_deaf_to_changes:
            return
        if faults.refuse_modify_code:
            self._send_error(order.order_id, faults.refuse_modify_code, "Order modify failed.")
            return
        if terms.qty <= order.cum_qty:
            self._send_error(order.order_id, 201, "Order rejected - reason:quantity is below what has filled")
            return
        order.terms = terms
        self._server.market.work(order)
        if not order.is_done:
            self.tell("replaced", messages.open_order(self.version, order), messages.order_status(order))

    def _cancel(self, fields: list[str]) -> None:
        order_id = integer(fields[2])
        self._server.cancels.append(order_id)
        order = self._server.market.of_client(self.client_id, order_id)
        code = self._server.faults.refuse_cancel_code
        if order is None:
            self._send_error(order_id, 10147, f"OrderId {order_id} that needs to be cancelled is not found.")
        elif code:
            self._send_error(order_id, code, "Cancel attempted when order is not in a cancellable state.")
        elif order.is_done:
            text = f"OrderId {order_id} that needs to be cancelled cannot be cancelled, state: {order.status}."
            self._send_error(order_id, 10148, text)
        else:
            self._server.end(order, "Cancelled")

    def _cancel_all(self, fields: list[str]) -> None:
        for order in list(self._server.market.orders.values()):
            if not order.is_done:
                self._server.end(order, "Cancelled")

    def told_of_end(self, order: TwsOrder) -> None:
        """An order ended without (more) fills."""
        told = [messages.order_status(order)]
        if order.status == "Cancelled":
            told.append(messages.error(self.version, order.order_id, 202, "Order Canceled - reason:"))
        self.tell("canceled", *told)

    def told_of_order(self, order: TwsOrder) -> None:
        """An order as it stands now."""
        self.tell("ack", messages.open_order(self.version, order), messages.order_status(order))

    def told_of_system(self, code: int, text: str) -> None:
        self._send_error(-1, code, text)

    def told_of_fill(self, order: TwsOrder, execution: TwsExecution) -> None:
        if self._server.faults.lose_fills:
            return
        self.tell(
            "fill",
            messages.execution(self.version, -1, execution),
            messages.open_order(self.version, order),
            messages.order_status(order),
            messages.commission(execution),
        )
        if self._server.faults.stale_status:
            stale = messages.order_status(order)
            stale[2:5] = ["Submitted", order.cum_qty - execution.qty, order.leaves_qty + execution.qty]
            self.tell("stale", stale)

    # --- lists ------------------------------------------------------------------------------------

    def _list_open(self, *, own: bool) -> None:
        if self._server.faults.read_only and own:
            self._send_error(
                -1, 321, "Error validating request.-'cL' : cause - The API interface is in Read-Only mode."
            )
        for order in self._server.market.orders.values():
            if not order.is_done and order.status != "PendingSubmit" and (not own or order.client_id == self.client_id):
                self._send(messages.open_order(self.version, order))
                self._send(messages.order_status(order))
        self._send([53, 1])

    def _list_completed(self, fields: list[str]) -> None:
        for order in self._server.market.orders.values():
            if order.is_done:
                self._send(messages.completed_order(self.version, order))
        self._send([102])

    def _list_executions(self, fields: list[str]) -> None:
        request_id, client_id, account = integer(fields[2]), integer(fields[3]), fields[4]
        for one in self._server.market.executions:
            if client_id in (0, one.client_id) and account in ("", one.account):
                self._send(messages.execution(self.version, request_id, one))
                self._send(messages.commission(one))
        self._send(messages.execution_end(request_id))

    def _list_positions(self, fields: list[str]) -> None:
        for (account, _), holding in self._server.market.holdings.items():
            self._send(messages.position(account, holding))
        self._send([62, 1])

    def _account_updates(self, fields: list[str]) -> None:
        account = fields[3] or self._server.market.accounts[0]
        for tag, value in self._server.account_values(account).items():
            self._send(messages.account_value(account, tag, value))
        self._send([8, 1, time.strftime("%H:%M")])
        self._send([54, 1, account])

    def _account_updates_multi(self, fields: list[str]) -> None:
        request_id, account = integer(fields[2]), fields[3]
        for tag, value in self._server.account_values(account).items():
            self._send(messages.account_value_multi(request_id, account, tag, value))
        self._send([74, 1, request_id])

    def _contract_details(self, fields: list[str]) -> None:
        request_id = integer(fields[2])
        found = self._server.market.find(read_contract(iter(fields[3:])))
        if not found:
            self._send_error(request_id, 200, "No security definition has been found for the request")
            return
        for listing in found:
            self._send(messages.contract_details(request_id, listing))
        self._send([52, 1, request_id])
