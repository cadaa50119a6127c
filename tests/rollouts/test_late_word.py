"""What venues say of an order after its end: fills that come late, and fills that are taken back."""

from decimal import Decimal

import pytest

from gateway.core.checkpoint import decode_snapshot, encode_snapshot, state_hash
from gateway.core.evidence.memory import StepEvidence
from gateway.domain.enums import ExecType, Mode, SubmitStatus
from gateway.domain.events import SubmitCompleted
from gateway.domain.orders import Order
from tests.rollouts.site import Site

D = Decimal
HOUR_NS = 3_600_000_000_000
WORSE = D("181.80")  # a hundred bps above the arrival


def canary() -> Site:
    site = Site()
    assert site.raise_to(Mode.CANARY, 5_000) == ""
    return site


def working(site: Site, *, with_twins: bool = True) -> Order:
    order = site.live_order(qty=2)
    site.report(order, ExecType.NEW)
    if with_twins:
        fill_twins(site, order)
    return order


def fill_twins(site: Site, order: Order) -> None:
    for second in (False, True):
        site.fill(order, 2, is_twin=True, is_second_twin=second, exec_id=f"t{second}")


def told(evidence: StepEvidence) -> dict[str, object]:
    total = evidence.total
    return {
        "pairs": total.pairs,
        "hits": total.hits,
        "filled": total.filled,
        "partial": total.partial,
        "canceled": total.canceled,
        "ended": total.ended,
        "ratio": total.fill_ratio,
        "slippage": evidence.slippage.counts,
        "sum": (total.slippages, total.slippage, evidence.slippage.total, evidence.slippage.n),
        "against twins": evidence.twin_slippage.counts,
    }


def test_a_fill_after_the_cancel_counts() -> None:
    """Without it the price of a fill that came after the cancel would never be looked at, and the venue would be said
    not to have filled what it did fill."""
    site = canary()
    order = working(site)
    site.report(order, ExecType.CANCELED)
    assert told(site.rollout.evidence)["hits"] == 0
    site.fill(order, 1, px=WORSE)
    site.fill(order, 1, px=WORSE)
    assert told(site.rollout.evidence) == {
        "pairs": 1,
        "hits": 1,
        "filled": 0,
        "partial": 1,
        "canceled": 1,
        "ended": 1,
        "ratio": D(1),
        "slippage": {1_000: 1},
        "sum": (1, 1_000, 1_000, 1),
        "against twins": {1_000: 1},
    }


def test_a_fill_that_is_taken_back_counts_no_more() -> None:
    """Without it fills that the venue busted would go on proving that it fills, and at which price."""
    site = canary()
    kept = working(site)
    site.fill(kept, 2)
    before = told(site.rollout.evidence)
    order = working(site)
    site.fill(order, 2, px=WORSE, exec_id="wrong")
    assert told(site.rollout.evidence)["slippage"] == {0: 1, 1_000: 1}
    site.report(order, ExecType.TRADE_CANCEL, exec_ref_id="wrong", exec_id="bust")
    after = told(site.rollout.evidence)
    assert (after["slippage"], after["against twins"]) == (before["slippage"], before["against twins"])
    assert (after["pairs"], after["hits"], after["filled"], after["ended"]) == (2, 1, 1, 2)


def test_a_corrected_price_is_the_one_that_counts() -> None:
    """Without it a correction would leave the slippage of a trade that never was."""
    site = canary()
    order = working(site)
    site.fill(order, 2, px=WORSE, exec_id="wrong")
    px = site.prices["AAPL"]
    site.report(order, ExecType.TRADE_CORRECT, exec_ref_id="wrong", exec_id="right", last_qty=D(2), last_px=px)
    found = told(site.rollout.evidence)
    assert (found["slippage"], found["against twins"], found["sum"]) == ({0: 1}, {0: 1}, (1, 0, 0, 1))


@pytest.mark.parametrize("is_twin_first", [True, False])
def test_the_order_in_which_things_are_told_changes_nothing(is_twin_first: bool) -> None:
    """Without it the evidence of one and the same order would depend on which message was faster."""
    site = canary()
    order = working(site, with_twins=is_twin_first)
    site.report(order, ExecType.CANCELED)
    site.fill(order, 2, px=WORSE)
    if not is_twin_first:
        fill_twins(site, order)
    found = told(site.rollout.evidence)
    assert (found["pairs"], found["hits"], found["slippage"]) == (1, 1, {1_000: 1})
    assert found["against twins"] == {1_000: 1}


def test_what_counted_in_an_earlier_step_is_left_there() -> None:
    """Without it a late word on an order of before would be taken out of counts that it never was in."""
    site = canary()
    order = working(site)
    site.fill(order, 2, px=WORSE, exec_id="wrong")
    assert site.raise_to(Mode.SHADOW, 0) == ""
    assert site.raise_to(Mode.CANARY, 5_000) == ""
    before = told(site.rollout.evidence)
    site.report(order, ExecType.TRADE_CANCEL, exec_ref_id="wrong", exec_id="bust")
    assert told(site.rollout.evidence) == before
    assert state_hash(decode_snapshot(encode_snapshot(site.state))) == state_hash(site.state)


