"""Kinds of request fields: what a value must look like, in words, as a JSON Schema and as code.

A request struct annotates each field with one kind; reading a request, explaining what is wrong with it and the
OpenAPI document all come from that annotation. Kinds read untrusted values and raise ``FieldProblem``.
"""

import decimal
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from gateway.adapters.http.times import parse_rfc3339
from gateway.domain.money import amount_problem

NAME_PATTERN = r"[A-Za-z0-9._:/@+-]{1,64}"
is_name = re.compile(NAME_PATTERN, re.ASCII).fullmatch
_is_number = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,3})?", re.ASCII).fullmatch
_is_difference = re.compile(r"-?[0-9]{1,15}(?:\.[0-9]{1,18})?", re.ASCII).fullmatch
_MAX_NUMBER_CHARS = 128
_MAX_EXPIRE_NS = 2**63 - 1


class JsonNumber(str):
    """The digits of a JSON number as they were written: no float ever touches them."""

    __slots__ = ()


class FieldProblem(Exception):
    """What is wrong with one value: the rule it breaks and what to send instead."""

    def __init__(self, rule: str, hint: str) -> None:
        super().__init__(rule)
        self.rule = rule
        self.hint = hint


class Kind:
    """``read`` turns a JSON value (or a query parameter, always a string) into what the gateway works with."""

    def __init__(self, text: str, schema: dict[str, Any]) -> None:
        self.text = text
        self._schema = schema

    def schema(self, is_nullable: bool) -> dict[str, Any]:
        """The JSON Schema of a value of this kind; an optional body field may also be null, meaning absent."""
        own = {**self._schema, "description": self.text}
        if not is_nullable:
            return own
        return {"anyOf": [self._schema, {"type": "null"}], "description": self.text}

    def read(self, value: object) -> Any:
        raise NotImplementedError


class Name(Kind):
    """An account, strategy, venue, symbol or client order id: what may be part of a journal key."""

    def __init__(self, text: str) -> None:
        super().__init__(text, {"type": "string", "pattern": f"^{NAME_PATTERN}$"})

    def read(self, value: object) -> str:
        if isinstance(value, str) and not isinstance(value, JsonNumber) and is_name(value):
            return value
        raise FieldProblem("must be a string of 1 to 64 characters: letters, digits and . _ : / @ + -", "correct it")


class VenueName(Name):
    """A venue, in the one spelling that is kept: case does not matter where a person names one."""

    def read(self, value: object) -> str:
        return super().read(value).lower()


class Amount(Kind):
    """A positive exact decimal, as a JSON number or as a string."""

    def __init__(self, text: str) -> None:
        number = {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 10**15}
        digits = {"type": "string", "pattern": r"^(?=[0-9.]*[1-9])[0-9]{1,15}(\.[0-9]{1,18})?([eE][+-]?[0-9]{1,2})?$"}
        super().__init__(text, {"anyOf": [number, digits]})

    def read(self, value: object) -> Decimal:
        hint = 'send a positive decimal such as 150.25 or "150.25"'
        if not isinstance(value, str) or len(value) > _MAX_NUMBER_CHARS or not _is_number(value):
            raise FieldProblem("must be a decimal number", hint)
        try:
            amount = Decimal(value)
        except decimal.InvalidOperation:
            raise FieldProblem("must be a decimal number", hint) from None
        if (rule := amount_problem(amount)) is not None:
            raise FieldProblem(rule, hint)
        if amount <= 0:
            raise FieldProblem("must be greater than 0", hint)
        return amount


class Difference(Kind):
    """An exact decimal of either sign, as a string."""

    def __init__(self, text: str) -> None:
        super().__init__(text, {"type": "string", "pattern": r"^-?[0-9]{1,15}(\.[0-9]{1,18})?$"})

    def read(self, value: object) -> Decimal:
        if isinstance(value, str) and not isinstance(value, JsonNumber) and _is_difference(value):
            return Decimal(value)
        raise FieldProblem("must be a decimal number in a string", 'send it as it is shown, "-2.5" say')


class Choice(Kind):
    """One of a closed list of words; their case does not matter, and some have a second spelling."""

    def __init__(self, text: str, words: Mapping[str, Any]) -> None:
        super().__init__(text, {"type": "string", "enum": list(words)})
        self.words = dict(words)
        #: For the fast path: the spellings that nearly everybody sends.
        self.spellings = {**self.words, **{word.upper(): value for word, value in words.items()}}

    def read(self, value: object) -> Any:
        if isinstance(value, str) and not isinstance(value, JsonNumber):
            word = value.lower()
            if word in self.words:
                return self.words[word]
        raise FieldProblem("must be one of " + ", ".join(self.words), "use one of these words")


