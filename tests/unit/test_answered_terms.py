"""What becomes of new terms that were sent: fills that overtake the venue's answer, answers that are none, other terms
than were asked for."""

from decimal import Decimal

import msgspec
import pytest

from gateway.core.checkpoint import decode_snapshot, encode_snapshot, state_hash
from gateway.core.withholding import why_withheld
from gateway.domain.config import Limits
from gateway.domain.enums import ExecType, Mode, OrdStatus, Role, Route, Side, SubmitStatus
from gateway.domain.events import (
    AdmissionsAbandoned,
    GatewayStarted,
    LookupCompleted,
    ReportsReceived,
    SubmitCompleted,
)
from gateway.domain.executions import ExecutionReport
from gateway.domain.facts import OrderEnded, OrderExecuted, OrderReplaced, ReplaceDenied
from gateway.domain.orders import Actor, Order
from gateway.domain.reasons import RejectCode
from gateway.domain.reconciliation import SettleAs
from gateway.domain.reconciliation_events import SettlementRequested
from tests.naive import assert_books_add_up
from tests.world import D, World, trading_config

_RISK = Actor("rita", Role.RISK)


def held(world: World, route: Route = Route.LIVE) -> Decimal:
    assert_books_add_up(world.state, list(world.state.orders.values()))
    return world.state.books[route].gateway.held


def asked_for(world: World, qty: int = 20, **terms: Decimal) -> Order:
    """A live order of 10 at 180, whose change is under way."""
    order = world.place(qty=10, limit=D(180))
    world.report(order, ExecType.NEW, venue_order_id="v1")
    world.replace(order, order_qty=D(qty), **terms)
    assert order.pending_replace is not None
    assert order.pending_replace.is_sent
    return order


def overtaken(world: World, qty: int = 20) -> Order:
    """The same, and the venue has told of a fill of all of its old quantity."""
    order = asked_for(world, qty)
    world.fill(order, 10)
    return order


def look_up(world: World, order: Order, *, is_known: bool = True, as_of_ns: int = 0) -> None:
    world.send(LookupCompleted(ts_ns=world.tick(), order_id=order.order_id, is_known=is_known, as_of_ns=as_of_ns))


def trade(world: World, order: Order, exec_id: str, qty: int) -> ExecutionReport:
    return ExecutionReport(
        order_id=order.order_id,
        exec_type=ExecType.TRADE,
        transact_ns=world.tick(),
        exec_id=exec_id,
        last_qty=D(qty),
        last_px=D(180),
    )


def test_a_fill_that_overtakes_the_larger_terms_leaves_the_order_open() -> None:
    """Without this, the order ends here as filled while the rest works at the venue: nothing is held for it, and no
    cancel and no kill switch reaches it any more."""
    world = World(trading_config(Mode.LIVE))
    order = overtaken(world)
    assert (order.ord_status, order.cum_qty, held(world)) == (OrdStatus.PARTIALLY_FILLED, 10, 1800)
    world.report(order, ExecType.REPLACED, order_qty=D(20))
    assert (order.ord_status, order.leaves_qty, held(world)) == (OrdStatus.PARTIALLY_FILLED, 10, 1800)
    assert order.pending_replace is None
    world.fill(order, 10)
    assert (order.ord_status, held(world)) == (OrdStatus.FILLED, 0)


def test_a_cancel_and_the_kill_switch_reach_an_order_whose_larger_terms_are_under_way() -> None:
    """Without this, what may still work at the venue would be out of everybody's reach."""
    world = World(trading_config(Mode.LIVE))
    order = overtaken(world)
    world.cancel(order)
    assert [ticket.order_id for ticket in world.canceled if not ticket.is_twin] == [order.order_id]
    world.report(order, ExecType.CANCELED)
    assert (order.ord_status, held(world)) == (OrdStatus.CANCELED, 0)


def ends(world: World, order: Order) -> None:
    """The order is over as filled, for everybody who counts."""
    assert (order.ord_status, order.pending_replace, order.leaves_qty) == (OrdStatus.FILLED, None, 0)
    assert held(world, order.route) == 0
    assert world.state.statistics["orders"]["filled"] == 1
    assert list(world.state.closed_ids) == [order.order_id]
    ended = [fact for record in world.records for fact in record.facts if isinstance(fact, OrderEnded)]
    assert [fact.ord_status for fact in ended] == [OrdStatus.FILLED]
    assert state_hash(decode_snapshot(encode_snapshot(world.state))) == state_hash(world.state)


