"""What a terminal shows: tables that fit it, and colours where somebody looks.

What comes from elsewhere (a venue's words, a strategy's name) may hold control characters, which a terminal obeys:
they are never printed.
"""

import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Self, TextIO

_STYLES = {"bad": "31;1", "warn": "33", "good": "32", "dim": "2", "bold": "1", "live": "35;1"}
_GAP = "  "
_NARROWEST = 6
CLEAR = "\x1b[H\x1b[2J\x1b[3J"


class Cell(NamedTuple):
    """A text with a style."""

    text: str
    style: str = ""


@dataclass(frozen=True)
class Column:
    """``is_cut``: a long text may be cut. ``rank``: at 0 it is always shown, else the highest is left out first."""

    head: str
    rank: int = 0
    is_number: bool = False
    is_cut: bool = False


def words(head: str, rank: int = 0) -> Column:
    """A column of text, which may be cut."""
    return Column(head, rank, is_cut=True)


def name(head: str, rank: int = 0) -> Column:
    """A column of names that people copy: never cut."""
    return Column(head, rank)


def number(head: str, rank: int = 0) -> Column:
    """A column of amounts: to the right, never cut."""
    return Column(head, rank, is_number=True)


@dataclass(frozen=True)
class Terminal:
    """``width`` None: not a terminal, nothing is cut."""

    out: TextIO
    width: int | None = None
    has_colours: bool = False

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> Self:
        """Standard output. ``NO_COLOR`` and ``TERM=dumb`` mean no colours, ``COLUMNS`` the width."""
        out = sys.stdout
        if not out.isatty():
            return cls(out)
        has_colours = not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"
        return cls(out, shutil.get_terminal_size().columns, has_colours)

    @property
    def is_watched(self) -> bool:
        return self.width is not None

    def paint(self, text: str, style: str) -> str:
        code = _STYLES.get(style)
        return f"\x1b[{code}m{clean(text)}\x1b[0m" if self.has_colours and code else clean(text)

    def say(self, lines: Sequence[str]) -> None:
        """All at once, and at once."""
        self.out.write("".join(f"{line}\n" for line in lines))
        self.out.flush()


def clean(text: str) -> str:
    """Without what a terminal would take for a command."""
    return text if text.isprintable() else "".join(one if one.isprintable() else "?" for one in text)


def tell(line: str) -> None:
    """One line on standard output, cleaned."""
    print(clean(line))


def table(columns: Sequence[Column], rows: Sequence[Sequence[str | Cell]], terminal: Terminal) -> list[str]:
    """A head and the rows. What does not fit the terminal is cut or left out, and the last line says what."""
    cells = [[one if isinstance(one, Cell) else Cell(one) for one in row] for row in rows]
    cells = [[Cell(clean(one.text), one.style) for one in row] for row in cells]
    wanted = [max(len(column.head), *(len(row[at].text) for row in cells), 0) for at, column in enumerate(columns)]
    kept, widths = _fit(columns, wanted, terminal.width)
    head = [Cell(columns[at].head, "dim") for at in kept]
    lines = [_line(head, kept, columns, widths, terminal)]
    lines += [_line([row[at] for at in kept], kept, columns, widths, terminal) for row in cells]
    left_out = [column.head for at, column in enumerate(columns) if at not in kept]
    if left_out:
        lines.append(terminal.paint(f"left out at this width: {', '.join(left_out)}", "dim"))
    return lines


def _fit(columns: Sequence[Column], wanted: Sequence[int], width: int | None) -> tuple[list[int], dict[int, int]]:
    """Which columns are shown, and how wide."""
    kept = list(range(len(columns)))
    while True:
        widths = {at: wanted[at] for at in kept}
        over = 0 if width is None else sum(widths.values()) + len(_GAP) * (len(kept) - 1) - width
        floors = {at: max(_NARROWEST, len(columns[at].head)) for at in kept if columns[at].is_cut}
        can_give = sum(max(widths[at] - floor, 0) for at, floor in floors.items())
        least = max(kept, key=lambda at: columns[at].rank)
        if over <= can_give or not columns[least].rank:
            break
        kept.remove(least)
    while over > 0 and any(widths[at] > floor for at, floor in floors.items()):
        widest = max(floors, key=lambda at: widths[at] - floors[at])
        widths[widest] -= 1
        over -= 1
    return kept, widths


def _line(
    cells: Sequence[Cell], kept: Sequence[int], columns: Sequence[Column], widths: Mapping[int, int], terminal: Terminal
) -> str:
    texts = []
    for cell, at in zip(cells, kept, strict=True):
        width = widths[at]
        text = cell.text if len(cell.text) <= width else f"{cell.text[: width - 1]}…"
        padding = " " * (width - len(text))
        painted = terminal.paint(text, cell.style)
        texts.append(padding + painted if columns[at].is_number else painted + padding)
    return _GAP.join(texts).rstrip()
