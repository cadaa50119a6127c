"""The spot exchange behind the peers, by what must always hold of it."""

from decimal import Decimal as D

from hypothesis import given
from hypothesis import strategies as st

from tests.venues.spot import Market, Refused, SpotExchange, SpotOrder

MARKET = Market("BTC-USD", "BTC", "USD")
PRICES = st.sampled_from([D(98), D(99), D(100), D(101), D(102)])
QTYS = st.sampled_from([D(1), D(2), D("0.5")])
SIDES = st.sampled_from(["buy", "sell"])
STEPS = st.one_of(
    st.tuples(st.just("place"), SIDES, QTYS, st.one_of(st.none(), PRICES), st.sampled_from(["gtc", "ioc", "fok"])),
    st.tuples(st.just("stop"), SIDES, QTYS, PRICES, st.one_of(st.none(), PRICES)),
    st.tuples(st.just("trade"), PRICES, QTYS),
    st.tuples(st.just("quote"), PRICES, QTYS),
    st.tuples(st.just("cancel")),
)


def play(exchange: SpotExchange, step: tuple) -> None:
    match step:
        case ("place", side, qty, px, tif):
            exchange.place(SpotOrder("", "BTC-USD", side, qty, px, tif=tif))
        case ("stop", side, qty, stop_px, px):
            exchange.place(SpotOrder("", "BTC-USD", side, qty, px, stop_px))
        case ("trade", px, qty):
            exchange.trade("BTC-USD", px, qty)
        case ("quote", px, qty):
            exchange.quote("BTC-USD", px - 1, px + 1, qty)
        case ("cancel",):
            for order in exchange.open_orders()[:1]:
                exchange.cancel(order)


@given(st.lists(STEPS, max_size=25))
def test_balances_are_the_fills_and_holds_are_the_open_orders(steps: list[tuple]) -> None:
    """Without this, the venue's own balances could be wrong, and a gateway be blamed for telling the truth."""
    start = {"USD": D(1_000), "BTC": D(10)}
    exchange = SpotExchange([MARKET], start, lambda: 1)
    told: dict[int, D] = {}
    exchange.listeners.append(
        lambda event: (
            told.update({event.order.order_id: told.get(event.order.order_id, D(0)) + event.fill.qty})
            if event.fill
            else None
        )
    )
    exchange.quote("BTC-USD", D(99), D(101), D(3))
    for step in steps:
        try:
            play(exchange, step)
        except Refused:
            continue
    orders = list(exchange.orders.values())
    expected = dict(start)
    for order in orders:
        sign = 1 if order.side == "buy" else -1
        assert D(0) <= order.cum_qty <= order.qty
        assert order.cum_qty == sum(fill.qty for fill in order.fills) == told.get(order.order_id, D(0))
        assert (order.status == "filled") == (order.leaves_qty == 0)
        for fill in order.fills:
            expected["BTC"] += sign * fill.qty
            expected["USD"] -= sign * fill.qty * fill.px
            expected[fill.fee_asset] -= fill.fee
    held = {asset: sum((o.held for o in orders if (o.side == "buy") == (asset == "USD")), D(0)) for asset in start}
    for asset in start:
        assert abs(exchange.free[asset] + exchange.locked.get(asset, D(0)) - expected[asset]) < D("1e-15")
        assert abs(exchange.locked.get(asset, D(0)) - held[asset]) < D("1e-15")
    assert all(order.held == 0 for order in orders if not order.is_open)
