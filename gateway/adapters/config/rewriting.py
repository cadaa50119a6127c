"""Figures put into a YAML file that people keep: their comments, their order and everything else stay as they are."""

import os
import re
from collections.abc import Mapping
from pathlib import Path

import yaml

_LINE = re.compile(r"^(?P<indent> +)(?P<key>[a-z_]+)(?P<colon>:\s*)(?P<value>[^\s#]*)(?P<rest>.*)$")


class NotRewritable(Exception):
    """The file is written in a way that figures cannot be put into line by line; nothing was changed."""


def rewrite(path: Path, section: str, values: Mapping[str, str]) -> None:
    """Set ``values`` in ``section`` of the file. Raises NotRewritable."""
    before = path.read_text(encoding="utf-8")
    after = with_values(before, section, values)
    draft = path.with_name(f".{path.name}.draft")
    draft.write_text(after, encoding="utf-8")
    draft.chmod(path.stat().st_mode & 0o777)
    os.replace(draft, path)


def with_values(text: str, section: str, values: Mapping[str, str]) -> str:
    """The text with ``values`` (as YAML writes them) in its top-level ``section``, begun where it is not there."""
    lines = text.splitlines()
    heads = [number for number, line in enumerate(lines) if re.match(rf"{section}\s*:", line)]
    left = dict(values)
    if not heads:
        lines += ["", f"{section}:", *(f"  {key}: {value}" for key, value in left.items())]
    else:
        start = heads[0] + 1
        end = next((n for n in range(start, len(lines)) if lines[n] and lines[n][0] not in " #"), len(lines))
        indent = "  "
        for number in range(start, end):
            found = _LINE.match(lines[number])
            if found is None:
                continue
            indent = found["indent"]
            if found["key"] in left:
                lines[number] = f"{indent}{found['key']}{found['colon']}{left.pop(found['key'])}{found['rest']}"
        lines[start:start] = [f"{indent}{key}: {value}" for key, value in left.items()]
    after = "\n".join(lines) + "\n"
    _check(text, after, section, values)
    return after


def _check(before: str, after: str, section: str, values: Mapping[str, str]) -> None:
    """That the new text says what was wanted and nothing else."""
    try:
        wanted, said = yaml.safe_load(before) or {}, yaml.safe_load(after)
    except yaml.YAMLError as error:
        raise NotRewritable(f"{section} cannot be set line by line: {error}") from None
    wanted[section] = {**(wanted.get(section) or {}), **{key: yaml.safe_load(value) for key, value in values.items()}}
    if said != wanted:
        raise NotRewritable(f"{section} is not written as one key a line; put the figures in by hand")
