"""Orders, fills and balances in Binance's words."""

from decimal import Decimal
from typing import Any

from tests.venues.binance.rules import TYPES
from tests.venues.spot import Fill, Market, SpotEvent, SpotExchange, SpotOrder

ZERO = Decimal(0)
STATUS = {
    "new": "NEW",
    "partially_filled": "PARTIALLY_FILLED",
    "filled": "FILLED",
    "canceled": "CANCELED",
    "expired": "EXPIRED",
}
#: An event's execution type in the stream.
EXECUTION = {"ack": "NEW", "triggered": "NEW", "fill": "TRADE", "canceled": "CANCELED", "expired": "EXPIRED"}
EXPIRY_REASONS = {"ioc": "UNFILLED_IOC_QUANTITY_EXPIRED", "fok": "UNFILLED_FOK_ORDER_EXPIRED"}


def number(value: Decimal | None) -> str:
    return f"{value or ZERO:.8f}"


def _terms(order: SpotOrder) -> dict[str, Any]:
    return {
        "price": number(order.px),
        "origQty": number(order.qty),
        "executedQty": number(order.cum_qty),
        "origQuoteOrderQty": number(order.quote_qty),
        "cummulativeQuoteQty": number(order.cum_quote),
        "status": STATUS[order.status],
        "timeInForce": order.tif.upper(),
        "type": order.venue["type"],
        "side": order.side.upper(),
    }


def _stop_price(order: SpotOrder) -> str:
    """Where a trailing stop stands now is not told."""
    return number(None if order.trail_bp else order.stop_px)


def _extra(order: SpotOrder) -> dict[str, Any]:
    extra: dict[str, Any] = {name: order.venue[name] for name in ("strategyId", "strategyType") if name in order.venue}
    if order.trail_bp:
        extra["trailingDelta"] = order.trail_bp
    elif order.stop_px is not None:
        extra["stopPrice"] = number(order.stop_px)
    if order.venue["icebergQty"]:
        extra["icebergQty"] = number(order.venue["icebergQty"])
    return extra


def placed(order: SpotOrder, detail: str) -> dict[str, Any]:
    """The answer to a new order; ``detail`` is newOrderRespType."""
    answer = {
        "symbol": order.symbol,
        "orderId": order.order_id,
        "orderListId": -1,
        "clientOrderId": order.client_id,
        "transactTime": order.updated_ms,
    }
    if detail == "ACK":
        return answer
    answer |= _terms(order) | _extra(order)
    answer |= {"workingTime": _working_ms(order), "selfTradePreventionMode": order.venue["stp"]}
    if detail == "FULL":
        answer["fills"] = [
            {
                "price": number(fill.px),
                "qty": number(fill.qty),
                "commission": number(fill.fee),
                "commissionAsset": fill.fee_asset,
                "tradeId": fill.trade_id,
            }
            for fill in order.fills
        ]
    return answer


def canceled(order: SpotOrder, cancel_id: str) -> dict[str, Any]:
    return {
        "symbol": order.symbol,
        "origClientOrderId": order.client_id,
        "orderId": order.order_id,
        "orderListId": -1,
        "clientOrderId": cancel_id,
        "transactTime": order.updated_ms,
        **_terms(order),
        **_extra(order),
        "selfTradePreventionMode": order.venue["stp"],
    }


def queried(order: SpotOrder) -> dict[str, Any]:
    return {
        "symbol": order.symbol,
        "orderId": order.order_id,
        "orderListId": -1,
        "clientOrderId": order.client_id,
        **_terms(order),
        "stopPrice": _stop_price(order),
        "icebergQty": number(order.venue["icebergQty"]),
        "time": order.created_ms,
        "updateTime": order.updated_ms,
        "isWorking": order.stop_px is None or order.is_triggered,
        "workingTime": _working_ms(order),
        **({"trailingDelta": order.trail_bp} if order.trail_bp else {}),
        **{name: order.venue[name] for name in ("strategyId", "strategyType") if name in order.venue},
        "selfTradePreventionMode": order.venue["stp"],
    }


def my_trade(order: SpotOrder, fill: Fill) -> dict[str, Any]:
    return {
        "symbol": order.symbol,
        "id": fill.trade_id,
        "orderId": order.order_id,
        "orderListId": -1,
        "price": number(fill.px),
        "qty": number(fill.qty),
        "quoteQty": number(fill.px * fill.qty),
        "commission": number(fill.fee),
        "commissionAsset": fill.fee_asset,
        "time": fill.at_ms,
        "isBuyer": order.side == "buy",
        "isMaker": fill.is_maker,
        "isBestMatch": True,
    }


