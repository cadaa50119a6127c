"""Order ids that only ever go up, over every restart of either side.

TWS refuses (or worse, takes as a change of the old order) an id that this client has used before, and after a restart
it may offer one again. So a ceiling is on disk before any id below it is used, and a start begins at the ceiling.
"""

import os
from pathlib import Path

_BLOCK = 1_000


class OrderIds:
    """Hands out ids; ``offered`` is what TWS says is next. A file that cannot be read is an error, not a start at 1."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._ceiling = int(path.read_text()) if path.exists() else 0
        self._next = self._ceiling

    def offered(self, order_id: int) -> None:
        """TWS names its next valid id: never go below it, nor below what we used."""
        self._next = max(self._next, order_id)

    def take(self) -> int:
        """The next id, durable as used. Raises OSError when that cannot be written down; then nothing may be sent."""
        order_id = max(self._next, 1)
        if order_id >= self._ceiling:
            self._reserve(order_id + _BLOCK)
        self._next = order_id + 1
        return order_id

    def _reserve(self, ceiling: int) -> None:
        beside = self._path.with_suffix(".new")
        with beside.open("w") as file:
            file.write(str(ceiling))
            file.flush()
            os.fsync(file.fileno())
        beside.replace(self._path)
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        self._ceiling = ceiling
