"""Orders that are over in the books and work at the venue, and orders of others that are let go of."""

import msgspec

from gateway.core.checkpoint import decode_snapshot, encode_snapshot
from gateway.core.trading import agreements
from gateway.core.trading.agreements import VenueAgreement
from gateway.domain.enums import ExecType, Side
from gateway.domain.reconciliation import ForeignOrder
from tests.reconciliation.venue import Venue, world_of
from tests.world import D


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


def test_orders_of_others_are_let_go_of_alike_before_and_after_a_restart(monkeypatch) -> None:  # type: ignore[no-untyped-def]
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
