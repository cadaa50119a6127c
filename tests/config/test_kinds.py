"""What words mean: exact numbers, ratios, durations, switches; and which traps are refused."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.adapters.config import kinds, words
from gateway.adapters.config.kinds import Unfit
from gateway.domain.money import plain


@pytest.mark.parametrize(
    ("text", "expected"),
    [("0.1", "0.1"), ("50_000", "50000"), ("5e4", "50000"), ("1.0", "1"), (".5", "0.5"), ("5.", "5"), ("-0", "0")],
)
def test_numbers_are_exact_and_equal_ones_look_equal(text: str, expected: str) -> None:
    """Without it 0.1 would go through a float, and 1.0 and 1 would make two revisions."""
    assert str(kinds.read_number(text)) == expected


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("50,000", "must be a number"),
        ("", "must be a number"),
        ("NaN", "must be a number"),
        (".inf", "must be a number"),
        ("-Infinity", "must be a number"),
        ("0x10", "must be a number"),
        ("1:30", "must be a number"),
        ("٣", "must be a number"),
        ("010", "must be a number that does not begin with 0"),
        ("1e16", "must have at most 15 digits before the decimal point"),
        ("1e999", "must have at most 15 digits before the decimal point"),
        ("1e-19", "must have at most 18 digits after the decimal point"),
        ("1e99999999", "must be a number"),
        ("9" * 61, "must be a number of at most 60 characters"),
    ],
)
def test_what_is_no_plain_number_is_refused(text: str, rule: str) -> None:
    """Without it octal, base 60, infinity or a number that takes forever to print would get in."""
    with pytest.raises(Unfit) as found:
        kinds.read_number(text)
    assert found.value.rule == rule


@given(st.decimals(min_value=-(10**14), max_value=10**14, places=6, allow_nan=False))
def test_every_number_reads_back_as_itself(value: Decimal) -> None:
    """Without it some amount would change on its way from the file."""
    assert kinds.read_number(plain(value)) == value


@pytest.mark.parametrize(("text", "expected"), [("20%", "0.2"), ("0.2", "0.2"), ("12.5 %", "0.125"), ("100%", "1")])
def test_percentages_are_ratios(text: str, expected: str) -> None:
    """Without it ``20%`` would be refused or taken for 20."""
    assert kinds.read_ratio(text) == Decimal(expected)


@pytest.mark.parametrize(
    ("text", "expected"), [("0", 0), ("1.0", 100), ("1%", 100), ("0.01", 1), ("12.34", 1_234), ("100.0", 10_000)]
)
def test_canary_percent_is_whole_basis_points(text: str, expected: int) -> None:
    """Without it 1.0 percent could become 1 basis point, or a rounded share."""
    assert kinds.read_weight_bp(text) == expected


@pytest.mark.parametrize("text", ["0.001", "-1", "100.01", "half", "1e-3"])
def test_a_canary_share_that_cannot_be_drawn_is_refused(text: str) -> None:
    """Without it a share finer than the draw would be rounded silently."""
    with pytest.raises(Unfit):
        kinds.read_weight_bp(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("30", "30000"), ("30s", "30000"), ("500ms", "500"), ("1.5 m", "90000"), ("2H", "7200000"), ("1d", "86400000")],
)
def test_durations_say_their_unit(text: str, expected: str) -> None:
    """Without it ``500ms`` would be refused or become 500 seconds."""
    assert kinds.read_milliseconds(text, "s") == Decimal(expected)


@pytest.mark.parametrize("text", ["", "s", "5 weeks", "1e3", "400d", "--5s", "5" * 70])
def test_what_is_no_duration_is_refused(text: str) -> None:
    """Without it a slip in a unit would give some other time."""
    with pytest.raises(Unfit):
        kinds.read_milliseconds(text, "s")


@pytest.mark.parametrize("text", ["true", "True", "yes", "ON"])
def test_switches_on(text: str) -> None:
    """Without it the words that YAML 1.1 people use would be refused where a switch belongs."""
    assert kinds.FLAG.read(text) is True


@pytest.mark.parametrize("text", ["1", "y", "", "maybe"])
def test_other_words_are_no_switch(text: str) -> None:
    """Without it a slip would switch something."""
    with pytest.raises(Unfit):
        kinds.FLAG.read(text)


@pytest.mark.parametrize("text", ["5000", "0.05", "5%", "99.9%"])
def test_a_loss_limit_is_an_amount_or_a_share(text: str) -> None:
    """Without it one of the two ways to write the daily loss limit would be lost."""
    assert kinds.read_loss_limit(text) > 0


@pytest.mark.parametrize("text", ["0", "-5", "100%", "200%"])
def test_a_loss_limit_that_would_turn_into_something_else_is_refused(text: str) -> None:
    """Without it 100% would become an amount of one dollar."""
    with pytest.raises(Unfit):
        kinds.read_loss_limit(text)


@pytest.mark.parametrize("symbol", ["AAPL", "ON", "NO", "TRUE", "BTC/USDT", "BRK B", "BTC/USDT:USDT", "6E", "EUR.USD"])
def test_symbols_that_yaml_would_change_stay_symbols(symbol: str) -> None:
    """Without it ON Semiconductor would be True."""
    assert words.read_symbol(symbol) == symbol


@pytest.mark.parametrize("symbol", ["", " AAPL", "A|B", "A" * 33, "A\nB", "Ünicode"])
def test_symbols_that_would_break_a_key_or_a_line_are_refused(symbol: str) -> None:
    """Without it a ``|`` would forge the key of a position."""
    with pytest.raises(Unfit):
        words.read_symbol(symbol)


@pytest.mark.parametrize(
    ("text", "expected"), [("10.0.0.0/8", "10.0.0.0/8"), ("10.1.2.3", "10.1.2.3/32"), ("::1", "::1/128")]
)
def test_networks(text: str, expected: str) -> None:
    """Without it a single address could not be admitted."""
    assert words.read_network(text) == expected


def test_a_network_with_stray_bits_names_what_was_meant() -> None:
    """Without it 10.1.2.3/8 would silently admit all of 10.0.0.0/8."""
    with pytest.raises(Unfit) as found:
        words.read_network("10.1.2.3/8")
    assert found.value.hint == "did you mean 10.0.0.0/8?"


@pytest.mark.parametrize(
    "url", ["ftp://x", "http://", "http://user:pass@host/", "http://h:99999/", "http://a b", "http://[::1", "x"]
)
def test_addresses_that_cannot_be_used_or_hold_a_password_are_refused(url: str) -> None:
    """Without it a password could stand in the YAML as part of an address."""
    with pytest.raises(Unfit):
        words.read_url(url)


def test_the_calendars_are_those_of_the_library() -> None:
    """Without it an instrument could name a calendar that fails only when the market opens."""
    import exchange_calendars

    known = set(exchange_calendars.get_calendar_names(include_aliases=True))
    assert words.CALENDARS - known == set()
