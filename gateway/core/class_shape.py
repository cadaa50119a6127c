"""The fields of an order with a class: do they belong together, and do its exits lie right of it?"""

from collections.abc import Iterator
from decimal import Decimal

from gateway.domain.enums import OrderClass, OrdType, Side, TimeInForce
from gateway.domain.money import amount_problem, plain
from gateway.domain.orders import FieldError, NewOrderSingle

_SIMPLE, _OCO, _OTO = OrderClass.SIMPLE, OrderClass.OCO, OrderClass.OTO
_ENTRIES = (OrdType.MARKET, OrdType.LIMIT)
_LASTING = (TimeInForce.DAY, TimeInForce.GTC)
_PROFIT, _STOP, _STOP_LIMIT = "take_profit.limit_price", "stop_loss.stop_price", "stop_loss.limit_price"


def class_problems(request: NewOrderSingle) -> Iterator[FieldError]:
    """What is wrong with an order whose class is not simple, or that has exits."""
    yield from _missing_or_stray(request)
    if request.order_class is _SIMPLE:
        return
    yield from _unfit_kind(request)
    amounts = tuple(_amounts(request))
    problems = [
        FieldError(name, rule, str(px)[:64], "send a plain decimal number")
        for name, px in amounts
        if (rule := _amount_rule(px)) is not None
    ]
    yield from problems
    if not problems:
        yield from _misplaced(request, dict(amounts))


def _missing_or_stray(request: NewOrderSingle) -> Iterator[FieldError]:
    kind = request.order_class
    given = {"take_profit": request.take_profit is not None, "stop_loss": request.stop_loss is not None}
    if kind is _SIMPLE:
        for field, is_given in given.items():
            if is_given:
                hint = "leave it out, or use order_class bracket, oco or oto"
                yield FieldError(field, "must be absent on a simple order", "given", hint)
    elif kind is _OTO:
        if sum(given.values()) != 1:
            were = "both" if all(given.values()) else "absent"
            yield FieldError(
                "take_profit", "or stop_loss, exactly one, is required on an oto order", were, "with both, use bracket"
            )
    else:
        for field, is_given in given.items():
            if not is_given:
                yield FieldError(field, f"is required on a {kind} order", "absent", f"add {field}")


def _unfit_kind(request: NewOrderSingle) -> Iterator[FieldError]:
    kind, ord_type, tif = request.order_class, request.ord_type, request.time_in_force
    if kind is _OCO:
        if ord_type is not OrdType.LIMIT:
            hint = "an oco order is a limit order at take_profit.limit_price with a stop beside it"
            yield FieldError("order_type", "must be limit on an oco order", ord_type.value, hint)
        if request.limit_px is not None:
            hint = "leave it out: its price is take_profit.limit_price"
            yield FieldError("limit_price", "must be absent on an oco order", str(request.limit_px)[:64], hint)
    elif ord_type not in _ENTRIES:
        yield FieldError("order_type", f"must be market or limit on a {kind} order", ord_type.value, "it is the entry")
    if tif not in _LASTING:
        hint = "the exits have it as well, and have to last"
        yield FieldError("time_in_force", f"must be day or gtc on a {kind} order", tif.value, hint)
    if request.execution_algorithm:
        rule = f"must be absent on a {kind} order"
        yield FieldError("execution_algorithm", rule, request.execution_algorithm, "leave it out")


def _amounts(request: NewOrderSingle) -> Iterator[tuple[str, Decimal]]:
    if request.take_profit is not None:
        yield _PROFIT, request.take_profit.limit_px
    if request.stop_loss is not None:
        yield _STOP, request.stop_loss.stop_px
        if request.stop_loss.limit_px is not None:
            yield _STOP_LIMIT, request.stop_loss.limit_px


def _amount_rule(px: Decimal) -> str | None:
    problem = amount_problem(px)
    return problem if problem is not None or px > 0 else "must be greater than 0"


def _misplaced(request: NewOrderSingle, prices: dict[str, Decimal]) -> Iterator[FieldError]:
    """The profit lies beyond the entry, the loss before it. A market entry has no price to compare with."""
    is_oco = request.order_class is _OCO
    closes_long = (request.side is Side.SELL) if is_oco else (request.side is Side.BUY)
    profit, stop = prices.get(_PROFIT), prices.get(_STOP)
    entry = None if is_oco or request.limit_px is None or amount_problem(request.limit_px) else request.limit_px
    pairs = [(_PROFIT, profit, "limit_price", entry, closes_long), (_STOP, stop, "limit_price", entry, not closes_long)]
    if entry is None:  # else both lie right of it, and so right of each other
        pairs.append((_PROFIT, profit, _STOP, stop, closes_long))
    for field, px, other, bound, is_above in pairs:
        if px is not None and bound is not None and (px <= bound if is_above else px >= bound):
            rule = f"must be {'above' if is_above else 'below'} {other} {plain(bound)}"
            closes = "sells what was bought" if closes_long else "buys back what was sold"
            yield FieldError(field, rule, plain(px), f"the exit {closes}")
    limit = prices.get(_STOP_LIMIT)
    if limit is not None and stop is not None and (limit > stop if closes_long else limit < stop):
        rule = f"must be {'at or below' if closes_long else 'at or above'} {_STOP} {plain(stop)}"
        yield FieldError(_STOP_LIMIT, rule, plain(limit), "else the stop triggers and cannot fill")
