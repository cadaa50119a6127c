"""The live share of the value that is opened stays below ``notional_pct``, whichever way value is added."""

from decimal import Decimal

import msgspec

from gateway.core.checkpoint import decode_snapshot, encode_snapshot, state_hash
from gateway.core.counting import added_value, rest_value
from gateway.domain.enums import ExecType, Mode, Route, SubmitStatus
from gateway.domain.events import SubmitCompleted
from gateway.domain.orders import Order
from gateway.domain.reasons import RejectCode
from gateway.domain.rollout import RolloutStep
from gateway.domain.rollout_events import RolloutCommand
from tests.rollouts.site import TERMS, Site
from tests.world import ALLOW, DENY

D = Decimal
PX = D(180)
#: Half of the positions, a tenth of the value.
STEP = RolloutStep(weight_bp=5_000, notional_bp=1_000, days=1)


def opened_in_shadow() -> Site:
    """200 were opened in SHADOW: 22 may go live before anything else is opened."""
    site = Site(terms=msgspec.structs.replace(TERMS, plan=(STEP,)))
    for number in range(20):
        site.fill(site.place(qty=10, strategy=f"a{number}"))
    assert site.raise_to(Mode.CANARY, 5_000) == ""
    return site


def small_live_orders(site: Site, n: int) -> list[Order]:
    found: list[Order] = []
    for number in range(200):
        order = site.place(qty=1, strategy=f"b{number}", limit=PX)
        if order.route is Route.LIVE:
            site.report(order, ExecType.NEW)
            found.append(order)
        if len(found) == n:
            return found
    raise AssertionError("not so many are drawn live")


def is_coherent(site: Site) -> bool:
    """Whether what waits is what open orders say, and a restart changes nothing."""
    waits = sum(
        added_value(order) if order.is_admitted else rest_value(order)
        for order in site.state.open_orders()
        if order.route is Route.LIVE and not order.is_closing
    )
    is_same = state_hash(decode_snapshot(encode_snapshot(site.state))) == state_hash(site.state)
    return is_same and site.state.venues["alpha"].live_value_waiting == waits


def test_what_replaces_add_is_opened_too() -> None:
    """Without it small orders that are made large after they went live would take the share to any size."""
    site = opened_in_shadow()
    refused = []
    for order in small_live_orders(site, 8):
        site.replace(order, order_qty=D(15))
        refused.append(order.pending_replace is None)
        if order.pending_replace is not None:
            assert is_coherent(site)
            site.report(order, ExecType.REPLACED, order_qty=D(15))
    assert refused == [False, *[True] * 7]
    evidence = site.rollout.evidence
    assert evidence.live_opened == (15 + 7) * PX
    assert evidence.live_opened * 10 <= site.rollout.opened
    assert is_coherent(site)


def test_replaces_that_wait_for_the_venue_share_what_is_left() -> None:
    """Without it replaces that are under way together would each see the same room."""
    site = opened_in_shadow()
    orders = small_live_orders(site, 4)
    codes = []
    for order in orders:
        decision = site.replace(order, order_qty=D(15))
        codes += [fact.reject.code for fact in decision.facts if hasattr(fact, "reject")]
    assert codes == [RejectCode.CANARY_CAP] * 3
    site.report(orders[0], ExecType.REPLACE_REJECTED)  # what the venue refuses is free again
    assert is_coherent(site)
    assert site.replace(orders[1], order_qty=D(15)).refusal is None
    assert orders[1].pending_replace is not None


def test_a_replace_that_waits_for_the_policy_does_not_stand_in_its_own_way() -> None:
    """Without it a replace that fits would be denied when the policy answers, as if it came a second time."""
    site = opened_in_shadow()
    order, other = small_live_orders(site, 2)
    site.policy = lambda document: None
    site.replace(order, order_qty=D(15))
    site.answer_policy(site.asked.pop(), ALLOW)
    assert order.pending_replace is not None
    assert order.pending_replace.is_sent
    site.replace(other, order_qty=D(2))
    site.answer_policy(site.asked.pop(), DENY)
    assert is_coherent(site)


def test_orders_that_wait_for_the_policy_share_what_is_left() -> None:
    """Without it orders that wait for a policy server together would each see the same room: more than twice the share
    went live."""
    site = opened_in_shadow()
    site.asks_outside, site.policy = True, lambda document: None
    orders = [site.place(qty=10, strategy=f"b{number}") for number in range(60)]
    assert is_coherent(site)
    for question in list(site.asked):
        site.answer_policy(question, ALLOW)
    live = sum(order.order_qty for order in orders if order.route is Route.LIVE)
    assert 0 < live * 10 <= 200 + sum(order.order_qty for order in orders)
    assert site.state.venues["alpha"].live_value_waiting == 0
    assert is_coherent(site)


def test_smaller_terms_give_back_and_a_fill_ends_what_waits() -> None:
    """Without it an order that was made smaller, or filled while new terms were on their way, would count for good."""
    site = opened_in_shadow()
    order, other = small_live_orders(site, 2)
    before = site.rollout.evidence.live_opened
    site.replace(order, order_qty=D(5))
    site.report(order, ExecType.REPLACED, order_qty=D(5))
    site.replace(order, order_qty=D(1))
    site.report(order, ExecType.REPLACED, order_qty=D(1))
    assert site.rollout.evidence.live_opened == before
    site.replace(other, order_qty=D(3))
    site.fill(other, 1)  # it was faster
    assert is_coherent(site)
    site.report(other, ExecType.CANCELED)
    assert site.state.venues["alpha"].live_value_waiting == 0


def test_what_was_opened_before_a_restart_is_no_measure_any_more() -> None:
    """Without it a venue that begins again would measure its first live orders against what was traded there before it
    failed, or at another account: a percent of that may be a hundred times what it has opened since."""
    site = opened_in_shadow()
    waiting = site.live_order()
    site.command(RolloutCommand.ABORT)
    site.look(wait_s=3_600)
    assert site.raise_to(Mode.CANARY, 4_000) == ""
    assert site.command(RolloutCommand.RESUME).refusal is None
    assert site.rollout.opened == 0
    withheld = SubmitCompleted(ts_ns=site.tick(), order_id=waiting.order_id, status=SubmitStatus.WITHHELD)
    site.send(withheld)  # decided before, and never sent: nothing of what counts now
    assert site.rollout.opened == 0
    orders = [site.place(qty=1, strategy=f"c{number}") for number in range(40)]
    live = sum(order.route is Route.LIVE for order in orders)
    assert live * 10 <= 40
