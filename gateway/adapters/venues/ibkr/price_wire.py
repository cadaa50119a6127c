"""The socket to TWS for prices, through ib_async's client. It knows no message that could trade.

A connection of its own, with a client id of its own: TWS may keep Read-Only API ticked for it.
"""

import asyncio
from datetime import UTC
from typing import Any, Protocol

from ib_async import Contract, ContractDetails
from ib_async.client import Client

#: Trade prints with their sizes, as text (RTVolume).
_TRADES = "233"


class PriceListener(Protocol):
    """What the source of prices hears of the socket. Prices come as the library reads them."""

    def on_price(self, request_id: int, tick_type: int, px: float, size: float) -> None: ...

    def on_size(self, request_id: int, tick_type: int, size: float) -> None: ...

    def on_text(self, request_id: int, tick_type: int, text: str) -> None: ...

    def on_type(self, request_id: int, data_type: int) -> None: ...

    def on_depth(self, request_id: int, row: int, operation: int, side: int, px: float, size: float) -> None: ...

    def on_error(self, request_id: int, code: int, text: str) -> None: ...

    def on_processed(self) -> None:
        """All that has arrived was told."""

    def on_closed(self) -> None: ...


class PriceWire:
    """Implements the library's wrapper: its methods are called by name, with the library's spelling."""

    #: What the library's decoder asks its wrapper for, to read times without a zone.
    defaultTimezone = UTC
    TimezoneTWS = "UTC"

    def __init__(self, listener: PriceListener) -> None:
        self._listener = listener
        self._client = Client(self)
        self._client.MaxRequests = 0  # pacing is ours
        self._waiting: dict[int, tuple[asyncio.Future[None], list[ContractDetails]]] = {}
        self._time: asyncio.Future[None] | None = None
        self._requests = 0

    @property
    def ib(self) -> "PriceWire":
        return self

    async def connect(self, host: str, port: int, client_id: int, timeout_s: float) -> None:
        """Raises OSError or TimeoutError."""
        await self._client.connectAsync(host, port, client_id, timeout_s)

    def disconnect(self) -> None:
        self._client.disconnect()

    # --- requests: each raises ConnectionError when not connected ---------------------------------------

    def set_type(self, data_type: int) -> None:
        """1 live, 2 frozen, 3 delayed, 4 delayed and frozen."""
        self._client.reqMarketDataType(data_type)

    def watch(self, contract: Contract) -> int:
        """Ask for best prices and trades; returns the number under which they come."""
        self._requests += 1
        self._client.reqMktData(self._requests, contract, _TRADES, False, False, [])
        return self._requests

    def unwatch(self, request_id: int) -> None:
        self._client.cancelMktData(request_id)

    def watch_depth(self, contract: Contract, rows: int) -> int:
        self._requests += 1
        self._client.reqMktDepth(self._requests, contract, rows, contract.exchange == "SMART", [])
        return self._requests

    def unwatch_depth(self, request_id: int, contract: Contract) -> None:
        self._client.cancelMktDepth(request_id, contract.exchange == "SMART")

    async def beat(self) -> None:
        """Return when TWS has said what time it is."""
        self._time = asyncio.get_running_loop().create_future()
        self._client.reqCurrentTime()
        await self._time

    async def contract_details(self, contract: Contract) -> list[ContractDetails]:
        """What TWS knows by this name: one entry for each contract that it fits."""
        self._requests += 1
        number, found = self._requests, []  # type: int, list[ContractDetails]
        self._waiting[number] = asyncio.get_running_loop().create_future(), found
        try:
            self._client.reqContractDetails(number, contract)
            await self._waiting[number][0]
        finally:
            del self._waiting[number]
        return found

    # --- what the library calls -------------------------------------------------------------------------

    def connectAck(self) -> None:
        pass

    def nextValidId(self, order_id: int) -> None:
        pass

    def contractDetails(self, request_id: int, details: ContractDetails) -> None:
        if request_id in self._waiting:
            self._waiting[request_id][1].append(details)

    def contractDetailsEnd(self, request_id: int) -> None:
        if request_id in self._waiting:
            _finish(self._waiting[request_id][0])

    def currentTime(self, seconds: int) -> None:
        if self._time is not None:
            _finish(self._time)

    def priceSizeTick(self, request_id: int, tick_type: int, px: float, size: float) -> None:
        self._listener.on_price(request_id, tick_type, px, size)

    def tickSize(self, request_id: int, tick_type: int, size: float) -> None:
        self._listener.on_size(request_id, tick_type, size)

    def tickString(self, request_id: int, tick_type: int, text: str) -> None:
        self._listener.on_text(request_id, tick_type, text)

    def marketDataType(self, request_id: int, data_type: int) -> None:
        self._listener.on_type(request_id, data_type)

    def updateMktDepth(self, request_id: int, row: int, operation: int, side: int, px: float, size: float) -> None:
        self._listener.on_depth(request_id, row, operation, side, px, size)

    def updateMktDepthL2(
        self, request_id: int, row: int, maker: str, operation: int, side: int, px: float, size: float, *more: Any
    ) -> None:
        self._listener.on_depth(request_id, row, operation, side, px, size)

    def error(self, request_id: int, code: int, text: str, advanced: str = "") -> None:
        if request_id in self._waiting:
            _finish(self._waiting[request_id][0])  # what cannot be found is found nowhere
        else:
            self._listener.on_error(request_id, code, text)

    def tcpDataProcessed(self) -> None:
        self._listener.on_processed()

    def setEventsDone(self) -> None:
        waiters = [waiter for waiter, _ in self._waiting.values()]
        for waiter in [*waiters, *([] if self._time is None else [self._time])]:
            if not waiter.done():
                waiter.set_exception(ConnectionResetError("the connection to TWS was lost"))
                waiter.exception()  # seen: nobody may be waiting any more

    def connectionClosed(self) -> None:
        self._listener.on_closed()


def _finish(waiter: "asyncio.Future[None]") -> None:
    if not waiter.done():
        waiter.set_result(None)
