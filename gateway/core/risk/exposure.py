"""What is at risk, kept up to date with every hold, fill and mark, so that a check never scans.

One ``Book`` per route. Within it every order and position counts in four scopes at once: the gateway, its
account, its strategy and its venue. Called by ``core.apply`` (and to rebuild after a restart) only.
"""

from collections.abc import Mapping
from decimal import Decimal

import msgspec

from gateway.domain.enums import Side
from gateway.domain.money import ZERO, share_of
from gateway.domain.orders import Fill, Order
from gateway.domain.positions import Position


class CycleUse(msgspec.Struct):
    """The running cycle of one position key on one route. ``closing_qty`` is what open closing orders may take."""

    cycle: int = 0
    open_orders: int = 0
    closing_qty: Decimal = ZERO


class SymbolUse(msgspec.Struct):
    """One symbol within one scope: signed position, and what open orders may still add on either side."""

    qty: Decimal = ZERO
    buy_qty: Decimal = ZERO
    sell_qty: Decimal = ZERO


class ScopeUse(msgspec.Struct):
    """One scope of one book, base currency. ``gross`` sums absolute position values, ``held`` open orders."""

    gross: Decimal = ZERO
    net: Decimal = ZERO
    held: Decimal = ZERO
    pnl: Decimal = ZERO
    day_pnl_start: Decimal = ZERO
    symbols: dict[str, SymbolUse] = {}

    @property
    def day_pnl(self) -> Decimal:
        return self.pnl - self.day_pnl_start

    def symbol(self, symbol: str) -> SymbolUse:
        use = self.symbols.get(symbol)
        if use is None:
            use = self.symbols[symbol] = SymbolUse()
        return use


class Line(msgspec.Struct, frozen=True, gc=False):
    """Where one position key counts: its four scopes, each with its use of the symbol. Looked up once."""

    scopes: tuple[tuple[ScopeUse, SymbolUse], ...]


class Book(msgspec.Struct):
    """All positions of one route and their sums per scope."""

    positions: dict[str, Position] = {}
    gateway: ScopeUse = msgspec.field(default_factory=ScopeUse)
    accounts: dict[str, ScopeUse] = {}
    strategies: dict[str, ScopeUse] = {}
    venues: dict[str, ScopeUse] = {}
    lines: dict[str, Line] = {}

    def line(self, owner: Order | Position) -> Line:
        """The scopes that an order or position counts in, created when new."""
        line = self.lines.get(owner.position_key)
        if line is None:
            scopes = (
                self.gateway,
                self.accounts.setdefault(owner.account, ScopeUse()),
                self.strategies.setdefault(owner.strategy_id, ScopeUse()),
                self.venues.setdefault(owner.venue, ScopeUse()),
            )
            line = Line(tuple((scope, scope.symbol(owner.symbol)) for scope in scopes))
            self.lines[owner.position_key] = line
        return line

    def all_scopes(self) -> dict[str, ScopeUse]:
        """Every scope by a name that is unique within the book."""
        named = {"gateway": self.gateway}
        for kind, scopes in (
            ("account", self.accounts),
            ("strategy", self.strategies),
            ("venue", self.venues),
        ):
            named.update({f"{kind}:{name}": use for name, use in scopes.items()})
        return named

    def day_pnl_starts(self) -> dict[str, Decimal]:
        return {name: use.day_pnl_start for name, use in self.all_scopes().items() if use.day_pnl_start}

    def set_day_pnl_starts(self, starts: Mapping[str, Decimal]) -> None:
        for name, start in starts.items():
            kind, _, scope_id = name.partition(":")
            if kind == "gateway":
                self.gateway.day_pnl_start = start
                continue
            scopes = {"account": self.accounts, "strategy": self.strategies, "venue": self.venues}[kind]
            scopes.setdefault(scope_id, ScopeUse()).day_pnl_start = start


def hold_order(book: Book, cycle: CycleUse, order: Order, sign: int) -> None:
    """Count (sign 1) or stop counting (-1) what ``order`` may still do, in every scope it falls under."""
    qty = order.held_qty * sign
    value = order.held_value * sign
    cycle.open_orders += sign
    if order.is_closing:
        cycle.closing_qty += qty
    if order.side is Side.BUY:
        for scope, use in book.line(order).scopes:
            scope.held += value
            use.buy_qty += qty
    else:
        for scope, use in book.line(order).scopes:
            scope.held += value
            use.sell_qty += qty


def revalue(book: Book, position: Position, rate: Decimal, mark_px: Decimal | None) -> None:
    """Value a position at ``mark_px`` (None: as last marked) and carry the difference into its scopes."""
    if mark_px is not None:
        position.mark_px = mark_px
    value = position.market_value * rate
    pnl = value + (position.realized - position.cost) * rate - position.fees
    value_change = value - position.value
    gross_change = abs(value) - abs(position.value)
    pnl_change = pnl - position.pnl
    position.value, position.pnl = value, pnl
    for scope, _ in book.line(position).scopes:
        scope.gross += gross_change
        scope.net += value_change
        scope.pnl += pnl_change


def book_fill(book: Book, position: Position, side: Side, fill: Fill, rates: Mapping[str, Decimal]) -> None:
    """Carry one fill into a position and its scopes: average cost, realized P&L, fees, value at the fill price.

    Crossing zero closes the whole of the old side and opens the rest at the fill price.
    """
    change = fill.last_qty * side.sign
    for _, use in book.line(position).scopes:
        use.qty += change
    closed = _closed_part(position.qty, change)
    if closed:
        released = share_of(position.cost, closed, abs(position.qty))
        earned = closed * fill.last_px * position.multiplier
        position.realized += (earned if position.qty > 0 else -earned) - released
        position.cost -= released
    opened = fill.last_qty - closed
    position.cost += opened * side.sign * fill.last_px * position.multiplier
    position.qty += change
    _book_fee(position, fill, rates)
    revalue(book, position, rates.get(position.currency, ZERO), fill.last_px)


def _closed_part(qty: Decimal, change: Decimal) -> Decimal:
    """How much of a signed change reduces the position (0 when it adds to it)."""
    if not qty or (qty > 0) == (change > 0):
        return ZERO
    return min(abs(qty), abs(change))


def _book_fee(position: Position, fill: Fill, rates: Mapping[str, Decimal]) -> None:
    if not fill.fee:
        return
    currency = fill.fee_currency or position.currency
    rate = rates.get(currency)
    if rate is None:
        position.other_fees[currency] = position.other_fees.get(currency, ZERO) + fill.fee
    else:
        position.fees += fill.fee * rate


def place_position(book: Book, key: str, position: Position, rates: Mapping[str, Decimal]) -> None:
    """Enter an existing position into an empty book (rebuild): its derived figures are computed afresh."""
    position.value = position.pnl = ZERO
    book.positions[key] = position
    for _, use in book.line(position).scopes:
        use.qty += position.qty
    revalue(book, position, rates.get(position.currency, ZERO), None)
