"""Figures: what was to be reached, what was, and how a table of them looks. And small words about numbers."""

import os
import platform
import sqlite3
import statistics
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import msgspec

MET, MISSED, SHOWN = "met", "MISSED", ""


class Figure(msgspec.Struct, frozen=True):
    """One line of the table. ``is_met`` None: shown for information, nothing was promised."""

    name: str
    target: str
    reached: str
    is_met: bool | None = None

    @property
    def verdict(self) -> str:
        return SHOWN if self.is_met is None else MET if self.is_met else MISSED


class Report(msgspec.Struct):
    """What one benchmark has to say. ``notes`` are lines for a person, printed above the table."""

    figures: list[Figure] = []
    notes: list[str] = []

    def add(self, name: str, target: str, reached: str, is_met: bool | None = None) -> None:
        self.figures.append(Figure(name, target, reached, is_met))


def table(figures: Sequence[Figure]) -> str:
    """Columns: figure, target, reached, verdict."""
    rows = [("figure", "target", "reached", "verdict")]
    rows += [(figure.name, figure.target, figure.reached, figure.verdict) for figure in figures]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(lines)


def quantile(ordered: Sequence[float], share: float) -> float:
    """The value that ``share`` of the sorted values do not exceed."""
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)]


def spread(ordered_us: Sequence[float]) -> str:
    """Microseconds, sorted, as words."""
    shares = (("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999))
    words = [f"{name} {duration(quantile(ordered_us, share))}" for name, share in shares]
    return ", ".join([*words, f"max {duration(ordered_us[-1])}"])


def duration(us: float) -> str:
    return f"{us:.0f} us" if us < 1_000 else f"{us / 1e3:.2f} ms" if us < 1e6 else f"{us / 1e6:.2f} s"


def median(values: Sequence[float]) -> float:
    return statistics.median(values)


def machine(folder: Path) -> list[str]:
    """Where figures were measured: without it they mean nothing. ``folder`` is where journals are written."""
    packages = ", ".join(f"{name} {version(name)}" for name in ("aiohttp", "uvloop", "msgspec", "aiosqlite"))
    cores = os.cpu_count() or 0
    load = ", ".join(f"{one:.2f}" for one in os.getloadavg())
    return [
        f"{platform.system()} {platform.release()}, {_processor()}, {cores} cores, load before {load}",
        f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, {packages}",
        f"Journals in {folder} ({_filesystem(folder)}), synchronous=FULL.",
        f"The load generator shares these {cores} cores (and their noise) with what it measures.",
    ]


def _filesystem(folder: Path) -> str:
    """The kind of file system that holds ``folder``; a commit in memory would be no commit."""
    mounts = Path("/proc/mounts")
    if not mounts.exists():
        return "file system unknown"
    entries = [line.split()[1:3] for line in mounts.read_text().splitlines()]
    holding = [(len(point), kind) for point, kind in entries if folder.is_relative_to(point)]
    kind = max(holding)[1]
    return f"{kind}: IN MEMORY, latencies mean nothing" if kind in ("tmpfs", "ramfs") else kind


def _processor() -> str:
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
