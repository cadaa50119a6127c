"""The socket to TWS, through ib_async's client, and the raw messages that come back over it.

Only the library's wire layer is used (``Client``, ``Decoder``): its ``IB`` and ``Trade`` objects keep an order state
of their own, which takes every error for a cancel and lets late messages bring finished orders back.
"""

import asyncio
import logging
from datetime import UTC
from decimal import Decimal
from typing import Any, Protocol

from ib_async import CommissionReport, Contract, ContractDetails, Execution, ExecutionFilter, Order, OrderState
from ib_async.client import Client

_MOST_UNREAD = 1_000


class WireListener(Protocol):
    """What the venue adapter hears of the socket."""

    def on_open_order(self, order_id: int, order: Order, state: OrderState) -> None: ...

    def on_order_of_another(self, order: Order) -> None:
        """An open order of another client of TWS."""
        ...

    def on_completed_order(self, order: Order, state: OrderState) -> None: ...

    def on_order_status(self, order_id: int, status: str, filled: float, perm_id: int) -> None: ...

    def on_execution(self, execution: Execution) -> None: ...

    def on_commission(self, report: CommissionReport) -> None: ...

    def on_error(self, request_id: int, code: int, text: str) -> None: ...

    def on_closed(self) -> None: ...


class _Unread(logging.LoggerAdapter[logging.Logger]):
    """What the library's decoder tells of messages that it cannot read: it logs them, and goes on."""

    def __init__(self, logger: logging.Logger) -> None:
        super().__init__(logger, {})
        self.texts: list[str] = []

    def exception(self, msg: object, *args: Any, **more: Any) -> None:
        if len(self.texts) < _MOST_UNREAD:
            self.texts.append(str(msg))
        super().exception(msg, *args, **more)


class Tape:
    """What lists told, also of orders that are not ours, while somebody read the account."""

    def __init__(self) -> None:
        self.orders: list[tuple[Contract, Order, str]] = []
        #: Filled quantities by permanent id.
        self.filled: dict[int, Decimal] = {}
        self.executions: list[tuple[Contract, Execution]] = []
        self.commissions: dict[str, CommissionReport] = {}
        self.positions: list[tuple[str, Contract, float]] = []


