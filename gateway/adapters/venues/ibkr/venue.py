"""Interactive Brokers as a venue: requests go out as TWS takes them, messages come back as execution reports.

``connection`` keeps the socket, ``orders`` and ``contracts`` translate on the way out, ``reading`` on the way in.
"""

import asyncio
from collections.abc import Mapping
from decimal import Decimal

import msgspec
from ib_async import Contract

from gateway.adapters.venues.ibkr.account import IbkrAccount
from gateway.adapters.venues.ibkr.connection import TwsConnection
from gateway.adapters.venues.ibkr.contracts import ContractUnknown, contract_of, only_one
from gateway.adapters.venues.ibkr.days import ListDay
from gateway.adapters.venues.ibkr.ids import OrderIds
from gateway.adapters.venues.ibkr.orders import OrderUnsupported, order_of
from gateway.adapters.venues.ibkr.pacing import MESSAGES_PER_S, tws_budget
from gateway.adapters.venues.ibkr.reading import Reading
from gateway.adapters.venues.ibkr.tracking import Terms, Tracked
from gateway.adapters.venues.shared.budget import Budgets
from gateway.domain.effects import OrderTicket
from gateway.domain.enums import OrdType, SubmitStatus
from gateway.domain.instruments import Instrument
from gateway.domain.settings import VenueSettings
from gateway.ports.clock import Clock
from gateway.ports.connection import ConnectionState
from gateway.ports.venue import Answer, Lookup, VenueListener

#: How long a request may wait for the message budget before it is refused, having sent nothing.
_BUDGET_WAIT_S = 2.0


