"""Reading an order: exact numbers, every mistake at once, and two ways of reading that never disagree."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.adapters.http.placing import _read_ordinary, _Unusual, read_order, read_order_carefully
from gateway.domain.enums import OrdType, Side, TimeInForce
from gateway.domain.orders import FieldError, NewOrderSingle
from gateway.ports.intake import RequestInvalid
from tests.http.desk import LIMIT_ORDER

D = Decimal


def body(**changes: Any) -> bytes:
    return json.dumps({**LIMIT_ORDER, **changes}).encode()


def raw(quantity: str, rest: str = "") -> bytes:
    """A body whose quantity is written as given."""
    return (f'{{"symbol":"AAPL","side":"buy","order_type":"market","quantity":{quantity}{rest}}}').encode()


def errors(data: bytes) -> list[FieldError]:
    with pytest.raises(RequestInvalid) as caught:
        read_order(data)
    return list(caught.value.errors)


def test_an_order_is_read_with_its_defaults() -> None:
    """What a client leaves out has one documented meaning."""
    order = read_order(body())
    assert order == NewOrderSingle(
        symbol="AAPL",
        side=Side.BUY,
        order_qty=D(100),
        ord_type=OrdType.LIMIT,
        limit_px=D("150.25"),
        time_in_force=TimeInForce.DAY,
        strategy_id="strategy_001",
        account="default",
    )


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("0.1", "0.1"),
        ('"0.1"', "0.1"),
        ("100", "100"),
        ("0.123456789012345678", "0.123456789012345678"),
        ('"999999999999999.000000000000000001"', "999999999999999.000000000000000001"),
        ("1e2", "100"),
        ("1E-7", "0.0000001"),
        ('"1e-05"', "0.00001"),
    ],
)
def test_numbers_keep_their_exact_decimals(written: str, value: str) -> None:
    """A float between the wire and the order would change quantities (0.1 + 0.2)."""
    assert read_order(raw(written)).order_qty == D(value)
    assert read_order_carefully(raw(written)).order_qty == D(value)


@pytest.mark.parametrize(
    "written",
    [
        "0",
        '"0.00"',
        "-1",
        '"-1"',
        "NaN",
        '"NaN"',
        "Infinity",
        '"inf"',
        "1e999",
        "1e15",
        '"1234567890123456"',
        "0.1234567890123456789",
        '"1_000"',
        '" 1"',
        '"1 "',
        '"\uff11"',
        '"0x10"',
        '"1,5"',
        '""',
        "true",
        "null",
        "[1]",
        '{"value":1}',
        "1" * 200,
        '"1e99999999999999999999"',
    ],
)
def test_what_is_no_positive_bounded_amount_is_refused(written: str) -> None:
    """Python's Decimal accepts underscores, spaces, foreign digits, NaN: none of them is an order's quantity."""
    (error,) = errors(raw(written))
    assert error.field == "quantity"
    assert error.rule
    assert error.hint


def test_all_mistakes_are_told_at_once() -> None:
    """A client that must fix one field per attempt needs as many attempts as it has mistakes."""
    data = b'{"qty": 1, "side": "hold", "order_type": "limit", "account": "a b", "limit_price": "x", "symbol": 5}'
    found = {error.field: error for error in errors(data)}
    assert set(found) == {"qty", "side", "account", "limit_price", "symbol", "quantity"}
    assert found["qty"].hint == "did you mean quantity?"
    assert found["quantity"].rule == "is required"
    assert found["side"].rule == "must be one of buy, sell"
    assert found["symbol"].value == "5"


@pytest.mark.parametrize(
    ("wrong", "right"), [("stratgy_id", "strategy_id"), ("price", "limit_price"), ("TIF", "time_in_force")]
)
def test_an_unknown_field_names_the_nearest_valid_one(wrong: str, right: str) -> None:
    """A misspelled optional field would otherwise be dropped silently: a stop without its price."""
    (error,) = errors(body(**{wrong: "x"}))
    assert (error.field, error.hint) == (wrong, f"did you mean {right}?")


@pytest.mark.parametrize(
    "rest", [', "quantity": 2', ', "side": "sell"', ', "account": null, "account": "a"', ', "quantity" : 1']
)
def test_duplicate_keys_are_refused(rest: str) -> None:
    """Two readers may take different ones of two equal keys; an order must not depend on which."""
    (error,) = errors(raw("1", rest))
    assert error.rule == "must appear once"


@pytest.mark.parametrize(
    ("data", "rule"),
    [
        (b"", "is required"),
        (b"[]", "must be a JSON object"),
        (b"12", "must be a JSON object"),
        (b"{", "must be valid JSON"),
        (raw("1") + b"x", "must be valid JSON"),
        (raw("01"), "must be valid JSON"),
        (b'{"symbol": "\xff"}', "must be UTF-8"),
        (b"\xef\xbb\xbf" + raw("1"), "must be valid JSON"),
        (b'{"symbol": ' + b"[" * 30_000 + b"]" * 30_000 + b"}", "must not be nested deeply"),
        (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, "must not be nested deeply"),
    ],
)
def test_what_is_not_one_json_object_is_refused(data: bytes, rule: str) -> None:
    """Broken or hostile bodies end in words, not in a crash."""
    assert rule in {error.rule for error in errors(data)}


@pytest.mark.parametrize("name", ["", "a b", "a|b", "a" * 65, "naïve", "a\n", "a\x00", "\ud800", "<script>", "{}"])
@pytest.mark.parametrize("field", ["symbol", "account", "strategy_id", "venue", "client_order_id"])
def test_names_are_of_a_closed_alphabet(field: str, name: str) -> None:
    """``|`` separates the parts of a journal key, and names reach logs, metrics and pages."""
    (error,) = errors(body(**{field: name}))
    assert error.field == field


def test_words_are_read_in_any_case_and_with_their_aliases() -> None:
    """Some systems send BUY or GTC; `clo` is how the user's own document spells at-the-close."""
    order = read_order(body(side="SELL", order_type="Limit", time_in_force="CLO", execution_algorithm="TWAP"))
    assert (order.side, order.ord_type, order.time_in_force) == (Side.SELL, OrdType.LIMIT, TimeInForce.AT_THE_CLOSE)
    assert order.execution_algorithm == "twap"


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ("iceberg:100", "iceberg:100"),
        ("Adaptive:Patient", "adaptive:patient"),
        ("iceberg", "iceberg"),
        ("iceberg:0", None),
        ("iceberg:1.5", None),
        ("iceberg:", None),
        ("adaptive:soon", None),
        ("vwap:1", None),
        ("twap\n", None),
    ],
)
def test_an_algorithm_may_have_its_option(sent: str, read: str | None) -> None:
    """Without it no iceberg gets to a venue: how much of it shows could not be said."""
    if read is not None:
        assert read_order(body(execution_algorithm=sent)).execution_algorithm == read
        return
    (error,) = errors(body(execution_algorithm=sent))
    assert (error.field, "iceberg[:QTY]" in error.rule) == ("execution_algorithm", True)


