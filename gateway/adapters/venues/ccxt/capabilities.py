"""What an exchange can do, read from ccxt's own tables (``has``, ``features``) and from what is known beyond them.

ccxt itself is imported only when an exchange is asked about: it takes a second and 70 MB.
"""

import importlib.util
from typing import Any

import msgspec

from gateway.adapters.venues.ccxt.known import KnownExchange
from gateway.adapters.venues.ccxt.options import CcxtOptions, OptionsInvalid, read_options
from gateway.domain.capabilities import Holdings, IdReuse, Reach, VenueCapabilities
from gateway.domain.effects import OrderTicket
from gateway.domain.enums import OrderClass, OrdType, Side, TimeInForce
from gateway.domain.settings import VenueSettings

#: Resting orders end at their time by a cancel of ours, wherever an order can rest.
_RESTING = (TimeInForce.DAY, TimeInForce.GTC, TimeInForce.GTD)
_AT_MARKET = (TimeInForce.DAY, TimeInForce.GTC, TimeInForce.IOC)


class OrderUnsupported(Exception):
    """The order has no form at this exchange, or breaks a rule of its market; the text says which and what would do."""


class OrderTooSmall(OrderUnsupported):
    """The exchange takes no order of so little."""


class OrderForms(msgspec.Struct, frozen=True):
    """Which orders an exchange takes. ``has_market_buy`` False: at market it takes an amount of money, no quantity."""

    exchange: str
    types: tuple[OrdType, ...]
    times_in_force: tuple[TimeInForce, ...]
    has_market_buy: bool

    def check(self, ticket: OrderTicket) -> None:
        """Raise OrderUnsupported, naming what the exchange takes instead."""
        is_at_market = ticket.ord_type in (OrdType.MARKET, OrdType.STOP)
        times = _AT_MARKET if is_at_market else self.times_in_force
        if ticket.order_class is not OrderClass.SIMPLE:
            raise OrderUnsupported(f"order_class {ticket.order_class} is not sent to {self.exchange}; it has simple")
        if ticket.execution_algorithm:
            raise OrderUnsupported(f"{self.exchange} has no execution algorithms; leave execution_algorithm out")
        if ticket.ord_type not in self.types:
            raise OrderUnsupported(self._words("order_type", ticket.ord_type, self.types))
        if ticket.time_in_force not in times:
            raise OrderUnsupported(self._words("time_in_force", ticket.time_in_force, times))
        if is_at_market and ticket.side is Side.BUY and not self.has_market_buy:
            text = f"{self.exchange} buys at market for an amount of money only; use a limit order for a quantity"
            raise OrderUnsupported(text)

    def _words(self, field: str, value: str, has: tuple[str, ...]) -> str:
        return f"{field} {value} is not taken by {self.exchange} through ccxt; it takes: {', '.join(has)}"


def ccxt_capabilities(settings: VenueSettings) -> VenueCapabilities:
    """What the configured exchange guarantees and can do.

    Where ccxt is not installed, or does not have what the options name, nothing can be sent (the order adapter says
    why), and the least that any exchange takes is told.
    """
    if importlib.util.find_spec("ccxt") is None:
        return _LEAST
    from gateway.adapters.venues.ccxt.client import Client

    try:
        options = read_options(settings)
        return capabilities_of(Client.unconnected(options), options)
    except OptionsInvalid:
        return _LEAST


def capabilities_of(exchange: Any, options: CcxtOptions) -> VenueCapabilities:
    forms, known, has = order_forms(exchange, options.known), options.known, exchange.has
    proves = options.absent_after_s is not None
    missed = Reach.ALL if known.absent_after_s is not None else Reach.CURRENT_DAY
    return VenueCapabilities(
        adapter="ccxt",
        id_reuse=known.id_reuse,
        lookup=Reach.ALL if proves else Reach.NONE,
        executions=missed if has.get("fetchMyTrades") else Reach.NONE,
        holdings=_holdings(exchange),
        order_types=forms.types,
        times_in_force=forms.times_in_force,
        has_lookup_by_id=known.finds_by_id,
        has_replace=False,
        has_trailing_amount=False,
        has_trailing_percent=False,
        has_depth=bool(has.get("watchOrderBook") or has.get("fetchOrderBook")),
    )


