"""Closing what was bought where the venue takes its fee in the very asset: less is there than was bought."""

from decimal import Decimal

from gateway.core.trading.agreements import agreement_of
from gateway.core.trading.flattens import Flatten
from gateway.domain.enums import Mode, Route, ScopeKind, Side
from gateway.domain.orders import Order
from tests.reconciliation.venue import ALPHA, BETA
from tests.world import D, World, trading_config

COIN = "BTC/USDT"


def world_with(qty: str, fee: str) -> World:
    """A live position of that much, bought for a fee in coins."""
    world = World(trading_config(Mode.LIVE, capabilities={"alpha": ALPHA, "beta": BETA}))
    order = world.place(Side.BUY, D(qty), symbol=COIN)
    world.fill(order, fee=D(fee), fee_currency="BTC")
    return world


def sent_by(world: World, flatten: Flatten) -> list[tuple[Side, Decimal]]:
    return [(order.side, order.order_qty) for order in world.closing(flatten)]


def fill_all(world: World, orders: list[Order]) -> None:
    for order in orders:
        if order.is_open:
            world.fill(order)
    world.pursue()
    world.pursue()


def test_no_more_is_sold_than_is_left_of_it_and_that_is_flat() -> None:
    """Without this, the venue would refuse the whole for want of balance, every half minute, and nobody who bought
    coins would get out by the one button."""
    world = world_with("0.01", "0.00001")
    flatten = world.flatten()
    world.pursue()
    assert sent_by(world, flatten) == [(Side.SELL, D("0.00999"))]
    fill_all(world, world.closing(flatten))
    assert flatten.is_flat
    assert "BTC/USDT: 0.00001 stays in the books" in flatten.text
    assert "fees were paid in BTC" in flatten.text
    assert world.position(Route.LIVE, COIN) == D("0.00001")


def test_what_went_as_fees_begins_no_flatten_again() -> None:
    """Without this, a flatten that ended would follow another for ten minutes, for something that is not there."""
    world = world_with("0.01", "0.00001")
    flatten = world.flatten()
    world.pursue()
    fill_all(world, world.closing(flatten))
    for _ in range(5):
        world.pursue()
    assert list(world.state.flattens) == [flatten.order.flatten_id]


def test_what_fees_left_below_a_lot_is_no_order() -> None:
    """Without this, the rest of a lot would be refused for its step, again and again."""
    world = world_with("0.01", "0.000015")
    flatten = world.flatten()
    world.pursue()
    assert sent_by(world, flatten) == [(Side.SELL, D("0.00998"))]
    fill_all(world, world.closing(flatten))
    assert flatten.is_flat
    assert len(world.closing(flatten)) == 1


def test_coins_that_people_hold_beside_have_paid_the_fees() -> None:
    """Without this, a strategy that always sells the whole, out of coins that are there besides, would after a thousand
    trades have a position that nothing closes."""
    world = world_with("0.01", "0.01")
    agreement_of(world.state.agreements, "beta").bases["BTC"] = D(1)
    flatten = world.flatten()
    world.pursue()
    assert sent_by(world, flatten) == [(Side.SELL, D("0.01"))]


def test_two_strategies_share_what_is_there() -> None:
    """Without this, the second of two orders would be refused: each alone fits, both together do not."""
    world = world_with("0.01", "0.00001")
    world.fill(world.place(Side.BUY, D("0.02"), symbol=COIN, strategy="s2"), fee=D("0.00002"), fee_currency="BTC")
    flatten = world.flatten()
    world.pursue()
    assert sum(qty for _, qty in sent_by(world, flatten)) == D("0.02997")
    fill_all(world, world.closing(flatten))
    assert flatten.is_flat


def test_coins_that_were_sold_short_are_bought_back() -> None:
    """Without this, a flatten would end as flat with a short position open: of coins that people hold beside the books
    nothing is there to be bought, and nothing need be."""
    world = World(trading_config(Mode.LIVE, capabilities={"alpha": ALPHA, "beta": BETA}))
    agreement_of(world.state.agreements, "beta").bases["BTC"] = D(10)
    world.fill(world.place(Side.SELL, D("0.01"), symbol=COIN))
    flatten = world.flatten()
    world.pursue()
    assert sent_by(world, flatten) == [(Side.BUY, D("0.01"))]
    fill_all(world, world.closing(flatten))
    assert (flatten.is_flat, flatten.text) == (True, "flat")
    assert world.position(Route.LIVE, COIN) == 0


def test_coins_that_another_strategy_sold_short_are_waited_for() -> None:
    """Without this, a flatten would end as flat, fees alleged, with both positions open: together they hold nothing."""
    world = world_with("0.01", "0")
    world.fill(world.place(Side.SELL, D("0.01"), symbol=COIN, strategy="s2"))
    one = world.flatten(scope=ScopeKind.STRATEGY, scope_id="s1")
    world.pursue()
    assert not one.ended_ns
    assert "other positions have sold 0.01 of BTC short" in "".join(one.waits)
    both = world.flatten()
    world.pursue()
    assert sent_by(world, both) == [(Side.BUY, D("0.01"))]
    fill_all(world, world.closing(both))
    assert sent_by(world, one) + sent_by(world, both)[1:] == [(Side.SELL, D("0.01"))]
    fill_all(world, world.closing(one) + world.closing(both))
    assert (one.text, both.text) == ("flat", "flat")


def test_where_the_venue_tells_positions_the_whole_is_closed() -> None:
    """Without this, a fee in another currency would be taken for a part of the position."""
    world = World(trading_config(Mode.LIVE, capabilities={"alpha": ALPHA, "beta": BETA}))
    world.fill(world.place(Side.BUY, 10), fee=D(1), fee_currency="AAPL")
    flatten = world.flatten()
    world.pursue()
    assert sent_by(world, flatten) == [(Side.SELL, D(10))]
