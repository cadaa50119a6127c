"""Records and orders as versioned JSON, and back. Nothing here knows where the bytes are kept.

Decimals are text, to the last zero (``1.10`` stays ``1.10``). ``seq`` and ``ts_ns`` are columns beside the body,
so that they are said once. Fields at their default are left out (nearly all of a plain order's), so a default is
part of the format: it may never change. When the shape of an event, fact or order changes in a way that old bytes
do not fit, raise the version and keep a decoder for the old one: a journal is read for as long as it is kept. The
golden files in ``tests/journal`` fail on any change of the encoding.
"""

import msgspec

from gateway.domain.events import Event
from gateway.domain.facts import Fact
from gateway.domain.orders import Order
from gateway.domain.records import Record
from gateway.domain.whole_text import with_whole_characters

VERSION = 1


class CodecError(Exception):
    """The bytes are not a record (or order) that this version can read. Says why."""


class _RecordBody(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    v: int
    event: Event
    facts: tuple[Fact, ...]


class _OrderBody(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    v: int
    order: Order


class _AnyBody(msgspec.Struct, frozen=True):
    v: int


_encode = msgspec.json.Encoder().encode
_decode_record = msgspec.json.Decoder(_RecordBody).decode
_decode_order = msgspec.json.Decoder(_OrderBody).decode
_decode_version = msgspec.json.Decoder(_AnyBody).decode


def kind_of(record: Record) -> str:
    """The name of the record's event type."""
    return type(record.event).__name__


def opening_of(kind: str) -> bytes:
    """How the body of every record of this kind begins."""
    return b'{"v":%d,"event":{"type":"%b"' % (VERSION, kind.encode())


def encode_record(record: Record) -> bytes:
    return _encoded(_RecordBody(v=VERSION, event=record.event, facts=record.facts))


def decode_record(seq: int, ts_ns: int, body: bytes) -> Record:
    """Raises CodecError."""
    try:
        decoded = _decode_record(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise CodecError(_why(body, error)) from error
    if decoded.v != VERSION:
        raise CodecError(_why(body, None))
    return Record(seq=seq, ts_ns=ts_ns, event=decoded.event, facts=decoded.facts)


def encode_order(order: Order) -> bytes:
    return _encoded(_OrderBody(v=VERSION, order=order))


def _encoded(body: _RecordBody | _OrderBody) -> bytes:
    try:
        return _encode(body)
    except UnicodeEncodeError:  # a half of a character, which UTF-8 has no form for: no text may stop the journal
        return _encode(with_whole_characters(msgspec.to_builtins(body)))


def decode_order(body: bytes) -> Order:
    """Raises CodecError."""
    try:
        decoded = _decode_order(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise CodecError(_why(body, error)) from error
    if decoded.v != VERSION:
        raise CodecError(_why(body, None))
    return decoded.order


def _why(body: bytes, error: Exception | None) -> str:
    """A version we do not know explains every other misfit, so it is told first."""
    try:
        version = _decode_version(body).v
    except (msgspec.DecodeError, UnicodeDecodeError):
        version = VERSION
    if version != VERSION:
        return f"it has version {version}, and this gateway reads version {VERSION}"
    return f"it cannot be decoded: {error}"
