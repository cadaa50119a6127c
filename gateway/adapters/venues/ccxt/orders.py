"""Orders as an exchange of ccxt takes them, checked against its markets before anything is sent.

ccxt rounds what does not fit, silently, and a limit price to the nearest tick may be a worse one. Here nothing is
rounded: what is off the grid is refused, and what leaves is compared with the order once more (``client.Trip``).
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import msgspec

from gateway.adapters.venues.ccxt.capabilities import OrderForms, OrderTooSmall, OrderUnsupported
from gateway.adapters.venues.ccxt.known import KnownExchange
from gateway.domain.effects import OrderTicket
from gateway.domain.enums import OrdType, Side, TimeInForce
from gateway.domain.money import plain

#: Fields of which an order can have too little.
_AMOUNTS = frozenset({"quantity", "value"})
#: ccxt's ways to say how exact a market is.
_DECIMAL_PLACES, _SIGNIFICANT_DIGITS = 2, 3


class CreateOrder(msgspec.Struct, frozen=True):
    """Arguments of ccxt's ``create_order``, and the figures that must reach the wire."""

    symbol: str
    type: str
    side: str
    amount: Decimal
    price: Decimal | None
    params: dict[str, Any]
    figures: tuple[Decimal, ...]


def create_order_of(
    ticket: OrderTicket, client_id: str, market: Mapping[str, Any], forms: OrderForms, known: KnownExchange, mode: int
) -> CreateOrder:
    """Raises OrderUnsupported. ``mode`` is the exchange's precisionMode."""
    forms.check(ticket)
    _check_market(ticket, market, mode)
    params: dict[str, Any] = {}
    if client_id:
        params[known.id_param] = client_id
    is_limit = ticket.ord_type in (OrdType.LIMIT, OrdType.STOP_LIMIT)
    if is_limit and ticket.time_in_force in (TimeInForce.IOC, TimeInForce.FOK):
        params["timeInForce"] = ticket.time_in_force.value.upper()
    if ticket.stop_px is not None:
        params["triggerPrice"] = plain(ticket.stop_px)
        if known.has_stop_side:
            params["stop"] = "entry" if ticket.side is Side.BUY else "loss"
    prices = tuple(px for px in (ticket.limit_px, ticket.stop_px) if px is not None)
    return CreateOrder(
        symbol=str(market["symbol"]),
        type="limit" if is_limit else "market",
        side="buy" if ticket.side is Side.BUY else "sell",
        amount=Decimal(plain(ticket.order_qty)),
        price=None if ticket.limit_px is None else Decimal(plain(ticket.limit_px)),
        params=params,
        figures=(ticket.order_qty, *prices),
    )


def _check_market(ticket: OrderTicket, market: Mapping[str, Any], mode: int) -> None:
    if market.get("active") is False:
        raise OrderUnsupported(f"{ticket.symbol} is not active at the exchange now")
    if market.get("contract") and Decimal(str(market.get("contractSize") or 1)) != 1:
        text = (
            f"one contract of {ticket.symbol} is {market['contractSize']} units, and only contracts of one are traded"
        )
        raise OrderUnsupported(text)
    precision, limits = market.get("precision") or {}, market.get("limits") or {}
    _check_grid("quantity", ticket.order_qty, precision.get("amount"), mode)
    _check_limits("quantity", ticket.order_qty, limits.get("amount"))
    for name, px in (("limit_price", ticket.limit_px), ("stop_price", ticket.stop_px)):
        if px is not None:
            _check_grid(name, px, precision.get("price"), mode)
            _check_limits(name, px, limits.get("price"))
    px = ticket.limit_px or ticket.stop_px
    if px is not None:
        _check_limits("value", px * ticket.order_qty, limits.get("cost"))


def _check_grid(field: str, value: Decimal, precision: Any, mode: int) -> None:
    if precision is None:
        return
    if mode == _SIGNIFICANT_DIGITS:
        if len(value.normalize().as_tuple().digits) > int(precision):
            raise OrderUnsupported(f"{field} {plain(value)} has more than {precision} significant digits")
        return
    step = Decimal(1).scaleb(-int(precision)) if mode == _DECIMAL_PLACES else Decimal(str(precision))
    if step > 0 and value % step:
        kind = OrderTooSmall if field in _AMOUNTS and value < step else OrderUnsupported
        raise kind(f"{field} {plain(value)} is not a multiple of {plain(step)}")


def _check_limits(field: str, value: Decimal, limits: Mapping[str, Any] | None) -> None:
    """A limit that is absent or 0 binds nothing."""
    low, high = (Decimal(str((limits or {}).get(name) or 0)) for name in ("min", "max"))
    if low and value < low:
        kind = OrderTooSmall if field in _AMOUNTS else OrderUnsupported
        raise kind(f"{field} {plain(value)} is below {plain(low)}, the least that it takes")
    if high and value > high:
        raise OrderUnsupported(f"{field} {plain(value)} is above {plain(high)}, the most that it takes")
