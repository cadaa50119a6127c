"""Execution throttle and fill ratio: how much may be executed within a while, and how much of it has to be."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.checkpoint import decode_snapshot, encode_snapshot
from gateway.core.throttle.executions import RollingSum
from gateway.core.throttle.plan import SLOTS
from gateway.domain.enums import ExecType, Mode, Side
from gateway.domain.reasons import RejectCode
from gateway.domain.throttles import Executions, Throttles, ThrottleTable
from tests.throttle.requests import S, Sender, throttled

D = Decimal


def executions(**limits: Any) -> Throttles:
    return Throttles(executions=Executions(**limits))


def codes(sender: Sender) -> list[RejectCode]:
    reject = sender.last.reject
    return [] if reject is None else [breach.code for breach in reject.breaches]


def execute(sender: Sender, qty: int, **fields: Any) -> None:
    """An order that must pass, filled whole."""
    sender.send(Side.BUY, qty, **fields)
    assert sender.last.is_admitted, sender.last.reject
    sender.world.fill(sender.last)


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        ({"max_executed_qty": D(100)}, RejectCode.MAX_EXECUTED_QTY),
        ({"max_executed_value": D(18_000)}, RejectCode.MAX_EXECUTED_VALUE),
    ],
)
def test_below_and_at_the_limit_pass_and_above_is_denied_until_the_window_has_gone_by(
    limits: dict[str, Any], code: RejectCode
) -> None:
    """Without this, a runaway strategy could trade without end in orders that are each small enough."""
    sender = Sender(throttled(table=ThrottleTable(gateway=executions(window_s=60, **limits))))
    execute(sender, 60)
    for qty, expected in ((39, []), (40, []), (41, [code])):
        sender.send(qty=qty)
        assert codes(sender) == expected
        if not expected:
            sender.world.cancel(sender.last)
            sender.world.report(sender.last, ExecType.CANCELED)
    sender.send(qty=41, after_ns=59 * S)
    assert codes(sender) == [code]
    sender.send(qty=41, after_ns=2 * S)  # a window counts at least its length, and less than a sixtieth more
    assert codes(sender) == []


def test_open_orders_count_because_they_may_execute_at_any_moment() -> None:
    """RTS 6 Art. 15(2). Without this, many resting orders would each fit and together not."""
    sender = Sender(throttled(table=ThrottleTable(gateway=executions(max_executed_qty=D(100)))))
    sender.send(qty=60, limit=D(170))
    sender.send(qty=41, limit=D(169))
    assert codes(sender) == [RejectCode.MAX_EXECUTED_QTY]
    sender.world.fill(sender.world.state.orders["q1"], 30)
    sender.send(qty=41, limit=D(169))
    assert codes(sender) == [RejectCode.MAX_EXECUTED_QTY]
    sender.send(qty=40, limit=D(169))
    assert codes(sender) == []


@pytest.mark.parametrize(
    ("table", "fields", "expected"),
    [
        (ThrottleTable(accounts={"default": executions(max_executed_qty=D(50))}), {}, True),
        (ThrottleTable(accounts={"default": executions(max_executed_qty=D(50))}), {"account": "second"}, False),
        (ThrottleTable(strategies={"s1": executions(max_executed_qty=D(50))}), {}, True),
        (ThrottleTable(strategies={"s1": executions(max_executed_qty=D(50))}), {"strategy": "s2"}, False),
        (ThrottleTable(symbols={"AAPL": executions(max_executed_qty=D(50))}), {"strategy": "s2"}, True),
        (ThrottleTable(symbols={"AAPL": executions(max_executed_value=D(9_000))}), {"strategy": "s2"}, True),
        (ThrottleTable(gateway=executions(max_executed_qty=D(50))), {"symbol": "TSLA"}, False),
        (ThrottleTable(gateway=executions(max_executed_value=D(9_000))), {"symbol": "TSLA"}, True),
        (
            ThrottleTable(
                gateway=executions(max_executed_qty=D(500)), strategies={"s1": executions(max_executed_qty=D(50))}
            ),
            {},
            True,
        ),
    ],
)
def test_every_scope_measures_its_own_and_the_strictest_decides(
    table: ThrottleTable, fields: dict[str, Any], expected: bool
) -> None:
    """Without this, one account's executions would use up another's, or escape the gateway's."""
    sender = Sender(throttled(table=table))
    execute(sender, 50)
    sender.send(qty=1, **fields)
    assert bool(codes(sender)) == expected


