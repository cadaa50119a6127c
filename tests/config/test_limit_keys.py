"""Every key of a limit: what it takes, where it may stand, and what it says of a value that makes no sense."""

from decimal import Decimal
from typing import Any

import pytest

from gateway.adapters.config import ConfigInvalid
from gateway.domain.config import GapEvent, Limits
from gateway.domain.enums import ScopeKind, ShortSale
from gateway.domain.limit_controls import LIMIT_CONTROLS
from tests.config.samples import parse_texts

D = Decimal
INSTRUMENTS = "symbols:\n  - {symbol: AAPL, sector: tech}\n  - TSLA\n"
#: Where each kind of scope is written, with the name of one.
WHERE = {
    ScopeKind.GATEWAY: ("limits", ""),
    ScopeKind.ACCOUNT: ("accounts", "default"),
    ScopeKind.STRATEGY: ("strategies", "s1"),
    ScopeKind.VENUE: ("venues", "ibkr"),
    ScopeKind.SYMBOL: ("symbols", "AAPL"),
    ScopeKind.SECTOR: ("sectors", "tech"),
    ScopeKind.ASSET_CLASS: ("asset_classes", "equity"),
}
#: What is written, and what it means; other keys take 12.
VALUES: dict[str, tuple[str, Any]] = {
    **dict.fromkeys(
        (
            *("max_order_adv", "price_collar", "price_collar_window", "risk_per_trade", "max_concentration"),
            *("max_adv_participation", "volatility_target", "max_correlation", "max_portfolio_exposure"),
            *("max_margin_use", "max_drawdown", "max_gross_exposure", "max_net_exposure", "daily_loss_limit"),
        ),
        ("12%", D("0.12")),
    ),
    **dict.fromkeys(("require_market_data", "deny_crossed_market", "market_hours"), ("yes", True)),
    **dict.fromkeys(("no_short", "allowed_symbols", "blocked_symbols"), ("[TSLA, AAPL]", ("AAPL", "TSLA"))),
    "max_market_data_age_ms": ("2s", D(2000)),
    "short_sale": ("Deny", ShortSale.DENY),
    "restricted_symbols": ("{TSLA: research}", {"TSLA": "research"}),
}
KEYS = [control for control in LIMIT_CONTROLS if control.key in Limits.__struct_fields__]


def written(kind: ScopeKind, text: str) -> str:
    table, name = WHERE[kind]
    return f"{table}:\n  {name}: {{{text}}}\n" if name else f"{table}: {{{text}}}\n"


def problems(risk: str) -> str:
    with pytest.raises(ConfigInvalid) as caught:
        parse_texts(risk=risk, instruments=INSTRUMENTS)
    return "\n".join(map(str, caught.value.problems))


@pytest.mark.parametrize("control", KEYS, ids=lambda control: control.key)
def test_a_limit_is_read_in_every_scope_that_it_may_stand_in(control: Any) -> None:
    """Without it a limit would be refused, or taken for another figure, in one of its scopes."""
    text, value = VALUES.get(control.key, ("12", D(12)))
    for kind in ScopeKind:
        risk = written(kind, f"{control.key}: {text}")
        if kind not in control.scopes:
            assert f"{control.key} is not a known key here" in problems(risk)
            continue
        limits = parse_texts(risk=risk, instruments=INSTRUMENTS).trading.limits
        table, name = WHERE[kind]
        found = limits.gateway if not name else getattr(limits, table)[name]
        assert getattr(found, control.key) == value


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("max_open_orders: 0", "must be at least 1"),
        ("max_open_orders: 1.5", "must be a whole number"),
        ("price_collar: -5%", "must be above 0"),
        ("price_collar: 5", "must be at most 1"),
        ("max_gross_exposure: 150%", "must be below 100%"),
        ("max_net_exposure: 0", "must be above 0"),
        ("min_buying_power: -1", "must be at least 0"),
        ("max_correlation: 1.01", "must be at most 1"),
        ("short_sale: maybe", "must be one of allow, deny"),
        ("market_hours: 5", "must be true or false"),
        ("restricted_symbols: [TSLA]", "must be a mapping"),
        ("max_spread_bps: 10001", "must be at most 10000"),
    ],
)
def test_a_value_that_makes_no_sense_is_refused(text: str, problem: str) -> None:
    """Without it a limit could be written that never binds, or always does."""
    assert problem in problems(f"limits: {{{text}}}\n")