class IbkrVenue:
    """Implements ``ports.venue.Venue``. ``instruments`` may be changed by its owner while the venue runs."""

    def __init__(
        self,
        settings: VenueSettings,
        instruments: Mapping[str, Instrument],
        ids: OrderIds,
        clock: Clock,
        budgets: Budgets | None = None,
    ) -> None:
        self._instruments = instruments
        self._clock = clock
        self._ids = ids
        self._day = ListDay(settings.options)
        self._budget = tws_budget(settings, budgets or Budgets(clock))
        self._reading = Reading(clock)
        self._connection = TwsConnection(settings, self._reading, ids, self._budget, clock)
        self._account = IbkrAccount(self._connection, instruments, settings.name)
        self._contracts: dict[str, Contract] = {}
        self._qualifying = asyncio.Lock()

    @property
    def connection(self) -> ConnectionState:
        return self._connection.link.state

    @property
    def account(self) -> IbkrAccount:
        """Reads what TWS says of the account, on this connection."""
        return self._account

    async def start(self, listener: VenueListener) -> None:
        self._reading.listener = listener
        self._connection.start(listener)

    async def submit(self, ticket: OrderTicket) -> Answer:
        """Send an order. REJECTED before it left says that nothing did; afterwards only TWS can say it."""
        trouble = self._connection.trouble
        if trouble:
            return Answer(SubmitStatus.REJECTED, trouble)
        try:
            contract = await self._qualified(ticket.symbol)
            order = order_of(ticket, self._connection.account)
        except (ContractUnknown, OrderUnsupported) as error:
            return Answer(SubmitStatus.REJECTED, str(error))
        except (ConnectionError, TimeoutError) as error:
            return Answer(SubmitStatus.REJECTED, f"the contract could not be looked up, nothing was sent: {error!r}")
        if not await self._budget.acquire(_BUDGET_WAIT_S):
            return Answer(SubmitStatus.REJECTED, f"over {MESSAGES_PER_S} messages a second at TWS; nothing was sent")
        if self._connection.trouble:  # lost while this waited: TWS would keep the order, and send it who knows when
            return Answer(SubmitStatus.REJECTED, f"{self._connection.trouble}; nothing was sent")
        try:
            tws_id = self._ids.take()
        except OSError as error:
            return Answer(SubmitStatus.REJECTED, f"the next order id cannot be kept, nothing was sent: {error}")
        tracked = self._reading.book.add(ticket.order_id, tws_id)
        tracked.submit = waiter = _waiter()
        try:
            self._connection.wire.place(tws_id, contract, order)
        except ConnectionError as error:
            self._reading.book.finish(tracked)
            return Answer(SubmitStatus.REJECTED, f"not connected, nothing was sent: {error}")
        return await waiter

    async def cancel(self, ticket: OrderTicket) -> Answer:
        tracked = self._reading.book.by_order_id.get(ticket.order_id)
        if tracked is None or self._connection.trouble:
            return Answer(SubmitStatus.UNKNOWN, self._connection.trouble or "TWS has not told of this order yet")
        if tracked.is_done:
            return Answer(SubmitStatus.UNKNOWN, "TWS says that the order is done")
        if not await self._budget.acquire(_BUDGET_WAIT_S, is_cancel=True):
            return Answer(SubmitStatus.THROTTLED, f"over {MESSAGES_PER_S} messages a second at TWS; nothing was sent")
        tracked.cancel = waiter = _waiter()
        try:
            self._connection.wire.cancel(tracked.tws_id)
        except ConnectionError as error:
            return Answer(SubmitStatus.UNKNOWN, f"not connected: {error}")
        return await waiter

    async def replace(
        self, ticket: OrderTicket, order_qty: Decimal, limit_px: Decimal | None, stop_px: Decimal | None
    ) -> Answer:
        """The same order id with new terms is a change, as long as the order works."""
        tracked = self._reading.book.by_order_id.get(ticket.order_id)
        refusal = self._refusal_of_change(tracked)
        if tracked is None or refusal:
            return Answer(SubmitStatus.REJECTED, refusal)
        try:
            contract = await self._qualified(ticket.symbol)
            changed = msgspec.structs.replace(ticket, order_qty=order_qty, limit_px=limit_px, stop_px=stop_px)
            order = order_of(changed, self._connection.account)
        except (ContractUnknown, OrderUnsupported, ConnectionError, TimeoutError) as error:
            return Answer(SubmitStatus.REJECTED, str(error))
        if not await self._budget.acquire(_BUDGET_WAIT_S):
            return Answer(SubmitStatus.REJECTED, f"over {MESSAGES_PER_S} messages a second at TWS; nothing was sent")
        refusal = self._refusal_of_change(tracked)
        if refusal:
            return Answer(SubmitStatus.REJECTED, f"{refusal}; nothing was sent")
        is_trailing = ticket.ord_type is OrdType.TRAILING_STOP
        tracked.wanted = Terms(order_qty, limit_px, None if is_trailing else stop_px)
        tracked.changed_ns, tracked.change = self._clock.monotonic_ns(), (waiter := _waiter())
        try:
            self._connection.wire.place(tracked.tws_id, contract, order)
        except ConnectionError as error:
            return Answer(SubmitStatus.REJECTED, f"not connected, nothing was sent: {error}")
        return await waiter

    def _refusal_of_change(self, tracked: Tracked | None) -> str:
        if self._connection.trouble:
            return self._connection.trouble
        if tracked is None:
            return "TWS has not told of this order yet"
        if self._reading.is_over(tracked):
            return "the order is done"
        return "" if tracked.is_acknowledged else "TWS has not acknowledged the order yet"

    async def lookup(self, ticket: OrderTicket) -> Lookup:
        """Ask for open orders, finished ones and executions, and find the order by our tag in them.

        TWS has no lookup by tag, so absence proves something only after two whole rounds on a sound connection, and
        only for orders of the current day: the lists reach no further back.
        """
        found = await self._connection.look_up(ticket)
        if found.is_known is False:  # the day may have ended while the lists were read: look at the clock afterwards
            return Lookup(False, since_ns=self._day.begin_ns(self._clock.now_ns()))
        return found

    async def close(self) -> None:
        await self._connection.close()

    async def _qualified(self, symbol: str) -> Contract:
        """The contract as TWS knows it, asked for once. Raises ContractUnknown, ConnectionError, TimeoutError."""
        if symbol not in self._contracts:
            async with self._qualifying:
                if symbol not in self._contracts:
                    self._contracts[symbol] = await self._asked_for(symbol)
        return self._contracts[symbol]

    async def _asked_for(self, symbol: str) -> Contract:
        instrument = self._instruments.get(symbol)
        if instrument is None:
            raise ContractUnknown(f"{symbol} is not in instruments.yaml any more")
        found = await self._connection.contract_details(contract_of(instrument))
        return only_one(symbol, found)


def _waiter() -> asyncio.Future[Answer]:
    return asyncio.get_running_loop().create_future()
