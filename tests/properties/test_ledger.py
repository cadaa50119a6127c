"""The ledger against a naive recomputation from raw executions: to the cent, by either method, whatever happens."""

from decimal import Decimal
from fractions import Fraction
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.checkpoint import decode_snapshot, encode_snapshot, state_hash
from gateway.core.ledger import holding
from gateway.core.state import GatewayState
from gateway.domain.enums import ExecType, OrdStatus, Route, Side
from gateway.domain.events import MarksObserved, ReportsReceived
from gateway.domain.executions import ExecutionReport
from gateway.domain.instruments import Instrument
from gateway.domain.money import CENT
from gateway.domain.orders import Order
from gateway.domain.positions import ClosedPosition
from tests.naive import assert_books_add_up
from tests.naive_ledger import Happened, NaiveLedger, NaivePosition, RawExecution
from tests.properties.test_determinism import folded, written_and_read
from tests.world import INSTRUMENTS, D, World, trading_config

OPTION = Instrument(symbol="AAPL 300 C", venue="alpha", currency="USD", multiplier=D(100), asset_class="option")
BUND = Instrument(symbol="FGBL", venue="beta", currency="EUR", multiplier=D(1000), asset_class="future")
LISTED = {**INSTRUMENTS, OPTION.symbol: OPTION, BUND.symbol: BUND}
SYMBOLS = ("AAPL", "ES", "BTC/USDT", OPTION.symbol, BUND.symbol)
RATES = {"USD": D(1), "USDT": D("0.9987"), "EUR": D("1.0833")}
#: Far enough below any figure that a cent could hide in: an average cost is rounded at 1e-18.
CLOSE = Fraction(1, 10**12)

prices = st.one_of(st.integers(90, 110).map(D), st.decimals("0.01", "70000", places=2))
sizes = st.one_of(st.integers(1, 3).map(D), st.integers(1, 3).map(D), st.decimals("0.00001", "5", places=5))


def histories(min_size: int = 14) -> st.SearchStrategy[list[tuple[Any, ...]]]:
    """What happens at one desk: mostly small sizes in one or two symbols, so that positions close, flip and live on."""
    return st.sets(st.sampled_from(SYMBOLS), min_size=1, max_size=2).flatmap(
        lambda chosen: st.lists(_steps(sorted(chosen)), min_size=min_size, max_size=40)
    )


def _steps(symbols: list[str]) -> st.SearchStrategy[tuple[Any, ...]]:
    symbol, fee = st.sampled_from(symbols), st.decimals("-1", "3", places=3)
    trade = st.tuples(
        st.just("trade"), symbol, st.sampled_from(list(Side)), sizes, prices, fee, st.sampled_from(("", "USDT", "BNB"))
    )
    bust = st.tuples(st.just("bust"), st.integers(0, 40))
    correct = st.tuples(st.just("correct"), st.integers(0, 40), sizes, prices)
    mark = st.tuples(st.just("mark"), symbol, prices)
    return st.one_of(*[trade] * 7, bust, correct, mark, mark, st.tuples(st.just("start_day")))