def check_tradable(exchange: Any, known: KnownExchange) -> None:
    """Raise OptionsInvalid for an exchange whose orders or fills ccxt cannot read: nothing blind is sent."""
    has = exchange.has
    for what, calls in (
        ("place orders", ("createOrder",)),
        ("cancel them", ("cancelOrder",)),
        ("tell what became of them", ("fetchOrder", "fetchOpenOrders")),
        ("tell each execution", ("fetchMyTrades", "fetchOrderTrades")),
    ):
        if not any(has.get(call) for call in calls) and not (known.tells_trades_in_order and "fetchMyTrades" in calls):
            names = " or ".join(calls)
            raise OptionsInvalid(f"orders cannot go to {exchange.id} through ccxt: it cannot {what} (no {names})")


def order_forms(exchange: Any, known: KnownExchange) -> OrderForms:
    """A stop is offered only where ``triggerPrice`` alone says what it is, and it is then an order like any other:
    at many exchanges it is found and canceled in another place, where nobody would look."""
    has, features = exchange.has, features_of(exchange, "createOrder")
    is_apart = any(features_of(exchange, call).get("trigger") for call in ("fetchOrder", "fetchOpenOrders"))
    is_trigger = features.get("triggerPrice") is True and not features.get("triggerDirection") and not is_apart
    offered = {
        OrdType.MARKET: has.get("createMarketOrder") is not False,
        OrdType.LIMIT: has.get("createLimitOrder") is not False,
        OrdType.STOP: is_trigger and has.get("createStopMarketOrder") is True,
        OrdType.STOP_LIMIT: is_trigger and has.get("createStopLimitOrder") is True,
    }
    times = features.get("timeInForce") or {}
    immediate = tuple(one for one in (TimeInForce.IOC, TimeInForce.FOK) if times.get(one.value.upper()) is True)
    needs_price = features.get("marketBuyRequiresPrice") or exchange.options.get("createMarketBuyOrderRequiresPrice")
    return OrderForms(
        exchange=exchange.id,
        types=tuple(kind for kind, is_there in offered.items() if is_there and kind not in known.lacks),
        times_in_force=_RESTING + immediate,
        has_market_buy=not needs_price,
    )


def market_type(exchange: Any) -> str:
    """Which of its markets ccxt means by default: spot, swap, future, option."""
    return str(exchange.options.get("defaultType") or "spot")


def features_of(exchange: Any, call: str) -> dict[str, Any]:
    """What ccxt says of one call, for the markets that it means by default."""
    features = exchange.features or {}
    found = features.get(market_type(exchange)) or features.get("spot") or features.get("swap") or {}
    if "createOrder" not in found:  # contracts are told apart once more
        found = found.get("linear") or found.get("inverse") or {}
    return found.get(call) or {}


def _holdings(exchange: Any) -> Holdings:
    has = exchange.has
    if market_type(exchange) in ("swap", "future", "option") or not has.get("spot", True):
        return Holdings.POSITIONS if has.get("fetchPositions") is True else Holdings.NONE
    return Holdings.BALANCES if has.get("fetchBalance") is True else Holdings.NONE


_LEAST = VenueCapabilities(
    adapter="ccxt",
    id_reuse=IdReuse.NEVER_REFUSED,
    lookup=Reach.NONE,
    executions=Reach.NONE,
    holdings=Holdings.NONE,
    order_types=(OrdType.MARKET, OrdType.LIMIT),
    times_in_force=_RESTING,
    has_lookup_by_id=False,
    has_replace=False,
    has_trailing_amount=False,
    has_trailing_percent=False,
)
