"""Orders as venues are given them, each with an id of its own."""

import itertools
import time

from gateway.domain.effects import OrderTicket
from gateway.domain.enums import OrdType, Route, Side

_numbers = itertools.count(1)


def ticket(**fields: object) -> OrderTicket:
    """A live limit order to buy; a test names venue, symbol, price and whatever else differs."""
    common: dict[str, object] = {
        "order_id": f"o1-{next(_numbers)}",
        "route": Route.LIVE,
        "account": "default",
        "strategy_id": "s1",
        "side": Side.BUY,
        "ord_type": OrdType.LIMIT,
        "created_ns": time.time_ns(),
    }
    return OrderTicket(**(common | fields))  # type: ignore[arg-type]
