"""Is this an order at all, and does it fit its instrument? Shape problems never become orders; instrument
problems deny one."""

from decimal import Decimal

from gateway.core.class_shape import class_problems
from gateway.domain.config import TradingConfig
from gateway.domain.enums import OrderClass, OrdType, ScopeKind, TimeInForce
from gateway.domain.instruments import Instrument
from gateway.domain.money import amount_problem, is_multiple, plain
from gateway.domain.orders import Breach, FieldError, NewOrderSingle
from gateway.domain.reasons import RejectCode

NEEDS_LIMIT = frozenset({OrdType.LIMIT, OrdType.STOP_LIMIT, OrdType.LIMIT_ON_CLOSE})
NEEDS_STOP = frozenset({OrdType.STOP, OrdType.STOP_LIMIT})
MAY_HAVE_STOP = NEEDS_STOP | {OrdType.TRAILING_STOP}
ON_CLOSE = frozenset({OrdType.MARKET_ON_CLOSE, OrdType.LIMIT_ON_CLOSE})
#: Orders that wait for a trigger cannot be immediate-or-nothing.
TRIGGERED = MAY_HAVE_STOP
IMMEDIATE = frozenset({TimeInForce.IOC, TimeInForce.FOK})
#: The times in force of the auctions at either end of a session.
_AUCTIONS = frozenset({TimeInForce.AT_THE_OPENING, TimeInForce.AT_THE_CLOSE})
# Named once: see domain.orders.
_TRAILING_STOP, _GTD = OrdType.TRAILING_STOP, TimeInForce.GTD
_SIMPLE, _OCO = OrderClass.SIMPLE, OrderClass.OCO


def shape_problems(request: NewOrderSingle, now_ns: int) -> tuple[FieldError, ...]:
    """Everything that keeps ``request`` from being an order, named by the fields of the HTTP contract."""
    problems: list[FieldError] = []
    _check_amount(problems, "quantity", request.order_qty)
    if request.order_class is not _OCO:  # its price is that of the exit that takes the profit
        _check_price(problems, "limit_price", request.limit_px, request.ord_type in NEEDS_LIMIT, request.ord_type)
    _check_price(problems, "stop_price", request.stop_px, request.ord_type in NEEDS_STOP, request.ord_type)
    if request.ord_type is _TRAILING_STOP or request.trailing_amount or request.trailing_percent:
        _check_trailing(problems, request)
    if request.time_in_force is _GTD or request.expire_ns is not None:
        _check_expiry(problems, request, now_ns)
    _check_time_in_force(problems, request)
    if request.order_class is not _SIMPLE or request.take_profit is not None or request.stop_loss is not None:
        problems.extend(class_problems(request))
    return tuple(problems)


def _check_amount(problems: list[FieldError], field: str, value: Decimal) -> None:
    if (problem := amount_problem(value)) is not None:
        problems.append(FieldError(field, problem, str(value)[:64], "send a plain decimal number"))
    elif value <= 0:
        problems.append(FieldError(field, "must be greater than 0", plain(value), "give the side in `side`"))


def _check_price(
    problems: list[FieldError], field: str, value: Decimal | None, is_needed: bool, ord_type: OrdType
) -> None:
    if value is not None:
        is_allowed = is_needed or (field == "stop_price" and ord_type in MAY_HAVE_STOP)
        if not is_allowed:
            rule = f"must be absent on a {ord_type.value} order"
            problems.append(FieldError(field, rule, str(value)[:64], "leave it out, or change order_type"))
        else:
            _check_amount(problems, field, value)
    elif is_needed:
        rule = f"is required on a {ord_type.value} order"
        problems.append(FieldError(field, rule, "absent", f"add {field}, or change order_type"))


def _check_trailing(problems: list[FieldError], request: NewOrderSingle) -> None:
    given = [
        (field, value)
        for field, value in (
            ("trailing_amount", request.trailing_amount),
            ("trailing_percent", request.trailing_percent),
        )
        if value is not None
    ]
    if request.ord_type is not OrdType.TRAILING_STOP:
        for field, value in given:
            rule = f"must be absent on a {request.ord_type.value} order"
            problems.append(FieldError(field, rule, str(value)[:64], "use order_type trailing_stop"))
        return
    if len(given) != 1:
        were = "absent" if not given else "both"
        hint = "give the distance of the stop as one of the two"
        problems.append(FieldError("trailing_amount", "or trailing_percent, exactly one, is required", were, hint))
    for field, amount in given:
        _check_amount(problems, field, amount)
        if field == "trailing_percent" and amount.is_finite() and amount >= 100:
            problems.append(FieldError(field, "must be below 100", str(amount)[:64], "5 means 5%"))


