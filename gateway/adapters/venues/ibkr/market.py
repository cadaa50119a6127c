"""Prices of Interactive Brokers: best prices and trades of every symbol, and depth where it is wanted and permitted.

Over a read-only connection of its own (``price_wire``). TWS tells what changes; a symbol that stands still is silent.
"""

import asyncio
import contextlib
import logging
from collections.abc import Mapping, Sequence

from ib_async import Contract

from gateway.adapters.venues.ibkr import errors
from gateway.adapters.venues.ibkr.contracts import ContractUnknown, contract_of, only_one
from gateway.adapters.venues.ibkr.pacing import LEFT_BY_PRICES, tws_budget
from gateway.adapters.venues.ibkr.price_wire import PriceWire
from gateway.adapters.venues.ibkr.ticks import TRADE_TEXT, Rows, Touch
from gateway.adapters.venues.shared.budget import Budgets
from gateway.adapters.venues.shared.market import VenueMarket
from gateway.domain.instruments import Instrument
from gateway.domain.market import DepthUpdate
from gateway.domain.settings import VenueSettings
from gateway.ports.clock import Clock

_log = logging.getLogger(__name__)
_CLIENT_ID_OFFSET = 1_000
_HEARTBEAT_S = 10.0
_PATIENCE_S = 60.0
_DEPTH_ROWS = 10
_TYPES: Mapping[str, int] = {"live": 1, "frozen": 2, "delayed": 3, "delayed_frozen": 4}
_DELAYED = frozenset({3, 4})
#: What an error says of the symbol that it names, with what to do.
_NO_PRICES: Mapping[int, str] = {
    101: "all market data lines are in use: name fewer symbols in gateway.yaml, or book more lines",
    200: "TWS knows no such contract: see exchange, currency and expiry in instruments.yaml",
    354: "this login has no subscription for live prices of it: book one, or set options.market_data_type: delayed",
    420: "TWS asks for fewer requests of live prices",
    10089: "live prices need another subscription: book one, or set options.market_data_type: delayed",
    10090: "part of the prices is not subscribed",
    10167: "only delayed prices are permitted: book a subscription, or set options.market_data_type: delayed",
    10168: "not even delayed prices are enabled",
    10186: "this login has no subscription, and delayed prices are not enabled",
    10197: "another session with this login takes the live prices: log out there",
}
_NO_DEPTH: Mapping[int, str] = {309: "no more books at once", 10092: "no depth there", 354: "no subscription for depth"}
#: 1102: the servers are found, and what was subscribed still comes. After 1101 it does not.
_LINK_KEPT = 1102
_DEPTH_RESET, _FARM_BROKEN = 317, frozenset({2103, 2105, 2110})


