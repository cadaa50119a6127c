"""Names and draws that must come out the same in any process: keyed blake2b, never ``hash()``."""

import hashlib
from decimal import Decimal

import msgspec

from gateway.domain.orders import NewOrderSingle

BUCKETS = 10_000


def draw_bucket(salt: str, *parts: str) -> int:
    """A number 0..9999, uniform over ``parts`` and fixed for a salt (invariant 4)."""
    key = hashlib.blake2b(salt.encode(), digest_size=32).digest()
    digest = hashlib.blake2b("\x1f".join(parts).encode(), key=key, digest_size=8).digest()
    return int.from_bytes(digest, "big") * BUCKETS >> 64


_encoder = msgspec.json.Encoder(order="sorted")


def fingerprint(request: NewOrderSingle) -> str:
    """Hash of an order's content: equal requests are equal whatever way their numbers were written."""
    return hashlib.blake2b(_encoder.encode(_normal(request)), digest_size=12).hexdigest()


def _normal(request: NewOrderSingle) -> list[object]:
    return [
        format(value.normalize(), "f") if isinstance(value, Decimal) else value
        for value in (
            request.symbol,
            request.side,
            request.order_qty,
            request.ord_type,
            request.limit_px,
            request.stop_px,
            request.trailing_amount,
            request.trailing_percent,
            request.time_in_force,
            request.expire_ns,
            request.account,
            request.strategy_id,
            request.venue,
            request.cl_ord_id,
            request.execution_algorithm,
        )
    ]
