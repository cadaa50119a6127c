"""A new order from a JSON body, fast.

Nearly every order is flat, well-formed and ordinary: that is checked here with one typed decode and a few
compiled patterns. Whatever is not obviously ordinary goes to ``reading``, which decides, and explains. Both ways
give the same order for the same bytes; a property test says so.
"""

import re
from decimal import Decimal
from functools import lru_cache
from typing import Any

import msgspec
from msgspec import UNSET, Raw, UnsetType

from gateway.adapters.http.kinds import NAME_PATTERN
from gateway.adapters.http.reading import read_fields
from gateway.adapters.http.shapes import ALGORITHM, ORDER_TYPE, SIDE, TIME_IN_FORCE, PlaceOrder
from gateway.domain.enums import OrderClass, TimeInForce
from gateway.domain.orders import NewOrderSingle

_DEFAULT = "default"
_decode = msgspec.json.Decoder(PlaceOrder).decode
_sides = SIDE.spellings
_order_types = ORDER_TYPE.spellings
_times_in_force: dict[Any, TimeInForce] = {**TIME_IN_FORCE.spellings, None: TimeInForce.DAY, UNSET: TimeInForce.DAY}
_algorithms: dict[Any, str | None] = {**ALGORITHM.spellings, None: None, UNSET: None}
#: Exactly five names joined by ``|``, which no name may hold: one match for all of them.
_are_five_names = re.compile(rf"{NAME_PATTERN}(?:\|{NAME_PATTERN}){{4}}", re.ASCII).fullmatch
_is_plain_amount = re.compile(r'"?[0-9]{1,15}(?:\.[0-9]{1,18})?"?', re.ASCII).fullmatch
_astuple = msgspec.structs.astuple


class _Unusual(Exception):
    """Not wrong perhaps, but not for the fast way."""


def read_order(body: bytes, account: str = _DEFAULT, strategy_id: str = _DEFAULT) -> NewOrderSingle:
    """The order in ``body``, with the caller's own defaults. Raises RequestInvalid with all that is wrong."""
    try:
        return _read_ordinary(body, account, strategy_id)
    except (_Unusual, KeyError, TypeError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return read_order_carefully(body, account, strategy_id)


def read_order_carefully(body: bytes, account: str = _DEFAULT, strategy_id: str = _DEFAULT) -> NewOrderSingle:
    """The slow, authoritative way."""
    fields = read_fields(body, PlaceOrder)
    return NewOrderSingle(
        symbol=fields["symbol"],
        side=fields["side"],
        order_qty=fields["quantity"],
        ord_type=fields["order_type"],
        limit_px=fields.get("limit_price"),
        stop_px=fields.get("stop_price"),
        trailing_amount=fields.get("trailing_amount"),
        trailing_percent=fields.get("trailing_percent"),
        time_in_force=fields.get("time_in_force", TimeInForce.DAY),
        expire_ns=fields.get("expire_time"),
        account=fields.get("account", account),
        strategy_id=fields.get("strategy_id", strategy_id),
        venue=fields.get("venue", ""),
        cl_ord_id=fields.get("client_order_id", ""),
        execution_algorithm=fields.get("execution_algorithm"),
        order_class=fields.get("order_class", OrderClass.SIMPLE),
        take_profit=fields.get("take_profit"),
        stop_loss=fields.get("stop_loss"),
    )


def _read_ordinary(body: bytes, account: str, strategy_id: str) -> NewOrderSingle:
    order = _decode(body)
    # msgspec lets the last of two equal keys win. In a flat object the commas separate members, so one comma
    # too many for the fields that were set is a duplicate key (or a comma inside a string: let the slow way see).
    given = len(order.__struct_fields__) - _astuple(order).count(UNSET)
    if body.count(b",") != given - 1 or order.expire_time is not UNSET:
        raise _Unusual
    if not (order.order_class is order.take_profit is order.stop_loss is UNSET):
        raise _Unusual
    account = order.account or account
    strategy_id = order.strategy_id or strategy_id
    venue = order.venue or ""
    cl_ord_id = order.client_order_id or ""
    if "" in (order.account, order.strategy_id, order.venue, order.client_order_id):
        raise _Unusual
    if not _are_five_names(f"{order.symbol}|{account}|{strategy_id}|{venue or 'x'}|{cl_ord_id or 'x'}"):
        raise _Unusual
    return NewOrderSingle(
        symbol=order.symbol,
        side=_sides[order.side],
        order_qty=_plain_amount(order.quantity),
        ord_type=_order_types[order.order_type],
        limit_px=_amount(order.limit_price),
        stop_px=_amount(order.stop_price),
        trailing_amount=_amount(order.trailing_amount),
        trailing_percent=_amount(order.trailing_percent),
        time_in_force=_times_in_force[order.time_in_force],
        account=account,
        strategy_id=strategy_id,
        venue=venue,
        cl_ord_id=cl_ord_id,
        execution_algorithm=_algorithms[order.execution_algorithm],
    )


def _amount(raw: Raw | UnsetType) -> Decimal | None:
    return None if raw is UNSET or str(raw, "ascii") == "null" else _plain_amount(raw)


def _plain_amount(raw: Raw) -> Decimal:
    return _read_amount(str(raw, "ascii"))


@lru_cache(maxsize=4_096)
def _read_amount(text: str) -> Decimal:
    """Strategies send the same sizes, and prices on the same grid, again and again."""
    if not _is_plain_amount(text):
        raise _Unusual
    amount = Decimal(text[1:-1] if text[0] == '"' else text)
    if not amount:
        raise _Unusual
    return amount