def execution_report(event: SpotEvent, now_ms: int, execution_id: int) -> dict[str, Any]:
    """One ``executionReport``. In a cancel, ``c`` is the canceller's id and ``C`` the order's."""
    order, fill = event.order, event.fill
    is_cancel = event.kind == "canceled"
    report = {
        "e": "executionReport",
        "E": now_ms,
        "s": order.symbol,
        "c": event.cancel_id if is_cancel else order.client_id,
        "S": order.side.upper(),
        "o": order.venue["type"],
        "f": order.tif.upper(),
        "q": number(order.qty),
        "p": number(order.px),
        "P": _stop_price(order),
        "F": number(order.venue["icebergQty"]),
        "g": -1,
        "C": order.client_id if is_cancel else "",
        "x": EXECUTION[event.kind],
        "X": STATUS[order.status],
        "r": "NONE",
        "i": order.order_id,
        "l": number(fill.qty if fill else ZERO),
        "z": number(order.cum_qty),
        "L": number(fill.px if fill else ZERO),
        "n": number(fill.fee) if fill else "0",
        "N": fill.fee_asset if fill else None,
        "T": order.updated_ms,
        "t": fill.trade_id if fill else -1,
        "I": execution_id,
        "w": order.is_open and (order.stop_px is None or order.is_triggered),
        "m": fill is not None and fill.is_maker,
        "M": fill is not None,
        "O": order.created_ms,
        "Z": number(order.cum_quote),
        "Y": number(fill.px * fill.qty if fill else ZERO),
        "Q": number(order.quote_qty),
        "V": order.venue["stp"],
    }
    if _working_ms(order) > 0:
        report["W"] = _working_ms(order)
    if order.trail_bp:
        report["d"] = order.trail_bp
    if event.kind == "expired":
        report["eR"] = EXPIRY_REASONS.get(order.tif if order.px is not None else "", "INSUFFICIENT_LIQUIDITY")
    return report


def account_position(exchange: SpotExchange, market: Market, now_ms: int) -> dict[str, Any]:
    assets = (market.base, market.quote)
    return {
        "e": "outboundAccountPosition",
        "E": now_ms,
        "u": now_ms,
        "B": [
            {"a": asset, "f": number(exchange.free.get(asset)), "l": number(exchange.locked.get(asset))}
            for asset in assets
        ],
    }


def account(exchange: SpotExchange) -> dict[str, Any]:
    rate = number(exchange.fee_rate)
    basis = int(exchange.fee_rate * 10_000)
    return {
        "makerCommission": basis,
        "takerCommission": basis,
        "buyerCommission": 0,
        "sellerCommission": 0,
        "commissionRates": {"maker": rate, "taker": rate, "buyer": number(ZERO), "seller": number(ZERO)},
        "canTrade": True,
        "canWithdraw": True,
        "canDeposit": True,
        "brokered": False,
        "requireSelfTradePrevention": False,
        "preventSor": False,
        "updateTime": exchange.now_ms(),
        "accountType": "SPOT",
        "balances": [
            {"asset": asset, "free": number(exchange.free.get(asset)), "locked": number(exchange.locked.get(asset))}
            for asset in sorted(set(exchange.free) | set(exchange.locked))
        ],
        "permissions": ["SPOT"],
        "uid": 354937868,
    }


def symbol_info(market: Market, filters: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "symbol": market.symbol,
        "status": "TRADING",
        "baseAsset": market.base,
        "baseAssetPrecision": 8,
        "quoteAsset": market.quote,
        "quotePrecision": 8,
        "quoteAssetPrecision": 8,
        "baseCommissionPrecision": 8,
        "quoteCommissionPrecision": 8,
        "orderTypes": list(TYPES),
        "icebergAllowed": True,
        "ocoAllowed": True,
        "otoAllowed": True,
        "quoteOrderQtyMarketAllowed": True,
        "allowTrailingStop": True,
        "cancelReplaceAllowed": True,
        "amendAllowed": False,
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "filters": filters,
        "permissions": [],
        "permissionSets": [["SPOT"]],
        "defaultSelfTradePreventionMode": "EXPIRE_MAKER",
        "allowedSelfTradePreventionModes": ["EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH", "DECREMENT"],
    }


def _working_ms(order: SpotOrder) -> int:
    return -1 if order.stop_px is not None and not order.is_triggered else order.created_ms