def test_an_order_that_filled_whole_ends_when_the_larger_terms_are_refused() -> None:
    """Without this, it would stay open for ever, and its exposure held, since nothing fills any more."""
    world = World(trading_config(Mode.LIVE))
    order = overtaken(world)
    world.report(order, ExecType.REPLACE_REJECTED, text="too late")
    ends(world, order)


@pytest.mark.parametrize("is_known", [True, False])
def test_an_order_that_filled_whole_ends_when_a_look_up_tells_nothing_of_the_change(is_known: bool) -> None:
    """Without this, a change whose answer got lost would keep the order open for ever; a venue that has forgotten what
    filled would not even tell of it."""
    world = World(trading_config(Mode.LIVE))
    order = overtaken(world)
    look_up(world, order, is_known=is_known)
    ends(world, order)


def test_an_order_that_filled_in_part_is_not_over_because_the_venue_does_not_find_it() -> None:
    """Without this, a look-up that missed the order would end what still works."""
    world = World(trading_config(Mode.LIVE))
    order = asked_for(world)
    world.fill(order, 4)
    look_up(world, order, is_known=False)
    assert (order.is_open, order.pending_replace is not None) == (True, True)


def test_an_order_that_filled_whole_ends_when_the_larger_terms_never_left() -> None:
    """Without this, a change that was held back, or not durable, would keep the order open for ever."""
    world = World(trading_config(Mode.LIVE))
    order = overtaken(world)
    world.send(
        SubmitCompleted(
            ts_ns=world.tick(), order_id=order.order_id, status=SubmitStatus.WITHHELD, text="no", is_replace=True
        )
    )
    ends(world, order)
    world = World(trading_config(Mode.LIVE))
    order = overtaken(world)
    world.send(
        AdmissionsAbandoned(ts_ns=world.tick(), order_ids=(), replace_order_ids=(order.order_id,), text="disk full")
    )
    ends(world, order)


def test_a_restart_asks_the_venue_about_an_order_that_filled_whole_before_its_answer() -> None:
    """Without this, an order would stay open for ever when the gateway ends at the wrong moment."""
    world = World(trading_config(Mode.LIVE))
    order = overtaken(world)
    world.state = decode_snapshot(encode_snapshot(world.state))
    world.send(GatewayStarted(ts_ns=world.tick(), version="2"))
    assert order.order_id in [ticket.order_id for ticket in world.looked_up]
    order = world.state.orders[order.order_id]
    look_up(world, order, as_of_ns=world.now_ns)
    ends(world, order)


def test_refusal_and_fill_in_one_message_end_the_order_once_in_either_order() -> None:
    """Without this, what one message tells would be read as if the order still stood as before it."""
    for is_fill_first in (True, False):
        world = World(trading_config(Mode.LIVE))
        order = asked_for(world)
        refused = ExecutionReport(
            order_id=order.order_id, exec_type=ExecType.REPLACE_REJECTED, transact_ns=world.tick(), text="late"
        )
        reports = [trade(world, order, "x1", 10), refused, refused]
        world.send(ReportsReceived(ts_ns=world.tick(), reports=tuple(reports if is_fill_first else reversed(reports))))
        assert (order.ord_status, order.pending_replace, held(world)) == (OrdStatus.FILLED, None, 0)
        facts = world.records[-1].facts
        assert [type(fact) for fact in facts].count(ReplaceDenied) == 1
        assert world.state.statistics["orders"]["filled"] == 1


def test_more_than_the_larger_terms_is_still_an_overfill_and_more_than_the_old_is_none() -> None:
    """Without this, a fill under the new terms would be held against the venue, or one beyond them would pass."""
    world = World(trading_config(Mode.LIVE))
    order = asked_for(world)
    world.fill(order, 15)
    assert (order.is_open, held(world)) == (True, 900)
    world.fill(order, 7)
    assert (order.ord_status, order.cum_qty, held(world)) == (OrdStatus.FILLED, 22, 0)
    fills = [fact for record in world.records for fact in record.facts if isinstance(fact, OrderExecuted)]
    assert [fact.is_overfill for fact in fills] == [False, True]


