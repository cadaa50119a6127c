"""An Alpaca order, how it is read from a request and written into an answer, and the errors of Alpaca's API."""

import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

ZERO = Decimal(0)
OPEN = frozenset({"new", "partially_filled", "held", "accepted", "pending_new"})
TYPES = ("market", "limit", "stop", "stop_limit", "trailing_stop")
TIFS = ("day", "gtc", "opg", "cls", "ioc", "fok")
CLASSES = ("simple", "bracket", "oco", "oto")


class AlpacaError(Exception):
    """An answer ``{"code", "message"}`` with an HTTP status; ``extra`` goes along."""

    def __init__(self, status: int, code: int, message: str, **extra: Any) -> None:
        super().__init__(f"{status} {code} {message}")
        self.status = status
        self.code = code
        self.message = message
        self.extra = extra

    def body(self) -> dict[str, Any]:
        return {"code": self.code, "message": self.message, **self.extra}


def invalid(message: str) -> AlpacaError:
    return AlpacaError(422, 40010001, message)


def unfit(message: str) -> AlpacaError:
    return AlpacaError(422, 42210000, message)


def forbidden(message: str, **extra: Any) -> AlpacaError:
    return AlpacaError(403, 40310000, message, **extra)


def not_found(message: str) -> AlpacaError:
    return AlpacaError(404, 40410000, message)


@dataclass(frozen=True)
class Asset:
    symbol: str
    name: str = ""
    exchange: str = "NASDAQ"
    asset_class: str = "us_equity"
    is_shortable: bool = True
    is_fractionable: bool = True

    @property
    def id(self) -> str:
        return str(uuid.uuid5(uuid.NAMESPACE_DNS, self.symbol))

    def wire(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "class": self.asset_class,
            "exchange": self.exchange,
            "symbol": self.symbol,
            "name": self.name or self.symbol,
            "status": "active",
            "tradable": True,
            "marginable": True,
            "maintenance_margin_requirement": 30,
            "shortable": self.is_shortable,
            "easy_to_borrow": self.is_shortable,
            "fractionable": self.is_fractionable,
            "attributes": [],
        }


@dataclass(frozen=True)
class Execution:
    execution_id: str
    activity_id: str
    qty: Decimal
    px: Decimal
    at_ms: int
    cum_qty: Decimal


@dataclass
class AlpacaOrder:
    id: str
    client_order_id: str
    asset: Asset
    side: str
    type: str
    tif: str
    qty: Decimal
    notional: Decimal | None = None
    limit_px: Decimal | None = None
    stop_px: Decimal | None = None
    trail_px: Decimal | None = None
    trail_percent: Decimal | None = None
    hwm: Decimal | None = None
    extended_hours: bool = False
    order_class: str = ""
    status: str = "new"
    cum_qty: Decimal = ZERO
    cum_cost: Decimal = ZERO
    executions: list[Execution] = field(default_factory=list)
    legs: list["AlpacaOrder"] = field(default_factory=list)
    parent: "AlpacaOrder | None" = None
    #: The leg that goes when this one is done (one cancels other).
    sibling: "AlpacaOrder | None" = None
    replaced_by: str | None = None
    replaces: str | None = None
    created_ms: int = 0
    stamps: dict[str, int] = field(default_factory=dict)

    @property
    def symbol(self) -> str:
        return self.asset.symbol

    @property
    def is_open(self) -> bool:
        return self.status in OPEN

    @property
    def leaves_qty(self) -> Decimal:
        return self.qty - self.cum_qty

    def wire(self, *, is_nested: bool = True) -> dict[str, Any]:
        stamp = self.stamps.get
        return {
            "id": self.id,
            "client_order_id": self.client_order_id,
            "created_at": when(self.created_ms),
            "updated_at": when(max([self.created_ms, *self.stamps.values()])),
            "submitted_at": when(self.created_ms),
            "filled_at": when(stamp("filled")),
            "expired_at": when(stamp("expired")),
            "canceled_at": when(stamp("canceled")),
            "failed_at": when(stamp("rejected")),
            "replaced_at": when(stamp("replaced")),
            "replaced_by": self.replaced_by,
            "replaces": self.replaces,
            "asset_id": self.asset.id,
            "symbol": self.symbol,
            "asset_class": self.asset.asset_class,
            "notional": text(self.notional),
            "qty": None if self.notional is not None else text(self.qty),
            "filled_qty": text(self.cum_qty),
            "filled_avg_price": text(self.cum_cost / self.cum_qty) if self.cum_qty else None,
            "order_class": self.order_class,
            "order_type": self.type,
            "type": self.type,
            "side": self.side,
            "time_in_force": self.tif,
            "limit_price": text(self.limit_px),
            "stop_price": text(self.stop_px),
            "status": self.status,
            "extended_hours": self.extended_hours,
            "legs": [leg.wire() for leg in self.legs] if is_nested and self.legs else None,
            "trail_percent": text(self.trail_percent),
            "trail_price": text(self.trail_px),
            "hwm": text(self.hwm),
            "subtag": None,
            "source": None,
        }


