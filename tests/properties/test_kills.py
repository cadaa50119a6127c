"""Kills at any moment in the life of orders with exits: what works afterwards is what the books say, live or not."""

import random
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from gateway.adapters.venues.simulator.model import MatchingModel
from gateway.adapters.venues.simulator.order import Phase, SimOrder
from gateway.domain.enums import OPEN_STATUSES, Mode, OrderClass, OrdType, Route, Side, TimeInForce
from gateway.domain.order_class import StopLoss, TakeProfit
from gateway.domain.orders import Order
from gateway.domain.twin import Twin
from tests.properties.survivors import MS, SYMBOLS, Survivor

D = Decimal
Part = Callable[[Order], Order | Twin | None]
_CENT = D("0.01")
_PARTS: tuple[Part, ...] = (lambda one: one, lambda one: one.twin, lambda one: one.second_twin)


# --- what happens -----------------------------------------------------------------------------------


def _near(world: Survivor, symbol: str, percent: int) -> Decimal:
    return (world.px[symbol] * (100 + percent) / 100).quantize(_CENT)


def _move(world: Survivor, rng: random.Random) -> None:
    symbol = rng.choice(SYMBOLS)
    world.move(symbol, _near(world, symbol, rng.randint(-8, 8)))


def _place_class(world: Survivor, rng: random.Random) -> None:
    symbol, kind = rng.choice(SYMBOLS), rng.choice([OrderClass.BRACKET, OrderClass.OCO, OrderClass.OTO])
    side, qty = rng.choice(list(Side)), rng.randint(1, 20)
    held = world.position(world.route, symbol)
    if kind is OrderClass.OCO and held:
        side, qty = (Side.SELL if held > 0 else Side.BUY), min(int(abs(held)), qty)
    away = rng.randint(1, 6) * (1 if (side is Side.BUY) is (kind is not OrderClass.OCO) else -1)
    profit = _near(world, symbol, away)
    limit = profit if kind is OrderClass.OCO else rng.choice([None, world.px[symbol]])
    world.place(
        side,
        qty,
        symbol,
        limit=limit,
        order_class=kind,
        take_profit=None if kind is OrderClass.OTO else TakeProfit(profit),
        stop_loss=StopLoss(_near(world, symbol, -away), rng.choice([None, None, _near(world, symbol, -2 * away)])),
        time_in_force=rng.choice([TimeInForce.GTC, TimeInForce.DAY]),
    )


def _place_simple(world: Survivor, rng: random.Random) -> None:
    symbol = rng.choice(SYMBOLS)
    px, further = _near(world, symbol, rng.randint(-4, 4)), _near(world, symbol, rng.randint(-8, 8))
    tif = rng.choice([TimeInForce.GTC, TimeInForce.DAY, TimeInForce.GTD])
    expire_ns = world.now_ns + rng.choice([50, 5_000, 90_000_000]) * MS if tif is TimeInForce.GTD else None
    timed: dict[str, Any] = {"time_in_force": tif, "expire_ns": expire_ns}
    terms: dict[str, Any] = rng.choice(
        [
            {},
            {"limit": px, **timed},
            {"ord_type": OrdType.STOP, "stop_px": px, **timed},
            {"ord_type": OrdType.STOP_LIMIT, "stop_px": px, "limit": further, **timed},
            {"ord_type": OrdType.TRAILING_STOP, "trailing_percent": D(rng.randint(1, 5)), **timed},
            {"limit": px, "time_in_force": TimeInForce.IOC},
            {"limit": px, "time_in_force": TimeInForce.FOK},
            {"limit": px, "time_in_force": TimeInForce.AT_THE_CLOSE},
            {"time_in_force": TimeInForce.AT_THE_OPENING},
        ]
    )
    world.place(rng.choice(list(Side)), rng.randint(1, 20), symbol, **terms)


def _cancel(world: Survivor, rng: random.Random) -> None:
    if working := world.state.open_orders():
        world.cancel(rng.choice(working))


def _replace(world: Survivor, rng: random.Random) -> None:
    if working := world.state.open_orders():
        order = rng.choice(working)
        limit = None if order.limit_px is None else (order.limit_px * rng.randint(97, 103) / 100).quantize(_CENT)
        world.replace(order, order_qty=rng.choice([None, D(rng.randint(1, 30))]), limit_px=limit)


