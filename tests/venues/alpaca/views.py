"""What Alpaca's lists and figures look like."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from tests.venues.alpaca.account import AlpacaAccount
from tests.venues.alpaca.orders import Asset, text, when

ZERO = Decimal(0)
CONFIGURATION = {
    "dtbp_check": "entry",
    "fractional_trading": True,
    "max_margin_multiplier": "4",
    "no_shorting": False,
    "pdt_check": "entry",
    "ptp_no_exception_entry": False,
    "suspend_trade": False,
    "trade_confirm_email": "all",
}


def account(of: AlpacaAccount) -> dict[str, Any]:
    values = [qty * (of.last_px(symbol) or px) for symbol, (qty, px) in of.positions.items()]
    long, short = sum((v for v in values if v > 0), ZERO), sum((v for v in values if v < 0), ZERO)
    equity, power = of.cash + long + short, of.buying_power()
    return {
        "id": "904837e3-3b76-47ec-b432-046db621571b",
        "account_number": "PA0000000001",
        "status": "ACTIVE",
        "crypto_status": "ACTIVE",
        "currency": "USD",
        "buying_power": text(power),
        "regt_buying_power": text(power),
        "daytrading_buying_power": "0",
        "non_marginable_buying_power": text(power),
        "cash": text(of.cash),
        "accrued_fees": "0",
        "portfolio_value": text(equity),
        "equity": text(equity),
        "last_equity": text(equity),
        "long_market_value": text(long),
        "short_market_value": text(short),
        "initial_margin": "0",
        "maintenance_margin": "0",
        "last_maintenance_margin": "0",
        "sma": "0",
        "multiplier": "1",
        "shorting_enabled": True,
        "trading_blocked": of.is_blocked,
        "transfers_blocked": False,
        "account_blocked": False,
        "trade_suspended_by_user": False,
        "created_at": "2024-01-02T00:00:00Z",
    }


def positions(of: AlpacaAccount) -> list[dict[str, Any]]:
    return [_position(of, of.assets[symbol], qty, px) for symbol, (qty, px) in of.positions.items()]


def _position(of: AlpacaAccount, asset: Asset, qty: Decimal, px: Decimal) -> dict[str, Any]:
    last = of.last_px(asset.symbol) or px
    cost, gain = qty * px, qty * (last - px)
    return {
        "asset_id": asset.id,
        "symbol": asset.symbol,
        "exchange": asset.exchange,
        "asset_class": asset.asset_class,
        "asset_marginable": True,
        "qty": text(qty),
        "qty_available": text(of.qty_available(asset.symbol)),
        "avg_entry_price": text(px),
        "side": "long" if qty > 0 else "short",
        "market_value": text(qty * last),
        "cost_basis": text(cost),
        "unrealized_pl": text(gain),
        "unrealized_plpc": text(gain / abs(cost)),
        "unrealized_intraday_pl": text(gain),
        "unrealized_intraday_plpc": text(gain / abs(cost)),
        "current_price": text(last),
        "lastday_price": text(px),
        "change_today": "0",
    }


def orders(of: AlpacaAccount, query: Mapping[str, str]) -> list[dict[str, Any]]:
    """The list of orders as ``query`` asks: open ones, the newest fifty first, unless it says otherwise."""
    status, is_nested = query.get("status", "open"), query.get("nested", "").lower() == "true"
    symbols, side = query.get("symbols"), query.get("side")
    rows = [
        one
        for one in of.orders.values()
        if (status == "all" or one.is_open == (status == "open"))
        and (not symbols or one.symbol in symbols.split(","))
        and side in (None, one.side)
        and not (is_nested and one.parent is not None)
        and _ms(query.get("after"), -1) < one.created_ms < _ms(query.get("until"), 10**15)
    ]
    if query.get("direction", "desc") == "desc":
        rows.reverse()
    return [one.wire(is_nested=is_nested) for one in rows[: int(query.get("limit", "50"))]]


def activities(of: AlpacaAccount, query: Mapping[str, str]) -> list[dict[str, Any]]:
    """Fills, the newest first unless ``direction`` says otherwise. Their ids are not those of the stream."""
    rows = []
    for order in of.orders.values():
        for done in order.executions:
            stamp = when(done.at_ms) or ""
            is_full = done.cum_qty == order.qty
            rows.append(
                {
                    "id": "".join(letter for letter in stamp if letter.isdigit())[:17] + f"::{done.activity_id}",
                    "activity_type": "FILL",
                    "transaction_time": stamp,
                    "type": "fill" if is_full else "partial_fill",
                    "price": text(done.px),
                    "qty": text(done.qty),
                    "side": order.side,
                    "symbol": order.symbol,
                    "leaves_qty": text(order.qty - done.cum_qty),
                    "cum_qty": text(done.cum_qty),
                    "order_id": order.id,
                    "order_status": "filled" if is_full else "partially_filled",
                }
            )
    rows = [row for row in rows if _ms(query.get("after"), -1) < _ms(row["transaction_time"], 0)]
    rows = [row for row in rows if _ms(row["transaction_time"], 0) < _ms(query.get("until"), 10**15)]
    rows.sort(key=lambda row: str(row["id"]), reverse=query.get("direction", "desc") == "desc")
    ids = [row["id"] for row in rows]
    token = query.get("page_token")
    first = ids.index(token) + 1 if token in ids else 0
    return rows[first : first + int(query.get("page_size", "100"))]


def _ms(stamp: str | None, default: int) -> float:
    if not stamp:
        return default
    return datetime.fromisoformat(stamp.replace(" ", "+")).timestamp() * 1000