def _check_expiry(problems: list[FieldError], request: NewOrderSingle, now_ns: int) -> None:
    if request.time_in_force is not TimeInForce.GTD:
        problems.append(
            FieldError(
                "expire_time",
                f"must be absent with time_in_force {request.time_in_force.value}",
                str(request.expire_ns),
                "use time_in_force gtd",
            )
        )
    elif request.expire_ns is None:
        problems.append(FieldError("expire_time", "is required with time_in_force gtd", "absent", "add expire_time"))
    elif request.expire_ns <= now_ns:
        problems.append(FieldError("expire_time", "must be in the future", str(request.expire_ns), "check the clock"))


def _check_time_in_force(problems: list[FieldError], request: NewOrderSingle) -> None:
    tif, ord_type = request.time_in_force, request.ord_type
    if ord_type in ON_CLOSE and tif not in (TimeInForce.DAY, TimeInForce.AT_THE_CLOSE):
        rule = f"must be day or cls on a {ord_type.value} order"
        problems.append(FieldError("time_in_force", rule, tif.value, "leave it out"))
    if ord_type in TRIGGERED and tif in IMMEDIATE:
        rule = f"cannot be {tif.value} on a {ord_type.value} order, which waits for its trigger"
        problems.append(FieldError("time_in_force", rule, tif.value, "use day or gtc"))
    if tif in _AUCTIONS and ord_type in TRIGGERED:
        rule = f"cannot be {tif.value} on a {ord_type.value} order"
        problems.append(FieldError("time_in_force", rule, tif.value, "use day or gtc"))


def instrument_breaches(
    instrument: Instrument,
    config: TradingConfig,
    ord_type: OrdType,
    qty: Decimal,
    prices: tuple[Decimal | None, ...],
) -> list[Breach]:
    """The instrument's own rules on size, prices and type. Notional is checked where its price is known."""
    symbol = instrument.symbol
    found: list[Breach] = []
    if instrument.currency not in config.rates:
        found.append(
            Breach(RejectCode.CURRENCY_UNKNOWN, ScopeKind.SYMBOL, symbol, ", ".join(config.rates), instrument.currency)
        )
    if ord_type not in instrument.order_types:
        allowed = ", ".join(kind.value for kind in instrument.order_types)
        found.append(Breach(RejectCode.ORDER_TYPE_UNSUPPORTED, ScopeKind.SYMBOL, symbol, allowed, ord_type.value))
    if qty % instrument.lot_size:
        found.append(
            Breach(RejectCode.QUANTITY_OFF_LOT, ScopeKind.SYMBOL, symbol, plain(instrument.lot_size), plain(qty))
        )
    if qty < instrument.min_qty:
        found.append(
            Breach(RejectCode.QUANTITY_BELOW_MINIMUM, ScopeKind.SYMBOL, symbol, plain(instrument.min_qty), plain(qty))
        )
    if instrument.max_qty is not None and qty > instrument.max_qty:
        found.append(
            Breach(RejectCode.QUANTITY_ABOVE_MAXIMUM, ScopeKind.SYMBOL, symbol, plain(instrument.max_qty), plain(qty))
        )
    for px in prices:
        if px is not None and not is_multiple(px, instrument.tick_size):
            found.append(
                Breach(RejectCode.PRICE_OFF_TICK, ScopeKind.SYMBOL, symbol, plain(instrument.tick_size), plain(px))
            )
    return found


def notional_breach(instrument: Instrument, px: Decimal, qty: Decimal) -> Breach:
    """That an order at ``px`` is worth less than the instrument's ``min_notional``."""
    low, value = plain(instrument.min_notional), plain(px * instrument.multiplier * qty)
    return Breach(RejectCode.NOTIONAL_BELOW_MINIMUM, ScopeKind.SYMBOL, instrument.symbol, low, value)
