"""The one entry: every event has its arm, every fact its writer, and deciding changes nothing."""

from decimal import Decimal
from typing import Any, get_args

import msgspec
from hypothesis import given

from gateway.core import apply as apply_module
from gateway.core import decide as decide_module
from gateway.core.checkpoint import encode_snapshot
from gateway.core.decide import decide
from gateway.domain.enums import ExecType, Mode
from gateway.domain.events import Event, ReportsReceived
from gateway.domain.executions import ExecutionReport
from gateway.domain.facts import Fact
from tests.properties.streams import Step, live_through, operations
from tests.world import World, trading_config


def test_every_event_has_an_arm_and_every_fact_a_writer() -> None:
    """Without this, a new event or fact would fail at run time, in the one moment it is needed."""
    assert set(decide_module._DECIDERS) == set(get_args(Event))
    assert set(apply_module._APPLIERS) == set(get_args(Fact))


class ReadOnlyWorld(World):
    """Checks around every decision that it wrote nothing."""

    def send(self, event: Event) -> Any:
        before = encode_snapshot(self.state)
        aggregates = msgspec.json.encode([book.all_scopes() for book in self.state.books.values()])
        decide(self.state, event)
        assert encode_snapshot(self.state) == before
        assert msgspec.json.encode([book.all_scopes() for book in self.state.books.values()]) == aggregates
        return super().send(event)


@given(steps=operations(30))
def test_deciding_only_reads(steps: list[Step]) -> None:
    """Without this, a decision that is tried and dropped would leave marks in the state."""
    live_through(ReadOnlyWorld(trading_config(Mode.CANARY)), steps)


def test_a_fact_stays_what_it_was_when_the_state_moves_on() -> None:
    """Without this, the journal would get a fact that later facts of the same event have already changed."""
    world = World(trading_config(Mode.LIVE))
    order = world.open_live(10)
    archived = order.copy()
    assert archived.twin is not None
    reports = (
        ExecutionReport(
            order_id=order.order_id,
            exec_type=ExecType.TRADE,
            transact_ns=1,
            exec_id="t1",
            last_qty=Decimal(4),
            last_px=Decimal(180),
            is_twin=True,
        ),
    )
    del world.state.orders[order.order_id]
    event = ReportsReceived(ts_ns=world.tick(), reports=reports, restored=(archived,))
    decided = msgspec.json.encode(decide(world.state, event).facts)
    world.send(event)
    assert msgspec.json.encode(world.records[-1].facts) == decided
    assert archived.twin.cum_qty == 0
