"""What the exchange asks of orders at present: the rules of each symbol, the average price that some of them rest on,
and what the account holds where a rule asks for that.

Rules are read at the start, every quarter of an hour, and when the exchange refuses an order by a filter: it changes
them without a word.
"""

import asyncio
import contextlib
import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import aiohttp
from binance.exceptions import BinanceAPIException, BinanceRequestException

from gateway.adapters.venues.binance.client import BudgetSpent, RestClient
from gateway.adapters.venues.binance.filters import SymbolRules
from gateway.adapters.venues.binance.open_orders import OpenOrders
from gateway.adapters.venues.binance.orders import OrderUnsupported, params_of, symbol_of
from gateway.adapters.venues.binance.weight import LEFT_BY_PRICES
from gateway.adapters.venues.shared.background import Background
from gateway.domain.effects import OrderTicket
from gateway.domain.instruments import Instrument
from gateway.domain.money import ZERO
from gateway.ports.clock import Clock

REFRESH_S = 900.0
#: After a refusal rules are read again, but not for every one of a burst.
_AGAIN_S = 10.0
#: An average is believed for so long; asked for again in the background after half of it, so that who trades all the
#: time never waits for it.
_PRICE_KEPT_S = 60.0
#: An order is not refused by an average that is older.
_PRICE_PROVES_S = 1.0
#: An order waits no longer for an average: then the exchange judges by its own.
_PRICE_WAIT_S = 1.0
#: Symbols that are asked about by name; for more, the whole list is read.
_NAMED_AT_MOST = 100
_NO_REFERENCE, _INVALID_SYMBOL = -2043, -1121
_NS = 1_000_000_000
_FAILURES = (BudgetSpent, BinanceAPIException, BinanceRequestException, aiohttp.ClientError, TimeoutError, OSError)


