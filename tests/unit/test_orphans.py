"""An edit of the configuration may not take away what an open position needs to be closed."""

from decimal import Decimal

import msgspec
import pytest

from gateway.core.orphans import orphans
from gateway.domain.config import AccountConfig, TradingConfig
from gateway.domain.enums import ExecType, Side
from tests.world import INSTRUMENTS, World, trading_config

D = Decimal


def without(symbol: str) -> TradingConfig:
    return trading_config(instruments={name: one for name, one in INSTRUMENTS.items() if name != symbol})


def changed(**fields: object) -> TradingConfig:
    return trading_config(instruments=INSTRUMENTS | {"ES": msgspec.structs.replace(INSTRUMENTS["ES"], **fields)})


@pytest.mark.parametrize(
    ("new", "words"),
    [
        (without("ES"), "leaves instruments.yaml"),
        (changed(venue="beta"), "moves to beta"),
        (changed(multiplier=D(20)), "multiplier changes"),
        (changed(currency="USDT"), "currency or multiplier"),
        (trading_config(accounts={"second": AccountConfig()}), "leaves gateway.yaml"),
        (trading_config(rates={"USDT": D(1)}), "keep the rate of USD"),
    ],
)
@pytest.mark.parametrize("is_filled", [True, False])
def test_what_is_open_keeps_its_instrument_account_and_rate(new: TradingConfig, words: str, is_filled: bool) -> None:
    """Without this, one edit could make a position impossible to close, or worth another amount."""
    world = World()
    order = world.place(symbol="ES", qty=1)
    if is_filled:
        world.fill(order)
    assert any(words in text for text in orphans(world.state, new))
    if is_filled:
        world.fill(world.place(Side.SELL, symbol="ES", qty=1))
    else:
        world.report(order, ExecType.CANCELED)
    assert orphans(world.state, new) == ()