class Algorithm(Kind):
    """An execution algorithm; some take an option after a colon. Case does not matter."""

    _words = "vwap|twap|adaptive(:(urgent|normal|patient))?|iceberg(:[1-9][0-9]{0,14})?"
    _is_known = re.compile(_words, re.ASCII).fullmatch

    def __init__(self, text: str) -> None:
        super().__init__(text, {"type": "string", "pattern": f"^({self._words})$"})
        #: For the fast path: the spellings that nearly everybody sends.
        self.spellings = {word: word for word in ("vwap", "twap", "adaptive", "iceberg")}

    def read(self, value: object) -> str:
        if isinstance(value, str) and not isinstance(value, JsonNumber) and self._is_known(value.lower()):
            return value.lower()
        raise FieldProblem(
            "must be one of vwap, twap, adaptive[:urgent|normal|patient], iceberg[:QTY]",
            "QTY is how much of an iceberg shows, in whole units: iceberg:100",
        )


class Words(Kind):
    """A comma-separated list of words, each standing for one or more values; for query parameters. Their case does not
    matter."""

    def __init__(self, text: str, words: Mapping[str, tuple[str, ...]]) -> None:
        one = "|".join(words)
        super().__init__(text, {"type": "string", "pattern": f"^({one})(,({one}))*$"})
        self._words = dict(words)

    def read(self, value: object) -> tuple[str, ...]:
        found: list[str] = []
        for word in str(value).lower().split(","):
            if word not in self._words:
                rule = "must be one or more of " + ", ".join(self._words)
                raise FieldProblem(rule, "separate several with commas, without spaces")
            found += self._words[word]
        return tuple(dict.fromkeys(found))


class Flag(Kind):
    """True or false."""

    def __init__(self, text: str) -> None:
        super().__init__(text, {"type": "boolean"})

    def read(self, value: object) -> bool:
        if isinstance(value, bool):
            return value
        raise FieldProblem("must be true or false", "without quotes")


class Moment(Kind):
    """A moment as RFC 3339, or as nanoseconds since the epoch (a string of digits where 2**53 is too small)."""

    def __init__(self, text: str) -> None:
        number = {"type": "integer", "minimum": 1, "maximum": _MAX_EXPIRE_NS}
        stamp = {"type": "string", "format": "date-time"}
        digits = {"type": "string", "pattern": "^(?=[0-9]*[1-9])[0-9]{1,18}$"}
        super().__init__(text, {"anyOf": [number, stamp, digits]})

    def read(self, value: object) -> int:
        if isinstance(value, str):
            value = _whole_digits(value)
            is_digits = value.isascii() and value.isdigit() and len(value) <= 19
            ns = int(value) if is_digits else None if isinstance(value, JsonNumber) else parse_rfc3339(value)
            if ns is not None and 0 < ns <= _MAX_EXPIRE_NS:
                return ns
        raise FieldProblem(
            "must be an RFC 3339 moment with an offset, or integer nanoseconds since the epoch",
            'for example "2030-01-31T16:00:00Z"',
        )


class Whole(Kind):
    """An integer within bounds, as a query parameter."""

    def __init__(self, text: str, low: int, high: int) -> None:
        super().__init__(text, {"type": "integer", "minimum": low, "maximum": high})
        self._low, self._high = low, high

    def read(self, value: object) -> int:
        digits = _whole_digits(value) if isinstance(value, str) else ""
        if digits.isascii() and digits.isdigit() and len(digits) <= 19:
            number = int(digits)
            if self._low <= number <= self._high:
                return number
        raise FieldProblem(f"must be an integer from {self._low} to {self._high}", "send digits only")


def _whole_digits(value: str) -> str:
    """The digits of a JSON number; ``5.0`` is the integer 5 to JSON Schema."""
    if not isinstance(value, JsonNumber):
        return value
    whole, point, rest = value.partition(".")
    return JsonNumber(whole) if point and not rest.strip("0") else value


class Text(Kind):
    """Words for a person."""

    def __init__(self, text: str, longest: int, *, is_needed: bool = False) -> None:
        least = {"minLength": 1, "pattern": r"\S"} if is_needed else {}
        super().__init__(text, {"type": "string", "maxLength": longest, **least})
        self._longest = longest
        self._is_needed = is_needed

    def read(self, value: object) -> str:
        if isinstance(value, str) and not isinstance(value, JsonNumber) and len(value) <= self._longest:
            if self._is_needed and not value.strip():
                raise FieldProblem("must say something", "it is kept for the record")
            # These words reach logs and pages: no line breaks, escapes or halves of a surrogate pair.
            return "".join(char if char.isprintable() else " " for char in value)
        raise FieldProblem(f"must be a string of at most {self._longest} characters", "shorten it")


class Names(Kind):
    """A list of names, each once."""

    def __init__(self, text: str, fewest: int, most: int) -> None:
        items = {"type": "string", "pattern": f"^{NAME_PATTERN}$"}
        super().__init__(text, {"type": "array", "items": items, "minItems": fewest, "maxItems": most})
        self._fewest, self._most = fewest, most
        self._item = Name(text)

    def read(self, value: object) -> tuple[str, ...]:
        if not isinstance(value, list) or not self._fewest <= len(value) <= self._most:
            raise FieldProblem(f"must be a list of {self._fewest} to {self._most} names", 'such as ["AAPL"]')
        return tuple(dict.fromkeys(self._item.read(item) for item in value))
