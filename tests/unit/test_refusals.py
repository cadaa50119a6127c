"""What an instrument, a session or a connection does not take is refused by its own code, and nothing else is."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from gateway.domain.enums import Mode, OrdType, RejectStage, Route, Side, TradingState
from gateway.domain.events import SessionStarted, VenueStatusChanged
from gateway.domain.orders import Order
from gateway.domain.reasons import RejectCode
from tests.world import INSTRUMENTS, TRADER, World, trading_config

D = Decimal


def world_with(mode: Mode = Mode.SHADOW, **changes: Any) -> World:
    """A gateway whose AAPL has other terms."""
    aapl = msgspec.structs.replace(INSTRUMENTS["AAPL"], **changes)
    return World(trading_config(mode, instruments={**INSTRUMENTS, "AAPL": aapl}))


def code_of(order: Order) -> str | None:
    return None if order.reject is None else order.reject.code


@pytest.mark.parametrize(
    ("changes", "order", "code"),
    [
        ({}, {"limit": D("180.01")}, None),
        ({}, {"limit": D("180.005")}, RejectCode.PRICE_OFF_TICK),
        ({}, {"limit": D("180"), "stop_px": D("179.999"), "ord_type": OrdType.STOP_LIMIT}, RejectCode.PRICE_OFF_TICK),
        ({"lot_size": D(10)}, {"qty": 20}, None),
        ({"lot_size": D(10)}, {"qty": 19}, RejectCode.QUANTITY_OFF_LOT),
        ({"min_qty": D(5)}, {"qty": 5}, None),
        ({"min_qty": D(5)}, {"qty": 4}, RejectCode.QUANTITY_BELOW_MINIMUM),
        ({"max_qty": D(5)}, {"qty": 5}, None),
        ({"max_qty": D(5)}, {"qty": 6}, RejectCode.QUANTITY_ABOVE_MAXIMUM),
        ({"min_notional": D(360)}, {"qty": 2}, None),
        ({"min_notional": D(360)}, {"qty": 1}, RejectCode.NOTIONAL_BELOW_MINIMUM),
        ({"order_types": (OrdType.LIMIT,)}, {"limit": D(180)}, None),
        ({"order_types": (OrdType.LIMIT,)}, {}, RejectCode.ORDER_TYPE_UNSUPPORTED),
        ({"enabled": False}, {}, RejectCode.INSTRUMENT_DISABLED),
    ],
)
def test_an_instrument_takes_what_fits_it(changes: dict[str, Any], order: dict[str, Any], code: str | None) -> None:
    """Without this, an order that its venue must refuse would reach it, or a good one would not."""
    placed = world_with(**changes).place(**order)
    assert code_of(placed) == code
    if placed.reject is not None:
        assert placed.reject.stage is RejectStage.INSTRUMENT


def test_an_order_that_nothing_values_is_refused() -> None:
    """Without this, a market order without any known price would count as worth nothing."""
    world = World()
    del world.prices["AAPL"]
    assert code_of(world.place()) == RejectCode.REFERENCE_PRICE_MISSING
    assert code_of(world.place(limit=D(180))) is None


def test_a_disabled_instrument_can_be_sold_out_of() -> None:
    """Without this, switching an instrument off would lock people into it."""
    world = world_with(Mode.LIVE)
    world.open_live(10)
    aapl = msgspec.structs.replace(INSTRUMENTS["AAPL"], enabled=False)
    world.load(trading_config(Mode.LIVE, instruments={**INSTRUMENTS, "AAPL": aapl}, revision="off"))
    assert code_of(world.place(Side.SELL, 10)) is None


def test_only_strategies_of_the_session_open_positions() -> None:
    """Without this, a strategy that nobody started today could trade."""
    world = World()
    world.send(SessionStarted(ts_ns=world.tick(), session_id="d1", label="day", strategies=("s1",), actor=TRADER))
    assert code_of(world.place(strategy="s2")) == RejectCode.STRATEGY_NOT_IN_SESSION
    assert code_of(world.place(strategy="s1")) is None


def test_nothing_is_sent_to_a_venue_that_is_not_connected() -> None:
    """Without this, orders would pile up in doubt at a venue that does not hear them; the simulator still trades."""
    world = World(trading_config(Mode.LIVE))
    world.send(VenueStatusChanged(ts_ns=world.tick(), venue="alpha", is_connected=False, text="socket closed"))
    refused = world.place()
    assert (refused.route, code_of(refused)) == (Route.LIVE, RejectCode.VENUE_NOT_CONNECTED)
    world.load(trading_config(Mode.SHADOW, revision="down"))
    assert code_of(world.place(strategy="s2")) is None


def test_trading_states_refuse_by_their_own_codes() -> None:
    """Without this, the kill switch would not switch, or closing would stop before it."""
    world = World()
    world.fill(world.place(qty=5))
    world.halt(TradingState.REDUCING)
    assert code_of(world.place()) == RejectCode.TRADING_REDUCING
    assert code_of(world.place(Side.SELL, 2)) is None
    world.halt(TradingState.HALTED)
    assert code_of(world.place(Side.SELL, 2)) == RejectCode.TRADING_HALTED
