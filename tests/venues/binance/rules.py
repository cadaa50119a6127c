"""What Binance checks before it takes a request: the signature, the clock, the form of an order, the filters."""

import hashlib
import hmac
import re
from decimal import ROUND_DOWN, Decimal
from typing import Any

from tests.venues.binance.errors import (
    AHEAD,
    BAD_KEY,
    BAD_KEY_FORMAT,
    INVALID_SIGNATURE,
    OUTSIDE_WINDOW,
    BinanceError,
    filter_failure,
    missing,
    new_order_rejected,
    not_required,
)
from tests.venues.spot import Market, SpotExchange, SpotOrder

DECIMAL = re.compile(r"^([0-9]{1,20})(\.[0-9]{1,20})?$")
CLIENT_ID = re.compile(r"^[a-zA-Z0-9-_]{1,36}$")
D = Decimal
ZERO = D(0)
MAX_NUM_ORDERS = 200
MAX_NUM_ALGO_ORDERS = 5

#: type -> (mandatory, allowed besides). The take-profit types are not played.
TYPES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "LIMIT": (("timeInForce", "quantity", "price"), ("icebergQty",)),
    "LIMIT_MAKER": (("quantity", "price"), ("icebergQty",)),
    "MARKET": ((), ("quantity", "quoteOrderQty")),
    "STOP_LOSS": (("quantity",), ("stopPrice", "trailingDelta")),
    "STOP_LOSS_LIMIT": (("timeInForce", "quantity", "price"), ("stopPrice", "trailingDelta", "icebergQty")),
}
FORM = ("timeInForce", "quantity", "quoteOrderQty", "price", "stopPrice", "trailingDelta", "icebergQty")


def signed_part(query: str, body: str) -> tuple[str, str]:
    """(what was signed, the signature): query and body joined without a sign between, less the signature."""
    signature = ""
    parts = []
    for part in (query, body):
        kept = []
        for pair in part.split("&") if part else []:
            if pair.startswith("signature="):
                signature = pair.removeprefix("signature=")
            else:
                kept.append(pair)
        parts.append("&".join(kept))
    return "".join(parts), signature


def check_signature(secret: str, payloads: tuple[str, ...], signature: str) -> None:
    """Any of ``payloads`` may be what was signed (the WebSocket API signs decoded values)."""
    if not signature:
        raise missing("signature")
    if not re.fullmatch(r"[0-9a-fA-F]{64}", signature):
        raise BinanceError(*INVALID_SIGNATURE)
    for payload in payloads:
        right = hmac.new(secret.encode(), payload.encode(), hashlib.sha256).hexdigest()
        if hmac.compare_digest(right, signature.lower()):
            return
    raise BinanceError(*INVALID_SIGNATURE)


def check_key(given: str | None, right: str, is_refused: bool) -> None:
    if not given:
        raise BinanceError(*BAD_KEY_FORMAT)
    if given != right or is_refused:
        raise BinanceError(*BAD_KEY)


def check_clock(params: dict[str, str], now_ms: int) -> None:
    if not params.get("timestamp", "").isdigit():
        raise missing("timestamp")
    stamp = int(params["timestamp"])
    stamp_ms = stamp // 1000 if stamp > 10**14 else stamp
    window_ms = Decimal(params.get("recvWindow", "5000"))
    if window_ms > 60_000:
        raise BinanceError(400, -1131, "recvWindow must be less than 60000.")
    if stamp_ms >= now_ms + 1000:
        raise BinanceError(*AHEAD)
    if now_ms - stamp_ms > window_ms:
        raise BinanceError(*OUTSIDE_WINDOW)


def read_decimal(params: dict[str, str], name: str) -> Decimal | None:
    text = params.get(name)
    if text is None:
        return None
    if not DECIMAL.match(text):
        legal = r"^([0-9]{1,20})(\.[0-9]{1,20})?$"
        raise BinanceError(400, -1100, f"Illegal characters found in parameter '{name}'; legal range is '{legal}'.")
    if len(text.partition(".")[2].rstrip("0")) > 8:
        raise BinanceError(400, -1111, f"Parameter '{name}' has too much precision.")
    return Decimal(text)


