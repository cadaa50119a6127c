"""The tables of adapters agree with each other and with what the configuration may name."""

import subprocess
import sys
from pathlib import Path

from gateway.adapters.clock import SystemClock
from gateway.adapters.venues.shared.budget import Budgets
from gateway.app.registry import CAPABILITIES, ORDER_ADAPTERS, POLICIES, unserved_sources, venue_factories
from gateway.domain.settings import Settings, VenueSettings
from tests.app.capabilities_page import PAGE, page
from tests.fakes.outside import FixedMarket
from tests.world import trading_config


def test_every_order_adapter_that_is_named_can_be_made() -> None:
    """Without this, a venue would be refused although its adapter exists, or fail when it is first needed."""
    settings = Settings(trading=trading_config())
    clock = SystemClock()
    made = venue_factories({}, settings, FixedMarket({}), clock, Path(), {}, Budgets(clock))
    assert set(made) == ORDER_ADAPTERS


def test_the_default_sources_and_engines_exist() -> None:
    """Without this, the shipped configuration could not start."""
    settings = Settings(trading=trading_config())
    assert unserved_sources(settings) == ()
    assert settings.policy.engine in POLICIES


def test_every_order_adapter_declares_what_its_venue_can_do() -> None:
    """Without this, an order could be sent to a venue of which nobody knows what an unanswered send means there."""
    assert set(CAPABILITIES) == ORDER_ADAPTERS
    for name in sorted(ORDER_ADAPTERS):
        declared = CAPABILITIES[name](VenueSettings(name="x", adapter=name))
        assert declared.adapter == name
        assert declared.order_types
        assert declared.times_in_force


def test_the_documented_table_is_what_adapters_declare() -> None:
    """Without this, people would plan with what a venue cannot do."""
    text = PAGE.read_text(encoding="utf-8")
    assert text == page(text), "run python -m tests.app.capabilities_page"


def test_declarations_load_no_client_library() -> None:
    """Without this, a gateway in SHADOW would load what can trade, and take seconds to start."""
    libraries = "('ib_async', 'binance', 'ccxt', 'alpaca')"
    code = f"import sys, gateway.app.registry; print([name for name in {libraries} if name in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"
