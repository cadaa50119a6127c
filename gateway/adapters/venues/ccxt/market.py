"""Prices of an exchange of ccxt: the best bid and ask, depth and trades, with no key and no way to trade.

Streams of ccxt.pro bring them where the exchange has streams that need no key. Beneath them every symbol is asked for
over REST whenever it has been silent: that confirms a price that stands still, and it is all there is at an exchange
without streams.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import ccxt

from gateway.adapters.venues.ccxt.client import Client
from gateway.adapters.venues.ccxt.options import CcxtOptions, read_options
from gateway.adapters.venues.ccxt.outcomes import EXPECTED, words_of
from gateway.adapters.venues.ccxt.prints import Prints
from gateway.adapters.venues.shared.link import Backoff
from gateway.adapters.venues.shared.market import VenueMarket
from gateway.domain.instruments import Instrument
from gateway.domain.market import DepthUpdate, PriceLevel, Quote, TradeTick
from gateway.domain.money import ZERO
from gateway.domain.settings import VenueSettings
from gateway.ports.clock import Clock

_log = logging.getLogger(__name__)
_MS, _NS = 1_000_000, 1_000_000_000
#: Levels of each side that are told.
_LEVELS = 25
#: So many failed requests in a row, whatever for, are the end of a connection.
_MOST_FAILURES = 3
#: A stream that the exchange does not have, or not for us, is not tried again.
_NO_STREAM = (ccxt.NotSupported, ccxt.AuthenticationError, ccxt.ArgumentsRequired, ccxt.BadSymbol)

Levels = dict[Decimal, Decimal]


class CcxtMarket(VenueMarket):
    _expected = EXPECTED

    def __init__(self, settings: VenueSettings, clock: Clock, confirm_s: float) -> None:
        """A symbol that was silent for ``confirm_s`` is asked for. Raises OptionsInvalid."""
        super().__init__(settings.name, clock)
        self._settings = settings
        self._options: CcxtOptions = read_options(settings)
        self._confirm_s = confirm_s
        self._client = Client(settings, self._options, clock)
        self._tasks: asyncio.TaskGroup | None = None
        self._running: set[str] = set()
        self._failures = 0
        #: When the touch and the book of a symbol were heard of last (monotonic).
        self._heard_ns: dict[str, int] = {}
        self._booked_ns: dict[str, int] = {}
        self._told: dict[str, tuple[Levels, Levels]] = {}
        self._prints = Prints()

    def depth(self, symbol: str) -> DepthUpdate | None:
        book = self._told.get(symbol)
        if book is None or symbol not in self._with_depth:
            return None
        bids, asks = (tuple(PriceLevel(px, qty) for px, qty in side.items()) for side in book)
        return DepthUpdate(symbol, bids, asks, 0, self._clock.now_ns(), is_snapshot=True)

    async def _stay(self) -> None:
        """With an object of ccxt's of its own: in one that was left in the middle, old subscriptions lie about."""
        self._client = Client(self._settings, self._options, self._clock)
        self._running, self._failures = set(), 0
        self._prints.reopen()
        try:
            await self._client.call("load_markets")
            async with asyncio.TaskGroup() as tasks:
                self._tasks = tasks
                await self._opened()
        except ExceptionGroup as group:
            raise group.exceptions[0] from None
        finally:
            self._tasks = None
            self._told.clear()
            await self._client.close()

    async def _change(self, added: Sequence[Instrument], removed: Sequence[Instrument]) -> None:
        """A symbol's streams stay for as long as the connection; what is not wanted any more is not told."""
        for one in removed:
            self._told.pop(one.symbol, None)
        for one in added:
            try:
                self._client.exchange.market(one.symbol)
            except ccxt.ExchangeError:
                self._refuse(one.symbol, f"{one.symbol} is no market of {self._options.exchange}")
                continue
            if one.symbol in self._running or self._tasks is None:
                continue
            self._running.add(one.symbol)
            self._tasks.create_task(self._confirm(one.symbol))
            if self._options.has_stream:
                self._tasks.create_task(self._watch_touch(one.symbol))
                self._tasks.create_task(self._watch("watchTrades", "watch_trades", self._hear_trades, one.symbol))

    async def _watch_touch(self, symbol: str) -> None:
        """By the book; by the ticker where an exchange streams no book without a key."""
        await self._watch("watchOrderBook", "watch_order_book", self._hear_book, symbol)
        await self._watch("watchTicker", "watch_ticker", self._hear_ticker, symbol)

    async def _watch(self, call: str, method: str, hear: Callable[[str, Any], None], symbol: str) -> None:
        """One stream, opened again whenever it breaks (the next call does that); returns when there is none."""
        backoff = Backoff(self._clock.now_ns())
        while self._client.has.get(call) is True:
            try:
                hear(symbol, await self._client.call(method, symbol))
                backoff.reset()
            except _NO_STREAM as error:
                _log.info("%s: no %s of %s: %s", self._name, method, symbol, words_of(error))
                return
            except Exception as error:
                _log.warning("%s: %s of %s broke: %s", self._name, method, symbol, words_of(error))
                self._prints.reopen(symbol)
                await asyncio.sleep(backoff.next_s())

    async def _confirm(self, symbol: str) -> None:
        """Ask for what has been silent: the book, or the touch where there is no book."""
        heard = self._booked_ns if self._client.has.get("fetchOrderBook") else self._heard_ns
        while True:
            if symbol in self._instruments and self._is_silent(heard, symbol):
                try:
                    await self._ask(symbol)
                    self._failures = 0
                except _NO_STREAM as error:
                    self._refuse(symbol, words_of(error))
                except self._expected as error:
                    self._failures += 1
                    if self._failures >= _MOST_FAILURES:
                        raise
                    _log.info("%s: %s: %s", self._name, symbol, words_of(error))
            await asyncio.sleep(self._confirm_s / 2)

    async def _ask(self, symbol: str) -> None:
        if not self._client.has.get("fetchOrderBook"):
            self._hear_ticker(symbol, await self._client.call("fetch_ticker", symbol))
            return
        before = self._booked_ns.get(symbol)
        book = await self._client.call("fetch_order_book", symbol)
        if self._booked_ns.get(symbol) != before:
            return  # the stream told it meanwhile, and what it told may be newer than this answer
        self._hear_book(symbol, book, has_touch=self._is_silent(self._heard_ns, symbol))

    def _is_silent(self, heard: dict[str, int], symbol: str) -> bool:
        return self._clock.monotonic_ns() - heard.get(symbol, -(2**62)) >= self._confirm_s * _NS

    # --- what is heard --------------------------------------------------------------------------------

    def _hear_book(self, symbol: str, book: Any, has_touch: bool = True) -> None:
        """``has_touch`` False: a stream tells the best prices sooner than this."""
        now_ns = self._clock.now_ns()
        self._booked_ns[symbol] = self._clock.monotonic_ns()
        bids, asks = (_levels(book[side]) for side in ("bids", "asks"))
        event_ns = int(book.get("timestamp") or 0) * _MS
        if has_touch:
            self._tell_quote(symbol, _best(bids), _best(asks), None, event_ns, now_ns)
        before = self._told.get(symbol) if symbol in self._with_depth else None
        self._told[symbol] = (bids, asks)
        if before is None:
            whole = tuple(tuple(PriceLevel(px, qty) for px, qty in side.items()) for side in (bids, asks))
            self._tell(DepthUpdate(symbol, whole[0], whole[1], event_ns, now_ns, is_snapshot=True))
            return
        changed = _changes(before[0], bids), _changes(before[1], asks)
        if any(changed):
            self._tell(DepthUpdate(symbol, changed[0], changed[1], event_ns, now_ns))

    def _hear_ticker(self, symbol: str, ticker: Any) -> None:
        bid, ask = ((_known(ticker, side), _known(ticker, f"{side}Volume")) for side in ("bid", "ask"))
        event_ns = int(ticker.get("timestamp") or 0) * _MS
        self._tell_quote(symbol, bid, ask, _known(ticker, "last"), event_ns, self._clock.now_ns())

    def _hear_trades(self, symbol: str, trades: Any) -> None:
        now_ns = self._clock.now_ns()
        for trade in self._prints.new_of(symbol, trades, now_ns // _MS):
            px, qty = _known(trade, "price"), _known(trade, "amount")
            if px is not None and qty:
                is_buyer_maker = trade.get("side") == "sell"  # the side of who took
                self._tell(TradeTick(symbol, px, qty, int(trade.get("timestamp") or 0) * _MS, now_ns, is_buyer_maker))

    def _tell_quote(
        self,
        symbol: str,
        bid: tuple[Decimal | None, Decimal | None],
        ask: tuple[Decimal | None, Decimal | None],
        last_px: Decimal | None,
        event_ns: int,
        now_ns: int,
    ) -> None:
        """A price of 0 is no price. What the book does not say of the last trade stays as it was."""
        self._heard_ns[symbol] = self._clock.monotonic_ns()
        last = self.quote(symbol)
        self._tell(
            Quote(
                symbol=symbol,
                bid_px=bid[0] or None,
                bid_qty=bid[1] if bid[0] else None,
                ask_px=ask[0] or None,
                ask_qty=ask[1] if ask[0] else None,
                last_px=last_px or (None if last is None else last.last_px),
                last_qty=None if last is None else last.last_qty,
                event_ns=event_ns,
                received_ns=now_ns,
            )
        )


def _levels(side: Sequence[Any]) -> Levels:
    """The best levels, best first."""
    return {_amount(row[0]): _amount(row[1]) for row in side[:_LEVELS]}


def _amount(value: Any) -> Decimal:
    """As the exchange wrote it, also where ccxt's stream has read it as a float: its shortest text is that."""
    return value if isinstance(value, Decimal) else Decimal(str(value))


def _known(row: Any, name: str) -> Decimal | None:
    return None if row.get(name) is None else _amount(row[name])


def _best(side: Levels) -> tuple[Decimal | None, Decimal | None]:
    return next(iter(side.items()), (None, None))


def _changes(before: Levels, now: Levels) -> tuple[PriceLevel, ...]:
    """Levels that are new, changed or gone (quantity 0)."""
    gone = [PriceLevel(px, ZERO) for px in before if px not in now]
    return (*gone, *(PriceLevel(px, qty) for px, qty in now.items() if before.get(px) != qty))
