"""What is wrong with a configuration, said so that a person can mend it: where, which key, which rule, what to do.

Problems are collected, never raised one by one, so that one look shows all of them. The collection is bounded:
beyond ``MAX_PROBLEMS`` they are only counted, which keeps a hostile file from costing time or memory.
"""

import difflib
from collections.abc import Iterable

import msgspec

MAX_PROBLEMS = 100
_MAX_SHOWN = 60
_MAX_CANDIDATES = 300
_MAX_LISTED = 16

Path = tuple[str | int, ...]


class Place(msgspec.Struct, frozen=True):
    """Where a value stands. Lines and columns count from 1; 0 where there is none (an environment variable)."""

    file: str
    line: int = 0
    column: int = 0
    key: str = ""


class ConfigProblem(msgspec.Struct, frozen=True, kw_only=True):
    """One thing wrong. ``rule`` reads on from the key ("must be above 0"); ``hint`` says what to do.

    ``value`` is what was written, cut short, and empty wherever it could be a secret.
    """

    file: str
    line: int
    column: int
    key: str
    rule: str
    value: str = ""
    hint: str = ""

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        was = f", was {self.value}" if self.value else ""
        hint = f" ({self.hint})" if self.hint else ""
        return f"{where}: {self.key + ' ' if self.key else ''}{self.rule}{was}{hint}"


class ConfigInvalid(Exception):
    """The configuration cannot be used; ``problems`` holds everything that is wrong with it."""

    def __init__(self, problems: Iterable[ConfigProblem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class Problems:
    """Collects problems and warnings while files are read."""

    def __init__(self) -> None:
        self._found: list[ConfigProblem] = []
        self._unlisted = 0
        self.warnings: list[str] = []

    def __bool__(self) -> bool:
        return bool(self._found)

    @property
    def is_full(self) -> bool:
        """Whether further problems are only counted: costly hints are no longer worth making."""
        return len(self._found) >= MAX_PROBLEMS

    def add(self, place: Place, rule: str, value: str = "", hint: str = "") -> None:
        if self.is_full:
            self._unlisted += 1
            return
        problem = ConfigProblem(
            file=place.file,
            line=place.line,
            column=place.column,
            key=place.key,
            rule=rule,
            value=value,
            hint=hint,
        )
        if problem not in self._found:
            self._found.append(problem)

    def warn(self, place: Place, text: str) -> None:
        if len(self.warnings) < MAX_PROBLEMS:
            where = f"{place.file}:{place.line}" if place.line else place.file
            self.warnings.append(f"{where}: {place.key + ' ' if place.key else ''}{text}")

    def did_you_mean(self, word: str, candidates: Iterable[str]) -> str:
        """A hint that names the nearest candidate, or lists the first few, or nothing when there are none.

        Nothing too once no more problems are kept: finding the nearest of many takes time.
        """
        if self.is_full:
            return ""
        names = tuple(candidates)
        near = nearest(word, names)
        if near is not None:
            return f"did you mean `{near}`?"
        if not names:
            return ""
        more = ", ..." if len(names) > _MAX_LISTED else ""
        return f"known here: {', '.join(names[:_MAX_LISTED])}{more}"

    def all(self) -> tuple[ConfigProblem, ...]:
        """Every problem kept, by file and line, and one that counts those that were not."""
        found = sorted(self._found, key=lambda p: (p.file, p.line, p.column))
        if self._unlisted:
            text = f"and {self._unlisted} more problems"
            found.append(ConfigProblem(file="configuration", line=0, column=0, key="", rule=text))
        return tuple(found)


def path_text(path: Path) -> str:
    """Write a path the way people do: ``symbols.crypto[2].tick_size``."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{shown(part)}" if text else shown(part)
    return text


def shown(text: str, most: int = _MAX_SHOWN) -> str:
    """Quote a value for a message: cut short, and nothing in it can disturb a terminal or a log line."""
    cut = text if len(text) <= most else text[:most] + "..."
    if cut.isprintable():
        return cut
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in cut)


def nearest(word: str, candidates: Iterable[str]) -> str | None:
    """The candidate that was probably meant: the same but for case, else the most alike, else None."""
    names = list(candidates)
    folded = word.casefold()[:_MAX_SHOWN]
    for name in names:
        if name.casefold() == folded:
            return name
    if len(names) > _MAX_CANDIDATES:  # comparing with thousands of symbols takes too long: only look-alikes
        names = [name for name in names if name[:1].casefold() == folded[:1]][:_MAX_CANDIDATES]
    alike = difflib.get_close_matches(folded, [name.casefold() for name in names], n=1, cutoff=0.6)
    return next((name for name in names if alike and name.casefold() == alike[0]), None)
