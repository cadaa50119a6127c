"""Reading requests carefully: everything that is wrong is found and said at once, with the nearest right thing.

This is the slow, authoritative way; ``placing`` has a fast one for orders and falls back to this. JSON is read
strictly: one object, no duplicate keys, no NaN, valid UTF-8, numbers kept as the digits they were written in.
"""

import difflib
import functools
import json
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, TypeVar, get_args, get_origin, get_type_hints

import msgspec

from gateway.adapters.http.kinds import FieldProblem, JsonNumber, Kind
from gateway.ports.intake import FieldError, RequestInvalid

T = TypeVar("T")

#: What other APIs call our fields: a better hint than the nearest spelling.
_OTHER_NAMES = {
    "qty": "quantity",
    "order_qty": "quantity",
    "size": "quantity",
    "amount": "quantity",
    "price": "limit_price",
    "type": "order_type",
    "ord_type": "order_type",
    "tif": "time_in_force",
    "strategy": "strategy_id",
    "account_id": "account",
    "ticker": "symbol",
    "cl_ord_id": "client_order_id",
    "client_id": "client_order_id",
    "trigger_price": "stop_price",
}
_MAX_SHOWN = 64


class FieldSpec(msgspec.Struct, frozen=True):
    """One field of a request shape."""

    name: str
    kind: Kind
    is_required: bool


@functools.cache
def field_specs(shape: type) -> tuple[FieldSpec, ...]:
    """The fields of a request struct, from its annotations."""
    hints = get_type_hints(shape, include_extras=True)
    specs = []
    for field in msgspec.structs.fields(shape):
        hint = hints[field.name]
        assert get_origin(hint) is Annotated, f"{shape.__name__}.{field.name} names no kind"
        kind = next(extra for extra in get_args(hint)[1:] if isinstance(extra, Kind))
        specs.append(FieldSpec(field.name, kind, field.required))
    return tuple(specs)


def read_struct(body: bytes, shape: type[T], *, is_open: bool = False) -> T:
    """An instance of ``shape`` from a JSON body; an empty body is an empty object. ``is_open`` True: another program
    decides what else is in it, and that is passed over."""
    pairs = _read_object(body) if body.strip() else []
    return shape(**_read_values(_known(pairs, shape) if is_open else pairs, shape, "field"))


def read_fields(body: bytes, shape: type) -> dict[str, Any]:
    """The values of the fields that are given and not null."""
    return _read_values(_read_object(body) if body.strip() else [], shape, "field")


def read_query(pairs: Iterable[tuple[str, str]], shape: type[T]) -> T:
    """An instance of ``shape`` from query parameters. A misspelled filter would widen the answer: refused."""
    return shape(**_read_values(pairs, shape, "parameter"))


def object_schema(shape: type) -> dict[str, Any]:
    """The JSON Schema of an object within a body."""
    specs = field_specs(shape)
    return {
        "type": "object",
        "properties": {spec.name: spec.kind.schema(not spec.is_required) for spec in specs},
        "required": [spec.name for spec in specs if spec.is_required],
        "additionalProperties": False,
    }


class Items(Kind):
    """A list of objects, each read like a body of its own; problems name the object and the field."""

    def __init__(self, text: str, shape: type, fewest: int, most: int, *, is_open: bool = False) -> None:
        item = {**object_schema(shape), "additionalProperties": is_open}
        super().__init__(text, {"type": "array", "items": item, "minItems": fewest, "maxItems": most})
        self._shape, self._fewest, self._most, self._is_open = shape, fewest, most, is_open

    def read(self, value: object) -> tuple[dict[str, Any], ...]:
        if not isinstance(value, list) or not self._fewest <= len(value) <= self._most:
            raise FieldProblem(f"must be a list of {self._fewest} to {self._most} objects", "send more in several")
        return tuple(self._item(number, item) for number, item in enumerate(value))

    def _item(self, number: int, item: object) -> dict[str, Any]:
        if not isinstance(item, _Members):
            raise ItemsInvalid((FieldError(f"[{number}]", "must be an object", shown(item), "see /openapi.json"),))
        try:
            pairs = _known(item.pairs, self._shape) if self._is_open else item.pairs
            return _read_values(pairs, self._shape, "field")
        except RequestInvalid as error:
            places = (msgspec.structs.replace(one, field=f"[{number}].{one.field}") for one in error.errors)
            raise ItemsInvalid(tuple(places)) from None


#: Of one text among labels.
_LONGEST_LABEL = 1_000


def _printable(text: str) -> str:
    """As much of it as a journal, a log and a page can hold, see ``kinds.Text``."""
    return "".join(char if char.isprintable() else " " for char in text[:_LONGEST_LABEL])


class Labels(Kind):
    """A mapping of names to texts, of which all but the beginning is cut off."""

    def __init__(self, text: str) -> None:
        super().__init__(text, {"type": "object", "additionalProperties": {"type": "string"}})

    def read(self, value: object) -> dict[str, str]:
        if not isinstance(value, _Members) or not all(type(item) is str for _, item in value.pairs):
            raise FieldProblem("must be an object of texts", 'such as {"venue": "ibkr"}')
        return {_printable(name): _printable(str(item)) for name, item in value.pairs}


