"""The account behind the Alpaca peer, by what must always hold of it."""

from decimal import Decimal as D

from hypothesis import given
from hypothesis import strategies as st

from tests.venues.alpaca.account import AlpacaAccount
from tests.venues.alpaca.orders import AlpacaError, Asset, Execution

PRICES = st.sampled_from([98, 99, 100, 101, 102])
QTYS = st.sampled_from([1, 2, 5])
SIDES = st.sampled_from(["buy", "sell"])
CLASSES = st.sampled_from(["", "bracket", "oto", "oco"])
STEPS = st.one_of(
    st.tuples(st.just("place"), SIDES, QTYS, PRICES, CLASSES, st.sampled_from(["day", "ioc", "fok"])),
    st.tuples(st.just("trail"), SIDES, QTYS),
    st.tuples(st.just("trade"), PRICES, QTYS),
    st.tuples(st.just("quote"), PRICES, QTYS),
    st.tuples(st.sampled_from(["cancel", "replace", "close"])),
)


def play(account: AlpacaAccount, step: tuple) -> None:
    first = next(iter(account.open_orders()), None)
    match step:
        case ("place", side, qty, px, order_class, tif):
            body = {"symbol": "X", "side": side, "qty": qty, "type": "limit", "limit_price": px, "time_in_force": tif}
            away = 3 if (side == "buy") != (order_class == "oco") else -3
            legs = {"take_profit": {"limit_price": px + away}, "stop_loss": {"stop_price": px - away}}
            if order_class == "oto":
                del legs["take_profit"]
            account.place(body | ({"order_class": order_class, **legs} if order_class else {}))
        case ("trail", side, qty):
            body = {"symbol": "X", "side": side, "qty": qty, "type": "trailing_stop", "trail_price": 2}
            account.place(body | {"time_in_force": "day"})
        case ("trade", px, qty):
            account.trade("X", D(px), D(qty))
        case ("quote", px, qty):
            account.quote("X", D(px - 1), D(px + 1), D(qty))
        case ("cancel",) if first:
            account.cancel(first)
        case ("replace",) if first:
            account.replace(first, {"qty": int(first.qty) + 1})
        case ("close",):
            account.close_position("X")


@given(st.lists(STEPS, max_size=25))
def test_cash_and_position_are_the_fills(steps: list[tuple]) -> None:
    """Without this, positions at the venue could be wrong, and a gateway be blamed for telling the truth."""
    account = AlpacaAccount((Asset("X"),), D(10_000), lambda: 1)
    told: list[Execution] = []
    account.tell = lambda event, order, execution: told.append(execution) if execution else None
    account.quote("X", D(99), D(101), D(3))
    for step in steps:
        try:
            play(account, step)
        except AlpacaError:
            continue
    orders = list(account.orders.values())
    qty = cash = D(0)
    for order in orders:
        sign = 1 if order.side == "buy" else -1
        assert D(0) <= order.cum_qty <= order.qty
        assert (order.status == "filled") == (order.leaves_qty == 0)
        assert order.sibling is None or not (order.status == order.sibling.status == "filled")
        for done in order.executions:
            qty += sign * done.qty
            cash -= sign * done.qty * done.px
    assert account.positions.get("X", (D(0), D(0)))[0] == qty
    assert account.cash == D(10_000) + cash
    assert sorted(done.execution_id for done in told) == sorted(
        done.execution_id for order in orders for done in order.executions
    )
    assert {order.id for order in account.open_orders()} == {order.id for order in orders if order.is_open}
    assert set(account.book.working) <= {order.id for order in account.open_orders()}