def test_a_fill_of_the_whole_larger_quantity_proves_that_it_was_in_force() -> None:
    """Without this, the order would be on record as filled with more than was ordered."""
    world = World(trading_config(Mode.LIVE))
    order = asked_for(world)
    world.fill(order, 20)
    assert (order.ord_status, order.order_qty, order.cum_qty, held(world)) == (OrdStatus.FILLED, 20, 20, 0)
    replaced, executed = world.records[-1].facts
    assert isinstance(replaced, OrderReplaced)
    assert isinstance(executed, OrderExecuted)
    assert (replaced.settles_pending, executed.is_overfill) == (True, False)
    world.report(order, ExecType.REPLACED, order_qty=D(20))
    assert (order.ord_status, world.position(Route.LIVE)) == (OrdStatus.FILLED, 20)


def test_an_order_that_ends_beyond_its_old_quantity_is_on_record_with_the_larger_one() -> None:
    """Without this, an order that was canceled before its answer came would have filled more than was ordered, and
    what comes late would be held against the venue."""
    world = World(trading_config(Mode.LIVE))
    order = asked_for(world)
    world.fill(order, 14)
    world.report(order, ExecType.CANCELED)
    assert (order.ord_status, order.order_qty, order.cum_qty, held(world)) == (OrdStatus.CANCELED, 20, 14, 0)
    world.fill(order, 2)
    late = world.records[-1].facts[0]
    assert isinstance(late, OrderExecuted)
    assert (late.is_late, late.is_overfill) == (True, False)
    world = World(trading_config(Mode.LIVE))
    order = asked_for(world)
    world.fill(order, 10)
    world.report(order, ExecType.CANCELED)
    assert (order.ord_status, order.order_qty) == (OrdStatus.CANCELED, 10), "nothing proves the larger one"


def test_terms_that_the_policy_has_not_allowed_yet_keep_no_order_open() -> None:
    """Without this, an order would wait for a venue that was never asked."""
    world = World(trading_config(Mode.LIVE))
    order = world.place(qty=10, limit=D(180))
    world.policy = lambda document: None
    world.replace(order, order_qty=D(20))
    world.fill(order, 10)
    assert (order.ord_status, order.pending_replace, held(world)) == (OrdStatus.FILLED, None, 0)


def test_a_smaller_quantity_that_has_filled_already_ends_the_order_for_everybody() -> None:
    """Without this, no message and no counter would tell that the order is over: it ended beside its new terms."""
    world = World(trading_config(Mode.LIVE))
    order = asked_for(world, 5)
    world.fill(order, 5)
    assert order.ord_status is OrdStatus.PARTIALLY_FILLED
    world.report(order, ExecType.REPLACED, order_qty=D(5))
    ends(world, order)


def test_a_person_settles_an_order_in_doubt_whose_larger_terms_are_under_way() -> None:
    """Without this, an order that was settled as filled would stay open."""
    world = World(trading_config(Mode.LIVE))
    order = world.place(qty=10, limit=D(180))
    world.send(SubmitCompleted(ts_ns=world.tick(), order_id=order.order_id, status=SubmitStatus.UNKNOWN))
    world.replace(order, order_qty=D(20))
    world.send(
        SettlementRequested(
            ts_ns=world.tick(),
            order_id=order.order_id,
            settle_as=SettleAs.FILLED,
            qty=D(10),
            px=D(180),
            actor=_RISK,
            reason="seen at the broker",
        )
    )
    assert (order.ord_status, order.pending_replace, held(world)) == (OrdStatus.FILLED, None, 0)


def twin_terms(world: World) -> list[tuple[bool, Decimal, Decimal | None]]:
    """The last changes of the two twins."""
    return [(one.ticket.is_second_twin, one.order_qty, one.limit_px) for one in world.replaced if one.ticket.is_twin][
        -2:
    ]


def test_the_twins_of_an_order_whose_change_was_refused_are_changed_back() -> None:
    """Without this, the evidence of a venue would compare its executions with those of other terms."""
    world = World(trading_config(Mode.LIVE))
    order = asked_for(world, 20, limit_px=D(170))
    assert twin_terms(world) == [(False, 20, 170), (True, 20, 170)]
    world.report(order, ExecType.REPLACE_REJECTED, text="no")
    assert twin_terms(world) == [(False, 10, 180), (True, 10, 180)]
    world.replace(order, order_qty=D(20))
    event = SubmitCompleted(
        ts_ns=world.tick(), order_id=order.order_id, status=SubmitStatus.WITHHELD, text="no", is_replace=True
    )
    world.send(event)
    assert twin_terms(world) == [(False, 10, 180), (True, 10, 180)]
    live = [one for one in world.replaced if not one.ticket.is_twin]
    assert len(live) == 2, "nothing but what was asked for goes to the venue"