class Fields(Kind):
    """An object within the body, read like a body of its own; ``target`` takes its values in the order of the shape.
    Problems name the field."""

    def __init__(self, text: str, shape: type, target: type) -> None:
        super().__init__(text, object_schema(shape))
        self._shape, self._target = shape, target

    def read(self, value: object) -> Any:
        if not isinstance(value, _Members):
            raise FieldProblem("must be an object", "see /openapi.json")
        try:
            values = _read_values(value.pairs, self._shape, "field")
        except RequestInvalid as error:
            places = (msgspec.structs.replace(one, field=f".{one.field}") for one in error.errors)
            raise ItemsInvalid(tuple(places)) from None
        return self._target(*(values.get(spec.name) for spec in field_specs(self._shape)))


class ItemsInvalid(Exception):
    """What is wrong with the first object of a list that is, or with an object; fields begin with the place in it."""

    def __init__(self, errors: tuple[FieldError, ...]) -> None:
        super().__init__()
        self.errors = errors


def _known(pairs: Iterable[tuple[str, object]], shape: type) -> list[tuple[str, object]]:
    """The members that the shape knows."""
    names = {spec.name for spec in field_specs(shape)}
    return [(name, value) for name, value in pairs if name in names]


_MAX_PROBLEMS = 20
_AND_MORE = FieldError("(others)", "were not looked at", f"more than {_MAX_PROBLEMS} problems", "correct these first")


def _read_values(pairs: Iterable[tuple[str, object]], shape: type, noun: str) -> dict[str, Any]:
    problems: list[FieldError] = []
    specs = {spec.name: spec for spec in field_specs(shape)}
    values: dict[str, Any] = {}
    seen: set[str] = set()
    for name, value in pairs:
        if len(problems) >= _MAX_PROBLEMS:
            raise RequestInvalid((*problems, _AND_MORE))  # a long answer to nonsense would only amplify it
        spec = specs.get(name)
        if spec is None:
            problems.append(_unknown(name, value, specs, noun))
        elif name in seen:
            problems.append(FieldError(name, "must appear once", shown(value), f"this {noun} appears twice"))
        elif value is None and not spec.is_required:
            pass
        else:
            try:
                values[name] = spec.kind.read(value)
            except (FieldProblem, ItemsInvalid) as problem:
                problems.extend(_told(name, value, problem))
        seen.add(name)
    for spec in specs.values():
        if spec.is_required and spec.name not in seen:
            problems.append(FieldError(spec.name, "is required", "absent", f"add {spec.name}"))
    if problems:
        raise RequestInvalid(tuple(problems))
    return values


def _told(name: str, value: object, problem: FieldProblem | ItemsInvalid) -> tuple[FieldError, ...]:
    if isinstance(problem, ItemsInvalid):
        return tuple(msgspec.structs.replace(one, field=f"{name}{one.field}") for one in problem.errors)
    return (FieldError(name, problem.rule, shown(value), problem.hint),)


def _unknown(name: str, value: object, specs: Mapping[str, FieldSpec], noun: str) -> FieldError:
    near = _OTHER_NAMES.get(name.lower())
    if near not in specs:
        near = next(iter(difflib.get_close_matches(name.lower()[:_MAX_SHOWN], specs, 1, 0.6)), None)
    if near is not None:
        hint = f"did you mean {near}?"
    elif specs:
        hint = f"known {noun}s: " + ", ".join(specs)
    else:
        hint = f"this path takes no {noun}s"
    return FieldError(shown(name), f"is not a known {noun}", shown(value), hint)


def _read_object(body: bytes) -> list[tuple[str, object]]:
    """The members of a JSON object in order, duplicates included."""
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise _whole("must be UTF-8", f"byte {error.start}", "encode the body as UTF-8") from None
    try:
        value = json.loads(
            text,
            object_pairs_hook=_Members,
            parse_float=JsonNumber,
            parse_int=JsonNumber,
            parse_constant=JsonNumber,
        )
    except json.JSONDecodeError as error:
        raise _whole("must be valid JSON", f"{error.msg} at character {error.pos}", "check the syntax") from None
    except RecursionError:
        raise _whole("must not be nested deeply", "too deep", "send a flat JSON object") from None
    if not isinstance(value, _Members):
        raise _whole("must be a JSON object", shown(value), 'such as {"symbol": "AAPL"}')
    return value.pairs


class _Members:
    """The members of one JSON object, as written. No list: a list field must not take an object for one."""

    __slots__ = ("pairs",)

    def __init__(self, pairs: list[tuple[str, object]]) -> None:
        self.pairs = pairs


def _whole(rule: str, value: str, hint: str) -> RequestInvalid:
    return RequestInvalid((FieldError("(body)", rule, value, hint),))


def shown(value: object) -> str:
    """``value`` as an error may repeat it: short, and safe to encode whatever it holds."""
    if isinstance(value, str):
        text = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in value)
        return text if len(text) <= _MAX_SHOWN else text[:_MAX_SHOWN] + "..."
    if isinstance(value, _Members | list):
        return "a list" if isinstance(value, list) else "an object"
    return json.dumps(value)  # true, false or null