class Desk:
    """The real core and the naive ledger, told the same."""

    def __init__(self, retained_executions: int = 5_000) -> None:
        self.rates = dict(RATES)
        self.retained = retained_executions
        self.world = World(self.config())
        self.naive = NaiveLedger({})
        self.reports: list[tuple[Order, str]] = []
        self.day = 20_000
        #: Whether executions that memory let go of are corrected too.
        self.is_patient = True
        self.world.send(MarksObserved(ts_ns=self.world.tick(), marks={}, day=self.day))

    def config(self) -> Any:
        plain = {
            name: Instrument(**{**msgspec.structs.asdict(one), "lot_size": D("0.00001")})
            for name, one in LISTED.items()
        }
        return trading_config(
            instruments=plain,
            rates=dict(self.rates),
            retained_executions=self.retained,
            revision=str(sorted(self.rates.items())),
        )

    def trade(self, symbol: str, side: Side, qty: Decimal, px: Decimal, fee: Decimal, fee_currency: str) -> None:
        self.world.prices[symbol] = px
        order = self.world.place(side, qty, symbol)
        for leg in self.world.legs(order):
            half = (leg.order_qty / 2).quantize(D("0.00001"))
            for part in (half, leg.order_qty - half):
                if part:
                    self._execute(leg, part, px, fee, fee_currency)

    def _execute(self, order: Order, qty: Decimal, px: Decimal, fee: Decimal, fee_currency: str) -> None:
        instrument = LISTED[order.symbol]
        self.naive.terms[order.position_key] = (order.symbol, instrument.currency, instrument.multiplier)
        exec_id = f"x{len(self.reports)}"
        self.world.fill(order, qty, px, exec_id=exec_id, fee=fee, fee_currency=fee_currency)
        self.reports.append((order, exec_id))
        signed = qty * order.side.sign
        raw = RawExecution(exec_id, order.position_key, signed, px, fee, fee_currency or instrument.currency)
        self.naive.history.append(Happened(execution=raw))

    def bust(self, index: int) -> None:
        if known := self.known():
            order, exec_id = known[index % len(known)]
            self.world.report(order, ExecType.TRADE_CANCEL, exec_id=f"b-{exec_id}", exec_ref_id=exec_id)
            self._raw(exec_id).qty = D(0)

    def correct(self, index: int, qty: Decimal, px: Decimal) -> None:
        if known := self.known():
            order, exec_id = known[index % len(known)]
            fields = {"exec_ref_id": exec_id, "last_qty": qty, "last_px": px}
            self.world.report(order, ExecType.TRADE_CORRECT, exec_id=f"c{self.world.tick()}", **fields)
            raw = self._raw(exec_id)
            if raw.qty:  # nothing brings a busted execution back
                raw.qty, raw.px = qty * order.side.sign, px

    def known(self) -> list[tuple[Order, str]]:
        """The executions that a bust or correction may be about."""
        if self.is_patient:
            return self.reports
        numbers = {number for number, _ in self.world.state.ledger.window}
        positions = self.book.positions.values()
        remembered = {one.fill.exec_id for held in positions for one in held.executions if one.number in numbers}
        return [(order, exec_id) for order, exec_id in self.reports if exec_id in remembered]

    def _raw(self, exec_id: str) -> RawExecution:
        return next(raw for raw in self.naive.executions() if raw.exec_id == exec_id)

    def mark(self, symbol: str, px: Decimal) -> None:
        held = [p for p in self.book.positions.values() if p.symbol == symbol and p.qty]
        if held:  # the timers observe what is held
            self.world.send(MarksObserved(ts_ns=self.world.tick(), marks={symbol: px}, day=self.day))
            self.naive.history.append(Happened(mark=(symbol, px)))

    def start_day(self) -> None:
        self.day += 1
        self.world.send(MarksObserved(ts_ns=self.world.tick(), marks={}, day=self.day))
        self.naive.history.append(Happened(day="all"))

    @property
    def book(self) -> Any:
        return self.world.state.books[Route.SHADOW]


def live(desk: Desk, history: list[tuple[Any, ...]]) -> None:
    for step in history:
        getattr(desk, step[0])(*step[1:])


def cents(value: Fraction | Decimal) -> Decimal:
    fraction = Fraction(value)
    return (D(fraction.numerator) / D(fraction.denominator)).quantize(CENT)


def check_totals(desk: Desk) -> None:
    """What no memory is needed for: quantity, cash, fees, P&L and every sum over positions."""
    total = Fraction(0)
    for name, naive in desk.naive.positions().items():
        position = desk.book.positions[name]
        assert Fraction(position.qty) == naive.qty
        # Conservation: realized + unrealized is the cash that moved and the value of what is held.
        assert Fraction(position.realized) - Fraction(position.cost) == naive.cash
        assert Fraction(position.fifo_realized) - Fraction(position.fifo_cost) == naive.cash
        lots = sum((Fraction(lot.qty) * Fraction(lot.px) for lot in position.lots), Fraction(0)) * naive.multiplier
        assert Fraction(position.fifo_cost) == (lots if naive.qty > 0 else -lots)
        assert {c: Fraction(v) for c, v in position.fees_paid.items() if v} == {
            c: v for c, v in naive.fees.items() if v
        }
        naive.mark = Fraction(position.mark_px)
        pnl = desk.naive.pnl(name, naive, desk.rates)
        assert Fraction(position.pnl) == pnl
        total += pnl
    assert Fraction(desk.book.gateway.pnl) == total
    assert Fraction(desk.book.accounts["default"].pnl if desk.book.accounts else D(0)) == total


