"""The seeds' YAML loads as it stands, and means what it says there."""

from decimal import Decimal

import pytest

from gateway.domain.config import VenueMode
from gateway.domain.enums import Mode
from tests.config.samples import (
    SEED_BINANCE,
    SEED_BINANCE_SYMBOLS,
    SEED_LIMITS,
    SEED_MODES,
    SEED_PHASE_3_LIMITS,
    SEED_SYMBOLS,
    parse_texts,
    problems_of,
)


def test_modes_and_the_ibkr_venue() -> None:
    """Without it the live gateway's config.yaml of the seeds would not load here."""
    settings = parse_texts(gateway=SEED_MODES)
    assert settings.trading.global_mode is Mode.SHADOW
    assert settings.trading.venues["ibkr"] == VenueMode(account="ibkr paper 127.0.0.1:7497")
    venue = settings.venues["ibkr"]
    assert (venue.adapter, venue.host, venue.port, venue.client_id) == ("ibkr", "127.0.0.1", 7497, 7)
    assert (venue.paper_only, venue.timeout_s) == (True, Decimal(30))


def test_the_seeds_step_to_canary() -> None:
    """Without it ``canary_pct: 1.0`` would be one basis point, or everything."""
    text = SEED_MODES.replace('"SHADOW"', '"CANARY"').replace("canary_pct: 0.0", "canary_pct: 1.0")
    trading = parse_texts(gateway=text).trading
    assert trading.effective_mode("ibkr") is Mode.CANARY
    assert trading.weight_bp("ibkr") == 100


def test_the_seeds_step_to_live() -> None:
    """Without it the seeds' LIVE sample (port 7496, paper_only false) would be refused."""
    text = SEED_MODES.replace('"SHADOW"', '"LIVE"').replace("0.0\n", "100.0\n").replace("7497", "7496")
    settings = parse_texts(gateway=text.replace("paper_only: true", "paper_only: false"))
    assert settings.trading.weight_bp("ibkr") == 10_000
    assert settings.venues["ibkr"].port == 7496


def test_the_live_port_with_paper_only_is_refused() -> None:
    """Without it a line forgotten in that step would send paper orders to a real account."""
    (problem,) = problems_of(gateway=SEED_MODES.replace("7497", "7496"))
    assert problem.key == "venues.ibkr.port"


@pytest.mark.parametrize(
    ("venue", "words"),
    [
        ("binance: {options: {base_url: 'https://api.binance.com/api'}}", "a live address while paper_only is true"),
        ("binance: {options: {base_url: 'https://api3.binance.us/api'}}", "a live address while paper_only is true"),
        ("binance: {options: {stream_url: 'wss://ws-api.binance.com:443/ws-api/v3'}}", "a live address"),
        ("alpaca: {options: {base_url: 'https://api.alpaca.markets'}}", "a live address while paper_only is true"),
        ("binance: {paper_only: false, options: {base_url: 'https://testnet.binance.vision/api'}}", "a paper address"),
        ("alpaca: {paper_only: false, options: {base_url: 'https://paper-api.alpaca.markets'}}", "a paper address"),
        ("binance: {options: {base_url: 'https://demo-api.binance.com/api'}}", ""),
        ("binance: {paper_only: false, options: {base_url: 'https://api.binance.com/api'}}", ""),
        ("binance: {options: {base_url: 'http://127.0.0.1:7443/api'}}", ""),
        (
            "alpaca: {paper_only: false, live_confirmation: I mean it, "
            "options: {base_url: 'https://paper-api.alpaca.markets'}}",
            "",
        ),
    ],
)
def test_an_address_must_not_contradict_paper_only(venue: str, words: str) -> None:
    """Without it an address left over from another file would send paper orders to a real account."""
    found = problems_of(gateway=f"venues:\n  {venue}\n") if words else []
    assert [words in str(one) for one in found] == [True] * bool(words)
    if not words:
        parse_texts(gateway=f"venues:\n  {venue}\n")


