"""Looking up one order at Binance: under which of its ids it is there, and every trade of it."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from binance.exceptions import BinanceAPIException

from gateway.adapters.venues.binance import outcomes
from gateway.adapters.venues.binance.changes import Changes
from gateway.adapters.venues.binance.client import RestClient
from gateway.adapters.venues.binance.orders import symbol_of
from gateway.adapters.venues.shared.generations import client_order_id_of
from gateway.domain.effects import OrderTicket
from gateway.domain.money import ZERO


class TradesLag(Exception):
    """An order tells of fills that are not listed yet: it cannot be brought up to date now."""


class Asker:
    def __init__(self, rest: RestClient, changes: Changes) -> None:
        self._rest = rest
        self._changes = changes

    async def find(self, ticket: OrderTicket) -> dict[str, Any] | None:
        """The order under its newest change: a change cancels what was before, so one that is not canceled is it. None
        when the exchange has none of its ids."""
        found = None
        generation = self._changes.generation(ticket.order_id)
        while (order := await self._ask_for(ticket, generation)) is not None:
            found = order
            self._changes.found(ticket.order_id, generation)
            if order["status"] != "CANCELED":
                break
            generation += 1
        return found

    async def _ask_for(self, ticket: OrderTicket, generation: int) -> dict[str, Any] | None:
        known_as = {
            "symbol": symbol_of(ticket.symbol),
            "origClientOrderId": client_order_id_of(ticket.order_id, generation),
        }
        try:
            order: dict[str, Any] = await self._rest.request("get", "order", 4, **known_as)
        except BinanceAPIException as error:
            if error.code != outcomes.NO_SUCH_ORDER:
                raise
            return None
        return order

    async def trades_of(self, order: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Every trade of an order. Raises TradesLag when the exchange counts more in the order than it lists."""
        trades: list[dict[str, Any]] = []
        total = Decimal(order["executedQty"])
        while sum((Decimal(one["qty"]) for one in trades), ZERO) < total:
            wanted = {"symbol": order["symbol"], "orderId": order["orderId"], "limit": 1_000}
            wanted["fromId"] = trades[-1]["id"] + 1 if trades else 0  # without it, the latest come and not the first
            page = await self._rest.request("get", "myTrades", 5, **wanted)
            if not page:
                raise TradesLag(f"order {order['orderId']}: {total} filled, and not all of its trades are listed yet")
            trades += page
        return trades
