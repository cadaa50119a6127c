"""Distributions as inline drawings: the share of orders up to each value, one line a series. No script is needed."""

from collections.abc import Sequence
from html import escape
from typing import NamedTuple

_WIDTH, _HEIGHT = 720, 240
_LEFT, _RIGHT, _TOP, _BOTTOM = 48, 12, 26, 40
_COLOURS = ("#0550ae", "#bc4c00")
#: How the words tell two lines apart, in print and without colours too.
_LINES = (" (solid)", " (dashed)")
#: So much of both tails is cut off the picture (and told), so that one odd order does not flatten the rest.
_TAIL = 0.01
_TICKS = 6


class Series(NamedTuple):
    """Pairs of value and count, rising; a value is divided by ``scale`` where it is shown."""

    name: str
    cells: Sequence[tuple[int, int]]
    scale: int

    def at(self, share: float) -> float:
        """The smallest value that this share of the samples does not exceed."""
        n, seen = sum(count for _, count in self.cells), 0
        for value, count in self.cells:
            seen += count
            if seen >= share * n:
                return value / self.scale
        return self.cells[-1][0] / self.scale

    def steps(self) -> list[tuple[float, float]]:
        """Each value with the share of samples up to it."""
        n, seen, found = sum(count for _, count in self.cells), 0, []
        for value, count in self.cells:
            seen += count
            found.append((value / self.scale, seen / n))
        return found


def plot(title: str, unit: str, series: Sequence[Series]) -> str:
    """One drawing with its words: medians and tails stand in its title, for who cannot see it."""
    drawn = [one for one in series if one.cells]
    if not drawn:
        return f"<p>{escape(title)}: no sample.</p>"
    low = min(one.at(_TAIL) for one in drawn)
    high = max(one.at(1 - _TAIL) for one in drawn)
    if low == high:
        low, high = low - 1, high + 1
    words = "; ".join(
        f"{one.name}{line}: median {one.at(0.5):g}, 95% up to {one.at(0.95):g} {unit}, "
        f"{sum(n for _, n in one.cells)} orders"
        for one, line in zip(drawn, _LINES, strict=False)
    )
    lines = "".join(_line(one, low, high, _COLOURS[i % 2], is_dashed=i > 0) for i, one in enumerate(drawn))
    label = f"{title}. {words}"
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(label, quote=True)}">'
        f'<text x="{_LEFT}" y="16" font-size="14" font-weight="600">{escape(title)}</text>'
        f"{_axes(low, high, unit)}{lines}</svg><figcaption>{escape(words)}</figcaption>"
    )


def _x(value: float, low: float, high: float) -> float:
    share = min(max((value - low) / (high - low), 0.0), 1.0)
    return _LEFT + share * (_WIDTH - _LEFT - _RIGHT)


def _y(share: float) -> float:
    return _TOP + (1 - share) * (_HEIGHT - _TOP - _BOTTOM)


def _axes(low: float, high: float, unit: str) -> str:
    parts = []
    for share in (0.0, 0.5, 1.0):
        y = _y(share)
        parts.append(f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="#d0d7de"/>')
        parts.append(f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" font-size="11" text-anchor="end">{share:.0%}</text>')
    for i in range(_TICKS):
        value = low + (high - low) * i / (_TICKS - 1)
        x, y = _x(value, low, high), _HEIGHT - _BOTTOM + 16
        parts.append(f'<text x="{x:.1f}" y="{y}" font-size="11" text-anchor="middle">{value:.4g}</text>')
    parts.append(f'<text x="{_WIDTH / 2}" y="{_HEIGHT - 6}" font-size="11" text-anchor="middle">{escape(unit)}</text>')
    return "".join(parts)


def _line(one: Series, low: float, high: float, colour: str, *, is_dashed: bool) -> str:
    path, before = [f"M{_LEFT},{_y(0):.1f}"], 0.0
    for value, share in one.steps():
        x = _x(value, low, high)
        path.append(f"L{x:.1f},{_y(before):.1f}L{x:.1f},{_y(share):.1f}")
        before = share
    path.append(f"L{_WIDTH - _RIGHT},{_y(1):.1f}")
    dash = ' stroke-dasharray="6 4"' if is_dashed else ""
    return f'<path d="{"".join(path)}" fill="none" stroke="{colour}" stroke-width="2"{dash}/>'
