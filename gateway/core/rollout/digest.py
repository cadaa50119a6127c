"""What a person reviewed, as a hash: an approval holds only for as long as that is still what is known.

It covers the step and since when, what was in force (configuration, policies, override), what held the rollout and how
often in this step, and the verdict of each gate. Not the counts behind them: further orders that change no verdict
leave it as it is. A state that was left and came back by verdicts alone has its hash back; an approval that was given
before does not come back with it (``ended_approvals``).
"""

import hashlib

from gateway.core.evidence.memory import VenueRollout
from gateway.core.rollout.folding import is_away
from gateway.core.rollout.gates import assess
from gateway.core.state import GatewayState

_DIGEST_BYTES = 8


def evidence_hash(state: GatewayState, venue: str, policy_revision: str) -> str:
    """The hash of what is known of a venue now, under these policies."""
    rollout = state.rollouts.get(venue) or VenueRollout()
    evidence, hold, override = rollout.evidence, rollout.hold, rollout.override
    results = assess(
        rollout, state.config.rollout, is_away=evidence.position >= 0 and is_away(state, venue), is_brief=True
    )
    parts = [
        venue,
        state.config.revision,
        policy_revision,
        f"{evidence.position} {evidence.entered_ns} {evidence.holds}",
        "" if hold is None else f"{hold.kind.value} {hold.cause.value} {hold.since_ns}",
        "" if override is None else f"{override.mode.value} {override.weight_bp} {override.granted_ns}",
        *(f"{one.gate} {one.verdict.value}" for one in results),
    ]
    return hashlib.blake2b("\x1f".join(parts).encode(), digest_size=_DIGEST_BYTES).hexdigest()
