"""Exact decimals for prices, quantities and money.

Every amount in the gateway is a ``Decimal`` that came from text; no float ever touches one. Python's default
decimal context rounds at 28 digits, which the product of two long crypto amounts exceeds, so the whole process
works at ``PRECISION`` digits: wide enough that a quantity times a price times a multiplier is always exact.
"""

import decimal
from decimal import Decimal

MAX_INTEGER_DIGITS = 15
MAX_FRACTION_DIGITS = 18
PRECISION = 4 * (MAX_INTEGER_DIGITS + MAX_FRACTION_DIGITS)

ZERO = Decimal(0)
ONE = Decimal(1)
BPS = Decimal(10_000)
CENT = Decimal("0.01")
PRICE_STEP = Decimal("1e-18")
_RATIO_STEP = Decimal("1e-12")

# New threads copy DefaultContext; the importing thread already has a context of its own.
decimal.DefaultContext.prec = PRECISION
decimal.getcontext().prec = PRECISION


def amount_problem(value: Decimal) -> str | None:
    """Say why ``value`` cannot be an amount on the wire (NaN, infinite, too long), or None when it can."""
    text = str(value)
    if len(text) <= MAX_INTEGER_DIGITS and text.replace(".", "", 1).isdecimal():
        return None  # nearly always: too short to be too long
    if not value.is_finite():
        return "must be a finite number"
    exponent = value.as_tuple().exponent
    assert isinstance(exponent, int)  # finite, checked above
    if value and value.adjusted() >= MAX_INTEGER_DIGITS:
        return f"must have at most {MAX_INTEGER_DIGITS} digits before the decimal point"
    if -exponent > MAX_FRACTION_DIGITS or exponent > MAX_INTEGER_DIGITS:
        return f"must have at most {MAX_FRACTION_DIGITS} digits after the decimal point"
    return None


def plain(value: Decimal) -> str:
    """Write a decimal the way people do: no exponent, no trailing zeros (``1E+2`` -> ``100``)."""
    text = str(value)
    if "E" in text:
        text = format(value, "f")
    if text[-1] == "0" and "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def is_multiple(value: Decimal, step: Decimal) -> bool:
    """Whether ``value`` lies on the grid of ``step`` (a tick size, a lot size)."""
    return not value % step


def share_of(cost: Decimal, part: Decimal, whole: Decimal) -> Decimal:
    """The share ``part / whole`` of ``cost``, rounded to 1e-18 so that equal histories give equal digits.

    The caller subtracts the result from ``cost``, so what rounding takes from one share stays in the rest and
    the sum of all shares is ``cost`` to the last digit.
    """
    if part == whole:
        return cost
    return (cost * part / whole).quantize(PRICE_STEP)


def ratio(part: Decimal, whole: Decimal) -> Decimal:
    """``part / whole`` at 12 decimals, and 0 when the whole is 0; for figures that people and limits read."""
    return (part / whole).quantize(_RATIO_STEP) if whole else ZERO
