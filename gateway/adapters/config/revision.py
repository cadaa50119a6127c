"""The revision of a trading configuration: equal content, equal revision, whatever the files look like."""

import hashlib
from decimal import Decimal
from typing import Any

import msgspec

from gateway.domain.config import TradingConfig
from gateway.domain.money import plain

_LENGTH = 16


def revision_of(config: TradingConfig) -> str:
    """The first 16 hexadecimal digits of the SHA-256 of the canonical encoding of everything but ``revision`` and
    ``capabilities``, which are no content of the files.

    Canonical: keys sorted, decimals without exponent or trailing zeros (50000 and 50000.00 are the same).
    """
    content = msgspec.to_builtins(
        msgspec.structs.replace(config, revision="", capabilities={}), order="sorted", builtin_types=(Decimal,)
    )
    return hashlib.sha256(msgspec.json.encode(_canonical(content), order="sorted")).hexdigest()[:_LENGTH]


def _canonical(value: Any) -> Any:
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, dict):
        return {key: _canonical(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_canonical(item) for item in value]
    return value
