"""Invariant 9: the same facts give the same state, and the same events give the same facts, in any process."""

import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from typing import Any

import msgspec
from hypothesis import given

from gateway.core.apply import apply_record
from gateway.core.checkpoint import decode_snapshot, encode_snapshot, state_hash
from gateway.core.decide import decide
from gateway.core.state import GatewayState
from gateway.domain.breakers import BreakerAction, BreakerConfig
from gateway.domain.enums import Mode, ScopeKind, TradingState
from gateway.domain.events import (
    BreakersChecked,
    GatewayStarted,
    OverridesDue,
    PolicyVerdict,
    SnapshotDue,
    TradingSwitched,
)
from gateway.domain.records import Record
from gateway.service.replay import replay
from tests.naive import assert_books_add_up
from tests.properties.streams import Step, live_through, operations
from tests.world import ALLOW, DENY, TRADER, D, World, trading_config


def folded(records: list[Record]) -> GatewayState:
    state = GatewayState()
    for record in records:
        apply_record(state, record.facts)
    return state


def written_and_read(records: list[Record]) -> list[Record]:
    """Records as they come back from disk."""
    return msgspec.json.decode(msgspec.json.encode(records), type=list[Record])


async def stream(records: list[Record]) -> AsyncIterator[Record]:
    for record in records:
        yield record


@given(steps=operations())
def test_folding_the_journal_gives_the_state_that_ran(steps: list[Step]) -> None:
    """Without this, a restart would come back with other positions, limits or routes than before."""
    world = World(trading_config(Mode.CANARY))
    live_through(world, steps)
    assert state_hash(folded(written_and_read(world.records))) == state_hash(world.state)


@given(steps=operations())
def test_a_checkpoint_restores_everything_that_is_derived(steps: list[Step]) -> None:
    """Without this, a start from a checkpoint would check limits against other sums than a start without one."""
    world = World(trading_config(Mode.CANARY))
    live_through(world, steps)
    restored = decode_snapshot(encode_snapshot(world.state))
    assert state_hash(restored) == state_hash(world.state)
    assert restored.client_ids == world.state.client_ids
    assert_books_add_up(restored, list(restored.orders.values()))
    for route, book in world.state.books.items():
        for name, use in book.all_scopes().items():
            again = restored.books[route].all_scopes().get(name)
            if again is None:
                assert (use.gross, use.held, use.pnl) == (0, 0, 0)
            else:
                assert (again.gross, again.net, again.held, again.pnl) == (use.gross, use.net, use.held, use.pnl)
                assert again.day_pnl == use.day_pnl


@given(steps=operations())
def test_a_restored_state_decides_like_the_one_it_was_taken_from(steps: list[Step]) -> None:
    """Without this, what follows a start from a checkpoint could not be decided again from the journal."""
    breakers = {
        "concentration": BreakerConfig(threshold=D("0.0001"), action=BreakerAction.REDUCE_ONLY),
        "daily_loss": BreakerConfig(threshold=D("0.0000001"), action=BreakerAction.HALT, scope=ScopeKind.ACCOUNT),
    }
    world = World(trading_config(Mode.CANARY, circuit_breakers=breakers))
    for n in range(12):  # more than ten, so that o10 sorts before o2 in the checkpoint's maps
        world.place(qty=1 + n, strategy=f"s{n}", limit=D(170))
        live_through(world, [("override", (("max_order_size",), "AAPL", None, False, TRADER))])
    live_through(world, steps)
    restored = decode_snapshot(encode_snapshot(world.state))
    now_ns = world.tick(60_000_000_000)
    for event in (
        TradingSwitched(ts_ns=now_ns, state=TradingState.HALTED, actor=TRADER, reason="t"),
        OverridesDue(ts_ns=now_ns),
        BreakersChecked(ts_ns=now_ns),
        SnapshotDue(ts_ns=now_ns),
        GatewayStarted(ts_ns=now_ns, version="t"),
    ):
        mine, other = decide(world.state, event), decide(restored, event)
        assert mine.facts == other.facts
        assert mine.effects == other.effects


@given(steps=operations())
async def test_deciding_recorded_events_again_gives_the_recorded_facts(steps: list[Step]) -> None:
    """Without this, the audit trail could not prove why anything was decided."""
    world = World(trading_config(Mode.CANARY))
    live_through(world, steps)
    report = await replay(stream(written_and_read(world.records)))
    assert report.differences == ()
    assert report.state_hash == state_hash(world.state)


async def test_a_replay_from_the_start_comes_to_what_a_restarted_gateway_remembers() -> None:
    """Without this, `gateway replay` would take checkpoints of a gateway that was started again for forged ones: sums
    that run on keep digits which sums that were rebuilt do not have."""
    world = World(trading_config(Mode.SHADOW))
    world.fill(world.place(qty=1))
    world.mark("AAPL", D("181.00000"))
    world.mark("AAPL", D(170))
    world.state = decode_snapshot(encode_snapshot(world.state))
    world.mark("AAPL", D(195))
    world.mark("AAPL", D(190))
    written = {len(world.records): state_hash(world.state)}
    report = await replay(stream(written_and_read(world.records)), checkpoints=written)
    assert report.checkpoints == ()


@given(steps=operations())
def test_a_policy_asked_within_the_step_or_outside_comes_to_the_same(steps: list[Step]) -> None:
    """Without this, the engine in the process and the OPA server could let different orders out."""

    def policy(document: dict[str, Any]) -> PolicyVerdict:
        return DENY if document["order"]["size_e8"] // 100_000_000 % 5 == 4 else ALLOW

    worlds = World(trading_config(Mode.CANARY)), World(trading_config(Mode.CANARY))
    for world in worlds:
        world.policy, world.asks_outside = policy, world is worlds[1]
        live_through(world, steps)
    within, outside = (
        ([ticket.order_id for ticket in world.sent], _outcomes(world), world.state.statistics) for world in worlds
    )
    assert within == outside


def _outcomes(world: World) -> dict[str, tuple[object, ...]]:
    return {
        order.order_id: (order.ord_status, order.reject, order.route, order.policy_revision, order.cum_value)
        for order in world.state.orders.values()
    }


_CHILD = """
import sys, msgspec
from gateway.core.checkpoint import state_hash
from gateway.domain.records import Record
from tests.properties.test_determinism import folded
print(state_hash(folded(msgspec.json.decode(sys.stdin.buffer.read(), type=list[Record]))))
"""


def test_another_process_with_another_hash_seed_agrees() -> None:
    """Without this, anything that depends on ``hash()`` or set order would pass here and differ after a restart."""
    world = World(trading_config(Mode.CANARY))
    for n in range(200):
        order = world.place(qty=1 + n % 7, symbol="TSLA" if n % 3 else "AAPL", strategy=f"s{n % 5}")
        for leg in world.legs(order):
            if leg.is_open and n % 4:
                world.fill(leg)
    expected = state_hash(world.state)
    data = json.dumps(json.loads(msgspec.json.encode(world.records))).encode()
    for seed in ("1", "4242"):
        output = subprocess.run(
            [sys.executable, "-c", _CHILD],
            input=data,
            capture_output=True,
            check=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        )
        assert output.stdout.decode().strip() == expected
