"""Orders, fills and balances in Coinbase Exchange's words, and the errors of its API."""

import uuid
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from tests.venues.spot import Fill, Market, SpotEvent, SpotExchange, SpotOrder

ZERO = Decimal(0)
PROFILE = "774ee0ce-fdda-405f-aa8d-47189a14ba0a"
USER = "54fc141576dcf32596000133"
#: The other side of every trade.
SOMEBODY = str(uuid.UUID(int=2**127))


class CoinbaseError(Exception):
    """An answer ``{"message"}`` with an HTTP status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status} {message}")
        self.status = status
        self.message = message


def order_uuid(number: int) -> str:
    return str(uuid.UUID(int=number))


def order_number(text: str) -> int:
    """The number behind an id; raises what the venue says of an id that is none."""
    try:
        return uuid.UUID(text).int
    except ValueError:
        raise CoinbaseError(400, "Invalid order id") from None


def when(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def ms_of(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)


def number(value: Decimal) -> str:
    return f"{value:.16f}"


def is_stop(order: SpotOrder) -> bool:
    return order.stop_px is not None and not order.is_triggered


def order(of: SpotOrder) -> dict[str, Any]:
    row: dict[str, Any] = {
        "id": order_uuid(of.order_id),
        "size": number(of.qty),
        "product_id": of.symbol,
        "profile_id": PROFILE,
        "side": of.side,
        "type": "market" if of.px is None else "limit",
        "post_only": of.is_post_only,
        "created_at": when(of.created_ms),
        "fill_fees": number(of.fee),
        "filled_size": number(of.cum_qty),
        "executed_value": number(of.cum_quote),
        "market_type": "spot",
        "status": "active" if of.is_open and is_stop(of) else "open" if of.is_open else "done",
        "settled": not of.is_open,
        "client_oid": of.client_id,
    }
    if of.px is not None:
        row |= {"price": number(of.px), "time_in_force": of.tif.upper()}
    if of.stop_px is not None:
        row |= {"stop": "entry" if of.side == "buy" else "loss", "stop_price": number(of.stop_px)}
    if not of.is_open:
        reason = "filled" if of.status == "filled" else "canceled"
        row |= {"done_at": when(of.updated_ms), "done_reason": reason}
    return row


def fill(of: SpotOrder, done: Fill) -> dict[str, Any]:
    return {
        "created_at": when(done.at_ms),
        "trade_id": done.trade_id,
        "product_id": of.symbol,
        "order_id": order_uuid(of.order_id),
        "user_id": USER,
        "profile_id": PROFILE,
        "liquidity": "M" if done.is_maker else "T",
        "price": number(done.px),
        "size": number(done.qty),
        "fee": number(done.fee),
        "side": of.side,
        "settled": True,
        "usd_volume": number(done.px * done.qty),
        "market_type": "spot",
    }


def accounts(of: SpotExchange) -> list[dict[str, Any]]:
    rows = []
    for asset in sorted(set(of.free) | set(of.locked)):
        free, held = of.free.get(asset, ZERO), of.locked.get(asset, ZERO)
        rows.append(
            {
                "id": str(uuid.uuid5(uuid.NAMESPACE_DNS, asset)),
                "currency": asset,
                "balance": number(free + held),
                "hold": number(held),
                "available": number(free),
                "profile_id": PROFILE,
                "trading_enabled": True,
            }
        )
    return rows


def product(market: Market) -> dict[str, Any]:
    return {
        "id": market.symbol,
        "base_currency": market.base,
        "quote_currency": market.quote,
        "quote_increment": f"{market.tick:f}",
        "base_increment": f"{market.step:f}",
        "display_name": market.symbol,
        "min_market_funds": f"{market.min_notional:f}",
        "margin_enabled": False,
        "post_only": False,
        "limit_only": False,
        "cancel_only": False,
        "status": "online",
        "status_message": "",
        "trading_disabled": False,
        "fx_stablecoin": False,
        "max_slippage_percentage": "0.02000000",
        "auction_mode": False,
        "high_bid_limit_percentage": "",
    }


def currency(name: str) -> dict[str, Any]:
    is_crypto = name not in ("USD", "EUR")
    return {
        "id": name,
        "name": name,
        "min_size": "0.00000001" if is_crypto else "0.01",
        "status": "online",
        "message": "",
        "max_precision": "0.00000001" if is_crypto else "0.01",
        "convertible_to": [],
        "details": {"type": "crypto" if is_crypto else "fiat", "sort_order": 0},
        "default_network": "",
        "supported_networks": [],
        "display_name": name,
    }


def feed_messages(event: SpotEvent, fee_rate: Decimal) -> list[dict[str, Any]]:
    """What the user channel says of one event: an order is received, then open, then matched, then done."""
    of = event.order
    common = {"product_id": of.symbol, "profile_id": PROFILE, "user_id": USER, "time": when(of.updated_ms)}
    mine = common | {"order_id": order_uuid(of.order_id), "side": of.side}
    received = mine | {"type": "received", "order_type": "market" if of.px is None else "limit", "size": number(of.qty)}
    received |= {"client_oid": of.client_id} | ({} if of.px is None else {"price": number(of.px)})
    if event.kind == "ack" and is_stop(of):
        return [mine | {"type": "activate", "stop_price": number(of.stop_px or ZERO), "size": number(of.qty)}]
    if event.kind in ("ack", "triggered"):
        return [received]
    remaining = {"remaining_size": number(of.leaves_qty)}
    if event.kind == "fill" and event.fill is not None:
        messages = [common | _match(of, event.fill, fee_rate)]
        if of.status == "filled":
            messages.append(mine | remaining | {"type": "done", "reason": "filled"})
        return messages
    return [mine | remaining | {"type": "done", "reason": "canceled"}]


def _match(of: SpotOrder, done: Fill, fee_rate: Decimal) -> dict[str, Any]:
    """A trade; its side is the maker's."""
    role = "maker" if done.is_maker else "taker"
    other_side = {"buy": "sell", "sell": "buy"}[of.side]
    return {
        "type": "match",
        "trade_id": done.trade_id,
        "maker_order_id": order_uuid(of.order_id) if done.is_maker else SOMEBODY,
        "taker_order_id": SOMEBODY if done.is_maker else order_uuid(of.order_id),
        "side": of.side if done.is_maker else other_side,
        "size": number(done.qty),
        "price": number(done.px),
        f"{role}_user_id": USER,
        f"{role}_profile_id": PROFILE,
        f"{role}_fee_rate": f"{fee_rate:f}",
    }