def text(value: Decimal | None) -> str | None:
    """Alpaca writes numbers as text, without zeros that say nothing."""
    if value is None:
        return None
    exponent = value.as_tuple().exponent
    rounded = round(value, 9) if isinstance(exponent, int) and exponent < -9 else value
    return f"{rounded.normalize():f}"


def when(ms: int | None) -> str | None:
    if ms is None:
        return None
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def read_number(body: dict[str, Any], name: str) -> Decimal | None:
    """A price or quantity as number or text; above zero, as every one that Alpaca takes."""
    raw = body.get(name)
    if raw is None:
        return None
    try:
        value = Decimal(str(raw))
    except InvalidOperation:
        raise invalid(f"{name} must be a number") from None
    if not value.is_finite() or value <= 0:
        raise invalid(f"{name} must be > 0")
    return value


def read_price(body: dict[str, Any], name: str) -> Decimal | None:
    px = read_number(body, name)
    if px is not None and px % (Decimal("0.01") if px >= 1 else Decimal("0.0001")):
        raise unfit(f"invalid {name} {px}. sub-penny increment does not fulfill minimum pricing criteria")
    return px


#: What each type needs, and what it must not carry.
NEEDS = {
    "market": ((), ("limit_price", "stop_price")),
    "limit": (("limit_price",), ("stop_price",)),
    "stop": (("stop_price",), ("limit_price",)),
    "stop_limit": (("stop_price", "limit_price"), ()),
    "trailing_stop": ((), ("limit_price", "stop_price")),
}


def check_form(body: dict[str, Any]) -> None:
    """The fields of a new order fit each other; raises what Alpaca answers."""
    for name, allowed in (("side", ("buy", "sell")), ("type", TYPES), ("time_in_force", TIFS)):
        if body.get(name) not in allowed:
            raise invalid(f"invalid {name}")
    if body.get("order_class") not in (*CLASSES, "", None):
        raise invalid("invalid order_class")
    if len(str(body.get("client_order_id") or "")) > 128:
        raise invalid("client_order_id must be no more than 128 characters")
    if (body.get("qty") is None) == (body.get("notional") is None):
        raise invalid("qty or notional is required, but not both")
    needed, barred = NEEDS[body["type"]]
    for name in (*needed, *barred):
        if (body.get(name) is None) == (name in needed):
            rule = "require" if name in needed else "must not have"
            raise invalid(f"{body['type']} orders {rule} {name.replace('_', ' ')}")
    _check_kind(body)
    _check_class(body)


def _check_kind(body: dict[str, Any]) -> None:
    if body["type"] == "trailing_stop" and (body.get("trail_price") is None) == (body.get("trail_percent") is None):
        raise invalid("trailing stop orders must specify one of trail_price or trail_percent")
    if body.get("extended_hours") and (body["type"] != "limit" or body["time_in_force"] not in ("day", "gtc")):
        raise unfit("extended hours order must be DAY or GTC limit orders")
    if body.get("notional") is not None and (body["type"], body["time_in_force"]) != ("market", "day"):
        raise unfit("notional orders must be DAY market orders")


def _check_class(body: dict[str, Any]) -> None:
    kind = body.get("order_class") or "simple"
    profit, loss = body.get("take_profit"), body.get("stop_loss")
    if kind in ("bracket", "oco") and (not profit or not loss):
        raise unfit(f"{kind} orders require take_profit and stop_loss")
    if kind == "oto" and bool(profit) == bool(loss):
        raise unfit("oto orders require either take_profit or stop_loss")
    if kind == "simple" and (profit or loss):
        raise unfit("simple orders must not have take_profit or stop_loss")
    if kind == "oco" and body["type"] != "limit":
        raise unfit("oco orders must be limit orders")
    if kind != "simple" and body["time_in_force"] not in ("day", "gtc"):
        raise unfit("complex orders must be DAY or GTC")
    if profit and profit.get("limit_price") is None:
        raise unfit("take_profit.limit_price is required")
    if loss and loss.get("stop_price") is None:
        raise unfit("stop_loss.stop_price is required")
