"""Where rollouts stand, read when they are scraped."""

from collections.abc import Sequence

from gateway.adapters.telemetry import Reading
from gateway.domain.rollout import HoldKind, Verdict
from gateway.ports.rollouts import RolloutState


def rollout_readings(states: Sequence[RolloutState]) -> dict[str, Reading]:
    """Step, verdict of every gate, and what holds a venue back."""
    verdicts: dict[tuple[str, ...], float] = {}
    for one in states:
        for gate in one.gates:
            for verdict in Verdict:
                verdicts[one.venue, gate.gate, verdict.value] = float(gate.verdict is verdict)
    return {
        "gateway_rollout_step": {(one.venue,): float(one.position) for one in states},
        "gateway_rollout_verdict": verdicts,
        "gateway_rollout_held": {
            (one.venue, kind.value): float(one.hold is not None and one.hold.kind is kind)
            for one in states
            for kind in HoldKind
        },
    }
