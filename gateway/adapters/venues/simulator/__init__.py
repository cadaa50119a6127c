"""The simulator: a venue that fills orders from market data, for SHADOW and for the twins of live orders.

From the outside in: ``venue`` (the port, one timer) / ``model`` (latency both ways) / ``exchange`` (arrivals,
expiries) / ``matcher`` (one symbol: three ways to fill) on top of ``book`` (what the feed shows and what we used
of it), ``resting``, ``queueing`` (the place in the queue), ``triggers`` (stops) and ``reports``. All but ``venue``
are pure. ``docs/simulator.md`` says what is modelled and what is not; ``python -m
tests.bench.fidelity`` measures it.
"""

from gateway.adapters.venues.simulator.venue import SimulatorVenue

__all__ = ["SimulatorVenue"]
