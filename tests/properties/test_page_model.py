"""The page's read model says what the engine says: whatever happened, folded record by record or from the journal."""

from collections.abc import Sequence

from hypothesis import given

from gateway.core.checkpoint import state_hash
from gateway.core.state import GatewayState
from gateway.domain.enums import Mode
from gateway.domain.records import Record
from gateway.service.book_views import portfolio_views, position_views
from gateway.service.breaker_views import BreakerReader
from gateway.service.page.replica import Replica
from gateway.service.risk_reads import RiskReader
from gateway.service.rollout_states import RolloutStates
from gateway.service.state_holder import StateHolder
from gateway.service.views import (
    active_alerts,
    flatten_views,
    locks_of,
    modes_view,
    resolved_alerts,
    statistics_of,
    stop_views,
)
from tests.fakes.clock import ManualClock
from tests.fakes.outside import FixedMarket, OpenCalendar
from tests.properties.streams import Step, live_through, operations
from tests.properties.test_determinism import written_and_read
from tests.world import PRICES, World, trading_config


def folded(records: Sequence[Record]) -> Replica:
    replica = Replica()
    for record in records:
        replica.apply(record)
    return replica


def shown(holder: StateHolder, now_ns: int) -> list[object]:
    """Every part of the page that is made of facts."""
    state: GatewayState = holder.state
    market, clock = FixedMarket(PRICES), ManualClock(now_ns)
    return [
        modes_view(state),
        stop_views(state),
        flatten_views(state),
        locks_of(state),
        active_alerts(state),
        resolved_alerts(state),
        statistics_of(state),
        portfolio_views(state, market, now_ns),
        position_views(state, market, now_ns),
        BreakerReader(holder, market, OpenCalendar(), clock).views(),
        RolloutStates(holder, clock, lambda: "p1", lambda: True).states(),
        tuple(RiskReader(holder, clock).use_ratios().items()),
    ]


@given(steps=operations())
def test_the_read_model_is_the_journal_folded_and_shows_what_the_engine_shows(steps: list[Step]) -> None:
    """Without this, the page would drift from the gateway. The very objects that the engine applied are folded here:
    a fact that shared something mutable with a state would be applied to it twice."""
    world = World(trading_config(Mode.CANARY))
    live_through(world, steps)
    followed, rebuilt = folded(world.records), folded(written_and_read(world.records))
    assert followed.seq == rebuilt.seq == len(world.records)
    assert state_hash(followed.state) == state_hash(rebuilt.state) == state_hash(world.state)
    assert shown(followed, world.now_ns) == shown(world, world.now_ns)
