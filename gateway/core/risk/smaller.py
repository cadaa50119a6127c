"""Limits made smaller by a circuit breaker: those on the size of one order and of one position, and no others."""

from collections.abc import Mapping
from decimal import Decimal

import msgspec

from gateway.domain.breakers import SIZE_LIMITS
from gateway.domain.config import Limits, LimitTable


def smaller(table: LimitTable, factor: Decimal) -> LimitTable:
    """``table`` with every limit on size times ``factor``."""
    return msgspec.structs.replace(
        table,
        gateway=_limits(table.gateway, factor),
        accounts=_scopes(table.accounts, factor),
        strategies=_scopes(table.strategies, factor),
        venues=_scopes(table.venues, factor),
        symbols=_scopes(table.symbols, factor),
        sectors=_scopes(table.sectors, factor),
        asset_classes=_scopes(table.asset_classes, factor),
    )


def _scopes(scopes: Mapping[str, Limits], factor: Decimal) -> dict[str, Limits]:
    return {name: _limits(limits, factor) for name, limits in scopes.items()}


def _limits(limits: Limits, factor: Decimal) -> Limits:
    given = {key: value * factor for key in SIZE_LIMITS if (value := getattr(limits, key)) is not None}
    return msgspec.structs.replace(limits, **given)
