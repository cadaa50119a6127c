"""What is held again after a flatten has ended flat, and what a venue holds other than the books say."""

from typing import Any

import pytest

from gateway.core.trading.flattens import Flatten
from gateway.domain.alert_facts import AlertRaised
from gateway.domain.enums import ExecType, Mode, OrdStatus, Route, ScopeKind, Side, SubmitStatus
from gateway.domain.events import AlertsChecked, SubmitCompleted
from gateway.domain.orders import Order
from gateway.domain.reconciliation_events import DriftAcceptance
from tests.reconciliation.venue import ALPHA, BETA, Venue
from tests.world import RITA, D, World, trading_config


def world_of(**config: Any) -> World:
    return World(trading_config(Mode.LIVE, capabilities={"alpha": ALPHA, "beta": BETA}, **config))


def flat(world: World, **wish: Any) -> tuple[Flatten, Order]:
    """A flatten that has ended flat, and an order that it canceled: nobody has told of its last fill yet."""
    world.open_live(10)
    early = world.place(Side.BUY, 4, limit=D(170))
    flatten = world.flatten(**wish)
    world.report(early, ExecType.CANCELED)
    world.pursue()
    world.fill(world.closing(flatten)[0])
    world.pursue()
    assert (flatten.is_flat, world.position(Route.LIVE)) == (True, 0)
    return flatten, early


def alerts(world: World) -> list[str]:
    decision = world.send(AlertsChecked(ts_ns=world.tick(), conditions=()))
    raised = [fact.alert.condition for fact in decision.facts if isinstance(fact, AlertRaised)]
    return [one.text for one in raised if one.subject.endswith("held again")]


SCOPES: list[dict[str, Any]] = [{}, {"scope": ScopeKind.SYMBOL, "scope_id": "AAPL"}]


@pytest.mark.parametrize("wish", SCOPES)
def test_a_fill_that_is_told_after_the_end_is_closed_too(wish: dict[str, Any]) -> None:
    """Without this, somebody who was told that he is flat would hold a position overnight, in a scope in which nothing
    may be traded."""
    world = world_of()
    flatten, early = flat(world, **wish)
    world.fill(early, 4)
    assert (early.ord_status, world.position(Route.LIVE)) == (OrdStatus.CANCELED, 4)
    world.pursue()
    world.pursue()
    [again] = world.state.running_flattens()
    [order] = world.closing(again)
    assert (order.side, order.order_qty) == (Side.SELL, D(4))
    assert flatten.order.flatten_id in again.order.reason
    assert (again.order.scope, again.order.scope_id) == (flatten.order.scope, flatten.order.scope_id)
    world.fill(order)
    records = len(world.records)
    for _ in range(3):
        world.pursue(1)
    assert (again.is_flat, world.position(Route.LIVE)) == (True, 0)
    assert len(world.records) == records + 1  # its end; nothing begins anew
    assert alerts(world) == []


def test_a_late_crumb_is_tried_once_and_left() -> None:
    """Without this, what is too little for an order would begin one flatten after another, for ten minutes."""
    world = world_of()
    _, early = flat(world)
    world.fill(early, 1)
    world.pursue()
    world.pursue()
    [again] = world.state.running_flattens()
    [order] = world.closing(again)
    rejected = {"order_id": order.order_id, "status": SubmitStatus.REJECTED, "is_too_small": True}
    world.send(SubmitCompleted(ts_ns=world.tick(), text="too little", **rejected))
    for _ in range(5):
        world.pursue(30)
    assert (again.is_running, again.is_flat, len(world.state.flattens)) == (False, False, 2)
    assert "too little" in again.text
    world.tick(601 * 1_000_000_000)
    assert alerts(world) == []  # the flatten has said it


def test_one_that_is_told_much_later_is_left_to_a_person_and_told() -> None:
    """Without this, what a person has closed at the venue meanwhile would be closed a second time; or nobody would know
    that the books hold something again."""
    world = world_of()
    flatten, early = flat(world)
    world.tick(601 * 1_000_000_000)
    world.fill(early, 4)
    world.pursue()
    world.pursue()
    assert world.state.running_flattens() == []
    [text] = alerts(world)
    assert "default|s1|alpha|AAPL" in text
    assert flatten.order.flatten_id in text


def test_who_let_trading_go_on_or_stopped_it_anew_keeps_what_he_holds() -> None:
    """Without this, a flatten of minutes ago would close what was bought since."""
    world = world_of()
    _, early = flat(world)
    world.resume()
    world.fill(early, 4)
    world.pursue()
    assert world.state.running_flattens() == []
    world.halt()  # stopped, not flattened
    world.pursue()
    assert world.state.running_flattens() == []
    assert alerts(world) == []


def drifted(world: World, by: int, side: Side = Side.BUY, strategies: tuple[str, ...] = ("s1",)) -> Venue:
    """Each strategy holds ten, short or long, and the venue holds ``by`` more than the books say."""
    venue = Venue(world)
    for strategy in strategies:
        order = world.place(side, 10, limit=D(180), strategy=strategy)
        venue.take(order)
        world.report(order, ExecType.NEW, venue_order_id=f"v-{order.order_id}")
        venue.tell(venue.execute(order.order_id, 10))
    venue.held["AAPL"] += by
    venue.look(2)
    assert venue.drifts == {"AAPL": D(by)}
    return venue


@pytest.mark.parametrize(
    ("side", "by", "closed"),
    [
        (Side.BUY, -4, 6),
        (Side.BUY, 4, 10),
        (Side.BUY, -10, 0),
        (Side.BUY, -13, 0),
        (Side.SELL, 4, 6),
        (Side.SELL, -4, 10),
    ],
)
def test_no_more_is_closed_than_the_venue_is_known_to_hold(side: Side, by: int, closed: int) -> None:
    """Without this, getting out would turn over what the venue holds: nobody would be flat, and nobody would know."""
    world = world_of()
    venue = drifted(world, by, side)
    flatten = world.flatten()
    assert [order.order_qty for order in world.closing(flatten)] == ([D(closed)] if closed else [])
    for order in world.closing(flatten):
        world.pursue(1)
        venue.take(order)
        venue.tell(venue.execute(order.order_id, closed))
    world.pursue(1)
    assert venue.held["AAPL"] * side.sign >= min(0, 10 + by * side.sign)
    assert flatten.is_flat is (closed == 10)
    if closed < 10:
        assert "AAPL, the books explain" in flatten.waits[0]
        assert "turn over" in flatten.waits[0]
        records = len(world.records)
        world.pursue(60)
        assert len(world.records) == records
        world.send(DriftAcceptance(ts_ns=world.tick(), venue="alpha", symbol="AAPL", actor=RITA, reason="phoned"))
        world.pursue()
        assert world.closing(flatten)[-1].order_qty == 10 - closed  # a person said so


def test_strategies_share_what_the_venue_holds() -> None:
    """Without this, each of them would close all that is there."""
    world = world_of()
    drifted(world, -7, strategies=("s1", "s2"))
    flatten = world.flatten()
    assert [(order.strategy_id, order.order_qty) for order in world.closing(flatten)] == [("s1", D(10)), ("s2", D(3))]