def test_twins_follow_the_terms_that_the_venue_put_in_force() -> None:
    """Without this, the same would happen at a venue that changes orders otherwise than asked, or by other hands."""
    world = World(trading_config(Mode.LIVE))
    order = asked_for(world)
    count = len(world.replaced)
    world.report(order, ExecType.REPLACED, order_qty=D(20), limit_px=D(180))
    assert len(world.replaced) == count, "they have what was asked for"
    world.report(order, ExecType.REPLACED, order_qty=D(15), limit_px=D(181))
    assert twin_terms(world) == [(False, 15, 181), (True, 15, 181)]


def test_a_twin_that_filled_more_than_the_order_is_worth_is_over_with_the_change() -> None:
    """Without this, it would be done before the order, or never: it fills by the larger quantity at once."""
    world = World(trading_config(Mode.LIVE))
    order = asked_for(world)
    world.report(order, ExecType.REPLACED, is_twin=True, order_qty=D(20), limit_px=D(180))
    world.report(order, ExecType.TRADE, is_twin=True, exec_id="t1", last_qty=D(12), last_px=D(180))
    assert order.twin is not None
    assert order.twin.ord_status is OrdStatus.PARTIALLY_FILLED
    world.report(order, ExecType.REPLACE_REJECTED, text="no")
    assert [ticket.is_second_twin for ticket in world.canceled] == [False]
    assert twin_terms(world)[-1] == (True, 10, 180)


def replaced_by(order: Order, at_ns: int, qty: int, limit: Decimal | None = None) -> ExecutionReport:
    return ExecutionReport(
        order_id=order.order_id, exec_type=ExecType.REPLACED, transact_ns=at_ns, order_qty=D(qty), limit_px=limit
    )


def test_several_changes_in_one_message_are_each_compared_with_the_one_before() -> None:
    """Without this, a change that takes the order back to where it was before the message would be no news, and the
    order would be held, and shown, by terms that are over."""
    world = World(trading_config(Mode.LIVE))
    order = world.place(qty=10, limit=D(180))
    world.report(order, ExecType.NEW, venue_order_id="v1")
    at_ns = world.tick()
    there, back = replaced_by(order, at_ns, 10, D(190)), replaced_by(order, at_ns + 1, 10, D(180))
    world.send(ReportsReceived(ts_ns=world.tick(), reports=(there, back)))
    assert (order.limit_px, held(world)) == (D(180), 1800)
    again = world.tick()
    steps = (replaced_by(order, again, 12, D(185)), replaced_by(order, again + 1, 12))
    world.send(ReportsReceived(ts_ns=world.tick(), reports=steps))
    assert (order.order_qty, order.limit_px, held(world)) == (12, D(185), 2220)


def test_a_change_and_the_next_one_in_one_message_settle_what_was_asked_once() -> None:
    """Without this, the later terms would be booked with the value of those that were asked for."""
    world = World(trading_config(Mode.LIVE))
    order = asked_for(world)
    at_ns = world.tick()
    steps = (replaced_by(order, at_ns, 20), replaced_by(order, at_ns + 1, 25))
    world.send(ReportsReceived(ts_ns=world.tick(), reports=steps))
    assert (order.order_qty, order.pending_replace, held(world)) == (25, None, 4500)
    facts = [fact for fact in world.records[-1].facts if isinstance(fact, OrderReplaced)]
    assert [fact.settles_pending for fact in facts] == [True, False]


