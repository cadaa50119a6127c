"""Message rate: a token bucket per scope (RTS 6 Art. 15(1)(d); 15c3-5).

A new order or a replace takes one token and may not touch the last ``reserve``; what closes a position may, and so
may a cancel, which passes whatever is left. A second cancel of the same order takes from above the reserve only:
otherwise one client that repeats its cancels could keep everybody from closing.

Exact: a token is ``TOKEN`` parts, and a rate of at most three decimals gives whole parts per nanosecond.
"""

from decimal import ROUND_CEILING, Decimal

import msgspec

from gateway.domain.enums import ScopeKind

TOKEN = 10**12
#: Parts per nanosecond of one token per second.
_PARTS_PER_NS = 1_000


class BucketPlan(msgspec.Struct, frozen=True):
    """The bucket of one scope. ``fill_per_ns`` is in parts; ``capacity`` and ``reserve`` are in tokens."""

    key: str
    scope: ScopeKind
    scope_id: str
    rate: Decimal
    fill_per_ns: int
    capacity: int
    reserve: int


class Bucket(msgspec.Struct):
    """What was left at ``at_ns`` (steady time), in parts of a token."""

    parts: int
    at_ns: int


def bucket_plan(scope: ScopeKind, scope_id: str, rate: Decimal, burst: int | None, reserve: int | None) -> BucketPlan:
    """Without a burst it is one second's worth; without a reserve, cancels keep a fifth of it to themselves (at least
    one token, unless that is all there is)."""
    capacity = int(rate.to_integral_value(ROUND_CEILING)) if burst is None else burst
    kept = min(max(capacity // 5, 1), capacity - 1) if reserve is None else reserve
    return BucketPlan(f"{scope.value}:{scope_id}", scope, scope_id, rate, int(rate * _PARTS_PER_NS), capacity, kept)


def parts_at(bucket: Bucket | None, plan: BucketPlan, now_ns: int) -> int:
    """What is in the bucket at ``now_ns``; one that nobody has drawn on is full."""
    full = plan.capacity * TOKEN
    if bucket is None:
        return full
    return min(bucket.parts + (now_ns - bucket.at_ns) * plan.fill_per_ns, full)


def wait_ns(bucket: Bucket | None, plan: BucketPlan, now_ns: int, kept: int) -> int:
    """How long until a message that must leave ``kept`` tokens may pass; 0: now."""
    missing = (kept + 1) * TOKEN - parts_at(bucket, plan, now_ns)
    return 0 if missing <= 0 else -(-missing // plan.fill_per_ns)


def take(buckets: dict[str, Bucket], plan: BucketPlan, now_ns: int, kept: int = 0) -> bool:
    """Take one token unless fewer than ``kept`` would be left; False: it was not there, and none is owed."""
    parts = parts_at(buckets.get(plan.key), plan, now_ns)
    is_there = parts >= (kept + 1) * TOKEN
    _put(buckets, plan, parts - TOKEN if is_there else parts, now_ns)
    return is_there


def give_back(buckets: dict[str, Bucket], plan: BucketPlan, now_ns: int) -> None:
    """Undo one ``take``: the same message is about to be decided again."""
    parts = parts_at(buckets.get(plan.key), plan, now_ns)
    _put(buckets, plan, min(parts + TOKEN, plan.capacity * TOKEN), now_ns)


def _put(buckets: dict[str, Bucket], plan: BucketPlan, parts: int, now_ns: int) -> None:
    bucket = buckets.get(plan.key)
    if bucket is None:
        buckets[plan.key] = Bucket(parts, now_ns)
    else:
        bucket.parts, bucket.at_ns = parts, now_ns
