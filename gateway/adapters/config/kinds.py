"""What a written word may mean: numbers, ratios, durations, switches. One ``Kind`` per meaning.

Numbers become exact decimals from their text and never pass through a float. What YAML 1.1 would guess at
(octal, base 60, hexadecimal, thousands separators) is refused with a hint instead.
"""

import re
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec

from gateway.domain.money import ONE, ZERO, amount_problem, plain

_MAX_NUMBER_LENGTH = 60
_NUMBER = re.compile(r"[+-]?(?:[0-9][0-9_]*(?:\.[0-9_]*)?|\.[0-9][0-9_]*)(?:[eE][+-]?[0-9]{1,3})?")
_DURATION = re.compile(r"(?P<number>[^a-z]+?)\s*(?P<unit>ms|s|m|h|d)?")
_MS_PER_UNIT = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_FLAGS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
_HUNDRED = Decimal(100)
_MAX_DAYS = 366
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DATE_LENGTH = len("2026-01-28")


class Unfit(Exception):
    """A text that a kind cannot take: the rule it breaks ("must be ..."), and what to do about it.

    ``known`` are the words that would have fitted. Finding the nearest takes time, so it is left to whoever
    shows the problem.
    """

    def __init__(self, rule: str, hint: str = "", known: Collection[str] = ()) -> None:
        super().__init__(rule)
        self.rule = rule
        self.hint = hint
        self.known = known


class Kind(msgspec.Struct, frozen=True):
    """``name`` says in words what fits, for messages and documentation; ``read`` raises ``Unfit``.

    ``is_private`` keeps the value out of every message.
    """

    name: str
    read: Callable[[str], Any]
    is_private: bool = False


def read_number(text: str) -> Decimal:
    """An exact decimal from its text, without an exponent or trailing zeros so that equal numbers look equal.

    Raises ``Unfit`` on what is no plain number, or is longer than any amount of the gateway may be.
    """
    if len(text) > _MAX_NUMBER_LENGTH:
        raise Unfit(f"must be a number of at most {_MAX_NUMBER_LENGTH} characters")
    if _NUMBER.fullmatch(text) is None:
        hint = "write thousands without a separator: 50000" if "," in text else ""
        raise Unfit("must be a number", hint)
    if re.match(r"[+-]?0[0-9_]", text):
        raise Unfit("must be a number that does not begin with 0", "YAML 1.1 would read it as octal")
    value = Decimal(text)
    if (problem := amount_problem(value)) is not None:
        raise Unfit(problem)
    return Decimal(plain(value))


def read_flag(text: str) -> bool:
    value = _FLAGS.get(text.lower())
    if value is None:
        raise Unfit("must be true or false")
    return value


def read_ratio(text: str) -> Decimal:
    """A ratio, or a percentage: ``0.2`` and ``20%`` are the same."""
    if text.endswith("%"):
        return read_number(plain(read_number(text[:-1].rstrip()) / _HUNDRED))
    return read_number(text)


def read_milliseconds(text: str, unit: str) -> Decimal:
    """A duration in milliseconds. A bare number counts in ``unit``; ``500ms 30s 5m 2h 1d`` say it themselves."""
    found = _DURATION.fullmatch(text.strip().lower()) if len(text) <= _MAX_NUMBER_LENGTH else None
    if found is None:
        raise Unfit("must be a duration", "such as 500ms, 30s, 5m, 2h or 1d")
    value = read_number(found["number"].strip()) * _MS_PER_UNIT[found["unit"] or unit]
    if value > _MAX_DAYS * _MS_PER_UNIT["d"]:
        raise Unfit(f"must be at most {_MAX_DAYS} days")
    return Decimal(plain(value))


def _within(value: Decimal, low: Decimal | None, high: Decimal | None, above: Decimal | None) -> Decimal:
    if above is not None and value <= above:
        raise Unfit(f"must be above {plain(above)}")
    if low is not None and value < low:
        raise Unfit(f"must be at least {plain(low)}")
    if high is not None and value > high:
        raise Unfit(f"must be at most {plain(high)}")
    return value


def _range_text(low: Decimal | None, high: Decimal | None, above: Decimal | None) -> str:
    parts = [
        f"above {plain(above)}" if above is not None else "",
        f"at least {plain(low)}" if low is not None else "",
        f"at most {plain(high)}" if high is not None else "",
    ]
    return ", ".join(part for part in parts if part)


def number(*, low: Decimal | None = None, high: Decimal | None = None, above: Decimal | None = None) -> Kind:
    """An exact decimal within bounds (``above`` excludes its own value)."""
    words = _range_text(low, high, above)
    return Kind(f"number {words}".strip(), lambda text: _within(read_number(text), low, high, above))


