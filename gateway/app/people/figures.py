"""Amounts, shares and moments of the API, as people read them."""

from datetime import UTC, datetime
from decimal import Decimal

NOTHING = "–"
_CENT = Decimal("0.01")


def amount(text: str | None) -> str:
    """Every digit, with thousands apart: ``61799.155`` is ``61,799.155``."""
    if text is None:
        return NOTHING
    sign, digits = ("-", text[1:]) if text.startswith("-") else ("", text)
    whole, point, rest = digits.partition(".")
    return f"{sign}{int(whole):,}{point}{rest}" if whole.isdigit() else text


def money(text: str | None) -> str:
    """To the cent; what would round to nothing is shown whole."""
    if text is None:
        return NOTHING
    value = Decimal(text)
    rounded = value.quantize(_CENT)
    return amount(text) if value and not rounded else f"{rounded:,}"


def signed(text: str | None) -> str:
    """``money`` with its sign, for profit and loss."""
    return f"+{money(text)}" if text is not None and Decimal(text) > 0 else money(text)


def share(text: str | None) -> str:
    """A ratio as percent: ``0.0417`` is ``4.17%``."""
    return NOTHING if text is None else f"{Decimal(text) * 100:,.2f}%"


def weight(basis_points: int) -> str:
    return f"{Decimal(basis_points) / 100:f}%"


def pnl_style(text: str | None) -> str:
    if text is None or not Decimal(text):
        return ""
    return "good" if Decimal(text) > 0 else "bad"


def time_of(moment: str | None, now_ns: int) -> str:
    """The time of a moment in UTC to the millisecond; with its date where that is not today's."""
    if not moment:
        return NOTHING
    today = datetime.fromtimestamp(now_ns / 1e9, UTC).date().isoformat()
    day, _, clock = moment.rstrip("Z").partition("T")
    return clock[:12] if day == today else f"{day} {clock[:8]}"


def age(moment: str | None, now_ns: int) -> str:
    """How long ago a moment was, in the largest unit that fits."""
    if not moment:
        return NOTHING
    seconds = max(int(now_ns / 1e9 - datetime.fromisoformat(moment).timestamp()), 0)
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def lasting(ns: int) -> str:
    """A stage's time."""
    for unit, size in (("s", 1_000_000_000), ("ms", 1_000_000), ("us", 1_000)):
        if ns >= size:
            return f"{ns / size:.3g} {unit}" if ns < 1000 * size else f"{ns / size:,.0f} {unit}"
    return f"{ns} ns"