@pytest.mark.parametrize(
    ("written", "ns"),
    [
        ('"2030-01-31T16:00:00Z"', 1_896_105_600_000_000_000),
        ('"2030-01-31T17:00:00.123456789+01:00"', 1_896_105_600_123_456_789),
        ("1896105600123456789", 1_896_105_600_123_456_789),
        ('"1896105600123456789"', 1_896_105_600_123_456_789),
    ],
)
def test_an_expiry_is_a_moment_or_nanoseconds(written: str, ns: int) -> None:
    """JavaScript cannot write these integers exactly, so digits in a string must do too."""
    assert read_order(raw("1", f', "time_in_force": "gtd", "expire_time": {written}')).expire_ns == ns


@pytest.mark.parametrize(
    "written", ['"2030-01-31"', '"2030-01-31T16:00:00"', '"2030-13-31T16:00:00Z"', "1.5", "-1", "0", '"soon"', "true"]
)
def test_a_vague_expiry_is_refused(written: str) -> None:
    """A moment without an offset means another hour to every reader."""
    (error,) = errors(raw("1", f', "expire_time": {written}'))
    assert error.field == "expire_time"


def test_the_callers_own_defaults_apply() -> None:
    """A key for one account must not need to name it, and must be able to."""
    assert read_order(raw("1"), "alpha", "s9").account == "alpha"
    assert read_order(raw("1", ', "account": "beta"'), "alpha", "s9").account == "beta"
    assert read_order(raw("1", ', "strategy_id": null'), "alpha", "s9").strategy_id == "s9"


names = st.text("ABCabc019._:/@+-|, ü\n\\", max_size=8) | st.none()
amounts = st.one_of(
    st.integers(-2, 10**16),
    st.decimals(allow_nan=False, allow_infinity=False, places=4).map(str),
    st.floats(),
    st.none(),
    st.booleans(),
    st.sampled_from(["1", "1.50", "1e3", "1_0", "", "NaN", " 1"]),
)
bodies = st.fixed_dictionaries(
    {"symbol": names, "quantity": amounts, "side": st.sampled_from(["buy", "SELL", "Buy", "x"])},
    optional={
        "order_type": st.sampled_from(["limit", "MARKET", "stop", ""]),
        "limit_price": amounts,
        "stop_price": amounts,
        "time_in_force": st.sampled_from(["day", "GTC", "clo", None, 1]),
        "strategy_id": names,
        "account": names,
        "venue": names,
        "client_order_id": names,
        "execution_algorithm": st.sampled_from(
            ["vwap", "Iceberg", "iceberg:10", "ADAPTIVE:urgent", "iceberg:0", None, "pov"]
        ),
        "trailing_amount": amounts,
        "expire_time": st.sampled_from(["2030-01-31T16:00:00Z", 5, None]),
        "unknown": st.none(),
    },
)


@given(bodies)
def test_both_ways_of_reading_agree(fields: dict[str, Any]) -> None:
    """The fast way may give up, but what it reads must be what the careful way reads."""
    data = json.dumps(fields).encode()
    try:
        fast = _read_ordinary(data, "default", "default")
    except (_Unusual, Exception):
        return
    assert fast == read_order_carefully(data)


@given(st.binary(max_size=200) | st.text(max_size=100).map(str.encode))
def test_no_bytes_whatever_get_past_as_a_crash(data: bytes) -> None:
    """Anything but an order or a RequestInvalid would be a 500, found by the first fuzzer that passes."""
    told: tuple[FieldError, ...] = ()
    try:
        read_order(data)
    except RequestInvalid as invalid:
        told = invalid.errors
    json.dumps([[error.field, error.value] for error in told], ensure_ascii=False).encode()
    assert told or data.startswith(b"{")
