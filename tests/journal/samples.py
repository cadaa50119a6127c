"""Sample events, facts, orders and records, built from the types themselves: a new field or a new fact is in them
the moment it exists."""

import hashlib
from decimal import Decimal
from enum import Enum
from typing import Any, TypeVar, get_args

import msgspec
from hypothesis import strategies as st
from msgspec import inspect

from gateway.domain.events import Event, OrderReceived, VenueStatusChanged
from gateway.domain.facts import Fact, OrderAdmitted, OrderHeld, VenueStatusRecorded
from gateway.domain.orders import Order
from gateway.domain.records import Entry, Record

EVENT_TYPES: tuple[type, ...] = get_args(Event)
FACT_TYPES: tuple[type, ...] = get_args(Fact)
START_NS = 1_763_689_000_000_000_000

T = TypeVar("T")


def specimen(wanted: type[T], *, is_full: bool = True) -> T:
    """An instance with every field set to something telling (``is_full``), or with defaults where there are any."""
    made: T = _specimen(inspect.type_info(wanted), wanted.__name__, is_full)
    return made


def _specimen(info: inspect.Type, name: str, is_full: bool) -> Any:
    match info:
        case inspect.StructType(cls=cls, fields=fields):
            wanted = [field for field in fields if field.required or is_full]
            return cls(**{field.name: _specimen(field.type, field.name, is_full) for field in wanted})
        case inspect.UnionType(types=types):
            return _specimen(next(t for t in types if not isinstance(t, inspect.NoneType)), name, is_full)
        case inspect.VarTupleType(item_type=item):
            return (_specimen(item, name, is_full),)
        case inspect.TupleType(item_types=items):
            return tuple(_specimen(item, f"{name}{i}", is_full) for i, item in enumerate(items))
        case inspect.ListType(item_type=item):
            return [_specimen(item, name, is_full)]
        case inspect.DictType(value_type=value):
            return {f"a {name}": _specimen(value, name, is_full)}
    return _scalar(info, name)


def _scalar(info: inspect.Type, name: str) -> Any:
    """Different for different names, so that two fields that were mixed up are not the same by chance."""
    number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:2])
    match info:
        case inspect.EnumType(cls=cls):
            return next(iter(cls))
        case inspect.DecimalType():
            return Decimal(f"{number}.50")
        case inspect.IntType():
            return START_NS + number if name.endswith("_ns") else number
        case inspect.BoolType():
            return True
        case inspect.StrType():
            return f"{name} é"
    raise NotImplementedError(f"{name}: {info}")


def enums_within(*wanted: type) -> dict[str, type[Enum]]:
    """Every enumeration that these types can hold, by name."""
    return _types_within(wanted)[0]


def structs_within(*wanted: type) -> dict[str, type]:
    """Every struct that these types are or can hold, by name."""
    return _types_within(wanted)[1]


def _types_within(wanted: tuple[type, ...]) -> tuple[dict[str, type[Enum]], dict[str, type]]:
    found: dict[str, type[Enum]] = {}
    structs: dict[str, type] = {}

    def look(info: inspect.Type) -> None:
        match info:
            case inspect.EnumType(cls=cls):
                found[cls.__name__] = cls
            case inspect.StructType(cls=cls, fields=fields) if cls.__name__ not in structs:
                structs[cls.__name__] = cls
                for field in fields:
                    look(field.type)
            case inspect.UnionType(types=types) | inspect.TupleType(item_types=types):
                for item in types:
                    look(item)
            case inspect.VarTupleType(item_type=item) | inspect.ListType(item_type=item):
                look(item)
            case inspect.DictType(value_type=item):
                look(item)

    for one in wanted:
        look(inspect.type_info(one))
    return found, structs


def anything(wanted: type[T]) -> st.SearchStrategy[T]:
    """All instances that the type allows: exotic decimals, empty and odd strings, absent options."""
    return _anything(inspect.type_info(wanted))


_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
_DECIMALS = st.decimals(allow_nan=False, allow_infinity=False) | st.sampled_from(
    [Decimal(t) for t in ("0", "-0", "0.00", "1E+3", "1E-18", "100.10", "9" * 33 + ".5", "0.1" + "0" * 20)]
)


_SCALARS: dict[type[inspect.Type], st.SearchStrategy[Any]] = {
    inspect.NoneType: st.none(),
    inspect.DecimalType: _DECIMALS,
    inspect.IntType: st.integers(-(2**63), 2**63 - 1),
    inspect.BoolType: st.booleans(),
    inspect.StrType: _TEXT,
}


def _anything(info: inspect.Type) -> st.SearchStrategy[Any]:
    match info:
        case inspect.StructType(cls=cls, fields=fields):
            return st.builds(cls, **{field.name: _anything(field.type) for field in fields})
        case inspect.UnionType(types=types):
            return st.one_of([_anything(t) for t in types])
        case inspect.VarTupleType(item_type=item):
            return st.lists(_anything(item), max_size=2).map(tuple)
        case inspect.TupleType(item_types=items):
            return st.tuples(*[_anything(item) for item in items])
        case inspect.ListType(item_type=item):
            return st.lists(_anything(item), max_size=2)
        case inspect.DictType(value_type=value):
            return st.dictionaries(_TEXT, _anything(value), max_size=2)
        case inspect.EnumType(cls=cls):
            return st.sampled_from(list(cls))
    return _SCALARS[type(info)]


def note(seq: int, text: str = "") -> Record:
    """A small record that says ``text``."""
    ts_ns = START_NS + seq
    return Record(
        seq=seq,
        ts_ns=ts_ns,
        event=VenueStatusChanged(ts_ns=ts_ns, venue="binance", is_connected=True, text=text),
        facts=(VenueStatusRecorded(ts_ns=ts_ns, venue="binance", is_connected=True, text=text),),
    )


def notes(first_seq: int, count: int, text: str = "") -> list[Entry]:
    return [Entry(record=note(seq, text)) for seq in range(first_seq, first_seq + count)]


_PLAIN_ORDER = specimen(Order, is_full=False)
_PLAIN_RECEIVED = specimen(OrderReceived, is_full=False)


def order(order_id: str, **terms: Any) -> Order:
    return msgspec.structs.replace(_PLAIN_ORDER, order_id=order_id, **terms)


def admission(seq: int, closed_orders: tuple[Order, ...] = ()) -> Entry:
    """The record of an order that was admitted at once: what a busy journal is full of."""
    order_id = f"01JD5F3Q{seq:018d}"
    ts_ns = START_NS + seq
    record = Record(
        seq=seq,
        ts_ns=ts_ns,
        event=msgspec.structs.replace(_PLAIN_RECEIVED, ts_ns=ts_ns, order_id=order_id),
        facts=(
            OrderHeld(ts_ns=ts_ns, order=order(order_id, cl_ord_id=f"c-{seq}", created_ns=ts_ns)),
            OrderAdmitted(ts_ns=ts_ns, order_id=order_id, policy_revision="5c1f0e2d9a7b4c36"),
        ),
    )
    return Entry(record=record, closed_orders=closed_orders)
