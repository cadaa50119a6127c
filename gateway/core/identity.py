"""Names and draws that must come out the same in any process: keyed blake2b, never ``hash()``."""

import functools
import hashlib
from decimal import Decimal

from gateway.domain.enums import OrderClass
from gateway.domain.orders import NewOrderSingle

BUCKETS = 10_000


def draw_bucket(salt: str, *parts: str) -> int:
    """A number 0..9999, uniform over ``parts`` and fixed for a salt (invariant 4)."""
    key = hashlib.blake2b(salt.encode(), digest_size=32).digest()
    digest = hashlib.blake2b("\x1f".join(parts).encode(), key=key, digest_size=8).digest()
    return int.from_bytes(digest, "big") * BUCKETS >> 64


def reduction_id(trip_id: str, ts_ns: int) -> str:
    """The id of the command by which a breaker closes a part of positions; short enough to begin order ids."""
    return "fb" + hashlib.blake2b(f"{trip_id}\x1f{ts_ns}".encode(), digest_size=6).hexdigest()


def fingerprint(request: NewOrderSingle) -> str:
    """Hash of an order's content: equal requests are equal whatever way their numbers were written."""
    content = "\x1f".join(
        (
            request.symbol,
            request.side,
            _number(request.order_qty),
            request.ord_type,
            _number(request.limit_px),
            _number(request.stop_px),
            _number(request.trailing_amount),
            _number(request.trailing_percent),
            request.time_in_force,
            str(request.expire_ns),
            request.account,
            request.strategy_id,
            request.venue,
            request.cl_ord_id,
            str(request.execution_algorithm),
        )
    )
    if request.order_class is not OrderClass.SIMPLE:  # what was sent before there were classes keeps its hash
        content += "\x1f" + "\x1f".join((request.order_class, *(_number(px) for px in _exit_prices(request))))
    return hashlib.blake2b(content.encode(), digest_size=12).hexdigest()


def _exit_prices(request: NewOrderSingle) -> tuple[Decimal | None, ...]:
    profit, loss = request.take_profit, request.stop_loss
    return (
        None if profit is None else profit.limit_px,
        None if loss is None else loss.stop_px,
        None if loss is None else loss.limit_px,
    )


@functools.lru_cache(maxsize=4_096)
def _number(value: Decimal | None) -> str:
    """The same for equal numbers, so that it may be found by any of them."""
    return "" if value is None else str(value.normalize())
