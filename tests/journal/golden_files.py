"""The golden files: how every event, fact and archived order looks in the journal, one file each.

``python -m tests.journal.golden_files`` writes them anew after a wanted change of the encoding; review the
difference like code. Once journals of the old form exist outside, add ``--keep``: it moves the old files to
``golden/before``, where tests see to it that they stay readable.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec

from gateway.adapters.journal.codec import encode_order, encode_record
from gateway.domain.events import Event, GatewayStarted
from gateway.domain.facts import Fact
from gateway.domain.orders import Order
from gateway.domain.records import Record
from tests.journal.samples import EVENT_TYPES, FACT_TYPES, START_NS, enums_within, specimen, structs_within

FOLDER = Path(__file__).parent / "golden"
BEFORE = FOLDER / "before"
WORDS = Path(__file__).parent / "golden_words.json"
DEFAULTS = Path(__file__).parent / "golden_defaults.json"


def bodies() -> Iterator[tuple[str, bytes]]:
    """Name and bytes of every golden file as the code of today would write it."""
    for event_type in EVENT_TYPES:
        event: Event = specimen(event_type)
        yield f"event.{event_type.__name__}", encode_record(_record(event, ()))
    for fact_type in FACT_TYPES:
        fact: Fact = specimen(fact_type)
        yield (
            f"fact.{fact_type.__name__}",
            encode_record(_record(GatewayStarted(ts_ns=START_NS, version="1"), (fact,))),
        )
    yield "order", encode_order(specimen(Order))


def words() -> bytes:
    """All values of all enumerations that a journal can hold."""
    enums = enums_within(*EVENT_TYPES, *FACT_TYPES, Order)
    return readable(msgspec.json.encode({name: [v.value for v in enums[name]] for name in sorted(enums)}))


def defaults() -> bytes:
    """What is meant where a field is not written, of every struct that leaves its defaults out."""
    structs = structs_within(*EVENT_TYPES, *FACT_TYPES, Order)
    shown = {
        name: {field.name: _default(field) for field in msgspec.structs.fields(structs[name]) if not field.required}
        for name in sorted(structs)
        if structs[name].__struct_config__.omit_defaults  # type: ignore[attr-defined]  # every Struct has one
    }
    return readable(msgspec.json.encode(shown))


def _default(field: msgspec.structs.FieldInfo) -> object:
    return field.default if field.default is not msgspec.NODEFAULT else field.default_factory()


def path_of(name: str) -> Path:
    return FOLDER / f"{name}.json"


def readable(body: bytes) -> bytes:
    """The same tokens on lines of their own."""
    return msgspec.json.format(body, indent=1) + b"\n"


def _record(event: Event, facts: tuple[Fact, ...]) -> Record:
    return Record(seq=1, ts_ns=START_NS, event=event, facts=facts)


def main(*, keep: bool) -> None:
    FOLDER.mkdir(exist_ok=True)
    for name, body in bodies():
        path, new = path_of(name), readable(body)
        old = path.read_bytes() if path.exists() else new
        if keep and old != new:
            BEFORE.mkdir(exist_ok=True)
            count = len(list(BEFORE.glob(f"{name}.*.json")))
            (BEFORE / f"{name}.{count + 1}.json").write_bytes(old)
        path.write_bytes(new)
    WORDS.write_bytes(words())
    DEFAULTS.write_bytes(defaults())


if __name__ == "__main__":
    main(keep="--keep" in sys.argv)
