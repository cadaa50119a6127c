"""Books against a venue: what is drift and what is not, and that nobody acts on one reading."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from gateway.core.checkpoint import decode_snapshot, encode_snapshot
from gateway.domain.alert_facts import AlertRaised
from gateway.domain.enums import ExecType, Route, Side, SubmitStatus
from gateway.domain.events import AlertsChecked, LookupCompleted, SubmitCompleted
from gateway.domain.orders import Order
from gateway.domain.reasons import RejectCode
from gateway.domain.reconciliation_events import DriftAcceptance
from gateway.domain.reconciliation_facts import DriftAccepted, DriftFound, ExecutionsDiffer
from tests.reconciliation.venue import NS, Venue, world_of
from tests.world import RITA, World

D = Decimal


def working(world: World, venue: Venue, symbol: str = "AAPL", qty: int = 10) -> Order:
    """An order of ours that both sides know to work."""
    order = world.place(limit=world.prices[symbol], symbol=symbol, qty=qty)
    venue.take(order)
    world.report(order, ExecType.NEW, venue_order_id=f"v-{order.order_id}")
    return order


def test_what_agrees_stays_as_it_is() -> None:
    """Without this, a gateway in order would stop trading by itself."""
    world = world_of()
    venue = Venue(world)
    order = working(world, venue)
    venue.tell(venue.execute(order.order_id, 4))
    venue.look(5)
    assert venue.drifts == {}
    assert world.place(limit=D(180)).reject is None


def test_a_difference_is_acted_on_at_its_second_sight_and_only_by_closing() -> None:
    """Without this, one stale page could stop a symbol, or real drift go on being traded on; and a live position could
    be locked in (invariant 3)."""
    world = world_of()
    venue = Venue(world)
    order = working(world, venue)
    venue.tell(venue.execute(order.order_id, 10))
    venue.held["AAPL"] += 5
    venue.look()
    assert venue.drifts == {}
    venue.look()
    assert venue.drifts == {"AAPL": D(5)}
    opens = world.place(limit=D(180))
    assert opens.reject is not None
    assert opens.reject.code == RejectCode.HOLDINGS_DIFFER
    assert "alpha holds 15 AAPL, the books explain 10" in opens.reject.text
    closes = world.place(Side.SELL, 10, limit=D(180))
    assert (closes.reject, closes.route) == (None, Route.LIVE)
    assert world.place(symbol="TSLA", limit=D(250)).reject is None, "other symbols go on"
    found = len(world.records)
    venue.look(3)
    assert len(world.records) == found, "the same difference is told once"


def test_readings_too_close_to_each_other_are_one() -> None:
    """Without this, a venue that lags for a second would be drift by asking twice within it."""
    world = world_of()
    venue = Venue(world)
    venue.held["AAPL"] = D(5)
    for _ in range(4):
        world.tick(NS)
        venue.compared()
    assert venue.drifts == {}
    world.tick(10 * NS)
    venue.compared()
    assert venue.drifts == {"AAPL": D(5)}


def test_a_reading_of_long_ago_confirms_nothing() -> None:
    """Without this, a difference of yesterday would be certain by one glance today."""
    world = world_of()
    venue = Venue(world)
    venue.held["AAPL"] = D(5)
    venue.look()
    world.tick(3_600 * NS)
    venue.compared()
    assert venue.drifts == {}


def test_a_fill_while_the_venue_is_read_is_no_drift() -> None:
    """Without this, every busy symbol would be stopped: its holdings move between two requests of one reading."""
    world = world_of()
    venue = Venue(world)
    order = working(world, venue)
    for qty in (1, 2, 3):
        world.tick(60 * NS)
        before = tuple(venue.executions)
        report = venue.execute(order.order_id, qty)
        found = venue.compared(venue.reading(executions_before=before))
        assert found.holdings["AAPL"].unsteady
        venue.tell(report)
    venue.look(2)
    assert venue.drifts == {}


def test_holdings_that_lag_behind_executions_are_no_drift() -> None:
    """Without this, a venue whose positions follow a moment later would be stopped by each fill."""
    world = world_of()
    venue = Venue(world)
    order = working(world, venue)
    for _ in range(6):
        world.tick(60 * NS)
        old = venue.reading().positions
        venue.tell(venue.execute(order.order_id, 1))
        venue.compared(venue.reading(positions=old))
    assert venue.drifts == {}


def test_drift_in_a_symbol_that_never_rests_is_found() -> None:
    """Without this, a symbol that trades all day would never be compared."""
    world = world_of()
    venue = Venue(world)
    order = working(world, venue, qty=100)
    venue.held["AAPL"] = D(7)
    for count in range(5):
        assert venue.drifts == {}, f"after {count} readings"
        world.tick(60 * NS)
        venue.tell(venue.execute(order.order_id, 1))
        venue.compared()
    assert venue.drifts == {"AAPL": D(7)}


def test_an_order_in_doubt_explains_nothing_and_accuses_nothing() -> None:
    """Without this, an order whose answer is late would be drift, and its fill be booked as somebody else's."""
    world = world_of()
    venue = Venue(world)
    order = world.place(limit=D(180))
    world.send(SubmitCompleted(ts_ns=world.tick(), order_id=order.order_id, status=SubmitStatus.UNKNOWN))
    venue.take(order)
    venue.held["AAPL"] = D(10)  # it has filled, and not even its execution is listed yet
    venue.look(4)
    assert venue.drifts == {}
    assert not world.state.agreements or not world.state.agreements["alpha"].foreign


