"""Repeated automated execution: a strategy that is applied over and over stops until a person lets it go on."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.checkpoint import decode_snapshot, encode_snapshot, state_hash
from gateway.domain.enums import ExecType, Mode, Route, Side
from gateway.domain.events import ReportsReceived, UnlockRequested
from gateway.domain.executions import ExecutionReport
from gateway.domain.reasons import RejectCode
from gateway.domain.throttle_facts import StrategyLocked, StrategyUnlocked
from gateway.domain.throttles import RepeatedExecutions, Throttles, ThrottleTable
from tests.throttle.requests import MS, D, S, Sender, throttled
from tests.world import ADMIN


def repeats(most: int = 3, window_s: int = 60) -> Throttles:
    return Throttles(repeated_executions=RepeatedExecutions(max=most, window_s=window_s))


def execute(sender: Sender, side: Side = Side.BUY, after_ns: int = 0, **fields: Any) -> None:
    sender.send(side, after_ns=after_ns, **fields)
    assert sender.last.is_admitted, sender.last.reject
    sender.world.fill(sender.last)


def locks(sender: Sender) -> list[str]:
    return list(sender.world.state.throttle.locks)


def is_locked(sender: Sender) -> bool:
    return sender.last.reject is not None and sender.last.reject.code == RejectCode.STRATEGY_LOCKED


def lift(sender: Sender, lock_id: str) -> None:
    event = UnlockRequested(ts_ns=sender.world.tick(), lock_id=lock_id, actor=ADMIN, reason="looked at it")
    sender.world.send(event)


def test_the_execution_that_reaches_the_limit_locks_the_strategy_until_a_person_lets_it() -> None:
    """RTS 6 Art. 15(3). Without this, a strategy in a loop would trade until somebody happened to look."""
    sender = Sender(throttled(table=ThrottleTable(gateway=repeats())))
    for _ in range(2):
        execute(sender)
    assert locks(sender) == []
    execute(sender)
    (lock_id,) = locks(sender)
    lock = sender.world.state.throttle.locks[lock_id]
    assert (lock.strategy_id, lock.symbol, lock.side, lock.executions) == ("s1", "AAPL", Side.BUY, 3)
    sender.send(symbol="TSLA", after_ns=86_400 * S)  # another symbol, another day: it stays locked
    assert is_locked(sender)
    sender.send(strategy="s2")
    assert sender.last.is_admitted
    lift(sender, lock_id)
    assert locks(sender) == []
    for _ in range(2):  # it counts from the beginning again
        execute(sender)
    assert locks(sender) == []
    execute(sender)
    assert locks(sender) == [lock_id]


def test_the_lock_is_a_fact_with_its_cause_and_so_is_its_end() -> None:
    """Without this, nobody could tell afterwards why a strategy stood still, or who let it go on."""
    sender = Sender(throttled(table=ThrottleTable(strategies={"s1": repeats(1)})))
    execute(sender)
    lift(sender, locks(sender)[0])
    facts = [fact for record in sender.world.records for fact in record.facts]
    locked = next(fact for fact in facts if isinstance(fact, StrategyLocked))
    assert (locked.lock.scope_id, locked.lock.limit, locked.lock.window_s) == ("s1", 1, 60)
    unlocked = next(fact for fact in facts if isinstance(fact, StrategyUnlocked))
    assert (unlocked.actor, unlocked.reason) == (ADMIN, "looked at it")
    before = state_hash(sender.world.state)
    lift(sender, "none")
    assert state_hash(sender.world.state) == before


def test_parts_of_one_order_are_one_application() -> None:
    """Without this, one large order that fills in small parts would lock its strategy."""
    sender = Sender(throttled(table=ThrottleTable(gateway=repeats(2))))
    sender.send(qty=10)
    for _ in range(10):
        sender.world.fill(sender.last, 1)
    assert locks(sender) == []
    execute(sender)
    assert len(locks(sender)) == 1


@pytest.mark.parametrize(
    "other", [{"side": Side.SELL, "qty": 1}, {"symbol": "TSLA"}, {"strategy": "s2"}, {"after_ns": 60 * S}]
)
def test_each_side_symbol_strategy_and_window_counts_on_its_own(other: dict[str, Any]) -> None:
    """Without this, a strategy that makes markets would be locked by doing its work."""
    sender = Sender(throttled(table=ThrottleTable(gateway=repeats())))
    for _ in range(2):
        execute(sender)
    execute(sender, **other)
    assert locks(sender) == []


def test_several_executions_in_one_report_count_each() -> None:
    """Without this, a venue that reports in batches would slip past the limit."""
    sender = Sender(throttled(table=ThrottleTable(gateway=repeats())))
    for _ in range(3):
        sender.send()
    reports = tuple(
        ExecutionReport(
            order_id=f"q{n}", exec_type=ExecType.TRADE, transact_ns=1, exec_id=f"x{n}", last_qty=D(10), last_px=D(180)
        )
        for n in (1, 2, 3)
    )
    decision = sender.world.send(ReportsReceived(ts_ns=sender.world.tick(), reports=reports))
    assert [type(fact).__name__ for fact in decision.facts] == ["OrderExecuted"] * 3 + ["StrategyLocked"]


def test_a_locked_strategy_can_close_cancel_and_make_smaller() -> None:
    """Invariant 3. Without this, the lock would hold a position that somebody has to get out of."""
    sender = Sender(throttled(Mode.LIVE, ThrottleTable(gateway=repeats(1))))
    sender.send(limit=D(170))
    resting = sender.last
    sender.world.open_live(10, symbol="TSLA")
    assert len(locks(sender)) == 1
    sender.world.replace(resting, order_qty=D(12))
    assert resting.pending_replace is None
    sender.world.replace(resting, order_qty=D(8))
    assert resting.pending_replace is not None
    assert sender.world.cancel(resting).effects
    sender.send(Side.SELL, 10, symbol="TSLA")
    assert sender.last.is_admitted


def test_the_books_are_locked_apart() -> None:
    """Without this, a strategy that is tried out in SHADOW could stop its live positions from growing, or hide."""
    sender = Sender(throttled(Mode.SHADOW, ThrottleTable(gateway=repeats(1))))
    execute(sender)
    assert sender.world.state.throttle.locks.keys() == {"shadow.s1"}
    sender.world.load(throttled(Mode.LIVE, ThrottleTable(gateway=repeats(1))))
    sender.send(symbol="TSLA")
    assert sender.last.route is Route.LIVE
    assert sender.last.is_admitted


def test_an_order_that_waits_for_the_policy_while_the_lock_comes_is_decided_again() -> None:
    """Without this, what was approved a moment before the lock would still go out."""
    sender = Sender(throttled(table=ThrottleTable(gateway=repeats(1))))
    sender.send(limit=D(180))
    resting = sender.last
    world = sender.world
    allow, world.asks_outside = world.policy, True
    world.policy = lambda document: None
    sender.send(symbol="TSLA")
    world.fill(resting)
    question, world.policy = world.asked.pop(), allow
    world.answer_policy(question, allow({}))  # type: ignore[arg-type]
    assert is_locked(sender)


def test_the_lock_outlives_a_restart_and_an_edit_that_takes_its_limit_away() -> None:
    """Without this, a restart would re-enable a strategy that nobody has looked at."""
    sender = Sender(throttled(table=ThrottleTable(gateway=repeats(1))))
    execute(sender)
    sender.world.state = decode_snapshot(encode_snapshot(sender.world.state))
    sender.send()
    assert is_locked(sender)
    sender.world.load(throttled())
    sender.send()
    assert is_locked(sender)


@given(
    steps=st.lists(
        st.tuples(st.integers(-300, 700), st.sampled_from(["s1", "s2"]), st.sampled_from(list(Side)), st.booleans()),
        max_size=40,
    ),
    most=st.integers(2, 4),
)
def test_it_agrees_with_counting_all_executions(steps: list[tuple[int, str, Side, bool]], most: int) -> None:
    """Without this, forgetting old executions, a restart or a clock that steps back could miscount."""
    sender = Sender(throttled(table=ThrottleTable(gateway=repeats(most, 1), strategies={"s2": repeats(3, 2)})))
    steady_ms, done = 0, []
    for step_ms, strategy, side, restarts in steps:
        steady_ms += max(step_ms, 0)
        was_locked = f"shadow.{strategy}" in locks(sender)
        sender.send(side, 1, strategy=strategy, after_ns=step_ms * MS)
        if not sender.last.is_admitted:
            assert was_locked
            continue
        sender.world.fill(sender.last)
        steady_ms += 1  # World.report takes a millisecond
        done.append((steady_ms, strategy, side))
        alike = [at_ms for at_ms, *rest in done if rest == [strategy, side]]
        due = sum(steady_ms - at_ms < 1_000 for at_ms in alike) >= most
        due |= strategy == "s2" and sum(steady_ms - at_ms < 2_000 for at_ms in alike) >= 3
        assert (f"shadow.{strategy}" in locks(sender)) == (due or was_locked)
        if restarts:
            sender.world.state = decode_snapshot(encode_snapshot(sender.world.state))
