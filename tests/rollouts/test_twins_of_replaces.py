"""A live order is compared with simulations of itself: under the terms that it had, and under no others."""

from decimal import Decimal

from gateway.domain.enums import ExecType, Mode, Route
from gateway.domain.orders import Order
from tests.rollouts.site import Site
from tests.rollouts.test_step_record import record_of

D = Decimal
NEAR, FAR = D(180), D(170)


def resting() -> tuple[Site, Order]:
    """A live order away from the market, as are its twins."""
    site = Site()
    assert site.raise_to(Mode.CANARY, 5_000) == ""
    for number in range(100):
        order = site.place(qty=10, limit=FAR, strategy=f"q{number}")
        if order.route is Route.LIVE:
            site.report(order, ExecType.NEW)
            return site, order
    raise AssertionError("nothing is drawn live")


def twins(site: Site, order: Order, exec_type: ExecType, qty: int = 10, px: Decimal | None = None) -> None:
    for second in (False, True):
        if exec_type is ExecType.TRADE:
            site.fill(order, qty, px, is_twin=True, is_second_twin=second, exec_id=f"t{second}{px}")
        else:
            site.report(order, exec_type, order_qty=D(qty), limit_px=px, is_twin=True, is_second_twin=second)


def pairs_and_hits(site: Site) -> tuple[int, int]:
    total = site.rollout.evidence.total
    return total.pairs, total.hits


def test_twins_with_terms_that_the_venue_refused_are_compared_with_nothing() -> None:
    """Without it an order that stayed away from the market would be missed against twins that went to it, and a good
    venue would fail by fills that it was never asked for."""
    site, order = resting()
    site.replace(order, limit_px=NEAR)
    twins(site, order, ExecType.REPLACED, px=NEAR)
    site.report(order, ExecType.REPLACE_REJECTED)
    twins(site, order, ExecType.TRADE, px=NEAR)
    site.fill(order, 5, px=FAR)
    site.report(order, ExecType.CANCELED)
    assert pairs_and_hits(site) == (0, 0)
    assert site.rollout.evidence.twin_slippage.n == 0
    assert record_of(site).pairs == 0


def test_a_replace_that_both_took_is_compared() -> None:
    """Without it who follows the market with replaces would be told nothing of his fills."""
    site, order = resting()
    site.replace(order, limit_px=NEAR)
    site.report(order, ExecType.REPLACED, limit_px=NEAR, order_qty=D(10))
    twins(site, order, ExecType.REPLACED, px=NEAR)
    twins(site, order, ExecType.TRADE, px=NEAR)
    site.fill(order, 10, px=NEAR)
    assert pairs_and_hits(site) == (1, 1)
    assert site.rollout.evidence.twin_slippage.counts == {0: 1}
    assert record_of(site).pairs == 1


def test_twins_that_filled_before_the_terms_changed_still_count() -> None:
    """Without it a venue that never fills would be excused by every client that goes after the price."""
    site, order = resting()
    twins(site, order, ExecType.TRADE, px=FAR)
    site.replace(order, limit_px=NEAR)
    site.report(order, ExecType.REPLACED, limit_px=NEAR, order_qty=D(10))
    site.fill(order, 10, px=NEAR)
    assert pairs_and_hits(site) == (1, 1)
    assert site.rollout.evidence.twin_slippage.n == 1


def test_what_the_venue_changed_by_itself_parts_the_twins() -> None:
    """Without it an order that was changed at the venue by hand would be held against twins of the old one."""
    site, order = resting()
    site.report(order, ExecType.REPLACED, limit_px=NEAR, order_qty=D(10))
    site.fill(order, 10, px=NEAR)
    twins(site, order, ExecType.CANCELED)
    assert pairs_and_hits(site) == (0, 0)
    assert record_of(site).pairs == 0


def test_twins_that_filled_under_other_terms_than_the_venue_gave_are_compared_with_nothing() -> None:
    """Without it a venue that puts half a change in force would be held against twins that had all of it."""
    site, order = resting()
    site.replace(order, limit_px=NEAR)
    twins(site, order, ExecType.REPLACED, px=NEAR)
    twins(site, order, ExecType.TRADE, px=NEAR)
    site.report(order, ExecType.REPLACED, limit_px=FAR + 1, order_qty=D(10))
    assert order.pending_replace is None
    site.fill(order, 5, px=FAR + 1)
    site.report(order, ExecType.CANCELED)
    assert pairs_and_hits(site) == (0, 0)
    assert record_of(site).pairs == 0


def test_a_twin_is_done_by_its_own_quantity() -> None:
    """Without it a twin that got its larger quantity before the venue answered would be done half way."""
    site, order = resting()
    site.replace(order, order_qty=D(20))
    twins(site, order, ExecType.REPLACED, qty=20, px=FAR)
    twins(site, order, ExecType.TRADE, qty=10, px=FAR)
    assert order.twin is not None
    assert order.twin.ord_status.value == "partially_filled"
    site.report(order, ExecType.REPLACED, order_qty=D(20))
    site.fill(order, 20, px=FAR)
    twins(site, order, ExecType.TRADE, qty=10, px=FAR + 1)
    assert pairs_and_hits(site) == (1, 1)
