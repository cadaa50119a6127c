"""Orders that tests place: what rests, what fills, and who asks."""

from typing import Any


def resting(strategy: str = "s1", client_order_id: str = "", **more: Any) -> dict[str, Any]:
    """A buy far below the market: it works until someone cancels it."""
    return order(strategy, client_order_id, **{"order_type": "limit", "limit_price": "100", **more})


def market(side: str = "buy", strategy: str = "s1", client_order_id: str = "", **more: Any) -> dict[str, Any]:
    """Fills within some milliseconds."""
    return order(strategy, client_order_id, side=side, order_type="market", **more)


def order(strategy: str, client_order_id: str, **more: Any) -> dict[str, Any]:
    fields = {"symbol": "AAPL", "side": "buy", "quantity": 1, "time_in_force": "gtc", "strategy_id": strategy, **more}
    if client_order_id:
        fields["client_order_id"] = client_order_id
    return fields
