"""The same waits as in production, some hundred times shorter: what a venue may take seconds for, a test may not."""

import pytest

from gateway.adapters.venues.shared import executed, link
from gateway.service import executor, looking_up


def hurry(patch: pytest.MonkeyPatch) -> None:
    """Shorten every wait of the gateway for a venue. The venues themselves are as fast as they are."""
    patch.setattr(link, "FIRST_WAIT_S", 0.02)
    patch.setattr(link, "MAX_WAIT_S", 0.1)
    patch.setattr(executed, "GAP_WAIT_S", 0.05)
    patch.setattr(looking_up, "_FIRST_S", 0.02)
    patch.setattr(looking_up, "_MAX_S", 0.1)
    patch.setattr(executor, "_THROTTLED_FIRST_S", 0.1)


def hurry_ibkr(patch: pytest.MonkeyPatch) -> None:
    from gateway.adapters.venues.ibkr import connection, fills, venue

    patch.setattr(connection, "HEARTBEAT_S", 0.5)
    patch.setattr(venue, "_BUDGET_WAIT_S", 0.05)
    patch.setattr(connection, "_SETTLE_S", 0.1)
    patch.setattr(fills, "COMMISSION_WAIT_S", 0.05)


def hurry_binance(patch: pytest.MonkeyPatch) -> None:
    from gateway.adapters.venues.binance import client, stream, venue

    patch.setattr(venue, "_IN_FLIGHT_S", 1.2)
    patch.setattr(stream, "_HEARTBEAT_S", 0.5)
    patch.setattr(client, "BUDGET_WAIT_S", 0.05)


def hurry_alpaca(patch: pytest.MonkeyPatch) -> None:
    from gateway.adapters.venues.alpaca import book, client, fills, stream, venue

    patch.setattr(venue, "_COMPARE_S", 0.5)
    patch.setattr(book, "IN_FLIGHT_S", 1.2)
    patch.setattr(book, "_CATCH_UP_FIRST_S", 0.05)
    patch.setattr(fills, "_FIRST_S", 0.05)
    patch.setattr(stream, "_HEARTBEAT_S", 0.5)
    patch.setattr(client, "BUDGET_WAIT_S", 0.05)


def hurry_ccxt(patch: pytest.MonkeyPatch) -> None:
    from gateway.adapters.venues.ccxt import asking, venue

    patch.setattr(asking, "ABSENCE_GAP_S", 0.05)
    patch.setattr(asking, "SETTLE_S", 0.1)
    patch.setattr(venue, "_HEARTBEAT_S", 0.5)
