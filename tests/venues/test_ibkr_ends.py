"""When the end of an order is told, in whatever sequence TWS says of it: after its fills, with their commissions."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from ib_async import CommissionReport, Execution, Order, OrderState

from gateway.adapters.clock import SystemClock
from gateway.adapters.venues.ibkr import fills as fills_module
from gateway.adapters.venues.ibkr.reading import Reading
from gateway.domain.enums import ExecType
from tests.venues.listening import Heard

NEW, TRADE, CANCELED, REJECTED = ExecType.NEW, ExecType.TRADE, ExecType.CANCELED, ExecType.REJECTED


class Tws:
    """What TWS says of two orders that work, one message at a time."""

    def __init__(self) -> None:
        self.heard = Heard()
        self.gaps = 0
        self.reading = Reading(SystemClock())
        self.reading.listener = self.heard
        self.reading.on_gap = self._on_gap
        for number, order_id in enumerate(("a", "b"), 1):
            self.reading.book.add(order_id, number)
            self.status("Submitted", 0, number)

    def _on_gap(self) -> None:
        self.gaps += 1

    def status(self, status: str, filled: float, number: int = 1) -> None:
        self.reading.on_order_status(number, status, filled, 100 + number)

    def shown(self, status: str) -> None:
        order = Order(orderId=1, permId=101, orderRef="a", totalQuantity=10.0, lmtPrice=95.0)
        self.reading.on_open_order(1, order, OrderState(status=status))

    def fill(self, exec_id: str, qty: float, order_id: str = "a") -> None:
        moment = datetime(2026, 1, 1, tzinfo=UTC)
        self.reading.on_execution(Execution(execId=exec_id, time=moment, shares=qty, price=95.0, orderRef=order_id))

    def commission(self, exec_id: str) -> None:
        self.reading.on_commission(CommissionReport(execId=exec_id, commission=0.5, currency="USD"))

    def told(self, order_id: str = "a") -> list[tuple[ExecType, Decimal]]:
        return [
            (one.exec_type, one.fee)
            for one in self.heard.reports
            if one.order_id == order_id and one.exec_type is not NEW
        ]


@pytest.fixture
async def tws() -> Tws:
    return Tws()


FEE, NO_FEE = Decimal("0.5"), Decimal(0)


@pytest.mark.parametrize("sequence", ["shown first", "shown between", "error first", "inactive"])
async def test_an_end_that_is_said_in_several_messages_waits_for_what_the_status_counts(
    tws: Tws, sequence: str
) -> None:
    """Without this, an open order that is shown as canceled, which says nothing of fills, would end the order before
    the fill that its status counts: a flatten would close that part of the position once more."""
    if sequence == "inactive":
        tws.reading.on_order_error(1, 201, "Order rejected - reason: margin")
        tws.status("Inactive", 3)
    elif sequence == "error first":
        tws.reading.on_order_error(1, 202, "Order Canceled")
        tws.status("Cancelled", 3)
    else:
        if sequence == "shown first":
            tws.shown("Cancelled")
        tws.status("Cancelled", 3)
        tws.shown("Cancelled")
    assert not tws.told()
    tws.fill("1.01", 3.0)
    assert not tws.told()
    tws.commission("1.01")
    assert tws.told() == [(TRADE, FEE), (REJECTED if sequence == "inactive" else CANCELED, NO_FEE)]


async def test_an_order_that_only_an_error_ends_is_asked_about(tws: Tws) -> None:
    """Without this, an order canceled by the system whose status got lost would stay open for good, with its exposure:
    nothing would ask TWS."""
    tws.reading.on_order_error(1, 202, "Order Canceled - reason:")
    assert (tws.gaps, tws.reading.is_behind, tws.told()) == (1, True, [])
    tws.reading.on_executions_listed(tws.reading.held_ends)
    assert (tws.reading.is_behind, tws.told()) == (False, [(CANCELED, NO_FEE)])


async def test_lists_that_were_asked_for_before_the_end_do_not_tell_it(tws: Tws) -> None:
    """Without this, a status that comes while executions are being listed would end the order with them, and the fill
    that it counts, which that list does not know yet, would be told after the end."""
    ended = tws.reading.held_ends
    tws.status("Cancelled", 3)
    tws.reading.on_executions_listed(ended)
    assert not tws.told()
    assert tws.reading.is_behind
    tws.fill("1.01", 3.0)
    tws.commission("1.01")
    assert [kind for kind, _ in tws.told()] == [TRADE, CANCELED]
    assert not tws.reading.is_behind


async def test_an_end_waits_for_a_commission_that_never_comes_only_for_its_time(
    tws: Tws, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without this, an order whose last fill has no commission would never end."""
    monkeypatch.setattr(fills_module, "COMMISSION_WAIT_S", 0.01)
    tws.fill("1.01", 3.0)
    tws.status("Cancelled", 3)
    assert not tws.told()
    await tws.heard.until(lambda: bool(tws.told()))
    assert tws.told() == [(TRADE, NO_FEE), (CANCELED, NO_FEE)]


async def test_the_end_of_an_order_costs_no_other_the_commission_of_its_fill(tws: Tws) -> None:
    """Without this, an order that ends between an execution of another and its commission would have that fill booked
    without its cost for good, and the P&L would be too high."""
    tws.fill("9.01", 4.0, "b")
    tws.status("Cancelled", 0)
    assert tws.told() == [(CANCELED, NO_FEE)]
    tws.commission("9.01")
    assert tws.told("b") == [(TRADE, FEE)]


async def test_an_order_that_is_over_and_not_told_to_be_is_not_changed(tws: Tws) -> None:
    """Without this, a change would be sent for an order that TWS has canceled: the same number with new terms is a new
    order to whoever has forgotten the old one."""
    tws.status("Cancelled", 3)
    assert tws.reading.is_over(tws.reading.book.by_order_id["a"])
    assert not tws.reading.is_over(tws.reading.book.by_order_id["b"])
