"""Orders in doubt that a person settles: what is refused, what it does, and that the venue has the last word."""

from decimal import Decimal
from typing import Any

import pytest

from gateway.domain.enums import ExecType, OrdStatus, Route, Side, SubmitStatus
from gateway.domain.events import SubmitCompleted
from gateway.domain.orders import Order
from gateway.domain.reconciliation import SettleAs
from gateway.domain.reconciliation_events import SettlementRequested
from gateway.domain.reconciliation_facts import OrderSettled, SettlementOverruled
from tests.reconciliation.venue import Venue, world_of
from tests.world import RITA, World

D = Decimal
NEVER, CANCELED, FILLED = SettleAs.NEVER_SENT, SettleAs.CANCELED, SettleAs.FILLED


def doubted(world: World, qty: int = 10, **fields: Any) -> Order:
    order = world.place(qty=qty, limit=D(180), **fields)
    world.send(SubmitCompleted(ts_ns=world.tick(), order_id=order.order_id, status=SubmitStatus.UNKNOWN))
    return order


def settle(world: World, order: Order, settle_as: SettleAs, qty: str = "", px: str = "", says: str = "") -> str:
    """The code of the refusal; empty when it was done."""
    decision = world.send(
        SettlementRequested(
            ts_ns=world.tick(),
            order_id=order.order_id,
            settle_as=settle_as,
            actor=RITA,
            reason="phoned",
            qty=D(qty) if qty else None,
            px=D(px) if px else None,
            venue_says=says,
        )
    )
    return "" if decision.refusal is None else decision.refusal.code


def held(world: World) -> Decimal:
    return sum((use.held for use in world.state.books[Route.LIVE].accounts.values()), D(0))


@pytest.mark.parametrize(
    ("settle_as", "qty", "px", "status", "position"),
    [
        (NEVER, "", "", OrdStatus.CANCELED, 0),
        (CANCELED, "", "", OrdStatus.CANCELED, 0),
        (FILLED, "10", "179.5", OrdStatus.FILLED, 10),
        (FILLED, "4", "179.5", OrdStatus.CANCELED, 4),
    ],
)
def test_an_order_ends_as_the_person_says(
    settle_as: SettleAs, qty: str, px: str, status: OrdStatus, position: int
) -> None:
    """Without this, an order that no venue answers for would hold exposure for ever (invariant 6), and its position be
    missing."""
    world = world_of()
    order = doubted(world)
    assert held(world) > 0
    assert settle(world, order, settle_as, qty, px) == ""
    assert (order.ord_status, order.is_in_doubt, held(world)) == (status, False, D(0))
    assert world.position(Route.LIVE) == position
    settled = world.records[-1].facts[0]
    assert isinstance(settled, OrderSettled)
    assert (settled.actor, settled.settlement.reason, settled.settlement.settled_as) == (RITA, "phoned", settle_as)
    assert settle(world, order, NEVER) == "ORDER_NOT_IN_DOUBT"
    assert [ticket.order_id for ticket in world.released] == [order.order_id]  # its adapter stops asking for it


@pytest.mark.parametrize(
    ("settle_as", "qty", "px", "code"),
    [
        (FILLED, "", "", "SETTLEMENT_UNFIT"),
        (FILLED, "11", "179", "SETTLEMENT_UNFIT"),
        (FILLED, "10", "180.01", "SETTLEMENT_UNFIT"),
        (CANCELED, "1", "180", "SETTLEMENT_UNFIT"),
    ],
)
def test_what_cannot_have_been_is_refused(settle_as: SettleAs, qty: str, px: str, code: str) -> None:
    """Without this, a slip of the keyboard would become a position."""
    world = world_of()
    order = doubted(world)
    before = len(world.records)
    assert settle(world, order, settle_as, qty, px) == code
    assert (len(world.records), order.is_in_doubt) == (before, True)


def test_what_the_venue_has_said_is_not_denied() -> None:
    """Without this, an order that works would be called never sent, and be sent again by hand."""
    world = world_of()
    order = doubted(world)
    assert settle(world, order, CANCELED, says="listed it as open") == "VENUE_SAYS_OTHERWISE"
    world.report(order, ExecType.TRADE, exec_id="e1", last_qty=D(3), last_px=D(180), venue_order_id="v1")
    assert settle(world, order, CANCELED) == "ORDER_NOT_IN_DOUBT"
    shadow = world_of().place()
    assert settle(world, shadow, CANCELED) == "ORDER_NOT_IN_DOUBT"


def test_an_acknowledged_order_that_the_venue_lost_was_sent() -> None:
    """Without this, what the venue once confirmed could be declared never to have been."""
    world = world_of()
    venue = Venue(world)
    order = world.place(limit=D(180))
    world.report(order, ExecType.NEW, venue_order_id="v1")
    venue.look(2)
    assert order.is_in_doubt
    assert settle(world, order, NEVER) == "VENUE_SAYS_OTHERWISE"
    assert settle(world, order, CANCELED) == ""


@pytest.mark.parametrize("parts", [(10,), (4, 6), (1, 2, 3, 4)])
@pytest.mark.parametrize(("settle_as", "qty"), [(FILLED, "10"), (FILLED, "4"), (NEVER, ""), (CANCELED, "")])
def test_executions_of_the_venue_take_the_place_of_what_was_said(
    settle_as: SettleAs, qty: str, parts: tuple[int, ...]
) -> None:
    """Without this, an execution that comes late would be lost, or be there beside the one that a person told
    (invariant 7)."""
    world = world_of()
    order = doubted(world)
    settle(world, order, settle_as, qty, "179" if qty else "")
    for number, part in enumerate(parts):
        for _ in range(2):  # each is told twice
            world.report(order, ExecType.TRADE, exec_id=f"e{number}", last_qty=D(part), last_px=D(180))
            done = sum(parts[: number + 1])
            assert order.cum_qty == max(D(qty or 0), D(done))
    assert world.position(Route.LIVE) == order.cum_qty == 10
    assert {fill.last_px for fill in order.fills} == {D(180)}
    assert order.settlement is not None
    assert order.settlement.is_overruled
    told = [fact for record in world.records for fact in record.facts if isinstance(fact, SettlementOverruled)]
    assert len(told) == 1
    assert "rita" in told[0].text
    assert order.ord_status in (OrdStatus.FILLED, OrdStatus.CANCELED)
    assert held(world) == 0


def test_the_end_that_the_venue_tells_takes_back_what_was_said_to_have_filled() -> None:
    """Without this, a position would stay in the books that no venue ever made."""
    world = world_of()
    order = doubted(world)
    settle(world, order, FILLED, "10", "179")
    world.report(order, ExecType.TRADE, exec_id="e1", last_qty=D(3), last_px=D(180))
    world.report(order, ExecType.CANCELED)
    assert (order.cum_qty, order.ord_status, world.position(Route.LIVE)) == (D(3), OrdStatus.CANCELED, D(3))


def test_a_sale_is_held_to_its_limit_the_other_way() -> None:
    """Without this, the check of the price would be of buys only."""
    world = world_of()
    world.open_live(10)
    order = doubted(world, side=Side.SELL)
    assert settle(world, order, FILLED, "10", "179.99") == "SETTLEMENT_UNFIT"
    assert settle(world, order, FILLED, "10", "180.5") == ""
