"""What several commands take on a command line: folders, and numbers. What makes no sense is refused with what is
allowed, before anything is done."""

import argparse
import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

CONFIG_HELP = "folder of the YAML files (default: config)"
#: Nanoseconds and sequence numbers, as the journal keeps them.
LARGEST = 2**63 - 1
_WHOLE = re.compile(r"[0-9]{1,19}")
_DECIMAL = re.compile(r"[0-9]{1,15}(\.[0-9]{1,18})?")


def whole(lowest: int, highest: int = LARGEST, meaning: str = "") -> Callable[[str], int]:
    """A type of argparse: a whole number in these bounds. ``meaning`` follows the lowest, where it needs words."""
    allowed = f"from {lowest}{meaning} on" if highest == LARGEST else f"from {lowest}{meaning} to {highest}"

    def read(text: str) -> int:
        if _WHOLE.fullmatch(text) is None or not lowest <= int(text) <= highest:
            raise argparse.ArgumentTypeError(f"must be a whole number {allowed}, was {text[:40]!r}")
        return int(text)

    return read


def decimal(lowest: str, highest: str, unit: str = "") -> Callable[[str], Decimal]:
    """A type of argparse: a number in these bounds, both allowed, written out in digits."""

    def read(text: str) -> Decimal:
        if _DECIMAL.fullmatch(text) is None or not Decimal(lowest) <= Decimal(text) <= Decimal(highest):
            raise argparse.ArgumentTypeError(f"must be a number from {lowest} to {highest}{unit}, was {text[:40]!r}")
        return Decimal(text)

    return read


def add_data(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", type=Path, default=Path("data"), help="folder of the journal (default: data)")
