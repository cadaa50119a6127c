"""Invariants 6 and 7 while terms change: fills come by one way and answers by another, and neither waits for the other.

The venue here is a model of a few lines that knows the truth. What the gateway has heard so far may be older than it,
and answers may get lost, but what it holds must cover the truth, and once all is heard, or asked for, the two must be
the same.
"""

from collections import deque
from decimal import Decimal

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.enums import ExecType, Mode, OrdStatus, Route, Side
from gateway.domain.events import LookupCompleted, ReportsReceived
from gateway.domain.executions import ExecutionReport
from gateway.domain.orders import Order
from tests.naive import assert_books_add_up
from tests.world import World, trading_config

D = Decimal
_STEPS = st.lists(
    st.sampled_from(
        [
            ("change", 20),
            ("change", 15),
            ("change", 11),
            ("change", 5),
            ("fill", 10),
            ("fill", 10),
            ("fill", 4),
            ("fill", 1),
            ("hear fills", 1),
            ("hear fills", 3),
            ("hear answers", 1),
            ("hear answers", 3),
            ("cancel", 0),
            ("bust", 0),
            ("lose answer", 0),
            ("ask", 0),
            ("hear word", 0),
        ]
    ),
    min_size=8,
    max_size=30,
)


class Truth:
    """One order as the venue has it, and what the venue has said of it that nobody has heard yet."""

    def __init__(self, world: World, order: Order) -> None:
        self.world, self.order = world, order
        #: ``cum_qty`` is all that was ever executed, ``busted_qty`` what of it was taken back.
        self.qty, self.cum_qty, self.busted_qty, self.is_canceled = order.order_qty, D(0), D(0), False
        self.fills: deque[ExecutionReport] = deque()
        self.answers: deque[ExecutionReport] = deque()
        #: What it said when it was asked, and as of when, which may be heard much later.
        self.words: deque[LookupCompleted] = deque()
        self._executed: list[ExecutionReport] = []
        self._said: list[ExecutionReport] = []
        self._count = 0
        self.has_lost = False

    @property
    def works(self) -> bool:
        return not self.is_canceled and self.cum_qty < self.qty

    def fill(self, qty: int) -> None:
        part = min(D(qty), self.qty - self.cum_qty)
        if not self.works:
            return
        self._count += 1
        self.cum_qty += part
        self._say(self.fills, ExecType.TRADE, exec_id=f"x{self._count}", last_qty=part, last_px=D(180))

    def change(self, qty: int) -> None:
        before = len(self.world.replaced)
        self.world.replace(self.order, order_qty=D(qty))
        if len(self.world.replaced) == before:
            return  # refused here
        if self.works and qty > self.cum_qty:
            self.qty = D(qty)
            self._say(self.answers, ExecType.REPLACED, order_qty=self.qty)
        else:
            self._say(self.answers, ExecType.REPLACE_REJECTED)

    def cancel(self, _: int) -> None:
        before = len(self.world.canceled)
        self.world.cancel(self.order)
        if len(self.world.canceled) == before:
            return
        self._say(self.answers, ExecType.CANCELED if self.works else ExecType.CANCEL_REJECTED)
        self.is_canceled = self.is_canceled or self.works

    def bust(self, _: int) -> None:
        """The last execution is taken back; it does not trade again."""
        if not self._executed:
            return
        last = self._executed.pop()
        self._count += 1
        self.busted_qty += last.last_qty
        self._say(self.fills, ExecType.TRADE_CANCEL, exec_id=f"b{self._count}", exec_ref_id=last.exec_id)

    def lose_answer(self, _: int) -> None:
        if self.answers:
            self.answers.popleft()
            self.has_lost = True

    def ask(self, _: int) -> None:
        """Look the order up: all that it said of it, but for refusals, which are in no list."""
        refusals = (ExecType.REPLACE_REJECTED, ExecType.CANCEL_REJECTED)
        reports = tuple(report for report in self._said if report.exec_type not in refusals)
        as_of_ns = self.world.tick()
        self.words.append(
            LookupCompleted(
                ts_ns=as_of_ns, order_id=self.order.order_id, is_known=True, reports=reports, as_of_ns=as_of_ns
            )
        )

    def hear_word(self, _: int) -> None:
        if self.words:
            self.world.send(msgspec.structs.replace(self.words.popleft(), ts_ns=self.world.tick()))

    def _say(self, way: deque[ExecutionReport], kind: ExecType, **fields: object) -> None:
        report = ExecutionReport(
            order_id=self.order.order_id,
            exec_type=kind,
            transact_ns=self.world.tick(),
            **fields,  # type: ignore[arg-type]
        )
        way.append(report)
        self._said.append(report)
        if kind is ExecType.TRADE:
            self._executed.append(report)

    def hear(self, way: deque[ExecutionReport], count: int) -> None:
        """What was said by one way, up to so many messages in one event."""
        reports = tuple(way.popleft() for _ in range(min(count, len(way))))
        if reports:
            self.world.send(ReportsReceived(ts_ns=self.world.tick(), reports=reports))

    def check(self) -> None:
        order = self.order
        assert_books_add_up(self.world.state, list(self.world.state.orders.values()))
        if self.works:
            assert order.is_open, "nobody could cancel it"
            left = self.qty - order.cum_qty - order.broken_qty
            assert order.held_qty >= left, "what may still be heard of must be held"


@given(steps=_STEPS, side=st.sampled_from(list(Side)))
def test_inv_7_an_order_ends_as_the_venue_has_it_in_whatever_order_fills_and_answers_come(
    steps: list[tuple[str, int]], side: Side
) -> None:
    """Without this, an order could end here while it works at the venue, or work here for ever once it is done."""
    world = World(trading_config(Mode.LIVE))
    order = world.place(side, 10, limit=D(180))
    world.report(order, ExecType.NEW, venue_order_id="v1")
    truth = Truth(world, order)
    actions = {
        "fill": truth.fill,
        "change": truth.change,
        "cancel": truth.cancel,
        "bust": truth.bust,
        "lose answer": truth.lose_answer,
        "ask": truth.ask,
        "hear word": truth.hear_word,
        "hear fills": lambda count: truth.hear(truth.fills, count),
        "hear answers": lambda count: truth.hear(truth.answers, count),
    }
    for name, argument in steps:
        actions[name](argument)
        truth.check()
    while truth.fills or truth.answers:
        truth.hear(truth.answers, 1)
        truth.hear(truth.fills, 1)
        truth.check()
    while truth.words:
        truth.hear_word(0)
        truth.check()
    truth.ask(0)
    truth.hear_word(0)
    assert order.cum_qty == truth.cum_qty - truth.busted_qty == abs(world.position(Route.LIVE))
    if truth.works:
        assert (order.is_open, order.order_qty, order.pending_replace) == (True, truth.qty, None)
        assert order.held_qty == truth.qty - truth.cum_qty
        return
    is_filled = order.cum_qty >= order.order_qty and not truth.is_canceled
    assert order.ord_status is (OrdStatus.FILLED if is_filled else OrdStatus.CANCELED)
    assert world.state.books[Route.LIVE].gateway.held == 0
    fills = [fact for record in world.records for fact in record.facts if hasattr(fact, "is_overfill")]
    is_overfilled = any(fact.is_overfill for fact in fills)
    assert truth.has_lost or not is_overfilled, "the venue filled no more than it was asked to"
