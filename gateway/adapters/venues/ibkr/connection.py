"""The connection to TWS: made, kept, made again; what was missed meanwhile is asked for before orders go again."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable

from ib_async import CommissionReport, Contract, ContractDetails, Execution, Order, OrderState

from gateway.adapters.venues.ibkr import errors
from gateway.adapters.venues.ibkr.ids import OrderIds
from gateway.adapters.venues.ibkr.reading import Reading
from gateway.adapters.venues.ibkr.tracking import Terms
from gateway.adapters.venues.ibkr.wire import Tape, Wire
from gateway.adapters.venues.shared.background import Background
from gateway.adapters.venues.shared.budget import MessageBudget
from gateway.adapters.venues.shared.link import Link
from gateway.domain.effects import OrderTicket
from gateway.domain.enums import SubmitStatus
from gateway.domain.settings import VenueSettings
from gateway.ports.clock import Clock
from gateway.ports.venue import Answer, Lookup, VenueListener

_log = logging.getLogger(__name__)
#: Between two rounds of lists that must agree that an order is absent.
_SETTLE_S = 1.0
_NS = 1_000_000_000
#: TWS says nothing by itself while nothing happens: it is asked for the time, and an answer must come.
HEARTBEAT_S = 10.0
#: For so long after it was sent, or after TWS found its servers again, a change may come into force that is not shown.
CHANGE_MAX_S = 10.0
#: 2110 says that the link comes back by itself. Should nothing say that it did, a new connection hears how things are.
_BROKEN_MAX_S = 60.0
_UNFINISHED = "TWS does not finish its lists of orders"
_LOST = Answer(SubmitStatus.UNKNOWN, "the connection to TWS was lost before it answered")


#: What a round named: our ids, the terms of the orders that are open, and what in it could not be read.
Lists = tuple[set[str], dict[str, Terms], list[str]]


class TwsConnection:
    """Holds one ``Wire`` at a time. ``link`` says whether anything may be sent now."""

    def __init__(
        self, settings: VenueSettings, reading: Reading, ids: OrderIds, budget: MessageBudget, clock: Clock
    ) -> None:
        self.link = Link(settings.name, clock)
        self.wire = Wire(self)
        self.account = ""
        self._settings = settings
        self._reading = reading
        self._ids = ids
        self._budget = budget
        self._closed = asyncio.Event()
        self._timeout_s = float(settings.timeout_s)
        self._clock = clock
        self._lists = asyncio.Lock()
        self._next_round: asyncio.Future[Lists] | None = None
        #: Orders that a round did not name: on which connection, and when.
        self._absent: dict[str, tuple[Wire, int]] = {}
        #: When a list for the account was asked for last, monotonic.
        self._asked_ns = 0
        self._background = Background(settings.name)
        self._is_asking = False
        reading.on_gap = self.on_gap
        self._last_error = ""
        self._is_cut_off = self._is_read_only = False
        #: When the link was said to be broken, and when it became sound, monotonic.
        self._broken_ns = self._sound_ns = 0

    @property
    def trouble(self) -> str:
        """Why nothing may be sent now; empty when all is well."""
        return self.link.trouble

    def start(self, listener: VenueListener) -> None:
        self.link.listener = listener
        self._background.spawn(self.link.keep(self._stay, (_Unfit,), self._explained), "connection")

    async def close(self) -> None:
        """Say goodbye; orders go on working at the venue."""
        await self._background.close()
        self.wire.disconnect()
        self._reading.fills.flush()

    async def _stay(self) -> None:
        """One connection, from its making to its end."""
        try:
            await self._connect()
            while not await self._ends_within(HEARTBEAT_S):
                await self._budget.acquire(self._timeout_s, is_cancel=True)  # late is better than never
                async with asyncio.timeout(self._timeout_s):
                    await self.wire.current_time()
                if self._broken_ns and self._clock.monotonic_ns() - self._broken_ns >= _BROKEN_MAX_S * _NS:
                    raise ConnectionError(self.trouble)
        finally:
            self.wire.disconnect()
            self._reading.fills.flush()
            self._reading.book.lose(_LOST)

    async def _ends_within(self, wait_s: float) -> bool:
        try:
            async with asyncio.timeout(wait_s):
                await self._closed.wait()
        except TimeoutError:
            return False
        return True

    async def _connect(self) -> None:
        settings = self._settings
        self._closed = asyncio.Event()
        self._last_error = ""
        self._is_cut_off = self._is_read_only = False
        self._broken_ns = 0
        self.wire = Wire(self)
        await self.wire.connect(settings.host or "127.0.0.1", settings.port, settings.client_id, self._timeout_s)
        self.account = self._chosen_account(self.wire.accounts)
        self._ids.offered(self.wire.offered_id)
        await self._round()
        if self._is_read_only:
            raise _Unfit(self._last_error)
        if not self._is_cut_off:
            self._up()

    def _chosen_account(self, accounts: list[str]) -> str:
        """The account to trade: the one that is configured, or the only one. Raises _Unfit."""
        wanted = self._settings.options.get("account", "")
        if wanted and wanted not in accounts:
            raise _Unfit(f"account {wanted} is not among those of this login: {', '.join(accounts)}")
        if not wanted and len(accounts) != 1:
            raise _Unfit(f"this login has {len(accounts)} accounts; name one: venues.ibkr.options.account")
        account = wanted or accounts[0]
        if account.startswith("D"):
            return account
        if self._settings.paper_only:
            raise _Unfit(f"paper_only is true, and {account} is an account with real money")
        typed, wanted = self._settings.live_confirmation, f"trade real money on {account}"
        if " ".join(typed.split()).lower() != wanted.lower():
            said = f"it says: {typed}" if typed else "it is missing"
            text = f"write live_confirmation: {wanted!r} under venues.{self._settings.name} ({said})"
            raise _Unfit(f"{account} is an account with real money; {text}")
        return account

    def _explained(self, error: Exception) -> str:
        return self._last_error or errors.connection_problem(error, self._settings)

    # --- lists --------------------------------------------------------------------------------------

    def _round(self) -> "asyncio.Future[Lists]":
        """The next round over open orders, finished ones and executions. Who asks before it begins shares it, and it
        goes on to its end also when who asked gave up: half a list must never be taken for a whole one."""
        if self._next_round is None:
            self._next_round = asyncio.get_running_loop().create_future()
            self._background.spawn(self._run_round(self._next_round), "lists")
        return self._next_round

    async def _run_round(self, done: "asyncio.Future[Lists]") -> None:
        try:
            async with self._lists:
                self._next_round = None
                done.set_result(await self._read_lists())
        except TimeoutError as error:
            done.set_exception(error)
            self._last_error = _UNFINISHED
            self._closed.set()
        except ConnectionError as error:
            done.set_exception(error)
        finally:
            done.cancel()
            if not done.cancelled():
                done.exception()  # seen: nobody may be waiting any more

    async def _read_lists(self) -> "Lists":
        """What lists tell is reported as it comes. Executions are last, so that every order of theirs is known."""
        self._reading.seen, self._reading.terms, unread = set(), {}, self.wire.collect_unread()
        for _ in range(3):
            if not await self._budget.acquire(self._timeout_s, is_cancel=True):
                raise ConnectionError("too many messages are under way")
        async with asyncio.timeout(self._timeout_s * 3):
            await self.wire.list_all_open_orders()
            self._ids.offered(self.wire.highest_id + 1)
            await self.wire.list_completed_orders()
            ended = self._reading.held_ends
            await self.wire.list_executions()
        self._reading.on_executions_listed(ended)
        return self._reading.seen, self._reading.terms, unread

    async def look_up(self, ticket: OrderTicket) -> Lookup:
        """Whether TWS has the order; what it knows of it is reported on the way. It is absent when two whole rounds on
        the same connection say so, some time apart."""
        order_id, wire = ticket.order_id, self.wire
        if self.trouble:
            return Lookup(None)
        self._reading.book.add(order_id, 0)
        try:
            seen, terms, unread = await asyncio.shield(self._round())
        except (ConnectionError, TimeoutError):
            return Lookup(None)
        if order_id in seen:
            self._absent.pop(order_id, None)
            self._reading.tell_terms(ticket, terms.get(order_id))
            return Lookup(None if self._may_change(order_id) else True)
        now_ns = self._clock.monotonic_ns()
        first_wire, first_ns = self._absent.setdefault(order_id, (wire, now_ns))
        is_named = any(repr(order_id) in text for text in unread)
        if is_named or self.trouble or wire is not self.wire or wire is not first_wire:
            del self._absent[order_id]
        elif now_ns - first_ns >= _SETTLE_S * _NS:
            del self._absent[order_id]
            return Lookup(False)
        return Lookup(None)

    def _may_change(self, order_id: str) -> bool:
        """Whether a change of the order may still come into force: what the lists show settles nothing of it before."""
        age_ns = int(CHANGE_MAX_S * _NS)
        now_ns = self._clock.monotonic_ns()
        return self._reading.may_change(order_id, 0 if now_ns - self._sound_ns < age_ns else now_ns - age_ns)

    async def record(self, ask: Callable[[Wire], Awaitable[None]]) -> Tape:
        """What a list tells, on a connection that is sound before and after. Raises ConnectionError, TimeoutError."""
        wire, tape = self.wire, Tape()
        async with self._lists:
            if self.trouble:
                raise ConnectionError(self.trouble)
            if self.wire.is_listing:  # its rest would be taken for the beginning of this one
                self._give_up_list()
                raise ConnectionError("TWS has not finished an earlier list")
            if not await self._budget.acquire(self._timeout_s):
                raise ConnectionError("too many messages are under way")
            self.wire.tape, self._asked_ns = tape, self._clock.monotonic_ns()
            try:
                async with asyncio.timeout(self._timeout_s):
                    await ask(self.wire)
            finally:
                self.wire.tape = None
                self._ids.offered(self.wire.highest_id + 1)
            if self.trouble or wire is not self.wire:
                raise ConnectionError(self.trouble or "the connection was lost meanwhile")
            return tape

    def _give_up_list(self) -> None:
        """Begin anew on another connection when a list is late for good: on this one the account cannot be read."""
        if self._clock.monotonic_ns() - self._asked_ns > 3 * self._timeout_s * _NS:
            self._last_error = _UNFINISHED
            self._closed.set()

    async def contract_details(self, contract: Contract) -> list[ContractDetails]:
        """What TWS knows by this name. Raises ConnectionError, TimeoutError."""
        if not await self._budget.acquire(self._timeout_s):
            raise ConnectionError("too many messages are under way")
        async with asyncio.timeout(self._timeout_s):
            return await self.wire.contract_details(contract)

    # --- what the wire tells ------------------------------------------------------------------------

    def on_open_order(self, order_id: int, order: Order, state: OrderState) -> None:
        self._reading.on_open_order(order_id, order, state)

    def on_order_of_another(self, order: Order) -> None:
        """One of ours, perhaps, from before the client id was changed: then it is not absent."""
        if order.orderRef:
            self._reading.seen.add(order.orderRef)

    def on_completed_order(self, order: Order, state: OrderState) -> None:
        self._reading.on_completed_order(order, state)

    def on_order_status(self, order_id: int, status: str, filled: float, perm_id: int) -> None:
        self._reading.on_order_status(order_id, status, filled, perm_id)

    def on_execution(self, execution: Execution) -> None:
        self._reading.on_execution(execution)

    def on_commission(self, report: CommissionReport) -> None:
        self._reading.on_commission(report)

    def on_error(self, request_id: int, code: int, text: str) -> None:
        if code in (errors.LINK_LOST, errors.LINK_BROKEN):
            self._is_cut_off = True
            self._broken_ns = self._clock.monotonic_ns() if code == errors.LINK_BROKEN else 0
            self.link.down(f"TWS has lost the servers of IB ({code}); orders wait until it finds them")
        elif code in errors.LINK_RESTORED:
            self._is_cut_off, self._broken_ns = False, 0
            self._again()
        elif code in errors.SESSION:
            self._last_error = errors.explained(code, text)
            _log.warning("%s: %s", self._settings.name, self._last_error)
        else:
            if request_id >= 0:
                self._reading.on_order_error(request_id, code, text)
            if errors.READ_ONLY in text:
                self._found_read_only(errors.explained(code, text))

    def _found_read_only(self, text: str) -> None:
        """Nothing can trade here until a person changes it: come back now and then to see whether one did."""
        self._is_read_only, self._last_error = True, text
        if self.link.is_up:
            self.wire.disconnect()
            self.on_closed()

    def _again(self) -> None:
        """After 1101 and 1102 alike: executions of the time between are told by nobody unless asked for."""
        self._background.spawn(self._resume(), "resume after 1100")

    def on_gap(self) -> None:
        """Executions seem to be missing. They usually follow at once, so ask only if nothing came for a while."""
        if not self._is_asking:
            self._is_asking = True
            self._background.spawn(self._fill_gap(), "missing executions")

    async def _fill_gap(self) -> None:
        try:
            await asyncio.sleep(_SETTLE_S)
            while self._reading.is_behind:
                if not self.trouble:
                    with contextlib.suppress(ConnectionError, TimeoutError):
                        await self._round()
                await asyncio.sleep(_SETTLE_S)
        finally:
            self._is_asking = False

    async def _resume(self) -> None:
        try:
            await self._round()
        except (ConnectionError, TimeoutError) as error:
            self._last_error = str(error)
            self._closed.set()  # on another connection, then: nothing else would ask again
            return
        if not self._is_cut_off:  # again, meanwhile
            self._up()

    def _up(self) -> None:
        self._sound_ns = self._clock.monotonic_ns()
        self.link.up(f"account {self.account}")

    def on_closed(self) -> None:
        self.link.down(self._last_error or "TWS closed the connection")
        self._closed.set()


class _Unfit(Exception):
    """Connected, but not to what may be traded."""
