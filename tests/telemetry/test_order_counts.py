"""Orders and fills: counted once, under labels from closed lists, and forgotten when they end."""

import pytest

from gateway.domain.enums import OrderClass, OrdStatus, RejectStage, Route
from gateway.domain.facts import CancelRequested, OrderDenied, OrderEnded, OrderHeld, OrderWithdrawn
from gateway.domain.orders import Reject
from gateway.domain.reasons import RejectCode, RouteReason
from tests.fakes.gateway_samples import NOW_NS, TRADER, D, new_order, too_large
from tests.telemetry.bench import Bench, admit, fill


def test_an_order_is_counted_when_admitted_and_when_it_ends() -> None:
    """Fill rate and rejection rate are ratios of these; a double count halves them."""
    bench = Bench()
    order = new_order()
    bench.tell(*admit(order))
    bench.tell(fill(order, 40, ms=5))
    bench.tell(fill(order, 60, ms=500))
    assert bench.order("admitted", "MODE_SHADOW") == 1
    assert bench.order("filled") == 1
    assert bench.value("gateway_fills_total", venue="ibkr", route="shadow") == 2
    assert bench.value("gateway_first_fill_seconds_count", venue="ibkr", route="shadow") == 1
    assert bench.value("gateway_first_fill_seconds_sum", venue="ibkr", route="shadow") == pytest.approx(0.005)
    assert bench.orders_above_zero() == 2


def test_denials_are_counted_with_their_code_whether_held_before_or_not() -> None:
    """`reason` is what tells a limit from a policy from an outage."""
    bench = Bench()
    held, never_held = new_order("o1"), new_order("o2")
    denied = Reject(RejectStage.POLICY, RejectCode.POLICY_DENIED, "no")
    bench.tell(OrderHeld(ts_ns=NOW_NS, order=held), OrderDenied(ts_ns=NOW_NS, order_id="o1", reject=denied))
    bench.tell(OrderDenied(ts_ns=NOW_NS, order_id="o2", reject=too_large(never_held, D(1)), order=never_held))
    assert bench.order("denied", "POLICY_DENIED") == 1
    assert bench.order("denied", "MAX_ORDER_SIZE") == 1


@pytest.mark.parametrize("status", [OrdStatus.CANCELED, OrdStatus.EXPIRED])
def test_ends_without_fills_are_counted(status: OrdStatus) -> None:
    """The cancel rate; and a second report of the same end must not count again."""
    bench = Bench()
    bench.tell(*admit(new_order()))
    for _ in range(2):
        bench.tell(OrderEnded(ts_ns=NOW_NS, order_id="o1", ord_status=status))
    assert bench.order(status.value) == 1


@pytest.mark.parametrize("is_restarted", [False, True])
def test_what_we_cancel_ourselves_is_told_from_what_the_market_ends(is_restarted: bool) -> None:
    """Without this, a strategy that quotes would look like a venue that fills nothing, and be demoted for it."""
    bench = Bench()
    asked, pair = new_order("asked"), new_order("pair")
    pair.order_class, pair.parent_id = OrderClass.OCO, "p"
    if is_restarted:
        asked.is_cancel_requested = True
        bench.telemetry.know_open_orders([asked, pair])
    else:
        bench.tell(*admit(asked), *admit(pair), CancelRequested(ts_ns=NOW_NS, order_id="asked", actor=TRADER))
    for order_id in ("asked", "pair"):
        bench.tell(OrderEnded(ts_ns=NOW_NS, order_id=order_id, ord_status=OrdStatus.CANCELED))
    assert [bench.order("canceled", reason) for reason in ("", "requested", "linked")] == [0, 1, 1]


def test_a_venues_rejection_is_not_our_denial() -> None:
    """The runbook differs: one is our limits, the other the venue's."""
    bench = Bench()
    bench.tell(*admit(new_order()))
    reject = Reject(RejectStage.VENUE, RejectCode.VENUE_REJECTED, "no margin")
    bench.tell(OrderEnded(ts_ns=NOW_NS, order_id="o1", ord_status=OrdStatus.REJECTED, reject=reject))
    assert bench.order("rejected", "VENUE_REJECTED") == 1


def test_a_split_order_counts_by_its_legs() -> None:
    """The parent is never sent: counting it would make one order three."""
    bench = Bench()
    parent = new_order("p")
    parent.route = Route.SPLIT
    bench.tell(*admit(parent), *admit(new_order("a")), *admit(new_order("b")))
    bench.tell(OrderEnded(ts_ns=NOW_NS, order_id="p", ord_status=OrdStatus.CANCELED))
    assert bench.order("admitted", "MODE_SHADOW") == 2
    assert bench.order("canceled") == 0


def test_clients_cannot_make_labels() -> None:
    """A client that invents venue names would grow the page until Prometheus fails."""
    bench = Bench()
    before = len(bench.samples())
    for number in range(50):
        order = new_order(f"o{number}", venue=f"evil-{number}")
        order.mode, order.route_reason = f"m{number}", RouteReason.MODE_LIVE
        reject = Reject(RejectStage.POLICY, f"made-up-{number}", "no")
        bench.tell(OrderDenied(ts_ns=NOW_NS, order_id=order.order_id, reject=reject, order=order))
        bench.tell(fill(order, 1))
        bench.telemetry.on_order(f"evil-{number}", 1_000, 1_000, 1_000)
    assert len(bench.samples()) == before
    assert bench.order("denied", "other", venue="other", mode="none") == 50
    assert bench.value("gateway_fills_total", venue="other", route="shadow") == 50
    assert bench.value("gateway_order_stage_seconds_count", venue="other", stage="total") == 50


def test_orders_that_ended_are_forgotten() -> None:
    """The memory for labels must not grow with every order that ever was."""
    bench = Bench()
    for number in range(100):
        order = new_order(f"o{number}")
        bench.tell(*admit(order))
        if number % 4 == 0:
            bench.tell(fill(order, 100))
        elif number % 4 == 1:
            bench.tell(OrderEnded(ts_ns=NOW_NS, order_id=order.order_id, ord_status=OrdStatus.CANCELED))
        elif number % 4 == 2:
            bench.tell(OrderWithdrawn(ts_ns=NOW_NS, order_id=order.order_id))
        else:
            bench.tell(OrderDenied(ts_ns=NOW_NS, order_id=order.order_id, reject=too_large(order, D(1))))
    assert bench.telemetry._orders._open == {}


def test_orders_open_before_a_restart_end_under_their_venue() -> None:
    """Without this, a restart would make the fill rate drop for a day."""
    bench = Bench()
    order = new_order()
    bench.telemetry.know_open_orders([order])
    bench.tell(fill(order, 100))
    assert bench.order("filled") == 1
