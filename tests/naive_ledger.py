"""A second ledger, slow and obvious: everything is computed afresh from the list of raw executions, in fractions.

It shares no code with the gateway and keeps no state but what happened: executions with the corrections made to
them, marks, rates and the beginnings of days, in order.
"""

from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction

import msgspec

ZERO = Fraction(0)


class RawExecution(msgspec.Struct):
    """As the venue last said it was; ``qty`` is signed, 0 when it was busted."""

    exec_id: str
    position: str
    qty: Decimal
    px: Decimal
    fee: Decimal
    fee_currency: str


class Happened(msgspec.Struct):
    """One step of history: an execution, or a mark of a symbol, or the start of a venue's day."""

    execution: RawExecution | None = None
    mark: tuple[str, Decimal] | None = None
    day: str | None = None


class NaiveLife(msgspec.Struct):
    result: Fraction = ZERO
    mae: Fraction = ZERO
    mfe: Fraction = ZERO
    fees: dict[str, Fraction] = {}


class NaivePosition:
    """One position, by its history alone. ``marks`` of its symbol count while it is held."""

    def __init__(self, multiplier: Decimal) -> None:
        self.multiplier = Fraction(multiplier)
        self.qty = self.cash = self.average_cost = self.average_realized = self.fifo_realized = ZERO
        self.lots: list[tuple[Fraction, Fraction]] = []
        self.fees: dict[str, Fraction] = {}
        self.mark = ZERO
        self.lives: list[NaiveLife] = []
        self.life: NaiveLife | None = None
        self.life_cash = ZERO

    def execute(self, raw: RawExecution) -> None:
        qty, px, fee = Fraction(raw.qty), Fraction(raw.px), Fraction(raw.fee)
        if not qty:
            return
        self.mark = px
        self.fees[raw.fee_currency] = self.fees.get(raw.fee_currency, ZERO) + fee
        crosses = self.qty and (self.qty > 0) != (qty > 0) and abs(qty) > abs(self.qty)
        parts = [-self.qty, qty + self.qty] if crosses else [qty]
        for part in parts:
            self._trade(part, px, fee * part / qty, raw.fee_currency)

    def _trade(self, qty: Fraction, px: Fraction, fee: Fraction, currency: str) -> None:
        """A trade that does not cross zero."""
        if self.life is None:
            self.life, self.life_cash = NaiveLife(), ZERO
        value = qty * px * self.multiplier
        if not self.qty or (self.qty > 0) == (qty > 0):
            self.average_cost += value
            self.lots.append((qty, px))
        else:
            released = self.average_cost * -qty / self.qty
            self.average_cost -= released
            self.average_realized += -value - released
            self._take(qty, px)
        self.qty += qty
        self.cash -= value
        self.life_cash -= value
        self.life.fees[currency] = self.life.fees.get(currency, ZERO) + fee
        self._look(px)
        if not self.qty:
            self.life.result = self.life_cash
            self.lives.append(self.life)
            self.life = None

    def _take(self, qty: Fraction, px: Fraction) -> None:
        rest = abs(qty)
        while rest:
            lot_qty, lot_px = self.lots.pop(0)
            part = min(rest, abs(lot_qty))
            sign = 1 if lot_qty > 0 else -1
            self.fifo_realized += sign * part * (px - lot_px) * self.multiplier
            if part < abs(lot_qty):
                self.lots.insert(0, (sign * (abs(lot_qty) - part), lot_px))
            rest -= part

    def _look(self, px: Fraction) -> None:
        if self.life is None:
            return
        result = self.life_cash + self.qty * px * self.multiplier
        self.life.mae, self.life.mfe = min(self.life.mae, result), max(self.life.mfe, result)

    def see(self, px: Decimal) -> None:
        self._look(Fraction(px))
        if self.qty:
            self.mark = Fraction(px)


class NaiveLedger:
    """Everything of one book. ``history`` is all it knows."""

    def __init__(self, terms: dict[str, tuple[str, str, Decimal]]) -> None:
        #: position -> symbol, currency, multiplier
        self.terms = terms
        self.history: list[Happened] = []

    def executions(self) -> Iterator[RawExecution]:
        return (step.execution for step in self.history if step.execution is not None)

    def positions(self, until_day: bool = False) -> dict[str, NaivePosition]:
        """All positions now, or (``until_day``) as they were when the last day began."""
        history = self.history
        if until_day:
            starts = [n for n, step in enumerate(history) if step.day is not None]
            history = history[: starts[-1]] if starts else []
        found: dict[str, NaivePosition] = {}
        for step in history:
            if step.execution is not None:
                name = step.execution.position
                if name not in found:
                    found[name] = NaivePosition(self.terms[name][2])
                found[name].execute(step.execution)
            elif step.mark is not None:
                for name, position in found.items():
                    if self.terms[name][0] == step.mark[0]:
                        position.see(step.mark[1])
        return found

    def pnl(self, name: str, position: NaivePosition, rates: dict[str, Decimal]) -> Fraction:
        """Profit and loss in the base currency: cash that moved, what is held, less the fees that have a rate."""
        value = position.cash + position.qty * position.mark * position.multiplier
        fees = sum((fee * Fraction(rates.get(currency, Decimal(0))) for currency, fee in position.fees.items()), ZERO)
        return value * Fraction(rates[self.terms[name][1]]) - fees
