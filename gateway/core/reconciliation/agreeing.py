"""What readings of a venue, one after the other, agree on. Nothing is ever concluded from one alone.

A holding counts as different when two readings show the same difference, both from after its last execution. Of one
that never rests for so long, ``_MANY`` in a row must: a venue that lags would show another difference each time.
"""

from collections.abc import Iterator

from gateway.core.reconciliation.comparing import Comparison, Holding
from gateway.core.reconciliation.executions import correction_of
from gateway.core.state import GatewayState
from gateway.core.trading.agreements import VenueAgreement
from gateway.domain.executions import ExecutionReport
from gateway.domain.reconciliation import ExecutionDifference, HoldingDrift
from gateway.domain.reconciliation_events import AccountCompared

_NS = 1_000_000_000
_TWO, _MANY = 2, 5
#: Readings that lie further apart than this many intervals, and so many seconds, have nothing to do with each other.
_INTERVALS, _AT_LEAST_S = 3, 60


class Sightings:
    """What the last readings of one venue showed. In memory only: after a restart all begins anew."""

    def __init__(self) -> None:
        self.last: Comparison | None = None
        #: How often in a row a holding differed by the same, and since when.
        self._seen: dict[str, tuple[Holding, int, int]] = {}

    def take(self, state: GatewayState, new: Comparison) -> AccountCompared | None:
        """One more comparison; returns what is certain by it, None when nothing new is."""
        before, self.last = self.last, new
        if self._is_too_close(state, before, new):
            self.last = before  # too close to it to say more than it did
            return None
        if before is not None and self._is_too_far(state, before, new):
            before = None
            self._seen.clear()
        agreement = state.agreements.get(new.venue) or VenueAgreement()
        drifts = tuple(self._drifts(agreement, new))
        if before is None:
            return None
        foreign = tuple(one for key, one in new.foreign.items() if key in before.foreign)
        found = AccountCompared(
            ts_ns=new.ended_ns,
            venue=new.venue,
            drifts=drifts,
            foreign=foreign,
            gone=tuple(
                key
                for key, one in agreement.foreign.items()
                if one.is_open and key not in new.foreign and key not in before.foreign
            ),
            lost_ids=tuple(order_id for order_id in new.lost_ids if order_id in before.lost_ids),
            differing=tuple(one for one in _both(before, new) if not one.is_fee_only),
            archived=tuple(new.archived[one.order_id] for one in foreign if one.order_id in new.archived),
        )
        has_news = found.drifts or found.foreign or found.gone or found.lost_ids
        return found if has_news or set(found.differing) != set(agreement.differing) else None

    def corrections(self, state: GatewayState, new: Comparison) -> tuple[ExecutionReport, ...]:
        """Executions that the venue has certainly corrected, as the reports that it owes. Ask before ``take``.

        One that was corrected before is left to a person: what the venue told then and what it lists contradict each
        other, and nobody can say which came last.
        """
        before = self.last
        if before is None or self._is_too_close(state, before, new) or self._is_too_far(state, before, new):
            return ()
        return tuple(correction_of(one) for one in _both(before, new) if not one.is_corrected)

    def _is_too_close(self, state: GatewayState, before: Comparison | None, new: Comparison) -> bool:
        grace_ns = state.config.reconciliation.grace_s * _NS
        return before is not None and new.begun_ns < before.ended_ns + grace_ns

    def _is_too_far(self, state: GatewayState, before: Comparison, new: Comparison) -> bool:
        apart_s = max(_INTERVALS * state.config.reconciliation.every_s_of(new.venue), _AT_LEAST_S)
        return new.begun_ns - before.begun_ns > apart_s * _NS

    def _drifts(self, agreement: VenueAgreement, new: Comparison) -> Iterator[HoldingDrift]:
        """Holdings that differ for certain, and those known to differ that agree again."""
        for key, holding in new.holdings.items():
            seen = self._seen.get(key)
            if holding.unsteady:
                self._seen.pop(key, None)
                continue
            if holding.is_lag:
                continue
            if seen is None or seen[0].qty != holding.qty:
                seen = (holding, 0, new.begun_ns)
            _, count, since_ns = seen
            self._seen[key] = (holding, count + 1, since_ns)
            is_rested = not holding.is_fresh and agreement.last_executed_ns(holding.moved_by) < since_ns
            if count + 1 < (_TWO if is_rested else _MANY):
                continue
            if holding.qty or key in agreement.drifts:
                yield HoldingDrift(
                    venue=new.venue,
                    symbol=key,
                    venue_qty=holding.venue_qty,
                    expected_qty=holding.expected_qty,
                    symbols=holding.symbols,
                    since_ns=new.ended_ns,
                )

    def is_settled(self, state: GatewayState) -> bool:
        """Whether the last reading left nothing to look at again soon."""
        new = self.last
        if new is None:
            return True
        agreement = state.agreements.get(new.venue) or VenueAgreement()
        for key, holding in new.holdings.items():
            known = agreement.drifts.get(key)
            if holding.qty != (0 if known is None else known.qty):
                return False
        if new.missing or new.lost_ids or new.foreign.keys() - agreement.foreign.keys():
            return False
        if any(not one.is_corrected for one in new.differing):
            return False  # it is corrected when the next reading, which must list it too, tells the same
        return {one for one in new.differing if not one.is_fee_only} == set(agreement.differing)


def _both(before: Comparison, new: Comparison) -> list[ExecutionDifference]:
    """The executions that two readings tell alike, and the books otherwise."""
    return [one for one in new.differing if one in before.differing]