def test_mock_binance_is_a_synthetic_market_for_its_symbols() -> None:
    """Without it the gateway's config.yaml of the seeds would not load, or have no prices."""
    settings = parse_texts(gateway=SEED_BINANCE)
    assert settings.market_data.source == "synthetic"
    assert settings.market_data.symbols == ("BTC/USDT", "ETH/USDT")
    assert settings.market_data.refresh_interval_s == 5
    assert not settings.trading.is_market_data_real
    bitcoin = settings.trading.instruments["BTC/USDT"]
    assert (bitcoin.venue, bitcoin.currency, bitcoin.asset_class) == ("binance", "USDT", "crypto")
    assert bitcoin.reference_px == 61_800
    assert settings.venues == {}


def test_real_binance_prices_are_one_word_away() -> None:
    """Without it ``exchange: binance`` would need more lines than the seed says, or trust an invented price."""
    settings = parse_texts(gateway=SEED_BINANCE.replace("mock", "binance"))
    assert settings.market_data.source == "binance"
    assert settings.trading.is_market_data_real
    assert settings.venues["binance"].adapter == "binance"
    assert settings.trading.instruments["BTC/USDT"].reference_px is None


def test_the_binance_sample_also_loads_as_instruments() -> None:
    """Without it the sample would load in only one of the two files that people may put it into."""
    settings = parse_texts(instruments=SEED_BINANCE)
    assert settings.market_data.source == "synthetic"
    assert settings.market_data.refresh_interval_s == 5
    assert list(settings.trading.instruments) == ["BTC/USDT", "ETH/USDT"]


def test_grouped_symbols() -> None:
    """Without it symbols.yaml of the seeds would not load, or ES would be a share."""
    instruments = parse_texts(instruments=SEED_SYMBOLS).trading.instruments
    assert list(instruments) == ["AAPL", "ES", "TSLA"]
    apple, future = instruments["AAPL"], instruments["ES"]
    assert (apple.venue, apple.exchange, apple.calendar, apple.lot_size) == ("ibkr", "SMART", "XNYS", 1)
    assert (future.asset_class, future.calendar, future.multiplier) == ("future", "CMES", 50)
    assert (future.tick_size, future.expiry, future.enabled) == (Decimal("0.25"), "202503", False)


def test_a_flat_list_of_symbols() -> None:
    """Without it the shorter sample would not load."""
    instruments = parse_texts(instruments=SEED_BINANCE_SYMBOLS).trading.instruments
    assert {one.symbol: (one.venue, one.currency, one.calendar) for one in instruments.values()} == {
        symbol: ("binance", "USDT", "24/7") for symbol in ("BTC/USDT", "ETH/USDT", "BNB/USDT", "SOL/USDT")
    }


def test_limits() -> None:
    """Without it the risk config.yaml of the seeds would not load."""
    limits = parse_texts(risk=SEED_LIMITS).trading.limits.gateway
    assert (limits.max_position_size, limits.max_order_value) == (10_000, 50_000)
    assert (limits.max_concentration, limits.daily_loss_limit) == (Decimal("0.2"), 5_000)
    assert (limits.max_leverage, limits.max_order_size) == (1, None)


def test_limits_of_the_other_seed() -> None:
    """Without it the other seed's names for the same things would be unknown keys."""
    limits = parse_texts(risk=SEED_PHASE_3_LIMITS).trading.limits.gateway
    assert (limits.daily_loss_limit, limits.max_position_value, limits.max_order_size) == (5_000, 100_000, 10_000)
    assert (limits.allowed_symbols, limits.blocked_symbols, limits.max_order_value) == ((), (), None)


def test_all_samples_together() -> None:
    """Without it the samples would load one by one and contradict each other as a whole."""
    settings = parse_texts(
        gateway=SEED_MODES + SEED_BINANCE, risk=SEED_LIMITS, instruments=SEED_SYMBOLS, rollout="caps: {}"
    )
    assert set(settings.trading.instruments) == {"AAPL", "TSLA", "ES", "BTC/USDT", "ETH/USDT"}
    assert settings.warnings == ()
