"""A spot exchange behind any wire: balances, orders, fills and their events, on the matching book.

Knows no venue's words: whoever serves it translates (``tests.venues.binance``, ``tests.venues.exchange``). One account.
"""

import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from tests.venues.matching import Match, MatchingBook, Working

ZERO = Decimal(0)
OPEN = frozenset({"new", "partially_filled"})


class Refused(Exception):
    """The exchange does not do it. ``reason``: insufficient_balance, would_take, not_open."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Market:
    symbol: str
    base: str
    quote: str
    tick: Decimal = Decimal("0.01")
    step: Decimal = Decimal("0.00001")
    min_qty: Decimal = Decimal("0.00001")
    max_qty: Decimal = Decimal(9000)
    min_notional: Decimal = Decimal(5)


@dataclass(frozen=True)
class Fill:
    trade_id: int
    qty: Decimal
    px: Decimal
    fee: Decimal
    fee_asset: str
    is_maker: bool
    at_ms: int


@dataclass
class SpotOrder:
    """``px`` None is a market order, ``stop_px`` keeps it asleep. ``trail_bp`` lets that follow the best price seen,
    at so many basis points of it. ``venue`` holds words that only the wire knows."""

    client_id: str
    symbol: str
    side: str
    qty: Decimal
    px: Decimal | None = None
    stop_px: Decimal | None = None
    tif: str = "gtc"
    is_post_only: bool = False
    quote_qty: Decimal = ZERO
    venue: dict[str, Any] = field(default_factory=dict)
    order_id: int = 0
    status: str = "new"
    cum_qty: Decimal = ZERO
    cum_quote: Decimal = ZERO
    held: Decimal = ZERO
    fills: list[Fill] = field(default_factory=list)
    created_ms: int = 0
    updated_ms: int = 0
    is_triggered: bool = False
    trail_bp: int = 0
    best_px: Decimal | None = None

    @property
    def has_trigger(self) -> bool:
        return self.stop_px is not None or self.trail_bp > 0

    @property
    def is_open(self) -> bool:
        return self.status in OPEN

    @property
    def leaves_qty(self) -> Decimal:
        return self.qty - self.cum_qty

    @property
    def fee(self) -> Decimal:
        return sum((fill.fee for fill in self.fills), ZERO)


@dataclass(frozen=True)
class SpotEvent:
    """``kind``: ack, triggered, fill, canceled, expired. ``cancel_id`` is the id that the canceller gave."""

    kind: str
    order: SpotOrder
    fill: Fill | None = None
    cancel_id: str = ""


class SpotExchange:
    def __init__(
        self,
        markets: Iterable[Market],
        balances: dict[str, Decimal],
        now_ms: Callable[[], int],
        fee_rate: Decimal = Decimal("0.001"),
        is_fee_in_quote: bool = False,
    ) -> None:
        self.markets = {market.symbol: market for market in markets}
        self.free = dict(balances)
        self.locked: dict[str, Decimal] = {}
        self.now_ms = now_ms
        self.fee_rate = fee_rate
        #: Fees are taken off what is received, unless they are all in the quote currency.
        self.is_fee_in_quote = is_fee_in_quote
        self.book = MatchingBook()
        self.orders: dict[int, SpotOrder] = {}
        self._open: dict[int, SpotOrder] = {}
        self._by_client_id: dict[str, list[SpotOrder]] = {}
        self.listeners: list[Callable[[SpotEvent], None]] = []
        #: Called when a market may look different, with px and qty when a trade was seen in it.
        self.market_listeners: list[Callable[[str, Decimal | None, Decimal], None]] = []
        self._order_ids = itertools.count(1)
        self._trade_ids = itertools.count(1)

    # --- orders ---------------------------------------------------------------------------------------

    def place(self, order: SpotOrder) -> SpotOrder:
        """Take an order: its id is set, and what it could take at once is filled when this returns."""
        if order.is_post_only and self._would_take(order):
            raise Refused("would_take")
        self._hold(order)
        order.order_id = next(number for number in self._order_ids if number not in self.orders)
        order.created_ms = order.updated_ms = self.now_ms()
        self.orders[order.order_id] = self._open[order.order_id] = order
        self._by_client_id.setdefault(order.client_id, []).append(order)
        self._tell(SpotEvent("ack", order))
        self._trail(order)
        is_market = order.px is None and order.stop_px is None
        working = Working(
            key=str(order.order_id),
            symbol=order.symbol,
            side=order.side,
            leaves_qty=order.qty,
            limit_px=order.px,
            stop_px=order.stop_px,
            is_immediate=is_market or order.tif in ("ioc", "fok"),
            is_all_or_none=order.tif == "fok",
        )
        self._book(self.book.place(working))
        order.is_triggered = working.is_triggered
        if order.is_open and working.is_immediate and not working.is_asleep:
            self._finish(order, "expired")
        self._show(order.symbol)
        return order

    def cancel(self, order: SpotOrder, cancel_id: str = "") -> None:
        if not self.book.cancel(str(order.order_id)):
            raise Refused("not_open")
        self._finish(order, "canceled", cancel_id)
        self._show(order.symbol)

    def open_orders(self, symbol: str | None = None) -> list[SpotOrder]:
        return [order for order in self._open.values() if symbol in (None, order.symbol)]

    def by_client_id(self, client_id: str, symbol: str | None = None) -> SpotOrder | None:
        """The open order of that id, else the latest one."""
        mine = [one for one in self._by_client_id.get(client_id, ()) if symbol in (None, one.symbol)]
        return next((one for one in mine if one.is_open), mine[-1] if mine else None)

    def forget(self, order: SpotOrder) -> None:
        """The venue no longer knows it."""
        if self.orders.pop(order.order_id, None) is not None:
            self._by_client_id[order.client_id].remove(order)

    def roll_back(self, count: int) -> None:
        """Start ids lower by ``count``. Finished orders that stood there are forgotten, as after a reset."""
        first = max(1, next(self._order_ids) - count)
        for order in [one for one in self.orders.values() if one.order_id >= first and not one.is_open]:
            self.forget(order)
        self._order_ids = itertools.count(first)
        self._trade_ids = itertools.count(max(1, next(self._trade_ids) - count))

    # --- the market -----------------------------------------------------------------------------------

    def quote(self, symbol: str, bid: Decimal, ask: Decimal, qty: Decimal) -> None:
        self._move(symbol, lambda: self.book.quote(symbol, bid, ask, qty))
        self._show(symbol)

    def trade(self, symbol: str, px: Decimal, qty: Decimal, side: str | None = None) -> None:
        self._move(symbol, lambda: self.book.trade(symbol, px, qty, side))
        self._show(symbol, px, qty)

    def last_px(self, symbol: str) -> Decimal | None:
        """The last trade, else the middle of the quote."""
        quote = self.book.quotes.get(symbol)
        if quote is None:
            return None
        return quote.last_px or (quote.bid_px + quote.ask_px) / 2

    def levels(self, symbol: str, side: str) -> list[tuple[Decimal, Decimal]]:
        """(price, quantity) of one side, best first: the market outside and our own resting orders."""
        levels: dict[Decimal, Decimal] = {}
        quote = self.book.quotes.get(symbol)
        if quote is not None:
            px, qty = (quote.bid_px, quote.bid_qty) if side == "buy" else (quote.ask_px, quote.ask_qty)
            levels[px] = qty
        for one in self.book.working.values():
            if one.symbol == symbol and one.side == side and one.limit_px is not None and not one.is_asleep:
                levels[one.limit_px] = levels.get(one.limit_px, ZERO) + one.leaves_qty
        return sorted(((px, qty) for px, qty in levels.items() if qty > 0), reverse=side == "buy")

    def _move(self, symbol: str, move: Callable[[], list[Match]]) -> None:
        asleep = [one for one in self.book.working.values() if one.symbol == symbol and one.is_asleep]
        matches = move()
        woken = [self.orders[int(one.key)] for one in asleep if one.is_triggered]
        for order in woken:
            order.is_triggered = True
            self._tell(SpotEvent("triggered", order))
        self._book(matches)
        for order in self.open_orders(symbol):
            self._trail(order)
        for order in woken:  # a stop at market takes what there is
            if order.is_open and order.px is None:
                self.cancel_rest(order)

    def _trail(self, order: SpotOrder) -> None:
        """Move the stop of a trailing order behind the best price seen."""
        last = self.last_px(order.symbol)
        if not order.trail_bp or order.is_triggered or last is None:
            return
        is_sell = order.side == "sell"
        best = last if order.best_px is None else (max if is_sell else min)(order.best_px, last)
        order.best_px = best
        order.stop_px = best * (10_000 - order.trail_bp if is_sell else 10_000 + order.trail_bp) / 10_000
        working = self.book.working.get(str(order.order_id))
        if working is not None:
            working.stop_px = order.stop_px

    def cancel_rest(self, order: SpotOrder) -> None:
        """End an order on the exchange's own account."""
        self.book.cancel(str(order.order_id))
        self._finish(order, "expired")

    # --- bookkeeping ----------------------------------------------------------------------------------

    def would_trigger(self, order: SpotOrder) -> bool:
        """Whether the market is already past the stop price."""
        quote = self.book.quotes.get(order.symbol)
        if quote is None or order.stop_px is None:
            return False
        return quote.ask_px >= order.stop_px if order.side == "buy" else quote.bid_px <= order.stop_px

    def _would_take(self, order: SpotOrder) -> bool:
        quote = self.book.quotes.get(order.symbol)
        if quote is None or order.px is None:
            return False
        return order.px >= quote.ask_px if order.side == "buy" else order.px <= quote.bid_px

    def _hold(self, order: SpotOrder) -> None:
        market = self.markets[order.symbol]
        if order.side == "sell":
            asset, need = market.base, order.qty
        else:
            quote = self.book.quotes.get(order.symbol)
            px = order.px or order.stop_px or (quote.ask_px if quote else ZERO)
            asset, need = market.quote, order.qty * px
        if need > self.free.get(asset, ZERO):
            raise Refused("insufficient_balance")
        order.held = need
        self._move_balance(asset, -need, need)

    def _book(self, matches: list[Match]) -> None:
        for match in matches:
            order = self.orders[int(match.key)]
            market = self.markets[order.symbol]
            is_buy = order.side == "buy"
            amount = match.qty * match.px
            is_fee_in_base = is_buy and not self.is_fee_in_quote
            fee_asset = market.base if is_fee_in_base else market.quote
            fee = (match.qty if is_fee_in_base else amount) * self.fee_rate
            fill = Fill(next(self._trade_ids), match.qty, match.px, fee, fee_asset, match.is_maker, self.now_ms())
            share = order.held * match.qty / order.leaves_qty
            order.held -= share
            order.fills.append(fill)
            order.cum_qty += match.qty
            order.cum_quote += amount
            order.status = "filled" if order.leaves_qty <= 0 else "partially_filled"
            order.updated_ms = fill.at_ms
            if not order.is_open:
                del self._open[order.order_id]
            spent_asset, spent = (market.quote, amount) if is_buy else (market.base, match.qty)
            got_asset, got = (market.base, match.qty) if is_buy else (market.quote, amount)
            self._move_balance(spent_asset, share - spent, -share)
            self._move_balance(got_asset, got, ZERO)
            self._move_balance(fee_asset, -fee, ZERO)
            self._tell(SpotEvent("fill", order, fill))

    def _finish(self, order: SpotOrder, status: str, cancel_id: str = "") -> None:
        market = self.markets[order.symbol]
        self._move_balance(market.quote if order.side == "buy" else market.base, order.held, -order.held)
        order.held = ZERO
        order.status = status
        del self._open[order.order_id]
        order.updated_ms = self.now_ms()
        self._tell(SpotEvent(status, order, cancel_id=cancel_id))

    def _move_balance(self, asset: str, free: Decimal, locked: Decimal) -> None:
        self.free[asset] = self.free.get(asset, ZERO) + free
        self.locked[asset] = self.locked.get(asset, ZERO) + locked

    def _show(self, symbol: str, px: Decimal | None = None, qty: Decimal = ZERO) -> None:
        for hear in self.market_listeners:
            hear(symbol, px, qty)

    def _tell(self, event: SpotEvent) -> None:
        for hear in self.listeners:
            hear(event)