def test_a_close_passes_whatever_was_executed() -> None:
    """Invariant 3. Without this, a strategy that traded too much could not get out of it."""
    limits = Executions(
        max_executed_qty=D(10), max_executed_value=D(1), min_fill_ratio=D(1), min_orders=1, window_s=3_600
    )
    sender = Sender(throttled(Mode.LIVE))
    sender.world.open_live(10)
    sender.world.load(throttled(Mode.LIVE, ThrottleTable(gateway=Throttles(executions=limits))))
    sender.send(qty=1)
    assert codes(sender)
    sender.send(Side.SELL, 10)
    assert sender.last.is_closing
    assert sender.last.is_admitted


def test_too_little_of_what_is_sent_gets_filled() -> None:
    """Without this, a strategy could fill the book with orders that it never means to trade."""
    limits = executions(min_fill_ratio=D("0.5"), min_orders=4, window_s=600)
    sender = Sender(throttled(table=ThrottleTable(strategies={"s1": limits})))
    execute(sender, 10)
    for _ in range(3):
        sender.send(qty=10, limit=D(180))
        assert codes(sender) == []
    sender.send(qty=10, limit=D(180))
    assert codes(sender) == [RejectCode.MIN_FILL_RATIO]
    reject = sender.last.reject
    assert reject is not None
    assert (reject.breaches[0].limit, reject.breaches[0].value) == ("0.5", "0.25")
    sender.world.fill(sender.world.state.orders["q2"])  # exactly half
    sender.send(qty=10, limit=D(180), strategy="s1")
    assert codes(sender) == []
    sender.send(qty=10, limit=D(180), strategy="s2")
    assert codes(sender) == []


@pytest.mark.parametrize(("qty", "px", "expected"), [(8, 180, []), (10, 170, []), (11, 180, ["0.454545454545"])])
def test_more_of_an_order_is_sent_too(qty: int, px: int, expected: list[str]) -> None:
    """Without this, one small order made a hundred times as large, again and again, would hardly count as sent."""
    sender = Sender(throttled(Mode.LIVE, ThrottleTable(gateway=executions(min_fill_ratio=D("0.5"), min_orders=1))))
    sender.send(qty=10, limit=D(180))
    order, world = sender.last, sender.world
    world.fill(order, 5)  # exactly half
    world.replace(order, order_qty=D(qty), limit_px=D(px))
    world.report(order, ExecType.REPLACED, order_qty=D(qty), limit_px=D(px))
    assert order.order_qty == qty
    sender.send(qty=10, limit=D(180))
    reject = sender.last.reject
    assert [breach.value for breach in (reject.breaches if reject else ())] == expected


def test_a_low_ratio_does_not_lock_for_ever() -> None:
    """Without this, who is refused could never send the orders that would mend the ratio."""
    limits = executions(min_fill_ratio=D("0.5"), min_orders=2, window_s=60)
    sender = Sender(throttled(table=ThrottleTable(gateway=limits)))
    for _ in range(2):
        sender.send(qty=10, limit=D(100))
    sender.send(qty=10)
    assert codes(sender) == [RejectCode.MIN_FILL_RATIO]
    sender.send(qty=10, after_ns=61 * S)
    assert codes(sender) == []


@pytest.mark.parametrize("window_s", [61, 30])
def test_what_was_executed_is_not_forgotten_when_the_window_is_edited(window_s: int) -> None:
    """Without this, a window that is one second longer, which passes for a tightening and needs nobody, would let the
    whole quantity of a window through again, as often as the file is edited."""
    limits = {"max_executed_qty": D(20), "max_executed_value": D(20 * 180)}
    sender = Sender(throttled(table=ThrottleTable(gateway=executions(**limits))))
    execute(sender, 10)
    for window in (window_s, 60, window_s):
        sender.world.load(throttled(table=ThrottleTable(gateway=executions(**limits, window_s=window))))
        assert len(sender.world.state.throttle.sums.sums) == 2
        sender.send(qty=11)
        assert codes(sender) == [RejectCode.MAX_EXECUTED_QTY, RejectCode.MAX_EXECUTED_VALUE]
    sender.world.tick(window_s * S)
    sender.world.tick(S)
    sender.send(qty=11)
    assert codes(sender) == []