def test_a_clock_that_was_set_back_moves_no_order_into_the_next_step() -> None:
    """Without it the bust of an order of an earlier step would take something out of the present one that never was in
    it: no state is left to decide on, and the gateway takes no order any more."""
    site = canary()
    order = working(site)
    site.fill(order, 2, px=WORSE, exec_id="wrong")
    site.tick(-3_600_000_000_000)
    assert site.raise_to(Mode.SHADOW, 0) == ""
    assert site.raise_to(Mode.CANARY, 5_000) == ""
    later = working(site)
    site.fill(later, 2, px=WORSE, exec_id="wrong too")
    before = told(site.rollout.evidence)
    assert before["slippage"] == {1_000: 1}
    site.report(order, ExecType.TRADE_CANCEL, exec_ref_id="wrong", exec_id="bust")
    assert told(site.rollout.evidence) == before
    site.report(later, ExecType.TRADE_CANCEL, exec_ref_id="wrong too", exec_id="bust too")
    assert told(site.rollout.evidence)["slippage"] == {}


def test_a_twin_that_fills_after_its_end_is_compared_as_it_is_then() -> None:
    """Without it the bust of the live fill would take out what was never counted, and no state would be left to decide
    on: the gateway takes no order any more."""
    site = canary()
    order = working(site)
    site.fill(order, 2, exec_id="wrong")
    assert told(site.rollout.evidence)["against twins"] == {0: 1}
    site.fill(order, 1, px=WORSE, is_twin=True, exec_id="late")
    assert list(site.rollout.evidence.twin_slippage.counts) == [-166]  # the twins paid more
    site.report(order, ExecType.TRADE_CANCEL, exec_ref_id="wrong", exec_id="bust")
    assert told(site.rollout.evidence)["against twins"] == {}


def test_a_clock_that_was_set_back_moves_no_order_into_a_later_step() -> None:
    """Without it an order that was done by a fast clock would seem to be of the step that was entered once the clock
    was right: taken out of counts that it never was in, its next fill would break the state at each start anew."""
    site = canary()
    order, open_one = working(site), working(site)
    site.fill(order, 2, px=WORSE, exec_id="wrong")
    value = site.rollout.opened
    site.now_ns -= HOUR_NS
    assert site.raise_to(Mode.SHADOW, 0) == ""
    assert site.raise_to(Mode.CANARY, 5_000) == ""
    before = told(site.rollout.evidence)
    site.report(order, ExecType.TRADE_CANCEL, exec_ref_id="wrong", exec_id="bust")
    assert told(site.rollout.evidence) == before
    site.replace(open_one, order_qty=D(1))
    site.report(open_one, ExecType.REPLACED, order_qty=D(1))
    assert (site.rollout.evidence.opened, site.rollout.opened < value) == (D(0), True)


def test_what_ends_while_the_clock_is_behind_a_step_counts_in_it() -> None:
    """Without it the fills that a venue takes back would go on counting until the clock is where it was."""
    site = canary()
    working(site)
    site.now_ns -= HOUR_NS
    assert site.raise_to(Mode.SHADOW, 0) == ""
    assert site.raise_to(Mode.CANARY, 5_000) == ""
    order = working(site)
    site.fill(order, 2, px=WORSE, exec_id="wrong")
    assert told(site.rollout.evidence)["slippage"] == {1_000: 1}
    site.report(order, ExecType.TRADE_CANCEL, exec_ref_id="wrong", exec_id="bust")
    assert (told(site.rollout.evidence)["slippage"], told(site.rollout.evidence)["filled"]) == ({}, 0)


def test_a_late_rejection_while_the_clock_is_behind_the_step_is_an_error() -> None:
    """Without it a venue that acknowledges and then rejects every order would seem to make no error until the clock is
    where it was when the step began."""
    site = canary()
    working(site)
    site.now_ns -= HOUR_NS
    assert site.raise_to(Mode.SHADOW, 0) == ""
    assert site.raise_to(Mode.CANARY, 5_000) == ""
    order = site.live_order()
    site.report(order, ExecType.NEW)
    site.report(order, ExecType.REJECTED)
    total = site.rollout.evidence.total
    assert (total.orders, total.errors, total.rejects, site.rollout.errors) == (1, 1, 1, 1)


def test_an_order_that_was_in_doubt_and_is_refused_late_is_one_error() -> None:
    """Without it such an order would be two errors, of one order: a venue could be demoted at half of what fails it."""
    site = canary()
    order = site.live_order()
    site.send(SubmitCompleted(ts_ns=site.tick(), order_id=order.order_id, status=SubmitStatus.UNKNOWN))
    site.report(order, ExecType.NEW)
    site.report(order, ExecType.REJECTED)
    total = site.rollout.evidence.total
    assert (total.orders, total.errors, total.rejects, site.rollout.errors) == (1, 1, 1, 1)
