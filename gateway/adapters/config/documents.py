"""The six files as read: plain values by key, and where each stood, for the rules that compare them."""

from collections.abc import Mapping
from typing import Any

import msgspec

from gateway.adapters.config.problems import Path, Place, Problems, path_text
from gateway.adapters.config.schema import MISSING, Reader
from gateway.adapters.config.tables import FILES, GATEWAY, HOME_OF_KEY
from gateway.adapters.config.yaml_text import compose


class Document(msgspec.Struct):
    """One file. ``is_usable`` False: it could not be read at all, so nothing may be concluded from its silence.

    ``marks`` are line and column of each value, ``overrides`` the variables that stand in for some.
    """

    file: str
    values: dict[str, Any] = {}
    marks: dict[Path, tuple[int, int]] = {}
    overrides: dict[Path, Place] = {}
    is_given: bool = False
    is_usable: bool = True

    def place(self, *path: str | int) -> Place:
        """Where ``path`` stands, or the nearest thing around it that does; for an override, the variable."""
        if path in self.overrides:
            return self.overrides[path]
        for length in range(len(path), -1, -1):
            if (mark := self.marks.get(path[:length])) is not None:
                return Place(self.file, *mark, key=path_text(path))
        return Place(self.file, key=path_text(path))

    def is_written(self, *path: str | int) -> bool:
        """Whether anything stands at ``path``, fit or not: what is unfit has been said and is not also missing."""
        return path in self.marks or path in self.overrides

    def get(self, *path: str, default: Any = None) -> Any:
        """The value at ``path``, or ``default`` where nothing (usable) was given."""
        value: Any = self.values
        for part in path:
            if not isinstance(value, dict) or part not in value:
                return default
            value = value[part]
        return value


class Documents:
    """All six, and what was found wrong with them so far."""

    def __init__(self, files: Mapping[str, bytes], problems: Problems) -> None:
        self.problems = problems
        self._by_file = {file: self._read(file, files.get(file)) for file in FILES}
        if not self._by_file[GATEWAY].is_given:
            problems.add(Place(GATEWAY), "is missing", hint="a configuration directory holds at least gateway.yaml")

    def __getitem__(self, file: str) -> Document:
        return self._by_file[file]

    @property
    def sources(self) -> tuple[str, ...]:
        """The files that were given."""
        return tuple(file for file, document in self._by_file.items() if document.is_given)

    def _read(self, file: str, data: bytes | None) -> Document:
        if data is None:
            return Document(file)
        root = compose(file, data, self.problems)
        if root is None:
            return Document(file, is_given=True, is_usable=False)
        reader = Reader(file, self.problems, HOME_OF_KEY)
        values = reader.read(FILES[file], root)
        return Document(file, {} if values is MISSING else values, reader.marks, is_given=True)