class Rulebook:
    def __init__(
        self,
        rest: RestClient,
        instruments: Mapping[str, Instrument],
        venue: str,
        clock: Clock,
        background: Background,
    ) -> None:
        self._rest = rest
        self._instruments = instruments
        self._venue = venue
        self._clock = clock
        self._background = background
        self._rules: dict[str, SymbolRules] = {}
        self._reading = asyncio.Lock()
        self._read_ns = 0
        #: Average prices, and when each was asked for.
        self._prices: dict[str, tuple[int, Decimal]] = {}
        self._asking: dict[str, asyncio.Lock] = {}
        self._mute_until_ns = 0
        self._without_reference: set[str] = set()
        #: Free and locked quantity by asset; read only where a rule asks for it.
        self._held: dict[str, Decimal] | None = None

    async def keep(self) -> None:
        """Until canceled: read the rules again now and then."""
        while True:
            await asyncio.sleep(REFRESH_S)
            await self._read_quietly()

    async def open(self) -> None:
        """A connection stands: rules that were read before do until they are read again. Raises what a request
        raises."""
        self._held = None  # events were missed
        if self._rules:
            self._background.spawn(self._read_quietly(), "filters")
        else:
            await self.read()

    async def read(self) -> None:
        """Raises what a request raises; the rules of before stand then."""
        async with self._reading:
            await self._read(self._names())

    def doubt(self) -> None:
        """The exchange refused an order by a filter that it passed here."""
        if self._clock.monotonic_ns() - self._read_ns > _AGAIN_S * _NS:
            self._background.spawn(self._read_quietly(), "filters")

    async def _of(self, symbol: str) -> SymbolRules:
        """The rules of a symbol, asked for if it is new here. Raises OrderUnsupported: nothing may be sent."""
        name = symbol_of(symbol)
        if name not in self._rules:
            try:
                async with self._reading:
                    if name not in self._rules:
                        await self._read({*self._names(), name})
            except _FAILURES as error:
                raise OrderUnsupported(f"the filters of {symbol} cannot be read, nothing was sent: {error!r}") from None
        if name not in self._rules:
            raise OrderUnsupported(f"binance does not list {symbol} ({name})")
        return self._rules[name]

    async def fit(self, ticket: OrderTicket, open_orders: OpenOrders) -> dict[str, Any]:
        """The parameters of an order that passes every filter. Raises OrderUnsupported: nothing may be sent."""
        params = params_of(ticket)
        rules = await self._of(ticket.symbol)
        rules.check(ticket, open_orders.counted(symbol_of(ticket.symbol), self._held_of(rules)))
        mins = rules.average_mins(ticket)
        average_px = None if mins is None else await self._average_px(ticket.symbol, mins, _PRICE_KEPT_S)
        if average_px is None or mins is None:
            return params
        try:
            rules.check_average(ticket, average_px)
        except OrderUnsupported:
            average_px = await self._average_px(ticket.symbol, mins, _PRICE_PROVES_S)
            if average_px is not None:
                rules.check_average(ticket, average_px)
        return params

    def _held_of(self, rules: SymbolRules) -> Decimal | None:
        """What the account has of the base asset, where a rule asks for it and it is known."""
        if self._held is None or not rules.has_max_position:
            return None
        return self._held.get(rules.base_asset, ZERO)

    def note_balances(self, event: Mapping[str, Any]) -> None:
        """An outboundAccountPosition event: the assets that changed."""
        if self._held is not None:
            self._held.update((one["a"], Decimal(one["f"]) + Decimal(one["l"])) for one in event["B"])

    # --- average prices -------------------------------------------------------------------------------

    async def _average_px(self, symbol: str, mins: int, kept_s: float) -> Decimal | None:
        """The price that the exchange holds orders against, at most ``kept_s`` old; None when it cannot be had now:
        then the exchange judges alone."""
        name = symbol_of(symbol)
        asking = self._asking.setdefault(name, asyncio.Lock())
        px, age_s = self._known_px(name)
        if px is None or age_s >= kept_s:
            async with asking:
                px, age_s = self._known_px(name)
                if px is None or age_s >= kept_s:
                    await self._ask_price(name, mins)
                    px, age_s = self._known_px(name)
            return px if age_s < kept_s else None
        if age_s > _PRICE_KEPT_S / 2 and not asking.locked():
            self._background.spawn(self._renew_price(name, mins), f"average price of {name}")
        return px

    def _known_px(self, name: str) -> tuple[Decimal | None, float]:
        """The average price and its age in seconds."""
        asked_ns, px = self._prices.get(name, (0, None))
        return px, (self._clock.monotonic_ns() - asked_ns) / _NS

    async def _renew_price(self, name: str, mins: int) -> None:
        async with self._asking[name]:
            await self._ask_price(name, mins)

    async def _ask_price(self, name: str, mins: int) -> None:
        """Takes what can be had at once: after a failure nothing is asked for a while, so that no order waits again."""
        asked_ns = self._clock.monotonic_ns()
        if asked_ns < self._mute_until_ns:
            return
        try:
            async with asyncio.timeout(_PRICE_WAIT_S):
                px = await self._price(name, mins)
        except (*_FAILURES, ArithmeticError, KeyError, TypeError):
            self._mute_until_ns = self._clock.monotonic_ns() + int(_AGAIN_S * _NS)
            return
        if px is not None:
            self._prices[name] = asked_ns, px

    async def _price(self, name: str, mins: int) -> Decimal | None:
        """The reference price that the exchange sets for a few symbols, else what was paid on average, or last."""
        if name not in self._without_reference:
            try:
                answer = await self._ask("referencePrice", name)
            except BinanceAPIException as error:
                if error.code != _NO_REFERENCE and error.status_code != 404:
                    raise
                self._without_reference.add(name)
            else:
                if answer["referencePrice"] is not None:
                    return Decimal(answer["referencePrice"])
        if mins == 0:
            return Decimal((await self._ask("ticker/price", name))["price"])
        answer = await self._ask("avgPrice", name)
        return Decimal(answer["price"]) if int(answer["mins"]) == mins else None

    async def _ask(self, path: str, name: str) -> Any:
        return await self._rest.public(path, 2, wait_s=0, leave=LEFT_BY_PRICES, symbol=name)

    # --- reading --------------------------------------------------------------------------------------

    def _names(self) -> set[str]:
        own = (one.symbol for one in self._instruments.values() if one.venue == self._venue)
        return {symbol_of(symbol) for symbol in own}

    async def _read_quietly(self) -> None:
        with contextlib.suppress(*_FAILURES):
            await self.read()

    async def _read(self, names: set[str]) -> None:
        info = await self._info(names)
        try:
            exchange_filters = info.get("exchangeFilters", ())
            self._rules = {one["symbol"]: SymbolRules(one, exchange_filters) for one in info["symbols"]}
        except (AttributeError, KeyError, TypeError) as error:
            raise ConnectionError(f"binance gave an exchangeInfo that cannot be read: {error!r}") from None
        self._without_reference.clear()
        self._read_ns = self._clock.monotonic_ns()
        if self._held is None and any(self._rules[one].has_max_position for one in names & self._rules.keys()):
            answer = await self._rest.request("get", "account", 20, omitZeroBalances="true")
            self._held = {row["asset"]: Decimal(row["free"]) + Decimal(row["locked"]) for row in answer["balances"]}

    async def _info(self, names: set[str]) -> dict[str, Any]:
        """Of these symbols; of all where that is shorter, or one of them is not listed."""
        if names and len(names) <= _NAMED_AT_MOST:
            wanted = json.dumps(sorted(names), separators=(",", ":"))
            try:
                named: dict[str, Any] = await self._rest.public("exchangeInfo", 20, symbols=wanted)
            except BinanceAPIException as error:
                if error.code != _INVALID_SYMBOL:
                    raise
            else:
                return named
        whole: dict[str, Any] = await self._rest.public("exchangeInfo", 20)
        return whole