def _kill(world: Survivor, rng: random.Random) -> None:
    """Often just after something has happened: two reports of one moment are then heard and not heard."""
    if rng.random() < 0.7:
        for _ in range(rng.randint(1, 3)):
            _move(world, rng)
        world.wait(rng.choice([2, 4, 5, 6, 7, 8, 9, 10, 12]))
    world.kill(rng.choice([60, 70, 3_000, 3_600_000, 30 * 3_600_000]))
    for one in _known_to(world.simulator).values():
        assert not world.state.orders[one.ticket.order_id].is_cancel_requested, one


_ACTS = [_move, _move, _place_class, _place_class, _place_simple, _cancel, _replace]


def _live_through(world: Survivor, rng: random.Random, steps: int) -> None:
    for _ in range(steps):
        draw = rng.random()
        if draw < 0.15:
            _kill(world, rng)
        elif draw < 0.45:
            world.wait(rng.choice([1, 2, 3, 6, 10, 50, 1_000]))
        else:
            rng.choice(_ACTS)(world, rng)
            world.tick()
            if rng.random() < 0.9:
                world.hand_over()
        _check_pairs(world)
        if rng.random() < 0.15:
            world.settle()
            _check_all(world)


# --- what must be true ------------------------------------------------------------------------------


def _check_pairs(world: Survivor) -> None:
    """Exits close what they are for, and no more, of the orders and of both their twins."""
    for order in world.state.orders.values():
        if not order.is_sent_with_exits:
            continue
        legs = world.state.legs_of(world.state.orders[order.parent_id])
        is_oco = order.order_class is OrderClass.OCO
        closing = legs if is_oco else [leg for leg in legs if leg.entry_id == order.order_id]
        for part in _PARTS:
            if (own := part(order)) is not None:
                closed = sum((one.cum_qty for one in map(part, closing) if one is not None), D(0))
                assert closed <= (order.order_qty if is_oco else own.cum_qty), (order, closing)


def _known_to(model: MatchingModel) -> dict[str, SimOrder]:
    return {one.order_id: one for one in model._exchange}


def _check_all(world: Survivor) -> None:
    """Nothing is on its way any more: what works is what is open, under the same terms."""
    _check_pairs(world)
    played = _known_to(world.simulator)
    for route, known in ((Route.SHADOW, played), (Route.LIVE, _known_to(world.venue))):
        own = {one.order_id: one for one in world.state.open_orders() if one.route is route}
        assert set(own) == {name for name, one in known.items() if not one.ticket.is_twin}
        for name, order in own.items():
            assert order.pending_replace is None
            assert not order.is_cancel_requested
            _check_one(world, order, order, known[name], 0)
    for order in world.state.orders.values():
        for number, twin in enumerate((order.twin, order.second_twin), 1):
            if twin is not None:
                copy = played.get(order.order_id if number == 1 else f"{order.order_id}/2")
                assert (copy is not None) == (twin.ord_status in OPEN_STATUSES), (order, number, copy)
                if copy is not None:
                    _check_one(world, order, twin, copy, number)


def _check_one(world: Survivor, order: Order, own: Order | Twin, known: SimOrder, number: int) -> None:
    booked = (own.cum_qty, order.order_qty, order.limit_px)
    assert booked == (known.cum_qty, known.order_qty, known.limit_px), (order, number)
    assert known.phase is Phase.DORMANT or known.leaves_qty, (order, number)
    if order.entry_id and order.armed_qty is not None:
        entry = _PARTS[number](world.state.orders[order.entry_id])
        assert entry is not None
        assert (known.phase is Phase.DORMANT) == (entry.ord_status in OPEN_STATUSES), (order, number)


@pytest.mark.parametrize("mode", [Mode.SHADOW, Mode.LIVE])
@pytest.mark.parametrize("first", range(0, 60, 10))
def test_no_exit_is_doubled_or_lost_whenever_it_is_killed(mode: Mode, first: int) -> None:
    """Without this, a kill between two reports of one moment could close a position twice, leave an exit asleep, or
    orders and twins open that nobody works any more."""
    for seed in range(first, first + 10):
        rng = random.Random(seed)
        world = Survivor(mode, rng)
        _live_through(world, rng, 60)
        world.settle()
        _check_all(world)