def test_an_order_in_doubt_excuses_no_more_than_it_may_have_filled() -> None:
    """Without this, one order that no venue answers for would end the comparing of its symbol until a person settles
    it, whatever somebody else does there."""
    world = world_of()
    venue = Venue(world)
    order = world.place(limit=D(180), qty=10)
    world.send(SubmitCompleted(ts_ns=world.tick(), order_id=order.order_id, status=SubmitStatus.UNKNOWN))
    venue.held["AAPL"] = D(11)
    venue.look(3)
    assert venue.drifts == {"AAPL": D(11)}
    venue.held["AAPL"] = D(-1)
    venue.look(3)
    assert venue.drifts == {"AAPL": D(-1)}


@pytest.mark.parametrize("is_ours", [True, False])
def test_what_names_no_sender_waits_for_the_order_in_doubt_that_it_may_be_of(is_ours: bool) -> None:
    """Without this, an exchange whose trades name its own order only would have every fill of an order in doubt shown
    and alerted as somebody else's; or, the other way, somebody else's fills be kept quiet for ever."""
    world = world_of()
    venue = Venue(world)
    order = world.place(limit=D(180))
    world.send(SubmitCompleted(ts_ns=world.tick(), order_id=order.order_id, status=SubmitStatus.UNKNOWN))
    venue.take(order)
    report = venue.execute(order.order_id, 4)
    venue.open[order.order_id] = msgspec.structs.replace(venue.open[order.order_id], order_id="")
    venue.executions[0] = msgspec.structs.replace(venue.executions[0], order_id="")
    venue.look(3)
    assert not world.state.agreements
    if is_ours:  # the venue is found to have it
        venue.tell(report)
        venue.look(3)
        assert (order.cum_qty, len(order.fills)) == (D(4), 1)
        assert not world.state.agreements or not world.state.agreements["alpha"].foreign
    else:
        world.send(LookupCompleted(ts_ns=world.tick(), order_id=order.order_id, is_known=False))
        venue.look(3)
        [foreign] = world.state.agreements["alpha"].foreign.values()
        assert (foreign.cum_qty, foreign.is_open) == (D(4), True)


def test_another_symbol_side_or_size_is_nobody_of_ours_in_doubt() -> None:
    """Without this, one order in doubt would hide every order that somebody else places."""
    world = world_of()
    venue = Venue(world)
    order = world.place(limit=D(180), qty=10)
    world.send(SubmitCompleted(ts_ns=world.tick(), order_id=order.order_id, status=SubmitStatus.UNKNOWN))
    others = {
        venue.place_by_hand("TSLA", 5),
        venue.place_by_hand("AAPL", 5, Side.SELL),
        venue.place_by_hand("AAPL", 11),
    }
    venue.look(2)
    assert world.state.agreements["alpha"].foreign.keys() == others


def test_executions_missed_while_away_are_booked_once() -> None:
    """Without this, what happened while the gateway was down would be missing from the books, or be there twice."""
    world = world_of()
    venue = Venue(world)
    order = working(world, venue)
    missed = venue.execute(order.order_id, 4)
    venue.look()
    assert order.cum_qty == 4
    assert world.position(Route.LIVE) == 4
    venue.tell(missed)  # the stream tells it after all
    venue.look(3)
    assert (order.cum_qty, venue.drifts) == (D(4), {})


