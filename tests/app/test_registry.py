"""The tables of adapters agree with each other and with what the configuration may name."""

from pathlib import Path

from gateway.adapters.clock import SystemClock
from gateway.app.registry import MARKETS, ORDER_ADAPTERS, POLICIES, venue_factories
from gateway.domain.settings import Settings
from tests.fakes.outside import FixedMarket
from tests.world import trading_config


def test_every_order_adapter_that_is_named_can_be_made() -> None:
    """Without this, a venue would be refused although its adapter exists, or fail when it is first needed."""
    settings = Settings(trading=trading_config())
    assert set(venue_factories({}, settings, FixedMarket({}), SystemClock(), Path(), {})) == ORDER_ADAPTERS


def test_the_default_sources_and_engines_exist() -> None:
    """Without this, the shipped configuration could not start."""
    settings = Settings(trading=trading_config())
    assert settings.market_data.source in MARKETS
    assert settings.policy.engine in POLICIES