def test_what_was_measured_for_a_throttle_that_is_gone_is_forgotten() -> None:
    """Without this, memory would keep what nothing looks at any more, and count it when the throttle comes back."""
    sender = Sender(throttled(table=ThrottleTable(gateway=executions(max_executed_qty=D(20)))))
    execute(sender, 10)
    sender.world.load(throttled(table=ThrottleTable(strategies={"s1": executions(max_executed_qty=D(20))})))
    assert sender.world.state.throttle.sums.sums == {}


@given(
    window_s=st.integers(1, 100),
    steps=st.lists(st.tuples(st.integers(-30 * S, 30 * S), st.decimals("0.001", 1_000, places=3)), max_size=40),
)
def test_a_window_agrees_with_adding_up_what_lies_in_it(window_s: int, steps: list[tuple[int, Decimal]]) -> None:
    """Without this, a limit could be measured over less than its window, or over what is long past."""
    window_ns = window_s * S
    slot_ns = -(-window_ns // SLOTS)
    rolling, now_ns = RollingSum(), 10**18
    added: list[tuple[int, Decimal]] = []
    for step_ns, amount in steps:
        now_ns += max(step_ns, 0)  # steady time never goes back
        first = now_ns // slot_ns - SLOTS
        expected = sum((one for at_ns, one in added if at_ns // slot_ns >= first), D(0))
        assert rolling.at(now_ns, slot_ns) == expected
        inside = sum((one for at_ns, one in added if now_ns - at_ns < window_ns), D(0))
        outside = sum((one for at_ns, one in added if now_ns - at_ns < window_ns + 2 * slot_ns), D(0))
        assert inside <= expected <= outside
        rolling.add(amount, now_ns, slot_ns)
        added.append((now_ns, amount))
        assert len(rolling.slots) <= SLOTS + 1
        assert rolling.total == sum((slot.amount for slot in rolling.slots), D(0))


@given(
    steps=st.lists(
        st.tuples(st.integers(-5 * S, 20 * S), st.integers(1, 9), st.sampled_from(["AAPL", "TSLA"]), st.booleans()),
        max_size=30,
    )
)
def test_a_limit_agrees_with_adding_up_all_fills(steps: list[tuple[int, int, str, bool]]) -> None:
    """Without this, restarts, partial fills or a clock that steps back could make a window lose what it counted."""
    limits = executions(max_executed_qty=D(20), max_executed_value=D(5_000), window_s=60)
    sender = Sender(throttled(table=ThrottleTable(gateway=limits)))
    first_ns = sender.world.now_ns + min(steps[0][0], 0) if steps else 0  # steady time begins with the first order
    steady_ns, fills = first_ns, []
    for step_ns, qty, symbol, restarts in steps:
        steady_ns += max(step_ns, 0)
        sender.send(qty=qty, symbol=symbol, after_ns=step_ns)
        px = sender.world.prices[symbol]
        first = steady_ns // S - SLOTS  # a slot of this window is one second
        within = [(s, q, v) for at_ns, s, q, v in fills if at_ns // S >= first]
        is_over_qty = sum((q for s, q, _ in within if s == symbol), D(0)) + qty > 20
        is_over_value = sum((v for _, _, v in within), D(0)) + qty * px > 5_000
        expected = [
            *([RejectCode.MAX_EXECUTED_QTY] if is_over_qty else []),
            *([RejectCode.MAX_EXECUTED_VALUE] if is_over_value else []),
        ]
        assert codes(sender) == expected
        if not expected:
            for part in (1, qty - 1):
                if part:
                    before_ns = sender.world.now_ns
                    sender.world.fill(sender.last, part, px)
                    steady_ns += sender.world.now_ns - before_ns
                    fills.append((steady_ns, symbol, D(part), part * px))
        if restarts:
            sender.world.state = decode_snapshot(encode_snapshot(sender.world.state))