class IbkrMarket(VenueMarket):
    """``options``: ``market_data_type`` live (unless said otherwise), frozen, delayed or delayed_frozen;
    ``market_data_client_id`` (that of orders plus 1000); ``depth`` true, or the symbols whose book is wanted."""

    def __init__(self, settings: VenueSettings, clock: Clock, budgets: Budgets | None = None) -> None:
        super().__init__(settings.name, clock)
        options = settings.options
        self._settings = settings
        self._type = _TYPES[options.get("market_data_type", "live")]
        self._client_id = int(options.get("market_data_client_id", settings.client_id + _CLIENT_ID_OFFSET))
        self._standing = "delayed prices" if self._type in _DELAYED else ""
        self._timeout_s = float(settings.timeout_s)
        self._depth_wanted = options.get("depth", "")
        self._budget = tws_budget(settings, budgets or Budgets(clock))
        self._contracts: dict[Instrument, Contract] = {}
        self._touches: dict[int, Touch] = {}
        self._rows: dict[int, Rows] = {}
        self._depth_contracts: dict[int, Contract] = {}
        self._changed: dict[int, None] = {}
        self._changed_rows: dict[int, None] = {}
        self._lost = asyncio.Event()
        self._last_error = ""

    def depth(self, symbol: str) -> DepthUpdate | None:
        if symbol not in self._with_depth:
            return None
        books = (rows.book(self._clock.now_ns()) for rows in self._rows.values() if rows.symbol == symbol)
        return next(books, None)

    # --- the connection -------------------------------------------------------------------------------

    async def _stay(self) -> None:
        settings = self._settings
        self._lost, self._last_error = asyncio.Event(), ""
        self._wire = wire = PriceWire(self)
        self._forget_requests()
        try:
            await wire.connect(settings.host or "127.0.0.1", settings.port, self._client_id, self._timeout_s)
            wire.set_type(self._type)
            await self._opened(self._standing)
            while not await self._is_lost():
                await self._budget.acquire(self._timeout_s)
                async with asyncio.timeout(self._timeout_s):
                    await wire.beat()
        finally:
            wire.disconnect()
        raise ConnectionError(self._last_error or "TWS closed the connection")

    async def _is_lost(self) -> bool:
        """Wait until the next heartbeat is due; True when the connection is gone before."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_HEARTBEAT_S):
                await self._lost.wait()
        return self._lost.is_set()

    def _explain(self, error: Exception) -> str:
        return self._last_error or errors.connection_problem(error, self._settings)

    def _forget_requests(self) -> None:
        for table in (self._touches, self._rows, self._depth_contracts, self._changed, self._changed_rows):
            table.clear()

    # --- subscriptions --------------------------------------------------------------------------------

    async def _change(self, added: Sequence[Instrument], removed: Sequence[Instrument]) -> None:
        gone = {one.symbol for one in (*removed, *added)}  # never twice: a trade would count twice
        for number in [number for number, touch in self._touches.items() if touch.symbol in gone]:
            self._touches.pop(number, None)
            await self._paced()
            self._wire.unwatch(number)
        for number in [number for number, rows in self._rows.items() if rows.symbol in gone]:
            self._drop_rows(number)
            await self._end_depth(number)
        for one in added:
            contract = await self._qualified(one)
            if contract is None or one.symbol not in self._instruments:
                continue
            await self._paced()
            self._touches[self._wire.watch(contract)] = Touch(one.symbol)
            if self._depth_wanted == "true" or one.symbol in self._depth_wanted.split(","):
                await self._watch_depth(one.symbol, contract)

    async def _qualified(self, instrument: Instrument) -> Contract | None:
        """The contract as TWS knows it, asked for once; None, with the reason told, when it is not to be had."""
        if instrument not in self._contracts:
            try:
                await self._paced()
                async with asyncio.timeout(self._timeout_s):
                    found = await self._wire.contract_details(contract_of(instrument))
                self._contracts[instrument] = only_one(instrument.symbol, found)
            except ContractUnknown as error:
                self._refuse(instrument.symbol, str(error))
            except TimeoutError:
                self._refuse(instrument.symbol, f"TWS did not say within {self._timeout_s:g} s which contract it is")
        return self._contracts.get(instrument)

    async def _watch_depth(self, symbol: str, contract: Contract) -> None:
        await self._paced()
        number = self._wire.watch_depth(contract, _DEPTH_ROWS)
        self._rows[number], self._depth_contracts[number] = Rows(symbol), contract

    def _drop_rows(self, number: int) -> None:
        """A book that is not kept any more."""
        rows = self._rows.pop(number, None)
        self._changed_rows.pop(number, None)
        if rows is not None:
            self._forget_depth(rows.symbol)

    async def _end_depth(self, number: int) -> None:
        contract = self._depth_contracts.pop(number, None)
        await self._paced()
        if contract is not None:
            self._wire.unwatch_depth(number, contract)

    async def _depth_again(self, number: int, symbol: str) -> None:
        """Rows did not fit: ask for the whole book anew, unless a new connection has done so by now."""
        wire, contract = self._wire, self._depth_contracts.get(number)
        await self._end_depth(number)
        if contract is not None and wire is self._wire and symbol in self._instruments:
            await self._watch_depth(symbol, contract)

    async def _paced(self) -> None:
        """Wait for a second in which orders leave room, however long they take it all: prices that come go on."""
        while not await self._budget.acquire(_PATIENCE_S, leave=LEFT_BY_PRICES):
            _log.warning("market data of %s: orders use the messages that TWS takes; subscriptions wait", self._name)

    # --- what the wire tells --------------------------------------------------------------------------

    def on_price(self, request_id: int, tick_type: int, px: float, size: float) -> None:
        touch = self._touches.get(request_id)
        if touch is not None and touch.price(tick_type, px, size):
            self._changed[request_id] = None

    def on_size(self, request_id: int, tick_type: int, size: float) -> None:
        touch = self._touches.get(request_id)
        if touch is not None and touch.size(tick_type, size):
            self._changed[request_id] = None

    def on_text(self, request_id: int, tick_type: int, text: str) -> None:
        touch = self._touches.get(request_id)
        if touch is None or tick_type != TRADE_TEXT:
            return
        try:
            trade = touch.trade(text, self._clock.now_ns())
        except ArithmeticError:
            _log.warning("market data of %s: a trade of %s cannot be read: %r", self._name, touch.symbol, text)
            return
        if trade is not None:
            self._tell(trade)

    def on_type(self, request_id: int, data_type: int) -> None:
        """TWS says what it sends; it may be less than was asked for."""
        touch = self._touches.get(request_id)
        if touch is None:
            return
        touch.is_delayed = data_type in _DELAYED
        if touch.is_delayed and self._type not in _DELAYED:
            self._drop(request_id, _NO_PRICES[10167])

    def on_depth(self, request_id: int, row: int, operation: int, side: int, px: float, size: float) -> None:
        rows = self._rows.get(request_id)
        if rows is not None:
            rows.change(row, operation, side, px, size)
            self._changed_rows[request_id] = None

    def on_processed(self) -> None:
        """One quote and one book for all that came at once."""
        if not (self._changed or self._changed_rows):
            return
        now_ns = self._clock.now_ns()
        changed, self._changed = self._changed, {}
        for number in changed:
            touch = self._touches.get(number)
            if touch is not None and touch.is_whole(now_ns):
                self._tell(touch.quote(now_ns))
            elif touch is not None:
                self._changed[number] = None
        changed, self._changed_rows = self._changed_rows, {}
        for number in changed:
            rows = self._rows[number]
            if rows.is_whole:
                self._tell(rows.book(now_ns))
            else:
                self._drop_rows(number)
                self._background.spawn(self._depth_again(number, rows.symbol), "depth again")

    def on_error(self, request_id: int, code: int, text: str) -> None:
        if code == errors.LINK_LOST:
            self._cut_off("TWS has lost the servers of IB (1100); prices wait until it finds them")
        elif code == _LINK_KEPT:
            self._link.up(self._standing)
        elif code in errors.LINK_RESTORED:
            self._forget_requests()
            self._subscribe_again(self._standing)
        elif request_id in self._rows:
            self._on_depth_error(request_id, code, text)
        elif request_id in self._touches:
            self._on_touch_error(request_id, code, text)
        elif code in errors.SESSION:
            self._last_error = errors.explained(code, text)
            _log.warning("market data of %s: %s", self._name, self._last_error)
        elif code in _FARM_BROKEN:
            _log.warning("market data of %s: %s [%d]", self._name, text, code)

    def _drop(self, number: int, why: str) -> None:
        """No prices of a symbol. TWS may resume by itself (a competing session ends), so its ticks stay welcome, unless
        they are delayed ones that nobody wants."""
        touch = self._touches[number]
        touch.clear()
        self._changed.pop(number, None)
        if touch.is_delayed and self._type not in _DELAYED:
            del self._touches[number]
        self._refuse(touch.symbol, why)

    def _on_touch_error(self, number: int, code: int, text: str) -> None:
        if code in _NO_PRICES and not (code == 10167 and self._type in _DELAYED):
            self._drop(number, f"{_NO_PRICES[code]} ({text} [{code}])")
        elif code not in errors.NOTICES:
            _log.warning("market data of %s: %s: %s [%d]", self._name, self._touches[number].symbol, text, code)

    def _on_depth_error(self, number: int, code: int, text: str) -> None:
        rows = self._rows[number]
        if code == _DEPTH_RESET:
            rows.clear()
            self._forget_depth(rows.symbol)
        elif code not in errors.NOTICES:
            why = _NO_DEPTH.get(code, "depth cannot be had")
            _log.warning("market data of %s: %s: %s (%s [%d])", self._name, rows.symbol, why, text, code)
            self._drop_rows(number)
            self._depth_contracts.pop(number, None)

    def on_closed(self) -> None:
        self._lost.set()