@pytest.mark.parametrize(("qty", "limit"), [(15, D(180)), (25, D(180)), (20, D(179)), (20, D(181))])
def test_other_terms_than_were_asked_for_settle_the_change(qty: int, limit: Decimal) -> None:
    """Without this, the change would be under way for ever: no other would be let through, and exposure be held for
    terms that nobody works under."""
    world = World(trading_config(Mode.LIVE, limits=Limits(max_position_size=D(20))))
    order = asked_for(world)
    world.report(order, ExecType.REPLACED, order_qty=D(qty), limit_px=limit)
    assert (order.order_qty, order.limit_px, order.pending_replace) == (qty, limit, None)
    assert held(world) == qty * limit
    assert world.place(qty=20 - qty, limit=D(180)).is_open if qty < 20 else True
    assert world.place(qty=1, limit=D(180)).ord_status is OrdStatus.DENIED


def test_an_earlier_change_that_is_told_late_leaves_the_one_under_way() -> None:
    """Without this, an old word of the venue would let go of what is held for terms that may come into force."""
    world = World(trading_config(Mode.LIVE))
    order = world.place(qty=10, limit=D(180))
    world.report(order, ExecType.NEW, venue_order_id="v1")
    at_ns = world.tick()
    world.tick(60_000_000_000)
    world.replace(order, order_qty=D(20))
    world.send(ReportsReceived(ts_ns=world.tick(), reports=(replaced_by(order, at_ns, 12),)))
    assert (order.order_qty, order.pending_replace is not None, held(world)) == (12, True, 3600)


def test_a_venue_whose_clock_lags_answers_all_the_same() -> None:
    """Without this, other terms than asked for would settle nothing where two clocks differ by a moment."""
    world = World(trading_config(Mode.LIVE))
    order = asked_for(world)
    lag_ns = 500_000_000
    world.send(ReportsReceived(ts_ns=world.tick(), reports=(replaced_by(order, world.now_ns - lag_ns, 15),)))
    assert order.pending_replace is None


def test_terms_as_before_are_no_answer() -> None:
    """Without this, an order that is told of once more while its change is on the way would let go of the change."""
    world = World(trading_config(Mode.LIVE))
    order = asked_for(world)
    world.report(order, ExecType.REPLACED, order_qty=D(10), limit_px=D(180))
    assert (order.pending_replace is not None, held(world)) == (True, 3600)


def test_an_answer_from_before_the_change_denies_nothing() -> None:
    """Without this, a look-up that was under way when the change was sent would take it for refused: what is held for
    it would be let go while the venue puts it in force."""
    world = World(trading_config(Mode.LIVE))
    order = world.place(qty=10, limit=D(180))
    world.report(order, ExecType.NEW, venue_order_id="v1")
    asked_ns = world.tick()
    world.replace(order, order_qty=D(20))
    look_up(world, order, as_of_ns=asked_ns)
    assert (order.pending_replace is not None, held(world)) == (True, 3600)
    look_up(world, order, as_of_ns=world.tick())
    assert (order.pending_replace, held(world)) == (None, 1800)


def test_an_answer_of_an_older_record_denies_as_it_did() -> None:
    """Without this, a journal of an earlier version would be decided otherwise than it was."""
    world = World(trading_config(Mode.LIVE))
    order = asked_for(world)
    look_up(world, order)
    denied = world.records[-1].facts[0]
    assert isinstance(denied, ReplaceDenied)
    assert (denied.reject.code, order.pending_replace) == (RejectCode.NEVER_SENT, None)


def test_a_checkpoint_from_before_changes_were_dated_is_still_the_same() -> None:
    """Without this, an update of the gateway would throw its checkpoints away, and refold the whole journal."""
    world = World(trading_config(Mode.LIVE))
    order = asked_for(world)
    assert order.pending_replace is not None
    order.pending_replace = msgspec.structs.replace(order.pending_replace, sent_ns=0)
    assert b'"held_unit":"180","is_sent":true}' in encode_snapshot(world.state)


def test_a_sell_side_change_to_more_is_held_whole_too() -> None:
    """Without this, the same would hold of one side only."""
    world = World(trading_config(Mode.LIVE))
    order = world.place(Side.SELL, 10, limit=D(180))
    world.replace(order, order_qty=D(20))
    world.fill(order, 10)
    assert (order.is_open, held(world)) == (True, 1800)


def test_a_change_that_was_settled_while_it_waited_is_not_sent() -> None:
    """Without this, terms that nobody holds exposure for any more would be put in force."""
    world = World(trading_config(Mode.LIVE))
    order = asked_for(world)
    assert why_withheld(world.state, order, is_replace=True) == ""
    look_up(world, order)
    assert why_withheld(world.state, order, is_replace=True)
