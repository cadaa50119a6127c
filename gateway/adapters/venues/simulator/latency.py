"""How long an order and its reports are under way. Drawn from the order's id, so the same order under the same
seed always has the same latencies, whatever else is going on and in which process."""

import zlib
from decimal import Decimal

from gateway.domain.settings import SimulatorSettings

_NS_PER_MS = 1_000_000
_HALF = 0xFFFF


class Latency:
    """One-way latencies in nanoseconds, uniform within ``latency_jitter`` (a share) around the configured ones."""

    def __init__(self, settings: SimulatorSettings) -> None:
        self._seed = settings.seed & 0xFFFFFFFF
        self._order_ns = int(settings.order_latency_ms * _NS_PER_MS)
        self._report_ns = int(settings.report_latency_ms * _NS_PER_MS)
        jitter = min(max(settings.latency_jitter, Decimal(0)), Decimal(1))
        self._order_spread = int(self._order_ns * jitter)
        self._report_spread = int(self._report_ns * jitter)

    def draw(self, order_id: str) -> tuple[int, int]:
        """(to the venue, back from it) for one order: the two halves of a 32-bit checksum of its id."""
        number = zlib.crc32(order_id.encode(), self._seed)
        there = self._order_ns + self._order_spread * (2 * (number >> 16) - _HALF) // _HALF
        back = self._report_ns + self._report_spread * (2 * (number & _HALF) - _HALF) // _HALF
        return there, back