def check_form(params: dict[str, str]) -> None:
    """Mandatory fields are there, others that the type does not take are not."""
    _check_present(params, ("symbol", "side", "type"))
    if params["side"] not in ("BUY", "SELL"):
        raise BinanceError(400, -1117, "Invalid side.")
    if params["type"] not in TYPES:
        raise BinanceError(400, -1116, "Invalid orderType.")
    needed, allowed = TYPES[params["type"]]
    _check_present(params, needed)
    for name in FORM:
        if name in params and name not in needed and name not in allowed:
            raise not_required(name)
    if params["type"].startswith("STOP_LOSS") and not (params.get("stopPrice") or params.get("trailingDelta")):
        raise missing("stopPrice")
    if not params.get("trailingDelta", "1").isdigit():
        raise BinanceError(400, -1100, "Illegal characters found in parameter 'trailingDelta'.")
    if params.get("timeInForce", "GTC") not in ("GTC", "IOC", "FOK"):
        raise BinanceError(400, -1115, "Invalid timeInForce.")
    if params["type"] == "MARKET" and ("quantity" in params) == ("quoteOrderQty" in params):
        raise missing("quantity") if "quantity" not in params else not_required("quoteOrderQty")
    check_client_id(params)


def _check_present(params: dict[str, str], names: tuple[str, ...]) -> None:
    for name in names:
        if not params.get(name):
            raise missing(name)


def check_client_id(params: dict[str, str]) -> None:
    client_id = params.get("newClientOrderId")
    if client_id is not None and not CLIENT_ID.match(client_id):
        raise BinanceError(
            400,
            -1100,
            "Illegal characters found in parameter 'newClientOrderId'; legal range is '^[a-zA-Z0-9-_]{1,36}$'.",
        )


def read_order(params: dict[str, str], exchange: SpotExchange, client_id: str) -> SpotOrder:
    """The order that ``params`` describe, its form checked."""
    check_form(params)
    market = exchange.markets[params["symbol"]]
    kind = params["type"]
    side = params["side"].lower()
    qty = read_decimal(params, "quantity")
    quote_qty = read_decimal(params, "quoteOrderQty")
    if qty is None:
        qty = _qty_for(quote_qty or ZERO, market, exchange, side)
    venue: dict[str, Any] = {"type": kind, "stp": params.get("selfTradePreventionMode", "EXPIRE_MAKER")}
    venue |= {name: int(params[name]) for name in ("strategyId", "strategyType") if name in params}
    venue["icebergQty"] = read_decimal(params, "icebergQty") or ZERO
    return SpotOrder(
        client_id=client_id,
        symbol=market.symbol,
        side=side,
        qty=qty,
        px=read_decimal(params, "price"),
        stop_px=read_decimal(params, "stopPrice"),
        trail_bp=int(params.get("trailingDelta", 0)),
        tif=params.get("timeInForce", "GTC").lower(),
        is_post_only=kind == "LIMIT_MAKER",
        quote_qty=quote_qty or ZERO,
        venue=venue,
    )


def _qty_for(quote_qty: Decimal, market: Market, exchange: SpotExchange, side: str) -> Decimal:
    quote = exchange.book.quotes.get(market.symbol)
    if quote is None:
        raise new_order_rejected("Market is closed.")
    px = quote.ask_px if side == "buy" else quote.bid_px
    return (quote_qty / px / market.step).to_integral_value(ROUND_DOWN) * market.step


Filters = dict[str, dict[str, Any]]


def _limit(known: Filters, name: str, key: str) -> Decimal:
    return D(known.get(name, {}).get(key, 0))


def _hold(known: Filters, name: str, value: Decimal, low_key: str, high_key: str, step_key: str = "") -> None:
    low, high, step = (_limit(known, name, key) for key in (low_key, high_key, step_key))
    if (low and value < low) or (high and value > high) or (step and value % step):
        raise filter_failure(name)


