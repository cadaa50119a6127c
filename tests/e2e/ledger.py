"""The books, kept a second time: from the orders alone, in exact decimals, without a line of the gateway's code."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from decimal import Context, Decimal, localcontext
from typing import Any

from tests.e2e.process import Api

D = Decimal
OPEN = ("pending_new", "new", "partially_filled", "pending_cancel", "pending_replace")
#: A request is under way for such an order: nothing can be said of it yet.
UNSETTLED = ("pending_new", "pending_cancel", "pending_replace")
_EXACT = Context(prec=120)

Key = tuple[str, str, str, str, str]


def leaves(orders: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The orders that trade: a split one stands for its legs."""
    found: list[Mapping[str, Any]] = []
    for order in orders:
        found += order["legs"] or [order]
    return found


def signed_fills(orders: Iterable[Mapping[str, Any]]) -> dict[Key, Decimal]:
    """What all fills add up to, by (book, account, strategy, venue, symbol); flat ones are left out."""
    sums: dict[Key, Decimal] = defaultdict(Decimal)
    with localcontext(_EXACT):
        for order in leaves(orders):
            sign = 1 if order["side"] == "buy" else -1
            sums[_key(order)] += sign * sum((D(fill["last_qty"]) for fill in order["fills"]), D(0))
    return {key: qty for key, qty in sums.items() if qty}


def _key(order: Mapping[str, Any]) -> Key:
    return order["route"], order["account"], order["strategy_id"], order["venue"], order["symbol"]


def cash_changes(
    orders: Iterable[Mapping[str, Any]], multipliers: Mapping[str, Decimal]
) -> dict[tuple[str, str], Decimal]:
    """What fills and fees did to the cash of (book, account). Every currency is worth one unit of the base."""
    sums: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    with localcontext(_EXACT):
        for order in leaves(orders):
            sign = 1 if order["side"] == "buy" else -1
            for fill in order["fills"]:
                value = D(fill["last_qty"]) * D(fill["last_px"]) * multipliers.get(order["symbol"], D(1))
                sums[(order["route"], order["account"])] -= sign * value + D(fill["fee"])
    return sums


def held(orders: Iterable[Mapping[str, Any]], multipliers: Mapping[str, Decimal]) -> dict[tuple[str, str], Decimal]:
    """Exposure of open orders by (book, account): what may still fill, at the limit. All of them must be limit
    orders that cannot fill dearer than their limit."""
    sums: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    with localcontext(_EXACT):
        for order in leaves(orders):
            if order["ord_status"] in OPEN:
                value = D(order["leaves_qty"]) * D(order["limit_price"]) * multipliers.get(order["symbol"], D(1))
                sums[(order["route"], order["account"])] += value
    return sums


async def check_books(api: Api, *, initial_cash: Decimal, multipliers: Mapping[str, Decimal]) -> list[dict[str, Any]]:
    """Compare everything the gateway says of itself with what its orders say. Nothing may be under way."""
    orders = await api.orders()
    ids = Counter(order["order_id"] for order in orders)
    assert not (ids - Counter(ids.keys())), "an order is listed twice"
    clients = Counter((o["account"], o["client_order_id"]) for o in orders if o["client_order_id"])
    assert not (clients - Counter(clients.keys())), "a client_order_id exists twice"
    for order in leaves(orders):
        _check_order(order)
    _check_cycles(orders)

    positions = {
        (p["book"], p["account"], p["strategy_id"], p["venue"], p["symbol"]): D(p["quantity"])
        for p in await api.positions()
    }
    assert {key: qty for key, qty in positions.items() if qty} == signed_fills(orders)

    cash, exposure = cash_changes(orders, multipliers), held(orders, multipliers)
    with localcontext(_EXACT):
        for view in await api.portfolio():
            key = (view["book"], view["account"])
            assert D(view["cash"]) == initial_cash + cash.get(key, D(0)), key
            assert D(view["held_exposure"]) == exposure.get(key, D(0)), key
    await _check_statistics(api, orders)
    return orders


def _check_order(order: Mapping[str, Any]) -> None:
    """One order agrees with itself."""
    with localcontext(_EXACT):
        filled = sum((D(fill["last_qty"]) for fill in order["fills"]), D(0))
        qty, cum_qty = D(order["order_qty"]), D(order["cum_qty"])
        assert cum_qty == filled, order
        assert 0 <= cum_qty <= qty, order
        is_open = order["ord_status"] in OPEN
        assert D(order["leaves_qty"]) == (qty - cum_qty if is_open else 0), order
        assert (order["ord_status"] == "filled") == (cum_qty == qty), order
    exec_ids = [fill["exec_id"] for fill in order["fills"]]
    assert len(set(exec_ids)) == len(exec_ids), order


def _check_cycles(orders: Iterable[Mapping[str, Any]]) -> None:
    """All orders of one cycle went the same way (invariant 4)."""
    routes: dict[tuple[str, str, str, str, int], set[str]] = defaultdict(set)
    for order in leaves(orders):
        if order["cycle"] and order["ord_status"] != "denied":
            _, account, strategy, venue, symbol = _key(order)
            routes[(account, strategy, venue, symbol, order["cycle"])].add(order["route"])
    assert all(len(found) == 1 for found in routes.values()), routes


async def _check_statistics(api: Api, orders: list[dict[str, Any]]) -> None:
    """No order was counted twice or not at all."""
    counts = await api.statistics()
    of_orders = counts.get("orders", {})
    assert of_orders.get("received", 0) - of_orders.get("withdrawn", 0) == len(orders), (of_orders, len(orders))
    legs = leaves(orders)
    denied = sum(1 for order in legs if order["ord_status"] == "denied")
    assert of_orders.get("denied", 0) == denied == sum(counts.get("denied", {}).values())
    fills = Counter(order["route"] for order in legs for _ in order["fills"])
    assert counts.get("fills", {}) == dict(fills)
    assert counts["now"]["open_orders"] == sum(1 for order in legs if order["ord_status"] in OPEN)