class Wire:
    """Implements the library's wrapper: its methods are called by name, with the library's spelling."""

    #: What the library's decoder asks its wrapper for, to read times without a zone.
    defaultTimezone = UTC
    TimezoneTWS = "UTC"

    def __init__(self, listener: WireListener) -> None:
        self._listener = listener
        self._client = Client(self)
        self._unread = self._client.decoder.logger = _Unread(self._client.decoder.logger)
        # Pacing is ours: the library queues what is too much, and would send it after we gave it up.
        self._client.MaxRequests = 0
        self._lists: dict[str, asyncio.Future[None]] = {}
        self._requests: dict[int, tuple[asyncio.Future[Any], list[Any]]] = {}
        #: Set while the account is read.
        self.tape: Tape | None = None
        self.offered_id = 0
        #: The highest order id that any client was seen to have: with lists of all clients, ours must be above.
        self.highest_id = 0
        self._request_ids = 1_000_000_000  # far from order ids, which share the numbers of requests at TWS

    @property
    def ib(self) -> "Wire":
        return self

    @property
    def is_ready(self) -> bool:
        return bool(self._client.isReady())

    def collect_unread(self) -> list[str]:
        """What cannot be read from now on, as text: who it is about is not absent from the list that it came in."""
        self._unread.texts = []
        return self._unread.texts

    @property
    def is_listing(self) -> bool:
        """Whether a list without a request number is not at its end."""
        return any(name != "time" for name in self._lists)

    @property
    def accounts(self) -> list[str]:
        return list(self._client.getAccounts())

    async def connect(self, host: str, port: int, client_id: int, timeout_s: float) -> None:
        """Connect and hear of accounts and ids. Raises OSError or TimeoutError."""
        await self._client.connectAsync(host, port, client_id, timeout_s)

    def disconnect(self) -> None:
        self._client.disconnect()

    # --- requests ---------------------------------------------------------------------------------

    def place(self, order_id: int, contract: Contract, order: Order) -> None:
        """Send an order, or new terms for one. Raises ConnectionError when not connected: nothing left then."""
        self._client.placeOrder(order_id, contract, order)

    def cancel(self, order_id: int) -> None:
        self._client.cancelOrder(order_id)

    async def list_all_open_orders(self) -> None:
        """Return once every open order of every client, and of people, was told."""
        await self._list("open", self._client.reqAllOpenOrders)

    async def list_completed_orders(self) -> None:
        """Return once every order that was finished today, by whomever, was told."""
        await self._list("completed", lambda: self._client.reqCompletedOrders(False))

    async def current_time(self) -> None:
        """Return once TWS said its time: whoever does so lives."""
        await self._list("time", self._client.reqCurrentTime)

    async def list_positions(self) -> None:
        """Return once every position was told."""
        try:
            await self._list("positions", self._client.reqPositions)
        finally:
            if self.is_ready:
                self._client.cancelPositions()  # or every change would be told from now on

    async def list_executions(self) -> None:
        """Return once every execution of today was told."""
        await self._ask(lambda number: self._client.reqExecutions(number, ExecutionFilter()))

    async def contract_details(self, contract: Contract) -> list[ContractDetails]:
        """What TWS knows by this name: one entry for each contract that it fits."""
        found: list[ContractDetails] = await self._ask(lambda number: self._client.reqContractDetails(number, contract))
        return found

    async def _list(self, name: str, send: Any) -> None:
        """Lists have no request number: who asks while one is under way waits for the same end."""
        waiter = self._lists.get(name)
        if waiter is None:
            send()
            waiter = self._lists[name] = asyncio.get_running_loop().create_future()
        await asyncio.shield(waiter)

    async def _ask(self, send: Any) -> list[Any]:
        self._request_ids += 1
        number = self._request_ids
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        found: list[Any] = []
        self._requests[number] = waiter, found
        try:
            send(number)
            await waiter
        finally:
            self._requests.pop(number, None)
        return found

    def _end_list(self, name: str) -> None:
        waiter = self._lists.pop(name, None)
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def _end_request(self, number: int) -> None:
        entry = self._requests.get(number)
        if entry is not None and not entry[0].done():
            entry[0].set_result(None)

    def _fail_all(self) -> None:
        lists, self._lists = self._lists, {}
        for waiter in [*lists.values(), *(waiter for waiter, _ in self._requests.values())]:
            if not waiter.done():
                waiter.set_exception(ConnectionResetError("the connection to TWS was lost"))
                waiter.exception()  # seen: nobody may be waiting any more

    # --- what the library calls ---------------------------------------------------------------------

    def connectAck(self) -> None:
        pass

    def nextValidId(self, order_id: int) -> None:
        self.offered_id = order_id

    def openOrder(self, order_id: int, contract: Contract, order: Order, state: OrderState) -> None:
        self.highest_id = max(self.highest_id, order_id)
        if self.tape is not None:
            self.tape.orders.append((contract, order, state.status))
        if order.clientId == self._client.clientId:  # order ids are counted by each client on its own
            self._listener.on_open_order(order_id, order, state)
        else:
            self._listener.on_order_of_another(order)

    def openOrderEnd(self) -> None:
        self._end_list("open")

    def completedOrder(self, contract: Contract, order: Order, state: OrderState) -> None:
        self._listener.on_completed_order(order, state)

    def completedOrdersEnd(self) -> None:
        self._end_list("completed")

    def orderStatus(
        self, order_id: int, status: str, filled: float, remaining: float, avg_px: float, perm_id: int, *more: Any
    ) -> None:
        if self.tape is not None:
            self.tape.filled[perm_id] = Decimal(repr(filled))
        if more[2] == self._client.clientId:
            self._listener.on_order_status(order_id, status, filled, perm_id)

    def execDetails(self, request_id: int, contract: Contract, execution: Execution) -> None:
        if self.tape is not None:
            self.tape.executions.append((contract, execution))
        self._listener.on_execution(execution)

    def execDetailsEnd(self, request_id: int) -> None:
        self._end_request(request_id)

    def commissionReport(self, report: CommissionReport) -> None:
        if self.tape is not None:
            self.tape.commissions[report.execId] = report
        self._listener.on_commission(report)

    def currentTime(self, time: object) -> None:
        self._end_list("time")

    def position(self, account: str, contract: Contract, qty: float, avg_cost: float) -> None:
        if self.tape is not None:
            self.tape.positions.append((account, contract, qty))

    def positionEnd(self) -> None:
        self._end_list("positions")

    def contractDetails(self, request_id: int, details: ContractDetails) -> None:
        entry = self._requests.get(request_id)
        if entry is not None:
            entry[1].append(details)

    def contractDetailsEnd(self, request_id: int) -> None:
        self._end_request(request_id)

    def error(self, request_id: int, code: int, text: str, advanced: str = "") -> None:
        if request_id in self._requests:
            self._end_request(request_id)  # what cannot be found is found nowhere
        self._listener.on_error(request_id, code, text)

    def setEventsDone(self) -> None:
        self._fail_all()

    def connectionClosed(self) -> None:
        self._fail_all()
        self._listener.on_closed()
