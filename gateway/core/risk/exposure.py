"""What is at risk, kept up to date with every hold, fill and mark, so that a check never scans.

One ``Book`` per route. Within it every order and position counts in several scopes at once: the gateway, its
account, its strategy, its venue, and those of its symbol, sector and asset class that have limits. Called by
``core.apply`` (and to rebuild after a restart) only.

What is written dozens of times an order is a class with slots: to store in one costs a third of what it costs in a
msgspec struct.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

import msgspec

from gateway.domain.enums import ScopeKind, Side
from gateway.domain.money import ONE, ZERO
from gateway.domain.orders import Order
from gateway.domain.positions import Position

_BUY = Side.BUY


class CycleUse(msgspec.Struct):
    """The running cycle of one position key on one route. ``closing_qty`` is what open closing orders may take."""

    cycle: int = 0
    open_orders: int = 0
    closing_qty: Decimal = ZERO


@dataclass(slots=True)
class SymbolUse:
    """One symbol within one scope: signed position, what open orders may still add on either side, the position
    that the day began with, and what was traded since."""

    qty: Decimal = ZERO
    buy_qty: Decimal = ZERO
    sell_qty: Decimal = ZERO
    day_start_qty: Decimal = ZERO
    day_traded_qty: Decimal = ZERO


class Highs(msgspec.Struct):
    """What a scope's P&L was at its best, base currency: the part of a scope that positions do not tell."""

    peak_pnl: Decimal = ZERO
    #: When the peak was reached (0: at the very start).
    peak_ns: int = 0
    day_high_pnl: Decimal = ZERO
    #: When that was reached (0: when the first day began).
    day_high_ns: int = 0
    max_drawdown: Decimal = ZERO


@dataclass(slots=True)
class ScopeUse:
    """One scope of one book, base currency. ``gross`` sums absolute position values, ``net`` signed ones;
    ``held_buy`` and ``held_sell`` what open orders of either side may still add.

    ``open_positions`` counts positions that are not flat or have open orders. ``margin`` is what positions and open
    orders tie up; it is kept for accounts only, which alone have equity. ``day_pnl_start`` sums what its positions
    had earned when the day of their venue began. P&L knows nothing of deposits, so neither does its peak: equity, and
    the equity at the peak, are the account's cash more.
    """

    gross: Decimal = ZERO
    net: Decimal = ZERO
    held_buy: Decimal = ZERO
    held_sell: Decimal = ZERO
    margin: Decimal = ZERO
    open_orders: int = 0
    open_positions: int = 0
    pnl: Decimal = ZERO
    day_pnl_start: Decimal = ZERO
    highs: Highs = field(default_factory=Highs)
    symbols: dict[str, SymbolUse] = field(default_factory=dict)

    @property
    def held(self) -> Decimal:
        return self.held_buy + self.held_sell

    @property
    def day_pnl(self) -> Decimal:
        return self.pnl - self.day_pnl_start

    @property
    def peak_pnl(self) -> Decimal:
        """The highest P&L so far; at least 0, where it started."""
        return self.highs.peak_pnl

    @property
    def drawdown(self) -> Decimal:
        """How far P&L is below its peak now; never negative."""
        return max(self.highs.peak_pnl - self.pnl, ZERO)

    def note_highs(self, ts_ns: int) -> None:
        """P&L has moved: after a fact as a whole, so that no half-valued moment counts as a peak."""
        highs, pnl = self.highs, self.pnl
        if pnl > highs.peak_pnl:
            highs.peak_pnl, highs.peak_ns = pnl, ts_ns
        elif (drawdown := highs.peak_pnl - pnl) > highs.max_drawdown:
            highs.max_drawdown = drawdown
        if pnl > highs.day_high_pnl:
            highs.day_high_pnl, highs.day_high_ns = pnl, ts_ns

    def symbol(self, symbol: str) -> SymbolUse:
        use = self.symbols.get(symbol)
        if use is None:
            use = self.symbols[symbol] = SymbolUse()
        return use


_NO_HIGHS = Highs()


@dataclass(slots=True)
class Line:
    """Where one position key counts: its scopes, each with its use of the symbol. Looked up once.

    ``account`` is one of the scopes. A line is in use while it has a position (``is_held``) or open orders.
    """

    scopes: tuple[tuple[ScopeUse, SymbolUse], ...]
    account: ScopeUse
    margin_rate: Decimal
    is_held: bool = False
    open_orders: int = 0


class SymbolTerms(msgspec.Struct, frozen=True):
    """What the configuration says of how one symbol counts: the group scopes with limits that it falls under,
    and the share of a position's value that is tied up as margin."""

    groups: tuple[tuple[ScopeKind, str], ...] = ()
    margin_rate: Decimal = ONE


_PLAIN_TERMS = SymbolTerms()


def group_name(kind: ScopeKind, scope_id: str) -> str:
    """The name of a scope that is unique within a book."""
    return f"{kind.value}:{scope_id}"