def check_methods(desk: Desk) -> None:
    """What depends on the order of executions: both cost methods, lots, lives and excursions."""
    closed = list(desk.world.state.ledger.closed.values())
    for name, naive in desk.naive.positions().items():
        position = desk.book.positions[name]
        assert cents(position.realized) == cents(naive.average_realized)
        assert abs(Fraction(position.realized) - naive.average_realized) < CLOSE
        assert abs(Fraction(position.cost) - naive.average_cost) < CLOSE
        assert Fraction(position.fifo_realized) == naive.fifo_realized
        assert sum((Fraction(lot.qty) for lot in position.lots), Fraction(0)) == abs(naive.qty)
        _check_lives([one for one in closed if one.position_key == name], naive)
        assert (position.life is None) == (naive.life is None)
        if naive.life is not None:
            assert abs(Fraction(position.life.mae) - naive.life.mae) < CLOSE
            assert abs(Fraction(position.life.mfe) - naive.life.mfe) < CLOSE


def _check_lives(closed: list[ClosedPosition], naive: NaivePosition) -> None:
    closed.sort(key=lambda one: one.number)
    assert [Fraction(one.realized) for one in closed] == [life.result for life in naive.lives]
    for one, life in zip(closed, naive.lives, strict=True):
        assert abs(Fraction(one.mae) - life.mae) < CLOSE
        assert abs(Fraction(one.mfe) - life.mfe) < CLOSE
        for currency, fee in life.fees.items():
            assert abs(Fraction(one.fees.get(currency, D(0))) - fee) < CLOSE


def check_days(desk: Desk) -> None:
    """Daily P&L is what was earned since the day began, corrections of earlier days counting in theirs."""
    before = desk.naive.positions(until_day=True)
    for name in desk.naive.positions():
        position = desk.book.positions[name]
        start = Fraction(0)
        if name in before:
            before[name].mark = Fraction(position.day_start_px)
            start = desk.naive.pnl(name, before[name], desk.rates)
        assert Fraction(position.day_start_pnl) == start
        assert Fraction(position.day_start_qty) == (before[name].qty if name in before else 0)


def check_streaks(state: GatewayState) -> None:
    streak: dict[tuple[str, str], int] = {}
    for one in state.ledger.closed.values():
        key = (one.book, one.strategy_id)
        assert one.losses_before == streak.get(key, 0)
        streak[key] = streak.get(key, 0) + 1 if one.result < 0 else 0
    for (book, strategy), count in streak.items():
        assert state.ledger.losses_in_a_row(Route(book), strategy) == count


def check_memory(desk: Desk) -> None:
    """The same by folding, by a checkpoint, and by both."""
    state = desk.world.state
    assert state_hash(folded(written_and_read(desk.world.records))) == state_hash(state)
    restored = decode_snapshot(encode_snapshot(state))
    assert state_hash(restored) == state_hash(state)
    assert [number for number, _ in restored.ledger.window] == [number for number, _ in state.ledger.window]
    orders = list(state.orders.values())
    assert_books_add_up(state, orders)
    assert all(order.held_qty == 0 for order in orders if order.ord_status is OrdStatus.FILLED)


@settings(max_examples=150, deadline=None)
@given(history=histories())
def test_every_figure_is_that_of_a_recomputation_from_raw_executions(history: list[tuple[Any, ...]]) -> None:
    """Without this, a flip, a bust or a day's end could lose a cent, and every day after it would carry the loss."""
    desk = Desk()
    live(desk, history)
    check_totals(desk)
    check_methods(desk)
    check_days(desk)
    check_streaks(desk.world.state)
    check_memory(desk)


@settings(max_examples=60, deadline=None)
@given(history=histories(), retained=st.integers(0, 4))
def test_a_correction_older_than_the_memory_still_comes_out_to_the_cent(
    history: list[tuple[Any, ...]], retained: int
) -> None:
    """Without this, bounding the memory of executions would make late busts wrong, or the memory unbounded."""
    desk = Desk(retained)
    live(desk, history)
    check_totals(desk)
    check_streaks(desk.world.state)
    check_memory(desk)
    assert len(desk.world.state.ledger.window) <= retained