def test_a_busted_or_corrected_execution_is_not_booked_again() -> None:
    """Without this, each reading would bring back what the venue took back."""
    world = world_of()
    venue = Venue(world)
    order = working(world, venue)
    report = venue.execute(order.order_id, 4)
    venue.tell(report)
    world.report(order, ExecType.TRADE_CANCEL, exec_ref_id=report.exec_id)
    venue.held["AAPL"] = D(0)
    venue.look(3)
    assert (order.cum_qty, venue.drifts) == (D(0), {})


def test_an_order_that_bypassed_the_gateway_is_told_once_and_until_it_is_gone() -> None:
    """Without this, people and programs could trade beside the gateway, and no one would know."""
    world = world_of()
    venue = Venue(world)
    venue.look()
    key = venue.place_by_hand("TSLA", 5)
    venue.look()
    assert not world.state.agreements, "a first sight may be of an order that is ours in a moment"
    venue.look(3)
    [seen] = world.state.agreements["alpha"].foreign.values()
    assert (seen.venue_order_id, seen.symbol, seen.is_open) == (key, "TSLA", True)
    records = len(world.records)
    venue.look(2)
    assert len(world.records) == records
    del venue.open[key]
    venue.look(2)
    [seen] = world.state.agreements["alpha"].foreign.values()
    assert not seen.is_open


def test_an_order_of_others_that_filled_at_once_is_told_by_its_executions() -> None:
    """Without this, a market order by hand would never be open when somebody looks."""
    world = world_of()
    venue = Venue(world)
    venue.execute(venue.place_by_hand("TSLA", 5), 5)
    venue.look(3)
    [seen] = world.state.agreements["alpha"].foreign.values()
    assert (seen.cum_qty, seen.is_open) == (D(5), False)
    assert venue.drifts == {"TSLA": D(5)}


def test_an_order_that_the_venue_lost_is_asked_for() -> None:
    """Without this, an order whose end was told to nobody would hold exposure for ever; and one stale page must not
    end it."""
    world = world_of()
    venue = Venue(world)
    order = working(world, venue)
    venue.look()
    del venue.open[order.order_id]
    venue.look()
    assert not order.is_in_doubt
    venue.look()
    assert order.is_in_doubt
    assert [ticket.order_id for ticket in world.looked_up if not ticket.is_twin] == [order.order_id]
    assert order.is_open, "only the venue's own word, or a person, ends it"


def test_an_order_of_others_with_the_number_of_ours_in_another_symbol_is_not_ours() -> None:
    """Without this, at an exchange that counts its orders in each symbol anew (Binance), what somebody trades by hand
    would be booked on an order of ours, and an order that the exchange lost never be missed."""
    world = world_of()
    venue = Venue(world)
    order = working(world, venue)
    hand = venue.place_by_hand("TSLA", 10)
    venue.open[hand] = msgspec.structs.replace(venue.open[hand], venue_order_id=f"v-{order.order_id}", order_id="web-1")
    venue.execute(hand, 4, px=250)
    venue.look(3)
    assert (order.cum_qty, world.position(Route.LIVE)) == (D(0), D(0))
    assert venue.drifts == {"TSLA": D(4)}
    [seen] = world.state.agreements["alpha"].foreign.values()
    assert (seen.symbol, seen.order_id, seen.is_open) == ("TSLA", "web-1", True)
    del venue.open[order.order_id]
    venue.look(2)
    assert order.is_in_doubt


def test_an_order_that_is_younger_than_the_page_is_not_lost() -> None:
    """Without this, a list that was made a moment before the order would put it in doubt."""
    world = world_of()
    venue = Venue(world)
    venue.look()
    world.tick(30 * NS)
    order = working(world, venue)
    for seconds in (1, 60):
        world.tick(seconds * NS)
        venue.compared(venue.reading(open_orders=()))
    assert not order.is_in_doubt


def test_a_fill_of_others_while_the_venue_is_read_is_not_judged() -> None:
    """Without this, holdings of before and executions of after it would be held against each other."""
    world = world_of()
    venue = Venue(world)
    key = venue.place_by_hand("AAPL", 5)
    old = venue.reading()
    venue.execute(key, 5)
    found = venue.compared(venue.reading(positions=old.positions, executions_before=()))
    assert found.holdings["AAPL"].unsteady
    assert not found.holdings["TSLA"].unsteady


def test_an_order_that_is_over_here_and_open_there_is_canceled_and_told() -> None:
    """Without this, an order that nobody can cancel through the gateway any more would fill one day."""
    world = world_of()
    venue = Venue(world)
    order = working(world, venue)
    world.report(order, ExecType.CANCELED)
    venue.look(2)
    assert [ticket.order_id for ticket in world.canceled if not ticket.is_twin] == [order.order_id]
    [seen] = world.state.agreements["alpha"].foreign.values()
    assert "over in the books" in seen.text


