"""What a journal says today can be read tomorrow, to the last digit."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.adapters.journal.codec import (
    CodecError,
    decode_order,
    decode_record,
    encode_order,
    encode_record,
    kind_of,
    opening_of,
)
from gateway.domain.events import MarksObserved
from gateway.domain.orders import Order
from gateway.domain.records import Record
from tests.journal.golden_files import DEFAULTS, FOLDER, WORDS, bodies, defaults, path_of, readable, words
from tests.journal.samples import EVENT_TYPES, FACT_TYPES, START_NS, anything, note, specimen

_BODIES = dict(bodies())
_ANY_RECORD = st.builds(
    Record,
    seq=st.just(1),
    ts_ns=st.just(START_NS),
    event=st.sampled_from(EVENT_TYPES).flatmap(anything),
    facts=st.lists(st.sampled_from(FACT_TYPES).flatmap(anything), max_size=3).map(tuple),
)


@pytest.mark.parametrize("name", _BODIES)
def test_encoding_is_that_of_the_golden_file(name: str) -> None:
    """Without this, renaming a field makes every journal out there unreadable, and nobody notices before a
    restart. A wanted change: ``python -m tests.journal.golden_files``."""
    assert readable(_BODIES[name]).decode() == path_of(name).read_text(encoding="utf-8")


def test_the_words_are_those_of_the_golden_file() -> None:
    """A value taken out of an enumeration makes every record that holds it unreadable; one that was added is to
    be known here, so that its removal is noticed later."""
    assert words().decode() == WORDS.read_text(encoding="utf-8")


def test_the_defaults_are_those_of_the_golden_file() -> None:
    """A field at its default is not written: another default would change what every journal out there says."""
    assert defaults().decode() == DEFAULTS.read_text(encoding="utf-8")


@pytest.mark.parametrize("path", sorted(FOLDER.rglob("*.json")), ids=lambda path: path.stem)
def test_every_golden_file_is_readable_and_means_the_same(path: Path) -> None:
    """Golden files that were moved to ``before`` are journals in use: they must decode, and re-encode without
    losing a field that they have. One whose type is gone would stop a gateway from starting."""
    body = path.read_bytes()
    if path.name.startswith("order"):
        again = encode_order(decode_order(body))
    else:
        again = encode_record(decode_record(1, START_NS, body))
    assert _is_part_of(msgspec.json.decode(body), msgspec.json.decode(again))


def _is_part_of(old: Any, new: Any) -> bool:
    if isinstance(old, dict):
        return isinstance(new, dict) and all(k in new and _is_part_of(v, new[k]) for k, v in old.items())
    if isinstance(old, list):
        return isinstance(new, list) and len(old) == len(new) and all(map(_is_part_of, old, new))
    return bool(old == new)


@given(_ANY_RECORD)
def test_a_record_comes_back_as_it_was(record: Record) -> None:
    """Without this, a replay folds something else than what was decided."""
    body = encode_record(record)
    decoded = decode_record(record.seq, record.ts_ns, body)
    assert decoded == record
    # Equal is not enough: 1.0 == 1.00, and -0 == 0. The text must be the same.
    assert encode_record(decoded) == body
    # The audit tells a record's kind from how its body begins.
    assert body.startswith(opening_of(kind_of(record)))


@given(anything(Order))
def test_an_archived_order_comes_back_as_it_was(order: Order) -> None:
    """Without this, a late fill would be booked on an order that is not the one that left memory."""
    body = encode_order(order)
    assert decode_order(body) == order
    assert encode_order(decode_order(body)) == body


def test_decimals_travel_as_text() -> None:
    """A number in JSON is a float to whoever reads it next; 0.1 must stay 0.1, and 33 digits 33 digits."""
    price = Decimal("123456789012345.123456789012345678")
    event = MarksObserved(ts_ns=1, marks={"BTC/USDT": price})
    body = encode_record(Record(seq=1, ts_ns=1, event=event, facts=()))
    assert b'"123456789012345.123456789012345678"' in body
    assert decode_record(1, 1, body).event == event


@pytest.mark.parametrize(
    ("body", "cause"),
    [
        (encode_record(note(7)).replace(b'{"v":1', b'{"v":2', 1), "version 2"),
        (encode_record(note(7)).replace(b"VenueStatusChanged", b"VenueStatusChangeD"), "VenueStatusChangeD"),
        (encode_record(note(7))[:-1], "cannot be decoded"),
        (b"\xff\xfe", "cannot be decoded"),
        (b"", "cannot be decoded"),
    ],
)
def test_what_cannot_be_read_is_refused_with_the_cause(body: bytes, cause: str) -> None:
    """A record of a newer release must not be half understood, and the message must say that this is it."""
    with pytest.raises(CodecError, match=cause):
        decode_record(7, START_NS, body)


def test_an_order_of_a_newer_version_is_refused() -> None:
    """Without this, an order of a newer release would be read from the archive without the fields that it has there."""
    body = encode_order(specimen(Order)).replace(b'{"v":1', b'{"v":2', 1)
    with pytest.raises(CodecError, match="version 2"):
        decode_order(body)
