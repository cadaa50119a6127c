"""What Alpaca says of each thing that it trades, and the rules that follow from it."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from gateway.adapters.venues.alpaca.errors import OrderTooSmall, OrderUnsupported
from gateway.domain.effects import OrderTicket
from gateway.domain.money import ONE, plain


class AssetRules:
    """One asset as ``/v2/assets`` tells it. What it leaves out binds nothing."""

    def __init__(self, row: Mapping[str, Any]) -> None:
        self._status = str(row.get("status", "active"))
        self._is_tradable = bool(row.get("tradable", True))
        self._is_fractionable = bool(row.get("fractionable", True))
        self._least_qty = _number(row, "min_order_size")
        self._qty_step = _number(row, "min_trade_increment")
        self._px_step = _number(row, "price_increment")

    def check(self, ticket: OrderTicket) -> None:
        """Raise OrderUnsupported at the first rule that the order breaks."""
        symbol, qty = ticket.symbol, ticket.order_qty
        if self._status != "active" or not self._is_tradable:
            raise OrderUnsupported(f"{symbol} does not trade at alpaca now (asset {self._status})")
        if qty % ONE and not self._is_fractionable:
            kind = OrderTooSmall if qty < ONE else OrderUnsupported
            raise kind(f"quantity {plain(qty)}: {symbol} trades in whole units at alpaca")
        if qty < self._least_qty:
            raise OrderTooSmall(f"quantity {plain(qty)} is below {plain(self._least_qty)} (alpaca min_order_size)")
        if self._qty_step and qty % self._qty_step:
            raise OrderUnsupported(
                f"quantity {plain(qty)} is not a multiple of {plain(self._qty_step)} (alpaca min_trade_increment)"
            )
        for name, px in (("limit_price", ticket.limit_px), ("stop_price", ticket.stop_px)):
            if px is not None and self._px_step and px % self._px_step:
                raise OrderUnsupported(
                    f"{name} {plain(px)} is not a multiple of {plain(self._px_step)} (alpaca price_increment)"
                )


def _number(row: Mapping[str, Any], name: str) -> Decimal:
    return Decimal(str(row.get(name) or 0))
