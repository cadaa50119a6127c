"""Which changes of the configuration are refused, and what a person is told to do instead."""

import itertools

import pytest

from gateway.core.config_change import refusals
from gateway.domain.config import TradingConfig, VenueMode
from gateway.domain.enums import Mode


def config(global_mode: Mode, **venues: Mode) -> TradingConfig:
    modes = {name: VenueMode(mode=mode, canary_weight_bp=100) for name, mode in venues.items()}
    return TradingConfig(revision="r", global_mode=global_mode, venues=modes)


@pytest.mark.parametrize(("before", "after"), list(itertools.product(Mode, Mode)))
def test_only_shadow_to_live_is_refused(before: Mode, after: Mode) -> None:
    """Without it real money could be reached without ever trying a canary, or a way back would be blocked."""
    found = refusals(config(Mode.LIVE, ibkr=before), config(Mode.LIVE, ibkr=after))
    assert bool(found) is ((before, after) == (Mode.SHADOW, Mode.LIVE))


def test_the_effective_mode_counts() -> None:
    """Without it raising modes.global would take every venue that says LIVE past the canary."""
    (text,) = refusals(config(Mode.SHADOW, ibkr=Mode.LIVE), config(Mode.LIVE, ibkr=Mode.LIVE))
    assert "venue ibkr would go from SHADOW to LIVE in one step" in text
    assert "set modes.venues.ibkr.mode to CANARY" in text


def test_a_mode_without_effect_is_not_refused() -> None:
    """Without it a venue could not be prepared while modes.global holds everything in SHADOW."""
    assert refusals(config(Mode.SHADOW, ibkr=Mode.SHADOW), config(Mode.SHADOW, ibkr=Mode.LIVE)) == ()
    assert refusals(None, config(Mode.CANARY, ibkr=Mode.LIVE)) == ()


def test_a_new_venue_does_not_begin_live() -> None:
    """Without it adding a venue would be a way around the canary."""
    old = config(Mode.LIVE, ibkr=Mode.LIVE)
    (text,) = refusals(old, config(Mode.LIVE, ibkr=Mode.LIVE, binance=Mode.LIVE))
    assert text.startswith("gateway.yaml: modes.venues.binance.mode: venue binance")


def test_a_new_gateway_does_not_begin_live() -> None:
    """Without it an empty journal, which holds no evidence, would carry LIVE."""
    (text,) = refusals(None, config(Mode.LIVE, ibkr=Mode.LIVE, binance=Mode.CANARY))
    assert text.startswith(
        "gateway.yaml: modes.venues.ibkr.mode: venue ibkr would be LIVE: a new gateway starts in SHADOW or CANARY"
    )
    assert refusals(None, config(Mode.CANARY, ibkr=Mode.CANARY)) == ()


def test_each_venue_is_named() -> None:
    """Without it a person would mend one venue and meet the next."""
    new = config(Mode.LIVE, ibkr=Mode.LIVE, binance=Mode.LIVE)
    assert [text.split()[3] for text in refusals(config(Mode.SHADOW), new)] == ["binance", "ibkr"]


def test_the_base_currency_stays() -> None:
    """Without it books kept in dollars would be read as euros."""
    new = TradingConfig(revision="r", base_currency="EUR")
    (text,) = refusals(TradingConfig(revision="r"), new)
    assert "base_currency USD -> EUR" in text
    assert "new data directory" in text
    assert refusals(None, new) == ()