def accept(world: World, symbol: str = "AAPL", venue: str = "alpha", qty: Decimal | None = None) -> str:
    decision = world.send(
        DriftAcceptance(ts_ns=world.tick(), venue=venue, symbol=symbol, actor=RITA, reason="as it was", qty=qty)
    )
    return "" if decision.refusal is None else decision.refusal.code


def test_what_was_held_before_is_accepted_as_the_base() -> None:
    """Without this, an account that is not empty could never be traded."""
    world = world_of()
    venue = Venue(world)
    venue.held["AAPL"] = D(100)
    venue.look(2)
    assert accept(world, qty=D(99)) == "DRIFT_MOVED"
    assert accept(world, "TSLA") == "DRIFT_NOT_FOUND"
    assert accept(world, qty=D(100)) == ""
    accepted = world.records[-1].facts[0]
    assert isinstance(accepted, DriftAccepted)
    assert (accepted.actor, accepted.reason, accepted.base_qty) == (RITA, "as it was", D(100))
    order = working(world, venue)
    venue.tell(venue.execute(order.order_id, 10))
    venue.look(3)
    assert venue.drifts == {}
    venue.held["AAPL"] -= 30
    venue.look(2)
    assert venue.drifts == {"AAPL": D(-30)}
    assert accept(world) == ""
    assert world.state.agreements["alpha"].bases == {"AAPL": D(70)}


def test_a_difference_that_goes_away_still_waits_for_a_person() -> None:
    """Without this, a book that is wrong every now and then would never be looked at."""
    world = world_of()
    venue = Venue(world)
    venue.held["AAPL"] = D(5)
    venue.look(2)
    venue.held["AAPL"] = D(0)
    venue.look(2)
    assert venue.drifts == {"AAPL": D(0)}
    assert world.place(limit=D(180)).reject is not None
    assert accept(world) == ""
    assert world.place(limit=D(180)).reject is None


def test_balances_are_positions_less_the_fees_paid_in_them() -> None:
    """Without this, each fill at an exchange that takes its fee off what is bought would be drift."""
    world = world_of()
    venue = Venue(world, "beta")
    order = world.place(symbol="BTC/USDT", qty=D("0.5"), limit=D(61800))
    venue.take(order)
    world.report(order, ExecType.NEW)
    venue.tell(venue.execute(order.order_id, D("0.5"), 61800, fee=D("0.0005"), fee_in="BTC"))
    assert venue.held["BTC"] == D("0.4995")
    venue.held["USDT"] = D(1_000_000)  # what others are paid in is not compared
    venue.look(3)
    assert venue.drifts == {}
    venue.held["BTC"] += D("0.0005")
    venue.look(3)
    assert venue.drifts == {"BTC": D("0.0005")}
    refused = world.place(symbol="BTC/USDT", qty=D("0.1"), limit=D(61800))
    assert refused.reject is not None
    assert refused.reject.code == RejectCode.HOLDINGS_DIFFER


def test_a_stop_by_difference_outlives_a_restart_and_is_not_lifted_by_enabling() -> None:
    """Without this, a restart, or somebody who enables trading for another reason, would let drift go on."""
    world = world_of()
    venue = Venue(world)
    venue.held["AAPL"] = D(5)
    venue.look(2)
    assert isinstance(world.records[-1].facts[0], DriftFound)
    world.resume()
    assert world.place(limit=D(180)).reject is not None
    world.state = decode_snapshot(encode_snapshot(world.state))
    assert world.place(limit=D(180)).reject is not None


@pytest.mark.parametrize("field", ["executions_before", "executions_after"])
def test_one_list_of_executions_that_lacks_one_is_not_believed(field: str) -> None:
    """Without this, a list that came short would make everything else look wrong."""
    world = world_of()
    venue = Venue(world)
    order = working(world, venue)
    venue.tell(venue.execute(order.order_id, 4))
    world.tick(60 * NS)
    venue.compared(msgspec.structs.replace(venue.reading(), **{field: ()}))
    venue.look(2)
    assert venue.drifts == {}


def _retold(venue: Venue, **terms: Any) -> None:
    """The venue lists its last execution otherwise from now on."""
    venue.executions[-1] = msgspec.structs.replace(venue.executions[-1], **terms)


