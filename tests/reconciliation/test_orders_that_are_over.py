"""Orders that are over in the books and work at the venue, and orders of others that are let go of."""

import msgspec
import pytest

from gateway.core.checkpoint import decode_snapshot, encode_snapshot
from gateway.core.trading import agreements
from gateway.core.trading.agreements import VenueAgreement
from gateway.domain.enums import ExecType, Mode, Side
from gateway.domain.events import LookupCompleted
from gateway.domain.executions import ExecutionReport
from gateway.domain.orders import Order
from gateway.domain.reconciliation import ForeignOrder
from gateway.domain.reconciliation_events import AccountCompared
from tests.reconciliation.venue import ALPHA, Venue, world_of
from tests.world import D, trading_config


def test_an_order_that_is_over_here_is_canceled_until_it_is_over_there() -> None:
    """Without this, one cancel that is lost, or for which the venue's budget has no room, would leave an order at work
    that nobody can cancel through the gateway any more."""
    world = world_of()
    venue = Venue(world)
    order = world.place(limit=D(180))
    venue.take(order)
    world.report(order, ExecType.NEW, venue_order_id=f"v-{order.order_id}")
    world.report(order, ExecType.CANCELED)
    hand = venue.place_by_hand("AAPL", 5)
    world.canceled.clear()
    venue.look(2)
    assert [ticket.order_id for ticket in world.canceled] == [order.order_id]
    records = len(world.records)
    venue.look(2)
    assert [ticket.order_id for ticket in world.canceled] == [order.order_id] * 3
    assert len(world.records) == records
    del venue.open[order.order_id]
    venue.look(3)
    assert len(world.canceled) <= 4  # readings that agree lag by one
    assert hand in venue.open


def test_an_order_that_is_gone_is_missed_although_its_cancel_is_refused_again_and_again() -> None:
    """Without this, a flatten or a halt would keep the order for ever whose end it is waiting for: each refusal of its
    cancel counted as a change of it, and what changed just now is not missed."""
    world = world_of()
    venue = Venue(world)
    order = world.place(limit=D(180))
    venue.take(order)
    world.report(order, ExecType.NEW, venue_order_id=f"v-{order.order_id}")
    world.flatten()
    del venue.open[order.order_id]  # and its end is never told
    for _ in range(4):
        for _ in range(30):
            world.pursue(2)
            world.report(order, ExecType.CANCEL_REJECTED, text="the order is not in a state in which it can be")
        venue.compared()
    assert order.is_in_doubt
    assert [ticket.order_id for ticket in world.looked_up if not ticket.is_twin] == [order.order_id]
    ended = ExecutionReport(order_id=order.order_id, exec_type=ExecType.CANCELED, transact_ns=world.now_ns)
    world.send(LookupCompleted(ts_ns=world.tick(), order_id=order.order_id, is_known=True, reports=(ended,)))
    world.pursue()
    assert not world.state.running_flattens()


def test_orders_of_others_are_let_go_of_alike_before_and_after_a_restart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Invariant 9: without this, two processes with the same facts would remember different orders, for a checkpoint
    keeps maps by name and not by age."""
    monkeypatch.setattr(agreements, "_REMEMBERED", 2)

    def seen(key: str, since_ns: int) -> ForeignOrder:
        return ForeignOrder(
            venue="alpha",
            venue_order_id=key,
            symbol="AAPL",
            side=Side.BUY,
            order_qty=D(1),
            cum_qty=D(0),
            since_ns=since_ns,
            is_open=False,
        )

    world = world_of()
    mine = world.state.agreements["alpha"] = VenueAgreement()
    mine.note_foreign(seen("z", 1))
    mine.note_foreign(seen("a", 2))
    theirs = decode_snapshot(encode_snapshot(world.state)).agreements["alpha"]
    for one in (mine, theirs):
        one.note_foreign(seen("m", 3))
        assert sorted(one.foreign) == ["a", "m"]
        one.forget_foreign("z")  # gone in the same record in which it was let go of
    assert msgspec.json.encode(mine, order="deterministic") == msgspec.json.encode(theirs, order="deterministic")


def over_and_forgotten(venue: Venue) -> Order:
    """An order that is over here, works at the venue, and is in the archive alone."""
    world = venue.world
    order = world.place(limit=D(180))
    venue.take(order)
    world.report(order, ExecType.NEW, venue_order_id=f"v-{order.order_id}")
    world.report(order, ExecType.CANCELED)
    venue.archived[order.order_id] = order
    world.load(trading_config(Mode.LIVE, weight_bp=10_000, capabilities={"alpha": ALPHA}, retained_closed_orders=0))
    other = world.place(limit=D(180))
    world.report(other, ExecType.NEW)
    world.report(other, ExecType.CANCELED)
    assert order.order_id not in world.state.orders
    world.canceled.clear()
    return order


def test_one_that_left_memory_is_canceled_all_the_same() -> None:
    """Without this, how long ago an order ended would decide whether it is taken back: one of last week that a venue
    brings back to life would only be told of, and fill beyond all limits."""
    world = world_of()
    venue = Venue(world)
    order = over_and_forgotten(venue)
    venue.look(1)
    assert world.canceled == []
    venue.look(3)
    assert [ticket.order_id for ticket in world.canceled] == [order.order_id] * 3
    assert world.canceled[0].venue_order_id == f"v-{order.order_id}"
    [event] = [one.event for one in world.records if isinstance(one.event, AccountCompared)]
    assert [one.order_id for one in event.archived] == [order.order_id]  # so that deciding again gives the same
    del venue.open[order.order_id]
    venue.look(3)
    assert len(world.canceled) <= 4  # readings that agree lag by one


def test_what_only_bears_the_id_of_one_of_ours_is_left_alone() -> None:
    """Without this, somebody who used an id of ours for an order of his own would find it canceled, or the cancel would
    go where the order never was."""
    world = world_of()
    venue = Venue(world)
    order = over_and_forgotten(venue)
    venue.open[order.order_id] = msgspec.structs.replace(venue.open[order.order_id], side=Side.SELL)
    venue.look(4)
    assert world.canceled == []
    assert [one.order_id for one in world.state.agreements["alpha"].foreign.values()] == [order.order_id]


def test_one_that_the_venue_lists_without_our_id_is_known_by_its_own() -> None:
    """Without this, exchanges that list open orders by their own ids alone would keep what is over here at work."""
    world = world_of()
    venue = Venue(world)
    order = world.place(limit=D(180))
    venue.take(order)
    venue.open[order.order_id] = msgspec.structs.replace(venue.open[order.order_id], order_id="")
    world.report(order, ExecType.NEW, venue_order_id=f"v-{order.order_id}")
    world.report(order, ExecType.CANCELED)
    world.canceled.clear()
    venue.look(2)
    assert [ticket.order_id for ticket in world.canceled] == [order.order_id]
