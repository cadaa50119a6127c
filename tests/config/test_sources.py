"""Where prices come from: one source for all, or one for each venue."""

from decimal import Decimal

import pytest

from gateway.adapters.config import ConfigInvalid, describe_difference, parse
from gateway.domain.settings import Settings

AAPL = "  - {symbol: AAPL, venue: ibkr}\n"
BTC = "  - {symbol: BTC/USDT, venue: binance}\n"


def settings(market: str, risk: str = "limits: {max_order_value: 1000}\n", instruments: str = AAPL + BTC) -> Settings:
    files = {"gateway.yaml": market, "risk.yaml": risk, "instruments.yaml": f"symbols:\n{instruments}"}
    return parse({name: text.encode() for name, text in files.items()}, {})


def problems(market: str, instruments: str = AAPL + BTC) -> list[str]:
    with pytest.raises(ConfigInvalid) as refused:
        settings(market, instruments=instruments)
    return [str(problem) for problem in refused.value.problems]


def test_one_name_is_the_source_of_all() -> None:
    """Without this, the form that the seeds use would change its meaning."""
    found = settings("market_data: {source: binance}\n")
    assert [found.market_data.source_of(venue) for venue in ("ibkr", "binance")] == ["binance", "binance"]
    assert found.trading.has_real_prices("ibkr")
    assert "binance" in found.venues


def test_each_venue_has_its_own() -> None:
    """Without this, shares would be priced by an exchange of coins, or an invented price pass for a real one."""
    found = settings("market_data: {source: {BINANCE: binance, default: synthetic}}\n")
    assert [found.market_data.source_of(venue) for venue in ("ibkr", "binance")] == ["synthetic", "binance"]
    assert [found.trading.has_real_prices(venue) for venue in ("ibkr", "binance")] == [False, True]
    assert found.market_data.source_words == "binance: binance, others: synthetic"


def test_invented_prices_alone_are_real_nowhere() -> None:
    """Without this, a market that never closes would be closed at night."""
    found = settings("market_data: {source: {ibkr: synthetic, binance: synthetic}}\n")
    assert not found.trading.is_market_data_real
    assert found.trading.limits.gateway.require_market_data is None


@pytest.mark.parametrize(
    ("market", "told"),
    [
        ("{source: {binance: binance}}", "must name a source for venue ibkr"),
        ("{source: {binance: binanse, default: synthetic}}", "source.binance must be a source of prices, was binanse"),
        ("{source: {binanse: binance, default: synthetic}}", "source.binanse is not a known venue"),
        ("{source: {binance: replay, default: synthetic}}", "path is missing with source replay"),
        ("{source: [binance]}", "must be one value"),
        ("{source: {binance: , default: synthetic}}", "has no value"),
        ("{source: {}}", "must name a source for venue"),
        ("{source: {default: simulator}}", "must be a source of prices"),
        ("{source: {binance: binance, default: synthetic}}\nexchange: binance", "exchange contradicts another key"),
    ],
)
def test_what_is_wrong_is_told_with_its_key(market: str, told: str) -> None:
    """Without this, a slip would leave a venue without prices, or with those of another."""
    assert any(told in problem for problem in problems(f"market_data: {market}\n")), problems(
        f"market_data: {market}\n"
    )


def test_real_prices_must_be_there_and_fresh_unless_somebody_says_otherwise() -> None:
    """Without this, a feed that stands still would go on pricing new risk, because a limit was never written down."""
    limits = settings("market_data: {source: binance, stale_after_ms: 3000}\n").trading.limits.gateway
    assert (limits.require_market_data, limits.max_market_data_age_ms) == (True, Decimal(3000))
    risk = "limits: {require_market_data: false, max_market_data_age_ms: 60000}\n"
    limits = settings("market_data: {source: binance}\n", risk).trading.limits.gateway
    assert (limits.require_market_data, limits.max_market_data_age_ms) == (False, Decimal(60000))


def test_a_change_of_source_is_told() -> None:
    """Without this, nobody would see from when on prices came from somewhere else."""
    old = settings("market_data: {source: {binance: synthetic, default: synthetic}}\n")
    new = settings("market_data: {source: {binance: binance, default: synthetic}}\n")
    assert "market_data.source.binance synthetic -> binance" in describe_difference(old, new)


def test_live_orders_on_delayed_prices_are_warned_of() -> None:
    """Without this, nobody would notice that limits are checked against the prices of a quarter of an hour ago."""
    text = "modes: {global: CANARY, venues: {ibkr: {mode: CANARY, canary_pct: 1}}}\nmarket_data: {source: ibkr}\n"
    assert not any("delayed" in one for one in settings(text).warnings)
    delayed = settings(text + "venues: {ibkr: {options: {market_data_type: delayed}}}\n")
    assert any("15 minutes old" in one for one in delayed.warnings)