def test_an_execution_that_the_venue_lists_otherwise_is_corrected_once_and_told() -> None:
    """Without this, a correction that was missed would leave price, quantity and P&L of the books wrong for good; one
    reading would be enough to change them; or it would be booked twice."""
    world = world_of()
    venue = Venue(world)
    order = working(world, venue)
    venue.tell(venue.execute(order.order_id, 10))
    venue.look()
    _retold(venue, last_qty=D(8), last_px=D(179))
    venue.held["AAPL"] = D(8)
    venue.look()
    assert (order.cum_qty, order.avg_px) == (10, 180)
    venue.look()
    [told] = [fact for record in world.records for fact in record.facts if isinstance(fact, ExecutionsDiffer)]
    assert [(one.booked_qty, one.venue_qty, one.venue_px) for one in told.executions] == [(10, 8, 179)]
    assert (order.cum_qty, order.avg_px, world.position(Route.LIVE)) == (8, 179, 8)
    assert world.state.agreements["alpha"].differing == told.executions
    venue.look(3)
    assert world.state.agreements["alpha"].differing == ()
    assert (venue.drifts, len(order.fills), order.fills[0].revised_ns > 0) == ({}, 1, True)


def test_a_list_that_contradicts_a_correction_changes_nothing_and_is_told_until_it_agrees() -> None:
    """Without this, a venue that lists executions as they first were would undo its own corrections."""
    world = world_of()
    venue = Venue(world)
    order = working(world, venue)
    fill = venue.execute(order.order_id, 10)
    venue.tell(fill)
    corrected = {"exec_id": "c1", "exec_ref_id": fill.exec_id, "last_qty": D(10), "last_px": D(175)}
    world.report(order, ExecType.TRADE_CORRECT, **corrected)
    venue.look(4)
    assert order.avg_px == 175
    world.state = decode_snapshot(encode_snapshot(world.state))
    [one] = world.state.agreements["alpha"].differing
    assert (one.booked_px, one.venue_px, one.is_corrected) == (175, 180, True)
    _retold(venue, last_px=D(175))
    venue.look(2)
    assert world.state.agreements["alpha"].differing == ()


def test_a_fee_that_became_known_later_is_booked_and_alarms_nobody() -> None:
    """Without this, a commission that came too late for its fill would never be in the P&L."""
    world = world_of()
    venue = Venue(world)
    order = working(world, venue)
    venue.tell(venue.execute(order.order_id, 10))
    _retold(venue, fee=D("1.25"), fee_currency="USD")
    venue.look(3)
    assert (order.fees, order.cum_qty) == (D("1.25"), 10)
    assert not any(isinstance(fact, ExecutionsDiffer) for record in world.records for fact in record.facts)


def test_a_correction_of_what_nobody_told_of_hides_a_difference_only_for_a_while() -> None:
    """Without this, one report that names an unknown execution would end the comparing of its symbol for good."""
    world = world_of()
    venue = Venue(world)
    order = working(world, venue)
    venue.tell(venue.execute(order.order_id, 10))
    world.report(order, ExecType.TRADE_CANCEL, exec_id="b1", exec_ref_id="unheard-of")
    venue.held["AAPL"] = D(0)
    assert venue.compared().holdings["AAPL"].unsteady
    world.tick(world.state.config.reconciliation.in_doubt_alert_s * NS)
    venue.look(3)
    assert venue.drifts == {"AAPL": D(-10)}
    raised = world.send(AlertsChecked(ts_ns=world.tick())).facts
    keys = {fact.alert.condition.key for fact in raised if isinstance(fact, AlertRaised)}
    assert "executions_differ:alpha:unknown" in keys


def test_two_orders_under_one_id_are_told() -> None:
    """Without this, a change that left two orders at a venue would trade twice what was asked for, unseen."""
    world = world_of()
    venue = Venue(world)
    order = working(world, venue)
    venue.open["twin"] = msgspec.structs.replace(venue.open[order.order_id], venue_order_id="v-twin", text="LMT")
    venue.look(2)
    [seen] = world.state.agreements["alpha"].foreign.values()
    assert (seen.venue_order_id, seen.order_id, seen.is_open) == ("v-twin", order.order_id, True)
    assert seen.text.startswith("a second order under the id of one of this gateway")
    del venue.open[order.order_id]  # the change took the place of the other after all
    world.report(order, ExecType.REPLACED, venue_order_id="v-twin")
    venue.look(2)
    assert not any(one.is_open for one in world.state.agreements["alpha"].foreign.values())