@settings(max_examples=60, deadline=None)
@given(history=histories(), retained=st.integers(2, 6))
def test_what_left_the_memory_is_kept_in_what_a_correction_starts_from(
    history: list[tuple[Any, ...]], retained: int
) -> None:
    """Without this, a bust of a late execution would forget what the ones before it did."""
    desk = Desk(retained)
    desk.is_patient = False
    live(desk, history)
    check_totals(desk)
    check_methods(desk)
    check_days(desk)


@settings(max_examples=40, deadline=None)
@given(history=histories())
def test_merging_old_lots_loses_nothing(history: list[tuple[Any, ...]]) -> None:
    """Without this, a position of thousands of lots would need memory without end, or lose what merging rounds."""
    kept, holding.MAX_LOTS = holding.MAX_LOTS, 2
    try:
        desk = Desk()
        live(desk, history)
        check_totals(desk)
        check_memory(desk)
        assert all(len(position.lots) <= 2 for position in desk.book.positions.values())
    finally:
        holding.MAX_LOTS = kept


@settings(max_examples=60, deadline=None)
@given(history=histories(), later=histories(0), rate=st.decimals("0.5", "2", places=4))
def test_rates_revalue_and_lose_nothing(history: list[tuple[Any, ...]], later: list[Any], rate: Decimal) -> None:
    """Without this, an edit of a rate, or a currency that leaves the configuration, would make a profit or a loss."""
    desk = Desk()
    live(desk, history)
    desk.rates["EUR"] = rate
    desk.rates["BNB"] = rate * 500  # fees that waited for a rate count from now on
    desk.world.load(desk.config())
    check_totals(desk)
    live(desk, later)
    check_totals(desk)
    check_methods(desk)
    if not any(position.qty for position in desk.book.positions.values() if position.currency == "EUR"):
        kept = dict(desk.rates)
        del desk.rates["EUR"]
        desk.world.load(desk.config())
        desk.rates = kept
        check_totals(desk)
    check_memory(desk)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_reports_in_any_order_and_twice_come_to_the_same(data: st.DataObject) -> None:
    """Without this, a bust that overtakes its execution, or comes again, would be booked as something else."""
    second = data.draw(st.sampled_from(("x2", "c1")))
    reports = [
        _report("TRADE", 1, "x1", last_qty=D(4), last_px=D(100), fee=D("0.5")),
        _report("TRADE", 2, "x2", last_qty=D(3), last_px=D(110)),
        _report("TRADE", 3, "x3", last_qty=D(3), last_px=D(120)),
        _report("TRADE_CORRECT", 4, "c1", exec_ref_id="x2", last_qty=D(2), last_px=D(109)),
        _report("TRADE_CORRECT", 5, "c2", exec_ref_id=second, last_qty=D(2), last_px=D(108)),
        _report("TRADE_CANCEL", 6, "b1", exec_ref_id="x1"),
    ]
    world = World()
    order = world.place(qty=10)
    world.report(order, ExecType.NEW)
    order_of = data.draw(st.permutations(reports + data.draw(st.lists(st.sampled_from(reports), max_size=4))))
    for group in _grouped(order_of, data.draw(st.integers(1, 4))):
        named = tuple(ExecutionReport(**{**msgspec.structs.asdict(one), "order_id": order.order_id}) for one in group)
        world.send(ReportsReceived(ts_ns=world.tick(), reports=named))
    position = world.state.books[Route.SHADOW].positions[order.position_key]
    assert (order.ord_status, order.cum_qty, order.cum_value) == (OrdStatus.CANCELED, 5, 2 * 108 + 3 * 120)
    assert (order.leaves_qty, order.held_qty, order.early_revisions, order.fees) == (0, 0, (), 0)
    assert (position.qty, position.cost, position.fees) == (5, 576, 0)
    assert sorted(fill.exec_id for fill in order.fills) == ["x2", "x3"]
    assert state_hash(folded(written_and_read(world.records))) == state_hash(world.state)


def _report(kind: str, n: int, exec_id: str, **fields: Any) -> ExecutionReport:
    return ExecutionReport(order_id="", exec_type=ExecType[kind], transact_ns=n, exec_id=exec_id, **fields)


def _grouped(reports: list[ExecutionReport], size: int) -> list[list[ExecutionReport]]:
    return [reports[n : n + size] for n in range(0, len(reports), size)]