def check_filters(order: SpotOrder, exchange: SpotExchange, known: Filters) -> None:
    """``known`` are the symbol's filters by type."""
    for px in (order.px, order.stop_px):
        if px is not None:
            _hold(known, "PRICE_FILTER", px, "minPrice", "maxPrice", "tickSize")
    if order.trail_bp:
        _hold(known, "TRAILING_DELTA", D(order.trail_bp), "minTrailingBelowDelta", "maxTrailingBelowDelta")
    is_market = order.px is None and not order.has_trigger
    for name in ("LOT_SIZE", "MARKET_LOT_SIZE") if is_market else ("LOT_SIZE",):
        _hold(known, name, order.qty, "minQty", "maxQty", "stepSize")
    last = exchange.last_px(order.symbol)
    px = order.px or order.stop_px or last
    if px is not None:
        _hold(known, "NOTIONAL", px * order.qty, "minNotional", "" if is_market else "maxNotional")
    if order.px is not None and last is not None:
        whose = "bid" if order.side == "buy" else "ask"
        relative = order.px / last
        _hold(known, "PERCENT_PRICE_BY_SIDE", relative, f"{whose}MultiplierDown", f"{whose}MultiplierUp")
    _check_account(order, exchange, known)


def _check_account(order: SpotOrder, exchange: SpotExchange, known: Filters) -> None:
    """What else the account has, and has on order."""
    mine = exchange.open_orders(order.symbol)
    counts = [("MAX_NUM_ORDERS", "maxNumOrders", len(mine))]
    if order.has_trigger:
        counts.append(("MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders", sum(one.has_trigger for one in mine)))
    for name, key, count in counts:
        if 0 < _limit(known, name, key) <= count:
            raise filter_failure(name)
    if order.side == "buy":
        base = exchange.markets[order.symbol].base
        held = exchange.free.get(base, ZERO) + exchange.locked.get(base, ZERO)
        buying = sum((one.qty for one in mine if one.side == "buy"), ZERO)
        _hold(known, "MAX_POSITION", held + buying + order.qty, "", "maxPosition")


def filters(market: Market) -> list[dict[str, Any]]:
    """The filters of one symbol, in the words of exchangeInfo."""
    tick, step = f"{market.tick:.8f}", f"{market.step:.8f}"
    multipliers = {
        "bidMultiplierUp": "5",
        "bidMultiplierDown": "0.2",
        "askMultiplierUp": "5",
        "askMultiplierDown": "0.2",
    }
    return [
        {"filterType": "PRICE_FILTER", "minPrice": tick, "maxPrice": "1000000.00000000", "tickSize": tick},
        {
            "filterType": "LOT_SIZE",
            "minQty": f"{market.min_qty:.8f}",
            "maxQty": f"{market.max_qty:.8f}",
            "stepSize": step,
        },
        {"filterType": "ICEBERG_PARTS", "limit": 10},
        {
            "filterType": "MARKET_LOT_SIZE",
            "minQty": "0.00000000",
            "maxQty": f"{market.max_qty / 10:.8f}",
            "stepSize": "0.00000000",
        },
        {
            "filterType": "TRAILING_DELTA",
            "minTrailingAboveDelta": 10,
            "maxTrailingAboveDelta": 2000,
            "minTrailingBelowDelta": 10,
            "maxTrailingBelowDelta": 2000,
        },
        {"filterType": "PERCENT_PRICE_BY_SIDE", **multipliers, "avgPriceMins": 5},
        {
            "filterType": "NOTIONAL",
            "minNotional": f"{market.min_notional:.8f}",
            "applyMinToMarket": True,
            "maxNotional": "9000000.00000000",
            "applyMaxToMarket": False,
            "avgPriceMins": 5,
        },
        {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": MAX_NUM_ORDERS},
        {"filterType": "MAX_NUM_ORDER_LISTS", "maxNumOrderLists": 20},
        {"filterType": "MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders": MAX_NUM_ALGO_ORDERS},
        {"filterType": "MAX_NUM_ORDER_AMENDS", "maxNumOrderAmends": 10},
    ]
