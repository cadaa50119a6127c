"""Read a ``.env`` file: where the secrets of a development machine live, beside the configuration but not in it.

Its values are never quoted in a message.
"""

import re
from pathlib import Path

from gateway.adapters.config.problems import ConfigInvalid, Place, Problems

_MAX_BYTES = 65_536
_LINE = re.compile(r"(?:export\s+)?(?P<name>[A-Za-z_][A-Za-z0-9_]*)\s*=\s*(?P<value>.*)", re.DOTALL)
_DOUBLE = re.compile(r'"((?:[^"\\]|\\.)*)"\s*(?:#.*)?', re.DOTALL)
_SINGLE = re.compile(r"'([^']*)'\s*(?:#.*)?", re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", '"': '"', "\\": "\\", "$": "$"}


def read_env_file(path: Path) -> dict[str, str]:
    """The variables of a ``.env`` file; nothing when there is no file.

    Lines are ``NAME=value``, ``export NAME=value``, blank, or ``# comment``. Values may stand in single quotes
    (as they are) or double quotes (``\\n \\t \\" \\\\``); unquoted ones end before a `` #``. Raises ``ConfigInvalid``
    naming each line that is none of these.
    """
    problems = Problems()
    try:
        with path.open("rb") as stream:
            data = stream.read(_MAX_BYTES + 1)
    except FileNotFoundError:
        return {}
    except OSError as error:
        problems.add(Place(str(path)), f"cannot be read: {error.strerror or error}")
        raise ConfigInvalid(problems.all()) from None
    values = parse_env(str(path), data, problems)
    if problems:
        raise ConfigInvalid(problems.all())
    return values


def parse_env(file: str, data: bytes, problems: Problems) -> dict[str, str]:
    """The variables in the bytes of a ``.env`` file; a later line wins. Bad lines go to ``problems``."""
    values: dict[str, str] = {}
    if len(data) > _MAX_BYTES:
        problems.add(Place(file), f"must be at most {_MAX_BYTES} bytes")
        return values
    try:
        lines = data.decode("utf-8-sig").split("\n")
    except UnicodeDecodeError:
        problems.add(Place(file), "must be UTF-8 text")
        return values
    for number, raw in enumerate(lines, start=1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        found = _LINE.fullmatch(line)
        value = None if found is None else _value(found["value"])
        if found is None or value is None or "\x00" in value:
            rule = "must be NAME=value, with quotes in pairs"
            problems.add(Place(file, number, 1, found["name"] if found is not None else ""), rule)
        else:
            values[found["name"]] = value
    return values


def _value(text: str) -> str | None:
    """What a value means, or None when its quotes are not in pairs."""
    if text.startswith('"'):
        found = _DOUBLE.fullmatch(text)
        return None if found is None else re.sub(r"\\(.)", _unescape, found[1])
    if text.startswith("'"):
        found = _SINGLE.fullmatch(text)
        return None if found is None else found[1]
    return re.split(r"(?:^|\s)#", text, maxsplit=1)[0].strip()


def _unescape(found: re.Match[str]) -> str:
    return _ESCAPES.get(found[1], found[0])
