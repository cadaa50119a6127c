"""One position in one book: what fills made of it, and the lives that it lived from flat to flat."""

from decimal import Decimal

import msgspec

from gateway.domain.enums import Side
from gateway.domain.executions import Fill
from gateway.domain.money import ZERO, ratio


class Lot(msgspec.Struct, array_like=True, gc=False):
    """What one opening fill (or several at one price) left to be closed, first in, first out. ``qty`` is unsigned."""

    qty: Decimal
    px: Decimal


class Execution(msgspec.Struct, array_like=True, gc=False):
    """A fill as the ledger remembers it, so that a bust or correction can be carried through as from the start.

    ``number`` counts all executions of the gateway in the order they were booked. ``low_px`` and ``high_px`` are the
    extreme marks from then until the position's next execution (None: there was none).
    """

    number: int
    order_id: str
    side: Side
    fill: Fill
    cycle: int
    booked_ns: int
    low_px: Decimal | None = None
    high_px: Decimal | None = None


class Life(msgspec.Struct):
    """One life of a position, from flat to flat. Amounts are in the position's currency.

    ``realized_before`` is what the position had realized when the life began, ``entered_value`` the unsigned value
    at which ``entered_qty`` was entered. ``mae`` and ``mfe`` (maximum adverse and favorable excursion) are the
    lowest and highest result so far, fees apart: never above, never below 0.
    """

    number: int
    cycle: int
    opened_ns: int
    is_long: bool
    realized_before: Decimal
    executions: int = 0
    entered_qty: Decimal = ZERO
    entered_value: Decimal = ZERO
    max_qty: Decimal = ZERO
    fees: dict[str, Decimal] = {}
    mae: Decimal = ZERO
    mfe: Decimal = ZERO


class Holding(msgspec.Struct, kw_only=True):
    """The part of a position that depends on the order of its executions.

    ``qty`` is signed. ``cost`` is the signed cost of what is held at average cost (quantity x price x multiplier),
    ``realized`` what closing earned by that method, ``fifo_realized`` what it earned first in, first out, against
    ``lots``; amounts are in the position's currency. ``lives`` counts lives begun, ``life`` is the running one.
    """

    qty: Decimal = ZERO
    cost: Decimal = ZERO
    realized: Decimal = ZERO
    fifo_realized: Decimal = ZERO
    lots: list[Lot] = []
    lives: int = 0
    life: Life | None = None


class FormerTerms(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a unit was worth for executions of before ``until_ns``: the position was flat then, and its instrument had
    been edited."""

    currency: str
    multiplier: Decimal
    until_ns: int


class Position(Holding, kw_only=True):
    """A position and what it is worth. Written by ``core`` only.

    ``fees_paid`` is by currency; ``fees`` sums those that have a rate, in the base currency. ``mark_px`` is the price
    it was last valued at; ``value`` and ``pnl`` are derived, in the base currency. The ``day_start_`` fields are what
    quantity, P&L and mark were when the trading day of its venue began, at ``day_start_ns``; ``day_traded_qty`` is
    what was bought and sold since. ``executions`` are the last ones, ``base`` is the holding before the oldest of
    them (None when there are none). ``former`` are the terms that it had before those of now, oldest first (UNSET: it
    never had others).
    """

    position_key: str
    account: str
    strategy_id: str
    venue: str
    symbol: str
    currency: str
    multiplier: Decimal
    fees_paid: dict[str, Decimal] = {}
    fees: Decimal = ZERO
    mark_px: Decimal = ZERO
    cycle: int = 0
    value: Decimal = ZERO
    pnl: Decimal = ZERO
    day_start_ns: int = 0
    day_start_px: Decimal = ZERO
    day_start_qty: Decimal = ZERO
    day_start_pnl: Decimal = ZERO
    day_traded_qty: Decimal = ZERO
    base: Holding | None = None
    executions: list[Execution] = []
    former: tuple[FormerTerms, ...] | msgspec.UnsetType = msgspec.UNSET

    @property
    def avg_px(self) -> Decimal:
        """Average entry price; 0 when flat."""
        return ratio(self.cost, self.qty * self.multiplier)

    @property
    def fifo_cost(self) -> Decimal:
        """Signed cost of the lots that are held: both methods agree on realized P&L less cost, the cash that moved."""
        return self.cost + self.fifo_realized - self.realized

    @property
    def market_value(self) -> Decimal:
        """Signed value at the mark, in ``currency``."""
        return self.qty * self.mark_px * self.multiplier


class PortfolioPoint(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One account in one book at one moment, base currency, at the marks of then."""

    book: str
    account: str
    equity: Decimal
    gross: Decimal
    net: Decimal
    held: Decimal
    pnl: Decimal
    realized: Decimal
    fees: Decimal
    day_pnl: Decimal
    drawdown: Decimal
    open_positions: int


class ClosedPosition(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One life of a position that ended. Prices are averages; ``realized``, ``mae`` and ``mfe`` are in ``currency``.

    ``result`` is what it came to after fees, in the base currency, at the rates when it closed; ``fees`` are by
    currency. ``losses_before`` is how many closed positions of the strategy in this book were losses in a row before.
    """

    book: str
    position_key: str
    number: int
    account: str
    strategy_id: str
    venue: str
    symbol: str
    currency: str
    cycle: int
    is_long: bool
    max_qty: Decimal
    entry_px: Decimal
    exit_px: Decimal
    opened_ns: int
    closed_ns: int
    executions: int
    realized: Decimal
    fees: dict[str, Decimal]
    result: Decimal
    mae: Decimal
    mfe: Decimal
    losses_before: int = 0

    @property
    def closed_id(self) -> str:
        """Its identity, the same after a correction: book, position key and the number of the life."""
        return f"{self.book}|{self.position_key}|{self.number}"

    @property
    def losses_in_a_row(self) -> int:
        """Losses of the strategy in a row, this one included: 0 unless it was a loss."""
        return self.losses_before + 1 if self.result < 0 else 0