@pytest.mark.parametrize(
    ("scope", "problem"),
    [
        ("sectors: {tecj: {max_leverage: 1}}", "sectors.tecj is not a sector of an instrument (did you mean `tech`?)"),
        ("venues: {ibrk: {max_leverage: 1}}", "venues.ibrk is not a known venue (did you mean `ibkr`?)"),
        ("asset_classes: {equities: {max_leverage: 1}}", "must be one of equity, future, crypto, forex, option"),
    ],
)
def test_a_scope_that_does_not_exist_is_refused(scope: str, problem: str) -> None:
    """Without it limits with a slip in the name of their scope would guard nothing."""
    assert problem in problems(scope)


def test_a_sector_is_refused_with_what_to_do_while_no_instrument_has_any() -> None:
    """Without it who takes the example of risk.yaml as it stands would be told that it is wrong, and no more."""
    with pytest.raises(ConfigInvalid, match="set `sector: technology` of an instrument"):
        parse_texts(risk="sectors: {technology: {max_leverage: 1}}", instruments="symbols: [TSLA]\n")


def test_the_figures_beside_the_limits() -> None:
    """Without it a stop, a window or an age would count in another unit than it is written in."""
    limits = parse_texts(
        risk="limits: {stop_loss_percentage: 8%}\ncollar_window: 5m\ncollar_max_age: 10\nfigures_max_age: 2h\n"
    ).trading.limits
    assert (limits.stop_loss_percentage, limits.collar_window_s) == (D("0.08"), 300)
    assert (limits.collar_max_age_s, limits.figures_max_age_s) == (10, 7_200)
    text = problems("accounts: {default: {stop_loss_percentage: 8%}}\n")
    assert "stop_loss_percentage is not a known key here (it stands under limits)" in text


def test_events_are_read_with_their_offset() -> None:
    """Without it a window would open hours off, in the middle of the earnings it is for."""
    settings = parse_texts(
        risk="""
gap_events:
  - {symbol: AAPL, from: "2026-01-29T15:30:00-05:00", to: "2026-01-29T21:00:00Z", reason: earnings}
  - {symbols: [TSLA, AAPL], from: 2026-02-01, to: 2026-02-02, reason: split}
  - {from: 2026-03-18, to: 2026-03-19, reason: FOMC}
"""
    )
    day = 86_400_000_000_000
    first = 1_769_718_600_000_000_000
    assert settings.trading.limits.gap_events == (
        GapEvent(start_ns=first, end_ns=first + 1_800_000_000_000, reason="earnings", symbols=("AAPL",)),
        GapEvent(start_ns=20_485 * day, end_ns=20_486 * day, reason="split", symbols=("AAPL", "TSLA")),
        GapEvent(start_ns=20_530 * day, end_ns=20_531 * day, reason="FOMC"),
    )


@pytest.mark.parametrize(
    ("event", "problem"),
    [
        ("{from: 2026-01-02, to: 2026-01-01, reason: r}", "gap_events[0].to must be after `from`"),
        ('{from: "2026-01-02 10:00", to: 2026-01-03, reason: r}', "must say its offset from UTC"),
        ("{from: soon, to: 2026-01-03, reason: r}", "must be a date, or a date and time"),
        ("{to: 2026-01-03, reason: r}", "from is missing"),
    ],
)
def test_an_event_without_a_clear_time_is_refused(event: str, problem: str) -> None:
    """Without it a window would be open at a time that nobody meant."""
    assert problem in problems(f"gap_events:\n  - {event}\n")