def whole(low: int, high: int) -> Kind:
    """A whole number from ``low`` to ``high``."""

    def read(text: str) -> int:
        value = _within(read_number(text), Decimal(low), Decimal(high), None)
        if value != value.to_integral_value():
            raise Unfit("must be a whole number")
        return int(value)

    return Kind(f"whole number {low} to {high}", read)


def ratio(*, high: Decimal, hint: str = "") -> Kind:
    """A ratio above 0, percentages welcome. ``hint`` is given with a value that is too large."""

    def read(text: str) -> Decimal:
        value = read_ratio(text)
        if value > high:
            raise Unfit(f"must be at most {plain(high)}", hint)
        return _within(value, None, None, ZERO)

    return Kind(f"ratio above 0, at most {plain(high)}, or a percentage", read)


def share(*, low: Decimal = ZERO, high: Decimal = ONE) -> Kind:
    """A ratio from ``low`` to ``high`` inclusive, percentages welcome."""
    words = f"ratio {plain(low)} to {plain(high)}, or a percentage"
    return Kind(words, lambda text: _within(read_ratio(text), low, high, None))


def read_weight_bp(text: str) -> int:
    """A percentage of orders, 0 to 100, in basis points: ``1.0`` (or ``1%``) is 100."""
    value = read_number(text.removesuffix("%").rstrip())
    points = _within(value, ZERO, _HUNDRED, None) * 100
    if points != points.to_integral_value():
        raise Unfit("must be a whole number of basis points", "0.01 (one order in 10,000) is the finest step")
    return int(points)


def read_loss_limit(text: str) -> Decimal:
    """An amount, or a share of the equity at the start of the day: ``5000``, ``0.05`` or ``5%``."""
    value = _within(read_ratio(text), None, None, ZERO)
    if text.endswith("%") and value >= 1:
        raise Unfit("must be below 100%", "an amount is written without the percent sign")
    return value


def read_count(text: str) -> Decimal:
    """A whole number above 0."""
    value = _within(read_number(text), ONE, None, None)
    if value != value.to_integral_value():
        raise Unfit("must be a whole number")
    return value


def read_amount_or_share(text: str) -> Decimal:
    """An amount, or below 1 a share of the equity: ``50000``, ``0.8`` or ``80%``."""
    value = _within(read_ratio(text), None, None, ZERO)
    if text.endswith("%") and value >= 1:
        raise Unfit("must be below 100%", "max_leverage takes any multiple of the equity")
    return value


def read_moment(text: str) -> int:
    """Nanoseconds since the epoch, from a date and time with its offset from UTC; a date alone is its midnight UTC."""
    hint = 'write it like "2026-01-28T21:00:00Z" or "2026-01-28 16:00:00-05:00"'
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Unfit("must be a date, or a date and time", hint) from None
    if len(text) <= _DATE_LENGTH:
        moment = moment.replace(tzinfo=UTC)
    if moment.tzinfo is None:
        raise Unfit("must say its offset from UTC", hint)
    since = moment - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000_000 + since.microseconds * 1_000


def duration(unit: str, *, low_ms: int = 0, is_whole: bool = False) -> Kind:
    """A duration, kept in ``unit`` (``ms`` or ``s``), which is also what a bare number means."""

    def read(text: str) -> Decimal | int:
        value = read_milliseconds(text, unit)
        if value < low_ms:
            raise Unfit(f"must be at least {low_ms} ms")
        value = Decimal(plain(value / _MS_PER_UNIT[unit]))
        if not is_whole:
            return value
        if value != value.to_integral_value():
            raise Unfit(f"must be a whole number of {unit}")
        return int(value)

    words = {"ms": "milliseconds", "s": "seconds"}[unit]
    return Kind(f"{words}, or a duration such as 500ms, 30s, 5m", read)


def switchable(kind: Kind) -> Kind:
    """The same, or ``off``, which is kept as None; ``false`` is what programs write that read ``off`` as YAML 1.1."""
    return Kind(f"{kind.name}; or off", lambda text: None if text.lower() in ("off", "false") else kind.read(text))


POSITIVE = number(above=ZERO)
NOT_NEGATIVE = number(low=ZERO)
FLAG = Kind("true or false", read_flag)
WEIGHT = Kind("percentage 0 to 100, in steps of 0.01", read_weight_bp)
COUNT = Kind("whole number above 0", read_count)
AMOUNT_OR_SHARE = Kind("amount, or share of equity (0.8 or 80%)", read_amount_or_share)
MOMENT = Kind("date and time with offset, or a date (midnight UTC)", read_moment)
LOSS_LIMIT = Kind("amount, or share of equity (0.05 or 5%)", read_loss_limit)
