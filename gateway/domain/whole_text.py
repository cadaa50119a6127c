"""Text as UTF-8 can hold it: JSON lets halves of characters through (lone surrogates), and UTF-8 has none."""

from typing import Any


def with_whole_characters(value: Any) -> Any:
    """Builtins of any depth, with a question mark for every half of a character."""
    if isinstance(value, str):
        return value.encode(errors="replace").decode()
    if isinstance(value, dict):
        return {with_whole_characters(key): with_whole_characters(item) for key, item in value.items()}
    return [with_whole_characters(item) for item in value] if isinstance(value, list | tuple) else value
