"""Limits and what is used of them, the states and exceptions around them: what ``GET /risk`` shows."""

from typing import Protocol

import msgspec

from gateway.ports.checking import CapView, StopView


class LimitUseView(msgspec.Struct, frozen=True, kw_only=True):
    """One limit of one scope in one book.

    ``value``, ``headroom`` and ``use`` (a share: 1 is the limit) are null where only an order measures it
    (``is_per_order``), or where a figure is not known. ``account`` and ``symbol`` name what is closest to the limit
    where it is measured over many.
    """

    book: str
    scope: str
    scope_id: str
    rule: str
    code: str
    limit: str
    value: str | None
    headroom: str | None
    use: str | None
    is_broken: bool
    is_per_order: bool
    account: str | None
    symbol: str | None


class VenueCapsView(msgspec.Struct, frozen=True, kw_only=True):
    """What a canary may risk at a venue that is in CANARY."""

    venue: str
    caps: tuple[CapView, ...]


class LimitsQuery(msgspec.Struct, frozen=True):
    """Which limits to measure. ``first`` is the place of the scope to begin with, ``most`` how many limits there may
    be before the rest is left to another question."""

    book: str | None = None
    scope: str | None = None
    scope_id: str | None = None
    first: int = 0
    most: int = 500


class RiskView(msgspec.Struct, frozen=True, kw_only=True):
    """``figures_age_ms`` is the age of volatilities and correlations, null when there are none. Values are at the last
    marks, in ``currency``. ``next_first`` is where another question goes on; None: there are no more limits."""

    currency: str
    config_revision: str
    trading_state: str
    stops: tuple[StopView, ...]
    figures_age_ms: int | None
    limits: tuple[LimitUseView, ...]
    caps: tuple[VenueCapsView, ...]
    next_first: int | None = None


class RiskReads(Protocol):
    async def risk(self, query: LimitsQuery) -> RiskView:
        """The limits of every scope that is asked for, as of now. Orders go on while they are measured."""
        ...
