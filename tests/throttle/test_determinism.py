"""Invariant 9 with every throttle in force: what they remember is the same after a restart and in a replay."""

from collections.abc import AsyncIterator
from decimal import Decimal
from itertools import product

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.apply import apply_record
from gateway.core.checkpoint import decode_snapshot, encode_snapshot, state_hash
from gateway.core.state import GatewayState
from gateway.domain.config import TradingConfig
from gateway.domain.enums import Mode, SelfMatchPrevention, SelfMatchScope, Side
from gateway.domain.events import UnlockRequested
from gateway.domain.records import Record
from gateway.domain.throttles import Executions, RepeatedExecutions, Throttles, ThrottleTable
from gateway.service.replay import replay
from tests.properties.streams import Step, live_through, operations
from tests.throttle.requests import MS, throttled
from tests.world import ADMIN, World

D = Decimal

EVERYTHING = ThrottleTable(
    gateway=Throttles(
        max_messages_per_second=D(200),
        message_burst=20,
        cancel_reserve=3,
        duplicate_window_ms=40,
        max_duplicates=1,
        executions=Executions(window_s=1, max_executed_qty=D(60), max_executed_value=D(30_000)),
    ),
    strategies={
        "s1": Throttles(
            duplicate_window_ms=10,
            repeated_executions=RepeatedExecutions(max=3, window_s=1),
            executions=Executions(window_s=2, min_fill_ratio=D("0.2"), min_orders=4),
        )
    },
    venues={"alpha": Throttles(max_messages_per_second=D("50.125"))},
    self_match_prevention=SelfMatchPrevention.CANCEL_OLDEST,
    self_match_scope=SelfMatchScope.GATEWAY,
)


def with_throttles(config: TradingConfig) -> TradingConfig:
    return msgspec.structs.replace(config, throttles=EVERYTHING, revision=f"{config.revision}-throttled")


def written_and_read(records: list[Record]) -> list[Record]:
    """Records as they come back from disk."""
    return msgspec.json.decode(msgspec.json.encode(records), type=list[Record])


async def stream(records: list[Record]) -> AsyncIterator[Record]:
    for record in records:
        yield record


def live_on(world: World, step: Step) -> None:
    try:
        live_through(world, [step])
    except KeyError as missing:
        if not str(missing).startswith("'o"):  # an order that was put off is nowhere
            raise


def lived(steps: list[Step], jumps: list[int]) -> World:
    """A life under all throttles, with a clock that jumps, locks that are lifted, and edits that come and go."""
    world = World(throttled(Mode.CANARY, EVERYTHING))
    for number, step in enumerate(steps):
        world.now_ns += jumps[number % len(jumps)] * MS
        if step[0] == "place" and number % 7 == 0:
            world.asks_outside = not world.asks_outside
        live_on(world, step)
        if step[0] == "mode" and number % 3:
            world.load(with_throttles(world.state.config))
        for lock_id in list(world.state.throttle.locks) if number % 11 == 0 else ():
            world.send(UnlockRequested(ts_ns=world.tick(), lock_id=lock_id, actor=ADMIN, reason="t"))
    return world


CROSSING = list(product(Side, ("s1", "s2"), ("AAPL", "TSLA"), ("default", "second")))
_JUMPS = st.lists(st.integers(-500, 900), min_size=1, max_size=8)


@given(steps=operations(), jumps=_JUMPS)
async def test_a_replay_a_restart_and_a_checkpoint_agree(steps: list[Step], jumps: list[int]) -> None:
    """Without this, a gateway would come back from a restart with other rates, windows or locks, and the journal could
    not prove why an order was refused."""
    world = lived(steps, jumps)
    records = written_and_read(world.records)
    folded = GatewayState()
    for record in records:
        apply_record(folded, record.facts)
    assert state_hash(folded) == state_hash(world.state)
    restored = decode_snapshot(encode_snapshot(world.state))
    assert state_hash(restored) == state_hash(world.state)
    report = await replay(stream(records))
    assert report.differences == ()
    assert report.state_hash == state_hash(world.state)


@given(steps=operations(max_size=40), jumps=_JUMPS, cut=st.integers(0, 30))
def test_a_restart_in_the_middle_changes_nothing(steps: list[Step], jumps: list[int], cut: int) -> None:
    """Without this, what is derived and not in the checkpoint would decide otherwise afterwards."""
    whole, parted = (World(throttled(Mode.CANARY, EVERYTHING)) for _ in range(2))
    for number, step in enumerate(one for one in steps if one[0] not in ("override", "revoke", "expire")):
        for world in (whole, parted):
            world.now_ns += jumps[number % len(jumps)] * MS
            live_on(world, step)
        if number == cut:
            parted.state = decode_snapshot(encode_snapshot(parted.state))
    assert [record.facts for record in whole.records] == [record.facts for record in parted.records]


def test_such_lives_meet_every_throttle() -> None:
    """Without this, the two above could pass because nothing was ever throttled in them."""

    def place(side: Side, strategy: str, symbol: str = "AAPL", qty: int = 5, account: str = "default") -> Step:
        return "place", (side, qty, symbol, account, strategy, True)

    crossing = [place(side, one, two, 3, three) for side, one, two, three in CROSSING]
    trading: list[Step] = [place(Side.BUY, "s1", qty=7), ("fill_all", 0), place(Side.BUY, "s1", qty=7)]
    flood = [place(Side.BUY, "s2", "TSLA", qty) for qty in range(1, 30)]
    seen: set[str] = set()
    for steps, jumps in (([*crossing, *trading * 12], [0, 0, 40, 0, -30]), (flood, [0, -30])):
        world = lived(steps, jumps)
        seen |= {type(fact).__name__ for record in world.records for fact in record.facts}
        seen |= set(world.state.statistics.get("denied", {}))
        assert world.state.throttle.clock.offset_ns > 0
    assert seen >= {
        "DUPLICATE_ORDER",
        "MAX_EXECUTED_QTY",
        "StrategyLocked",
        "StrategyUnlocked",
        "OrderDeferred",
        "ClockSteppedBack",
    }
