"""What gates compare by ranks: which samples, against which bounds, and when people have looked at them."""

from collections.abc import Iterator
from decimal import Decimal
from typing import NamedTuple

from gateway.core.evidence.histogram import Histogram
from gateway.core.evidence.memory import StepEvidence
from gateway.core.evidence.ranks import is_due, look_at
from gateway.domain.rollout import Gates

_TENTHS = 10


class Comparison(NamedTuple):
    """One gate. ``bound`` and ``beyond`` are in the unit of the samples, of which ``scale`` make one ``unit``."""

    gate: str
    samples: Histogram
    bound: int
    beyond: int
    unit: str
    scale: int


def comparisons(evidence: StepEvidence, gates: Gates) -> Iterator[Comparison]:
    """Every one that is switched on. What is held against the twins must be beyond the simulator's own noise too."""
    in_bps = (
        ("slippage", evidence.slippage, gates.max_slippage_bps, 0),
        ("twin_slippage", evidence.twin_slippage, gates.max_twin_slippage_bps, noise_tenths(evidence)),
        ("vwap", evidence.vwap, gates.max_vwap_bps, 0),
    )
    for gate, samples, most, noise in in_bps:
        if most is not None:
            beyond = int((most + gates.min_effect_bps) * _TENTHS) + noise
            yield Comparison(gate, samples, int(most * _TENTHS), beyond, "bps", _TENTHS)
    if gates.max_ack_delay_ms is not None:
        beyond = gates.max_ack_delay_ms + gates.min_effect_ms
        yield Comparison("ack_delay", evidence.ack_delay_ms, gates.max_ack_delay_ms, beyond, "ms", 1)


def noise_tenths(evidence: StepEvidence) -> int:
    """By how much two simulations of one order usually differ (the median, whichever is dearer)."""
    sizes: dict[int, int] = {}
    for text, count in evidence.noise.cells.items():
        size = abs(int(text))
        sizes[size] = sizes.get(size, 0) + count
    seen, half = 0, Decimal(evidence.noise.n) / 2
    for size in sorted(sizes):
        seen += sizes[size]
        if seen >= half:
            return size
    return 0


def look_where_due(evidence: StepEvidence, gates: Gates) -> None:
    """Look at every sample that has grown enough since the last time: a handful of times in the life of a step."""
    for one in comparisons(evidence, gates):
        last = evidence.looks.get(one.gate)
        if is_due(last, one.samples.n, gates.min_pairs):
            evidence.looks[one.gate] = look_at(one.samples, last, one.bound, one.beyond)
