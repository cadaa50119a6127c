"""Recorded feeds: ``<local receive time, ns since the epoch> <raw JSON>`` per line, plain or gzipped.

A line that cannot be read is counted, warned of by number and skipped: a recording is what it is.
"""

import gzip
import logging
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from gateway.adapters.venues.shared.binance_stream import BinanceStream
from gateway.domain.instruments import Instrument
from gateway.domain.market import DepthUpdate, MarketUpdate

_log = logging.getLogger(__name__)
#: Bad lines are warned of one by one up to this many; the count goes on.
_MOST_WARNINGS = 20
_SHOWN = 60
#: The year 2286, in nanoseconds.
_MAX_STAMP_DIGITS = 19


class Frame(msgspec.Struct, frozen=True, gc=False):
    """One line: its number (from 1), when it was received at the recorder, and the raw message."""

    number: int
    recorded_ns: int
    payload: bytes


class Recording:
    """Reads one file once, from its beginning. ``bad_lines`` counts what was skipped so far."""

    def __init__(self, path: str | Path, instruments: Iterable[Instrument] = ()) -> None:
        self.path = Path(path)
        self.stream = BinanceStream(instruments)
        self.bad_lines = 0

    def frames(self) -> Iterator[Frame]:
        """Lines in order. ``OSError`` when the file cannot be opened; a damaged archive ends where it breaks."""
        opener = gzip.open if self.path.suffix == ".gz" else open
        with opener(self.path, "rb") as lines:
            number = 0
            try:
                for number, line in enumerate(lines, start=1):
                    stamp, _, payload = line.strip().partition(b" ")
                    if stamp.isdigit() and len(stamp) <= _MAX_STAMP_DIGITS and payload:
                        yield Frame(number, int(stamp), payload)
                    elif line.strip():
                        self._skip(number, f"no receive time and message: {line[:_SHOWN]!r}")
            except (EOFError, zlib.error, gzip.BadGzipFile) as error:
                self._skip(number + 1, f"the archive is damaged and ends here: {error}")

    def updates(self, frame: Frame, received_ns: int) -> tuple[MarketUpdate, ...]:
        """What a line says, stamped as received at ``received_ns``; nothing when it cannot be read."""
        try:
            updates = self.stream.decode(frame.payload, received_ns)
        except ValueError as error:  # msgspec's errors are ValueErrors
            self._skip(frame.number, str(error))
            return ()
        for update in updates:
            if isinstance(update, DepthUpdate) and update.is_snapshot and not (update.bids or update.asks):
                _log.warning(
                    "%s line %d: depth messages of %s are missing before this one; depth is unknown from here",
                    self.path,
                    frame.number,
                    update.symbol,
                )
        return updates

    def _skip(self, number: int, problem: str) -> None:
        self.bad_lines += 1
        if self.bad_lines <= _MOST_WARNINGS:
            _log.warning("%s line %d was skipped: %s", self.path, number, problem)
        if self.bad_lines == _MOST_WARNINGS:
            _log.warning("%s: further bad lines are only counted", self.path)


def read_recording(path: str | Path, instruments: Iterable[Instrument] = ()) -> Iterator[MarketUpdate]:
    """The updates of a recording with their original stamps, for reports and tests.

    ``received_ns`` is the recorder's clock and ``event_ns`` the venue's; in the recorded feed of BTCUSDT the
    venue's runs 1.27 s ahead, so never take the one from the other.
    """
    recording = Recording(path, instruments)
    for frame in recording.frames():
        yield from recording.updates(frame, frame.recorded_ns)
