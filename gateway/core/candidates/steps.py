"""What a candidate came to at each venue, by the steps of the venue's rollout: what people hold against a promotion."""

from collections.abc import Mapping

from gateway.core.candidates.tally import Tally
from gateway.core.state import GatewayState
from gateway.domain.candidates import OrderDifference, StepTally
from gateway.domain.records import Record

#: Steps that are kept for each venue, that in which it stands included.
KEPT_STEPS = 8


class StepTallies:
    """Counts go on from ``earlier``, the ones that were reported before."""

    def __init__(self, earlier: Mapping[str, tuple[StepTally, ...]]) -> None:
        self._past = {venue: list(steps[:-1]) for venue, steps in earlier.items()}
        self._heads = {venue: steps[-1] for venue, steps in earlier.items()}
        self._tallies = {venue: _tally_of(head) for venue, head in self._heads.items()}

    def add(self, record: Record, state: GatewayState, venue: str, difference: OrderDifference | None) -> None:
        """One more order was judged; ``state`` is that in which it was, or the one right after."""
        rollout = state.rollouts.get(venue)
        position, entered_ns = (-1, 0) if rollout is None else (rollout.evidence.position, rollout.evidence.entered_ns)
        head = self._heads.get(venue)
        if head is None or head.position != position or head.since_ns < entered_ns:
            # Where the clock was set back since the step was entered, its orders are older than it by the clock.
            since_ns = max(record.ts_ns, entered_ns)
            self._begin(venue, StepTally(position=position, since_seq=record.seq, since_ns=since_ns))
        self._tallies[venue].add(difference)

    def _begin(self, venue: str, head: StepTally) -> None:
        if venue in self._heads:
            self._past.setdefault(venue, []).append(self._told(venue))
            del self._past[venue][: -(KEPT_STEPS - 1)]
        self._heads[venue], self._tallies[venue] = head, Tally(0)

    def told(self) -> dict[str, tuple[StepTally, ...]]:
        """The steps of each venue, the newest last."""
        return {venue: (*self._past.get(venue, ()), self._told(venue)) for venue in sorted(self._heads)}

    def _told(self, venue: str) -> StepTally:
        head, tally = self._heads[venue], self._tallies[venue]
        return StepTally(
            position=head.position,
            since_seq=head.since_seq,
            since_ns=head.since_ns,
            orders=tally.orders,
            totals=dict(tally.totals),
            rules=tally.by_rule(),
        )


def _tally_of(step: StepTally) -> Tally:
    return Tally.of(step, 0)
