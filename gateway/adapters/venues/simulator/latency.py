"""How long an order and its reports are under way. Drawn from the order's id, so the same order under the same
seed always has the same latencies, whatever else is going on and in which process."""

import zlib
from decimal import Decimal

from gateway.domain.settings import SimulatorSettings

_NS_PER_MS = 1_000_000
_HALF = 0xFFFF
_MASK = 0xFFFFFFFF
_GOLDEN = 0x9E3779B1


class Latency:
    """One-way latencies in nanoseconds, uniform within ``latency_jitter`` (a share) around the configured ones."""

    def __init__(self, settings: SimulatorSettings) -> None:
        self._seed = settings.seed & _MASK
        self._order_ns = int(settings.order_latency_ms * _NS_PER_MS)
        self._report_ns = int(settings.report_latency_ms * _NS_PER_MS)
        jitter = min(max(settings.latency_jitter, Decimal(0)), Decimal(1))
        self._order_spread = int(self._order_ns * jitter)
        self._report_spread = int(self._report_ns * jitter)

    def draw(self, order_id: str) -> tuple[int, int]:
        """(to the venue, back from it) for one order: the two halves of a hash of its id.

        A checksum tells ids apart but spreads similar ones unevenly; the multiplication (Knuth's, by the golden
        ratio) and the shifts mend that. A cryptographic hash would cost every order another microsecond and a half.
        """
        number = zlib.crc32(order_id.encode(), self._seed)
        number = (number ^ number >> 15) * _GOLDEN & _MASK
        number = (number ^ number >> 13) * _GOLDEN & _MASK
        number ^= number >> 16
        there = self._order_ns + self._order_spread * (2 * (number >> 16) - _HALF) // _HALF
        back = self._report_ns + self._report_spread * (2 * (number & _HALF) - _HALF) // _HALF
        return there, back
