"""``gateway serve`` with an order adapter of the tests for the venue ``ibkr``: everything else is the real thing.

    python -m tests.crash.launcher --venue-port N --builds FILE [--broken TEXT] --config DIR --data DIR --port 0

Each adapter that is built, and each that is closed, leaves a line in FILE.
"""

import argparse
import sys
from functools import partial
from pathlib import Path
from typing import Any

from gateway.app import cli, process
from gateway.app.build import build
from gateway.app.gateway import Gateway
from gateway.domain.settings import VenueSettings
from gateway.ports.venue import Venue
from tests.crash.socket_venue import SocketVenue


class CountedVenue(SocketVenue):
    """A ``SocketVenue`` whose life is on record."""

    def __init__(self, port: int, builds: Path) -> None:
        super().__init__(port)
        self._builds = builds
        _note(builds, "built")

    async def close(self) -> None:
        await super().close()
        _note(self._builds, "closed")


def _note(builds: Path, word: str) -> None:
    with builds.open("a") as file:
        file.write(f"{word}\n")


def main() -> int:
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("--venue-port", type=int, required=True)
    parser.add_argument("--builds", type=Path, required=True)
    parser.add_argument("--broken", help="the adapter cannot be built, and says this")
    own, rest = parser.parse_known_args()

    def factory(venue: VenueSettings) -> Venue:
        if own.broken:
            raise RuntimeError(own.broken)
        return CountedVenue(own.venue_port, own.builds)

    async def build_with_venue(*args: Any, **more: Any) -> Gateway:
        return await build(*args, **more, extra_venues={"ibkr": factory})

    process.build = partial(build_with_venue)  # type: ignore[assignment]
    return cli.main(["serve", *rest])


if __name__ == "__main__":
    sys.exit(main())