class Book(msgspec.Struct):
    """All positions of one route and their sums per scope. ``terms`` holds the symbols that are not plain."""

    terms: Mapping[str, SymbolTerms] = {}
    positions: dict[str, Position] = {}
    gateway: ScopeUse = msgspec.field(default_factory=ScopeUse)
    accounts: dict[str, ScopeUse] = {}
    strategies: dict[str, ScopeUse] = {}
    venues: dict[str, ScopeUse] = {}
    groups: dict[str, ScopeUse] = {}
    lines: dict[str, Line] = {}

    def line(self, owner: Order | Position) -> Line:
        """The scopes that an order or position counts in, created when new."""
        line = self.lines.get(owner.position_key)
        if line is None:
            terms = self.terms.get(owner.symbol, _PLAIN_TERMS)
            account = self.accounts.setdefault(owner.account, ScopeUse())
            scopes = (
                self.gateway,
                account,
                self.strategies.setdefault(owner.strategy_id, ScopeUse()),
                self.venues.setdefault(owner.venue, ScopeUse()),
                *(self.groups.setdefault(group_name(*group), ScopeUse()) for group in terms.groups),
            )
            line = Line(tuple((scope, scope.symbol(owner.symbol)) for scope in scopes), account, terms.margin_rate)
            self.lines[owner.position_key] = line
        return line

    def all_scopes(self) -> dict[str, ScopeUse]:
        """Every scope by a name that is unique within the book."""
        named = {"gateway": self.gateway, **self.groups}
        for kind, scopes in (
            (ScopeKind.ACCOUNT, self.accounts),
            (ScopeKind.STRATEGY, self.strategies),
            (ScopeKind.VENUE, self.venues),
        ):
            named.update({group_name(kind, name): use for name, use in scopes.items()})
        return named

    def highs(self) -> dict[str, Highs]:
        return {name: use.highs for name, use in self.all_scopes().items() if use.highs != _NO_HIGHS}

    def set_highs(self, highs: Mapping[str, Highs]) -> None:
        """Take over what the scopes of another book of the same positions were at their best."""
        scopes = self.all_scopes()
        for name, found in highs.items():
            if name in scopes:
                scopes[name].highs = found


def hold_order(book: Book, cycle: CycleUse, order: Order, sign: int) -> None:
    """Count (sign 1) or stop counting (-1) what ``order`` may still do, in every scope it falls under."""
    qty = order.held_qty
    value = qty * order.worst_unit
    if sign < 0:
        qty, value = -qty, -value
    cycle.open_orders += sign
    if order.is_closing:
        cycle.closing_qty += qty
    line = book.line(order)
    line.account.margin += value * line.margin_rate
    line.open_orders += sign
    if not line.is_held and line.open_orders == (sign == 1):  # its first open order, or the end of its last one
        for scope, _ in line.scopes:
            scope.open_positions += sign
    if order.side is _BUY:
        for scope, use in line.scopes:
            scope.open_orders += sign
            scope.held_buy += value
            use.buy_qty += qty
    else:
        for scope, use in line.scopes:
            scope.open_orders += sign
            scope.held_sell += value
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
    line = book.line(position)
    line.account.margin += gross_change * line.margin_rate
    for scope, _ in line.scopes:
        scope.gross += gross_change
        scope.net += value_change
        scope.pnl += pnl_change


def move_position(book: Book, position: Position, change: Decimal, traded: Decimal) -> None:
    """A position has changed by ``change`` units, ``traded`` of them traded today: count both where it counts."""
    position.day_traded_qty += traded
    line = book.line(position)
    for _, use in line.scopes:
        use.qty += change
        use.day_traded_qty += traded
    _count_position(line, position)


def _count_position(line: Line, position: Position) -> None:
    """Keep the count of positions when one opened or went flat. With open orders it counts anyway."""
    is_held = bool(position.qty)
    if is_held is line.is_held:
        return
    line.is_held = is_held
    if not line.open_orders:
        change = 1 if is_held else -1
        for scope, _ in line.scopes:
            scope.open_positions += change


def place_position(book: Book, key: str, position: Position, rates: Mapping[str, Decimal]) -> None:
    """Enter an existing position into an empty book (rebuild): its derived figures are computed afresh."""
    position.value = position.pnl = ZERO
    rated = (fee * rates[currency] for currency, fee in position.fees_paid.items() if currency in rates)
    position.fees = sum(rated, ZERO)
    book.positions[key] = position
    line = book.line(position)
    for scope, use in line.scopes:
        scope.day_pnl_start += position.day_start_pnl
        use.qty += position.qty
        use.day_start_qty += position.day_start_qty
        use.day_traded_qty += position.day_traded_qty
    _count_position(line, position)
    revalue(book, position, rates.get(position.currency, ZERO), None)


def start_day(book: Book, position: Position, ts_ns: int) -> None:
    """The venue's trading day begins: what is held and earned now is what it begins with."""
    move_day_start(book, position, position.qty - position.day_start_qty, position.pnl - position.day_start_pnl)
    for _, use in book.line(position).scopes:
        use.day_traded_qty -= position.day_traded_qty
    position.day_traded_qty = ZERO
    position.day_start_ns, position.day_start_px = ts_ns, position.mark_px


def move_day_start(book: Book, position: Position, qty: Decimal, earned: Decimal) -> None:
    """What the day began with is more by so much quantity and P&L."""
    position.day_start_qty += qty
    position.day_start_pnl += earned
    for scope, use in book.line(position).scopes:
        scope.day_pnl_start += earned
        use.day_start_qty += qty
