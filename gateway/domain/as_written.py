"""Values of the configuration as a person writes them in the files: ``manual``, ``true``, ``{AAPL: sued}``."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import msgspec

from gateway.domain.money import plain


def as_written(value: Any) -> str:
    """``value`` for people; None is ``none``. A struct tells itself if it can (``__str__``), else part by part."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(as_written, value))}]"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{as_written(key)}: {as_written(item)}' for key, item in value.items())}}}"
    if isinstance(value, msgspec.Struct) and type(value).__str__ is object.__str__:
        given = msgspec.structs.asdict(value).items()
        return ", ".join(f"{name} {as_written(part)}" for name, part in given if part is not None)
    return str(value) or '""'
