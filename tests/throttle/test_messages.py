"""Message rate: how many new orders and replaces may come, and what is kept for those who want out."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.checkpoint import decode_snapshot, encode_snapshot, state_hash
from gateway.core.throttle.buckets import TOKEN, Bucket, bucket_plan, parts_at, take, wait_ns
from gateway.core.throttle.clock import SteadyClock
from gateway.domain.enums import Mode, Route, ScopeKind, Side
from gateway.domain.reasons import RejectCode
from gateway.domain.throttle_facts import ClockSteppedBack
from gateway.domain.throttles import Throttles, ThrottleTable
from tests.throttle.requests import MS, S, Sender, throttled
from tests.world import ALLOW

D = Decimal


def rate(per_second: int | str = 10, burst: int | None = 5, reserve: int | None = 2) -> Throttles:
    return Throttles(max_messages_per_second=D(per_second), message_burst=burst, cancel_reserve=reserve)


@pytest.mark.parametrize(
    ("rates", "account", "strategy", "symbol", "passing"),
    [
        (ThrottleTable(gateway=rate()), "second", "s2", "TSLA", 0),
        (ThrottleTable(accounts={"default": rate()}), "default", "s2", "TSLA", 0),
        (ThrottleTable(accounts={"default": rate()}), "second", "s1", "AAPL", 3),
        (ThrottleTable(strategies={"s1": rate()}), "second", "s1", "TSLA", 0),
        (ThrottleTable(strategies={"s1": rate()}), "default", "s2", "AAPL", 3),
        (ThrottleTable(venues={"alpha": rate()}), "second", "s2", "TSLA", 0),
        (ThrottleTable(venues={"alpha": rate()}), "default", "s1", "BTC/USDT", 3),
    ],
)
def test_a_burst_passes_and_one_more_waits_in_every_scope(
    rates: ThrottleTable, account: str, strategy: str, symbol: str, passing: int
) -> None:
    """Without this, a runaway strategy could flood a venue, or one account's messages use up another's."""
    sender = Sender(throttled(table=rates))
    assert [sender.passes() for _ in range(4)] == [True, True, True, False]
    found = [sender.passes(account=account, strategy=strategy, symbol=symbol) for _ in range(3)]
    assert sum(found) == passing


def test_the_exact_wait_is_told_and_it_is_enough() -> None:
    """Without this, a client that obeys would be refused again, or wait longer than it has to."""
    sender = Sender(throttled(table=ThrottleTable(gateway=rate())))
    for _ in range(3):
        sender.send()
    early = sender.send(after_ns=30 * MS)
    assert early.refusal is not None
    assert early.refusal.code == RejectCode.MESSAGE_RATE_EXCEEDED
    assert early.wait_ns == 70 * MS
    assert early.refusal.context == {
        "scope": "gateway",
        "scope_id": "gateway",
        "max_messages_per_second": "10",
        "message_burst": "5",
        "cancel_reserve": "2",
        "wait_s": "0.07",
    }
    assert not sender.passes(after_ns=70 * MS - 1)
    assert sender.passes(after_ns=1)


def test_the_strictest_scope_decides_how_long_to_wait() -> None:
    """Without this, a wide rate of the gateway would hide a narrow one of the strategy."""
    slow = ThrottleTable(gateway=rate(1_000, 3, 0), strategies={"s1": rate(1, 3, 0)})
    sender = Sender(throttled(table=slow))
    for _ in range(3):
        sender.send()
    early = sender.send()
    assert early.refusal is not None
    assert (early.wait_ns, early.refusal.context["scope"]) == (S, "strategy")


def test_what_waits_leaves_no_order_and_its_id_stays_free() -> None:
    """Without this, the same request sent again as told would be answered with a refusal for ever."""
    sender = Sender(throttled(table=ThrottleTable(gateway=rate(10, 1, 0))))
    sender.send()
    before, count = state_hash(sender.world.state), len(sender.world.records)
    assert not sender.passes(cl_ord_id="mine")
    assert (state_hash(sender.world.state), len(sender.world.records)) == (before, count)
    assert sender.passes(cl_ord_id="mine", after_ns=100 * MS)
    assert sender.last.is_admitted


def test_denied_orders_count() -> None:
    """Without this, a strategy that sends nothing but nonsense could do so as fast as it likes."""
    sender = Sender(throttled(table=ThrottleTable(gateway=rate())))
    assert [sender.passes(symbol="NONE") for _ in range(4)] == [True, True, True, False]


def test_replaces_count_and_those_that_come_too_early_change_nothing() -> None:
    """Without this, a strategy could reprice without end where it may not send."""
    sender = Sender(throttled(table=ThrottleTable(gateway=rate())))
    sender.send(limit=D(170))
    order = sender.last
    assert not sender.world.replace(order, limit_px=D(169)).wait_ns  # passes at once: it lowers risk
    assert not sender.world.replace(order, order_qty=D(11)).facts  # one is under way: refused, and costs nothing
    sender.send()
    early = sender.world.replace(order, order_qty=D(9))
    assert early.refusal is not None  # still under way
    assert early.refusal.code == RejectCode.REPLACE_PENDING
    sender.send(limit=D(160))
    assert sender.world.state.throttle.buckets["gateway:gateway"].parts < 3 * TOKEN
    other = sender.world.state.orders["q2"]
    assert sender.world.replace(other, order_qty=D(12)).wait_ns
    assert other.pending_replace is None


def test_cancels_pass_whatever_is_left_and_draw_on_the_reserve() -> None:
    """Invariant 5. Without this, the strategy that floods could not be stopped, or its cancels would never count."""
    sender = Sender(throttled(table=ThrottleTable(gateway=rate(1, 5, 2))))
    orders = []
    for _ in range(3):
        sender.send(limit=D(170))
        orders.append(sender.last)
    assert not sender.passes()
    for order in orders:
        assert sender.world.cancel(order).effects
    assert sender.world.state.statistics["messages"] == {"cancels_over_budget": 1}
    assert not sender.passes(after_ns=2 * S)  # the reserve fills first
    assert sender.passes(after_ns=S)


def test_cancels_repeated_do_not_use_up_the_reserve() -> None:
    """Invariant 3. Without this, one client that repeats its cancels could keep everybody from closing."""
    sender = Sender(throttled(Mode.LIVE, ThrottleTable(gateway=rate(1, 6, 2))))
    sender.world.open_live(10)
    sender.send(limit=D(170), strategy="s2")
    resting = sender.last
    for _ in range(50):
        sender.world.cancel(resting)
    assert sender.passes(Side.SELL, 10)
    assert sender.last.is_closing
    assert sender.last.is_admitted


@pytest.mark.parametrize(("burst", "kept"), [(1, 0), (2, 1), (3, 1), (9, 1), (10, 2), (100, 20)])
def test_a_fifth_is_kept_for_cancels_and_never_nothing_nor_all(burst: int, kept: int) -> None:
    """Without this, a small burst would leave nobody a way out, or no order a way in."""
    assert bucket_plan(ScopeKind.GATEWAY, "gateway", D(1), burst, None).reserve == kept


def test_closing_orders_may_use_the_reserve_and_nothing_else_may() -> None:
    """Invariant 3. Without this, what a runaway strategy did could not be closed at once."""
    sender = Sender(throttled(Mode.LIVE, ThrottleTable(gateway=rate(1, 5, 2))))
    sender.world.open_live(10)
    while sender.passes(symbol="TSLA", strategy="s2"):
        pass
    assert not sender.passes(Side.SELL, 11)  # more than the position: one part would open
    assert sender.passes(Side.SELL, 4)
    assert sender.passes(Side.SELL, 6)
    assert sender.last.route is Route.LIVE
    assert not sender.passes(Side.SELL, 1)


def test_an_order_that_is_decided_again_counts_once() -> None:
    """Without this, an edit of the configuration at the wrong moment would refuse an order that had passed."""
    sender = Sender(throttled(table=ThrottleTable(gateway=rate(1, 2, 0))))
    world = sender.world
    world.asks_outside = True
    world.policy = lambda document: None
    sender.send()
    question = world.asked.pop()
    world.load(throttled(table=ThrottleTable(gateway=rate(1, 2, 1))))  # a narrower one: still one token above it
    world.policy = lambda document: ALLOW
    world.answer_policy(question, ALLOW)
    assert world.state.orders["q1"].is_admitted
    assert world.state.throttle.buckets["gateway:gateway"].parts < 2 * TOKEN


def test_new_rates_keep_what_was_used() -> None:
    """Without this, saving the file again would fill every bucket."""
    sender = Sender(throttled(table=ThrottleTable(gateway=rate(1, 3, 0))))
    for _ in range(3):
        sender.send()
    sender.world.load(throttled(table=ThrottleTable(gateway=rate(1, 4, 0), venues={"beta": rate()})))
    assert not sender.passes()
    assert "venue:beta" not in sender.world.state.throttle.buckets
    sender.world.load(throttled(table=ThrottleTable()))
    assert sender.world.state.throttle.buckets == {}
    assert sender.passes()


def test_a_clock_that_steps_back_neither_fills_nor_locks() -> None:
    """Without this, setting the clock would let a burst through, or refuse every order until the old time."""
    sender = Sender(throttled(table=ThrottleTable(gateway=rate(10, 3, 0))))
    for _ in range(3):
        sender.send()
    early = sender.send(after_ns=-3_600 * S)
    assert early.wait_ns == 100 * MS
    assert [type(fact) for fact in early.facts] == [ClockSteppedBack]
    assert sender.send(after_ns=0).facts == ()  # told once
    assert not sender.passes(after_ns=99 * MS)
    assert sender.passes(after_ns=MS)
    assert sender.passes(after_ns=100 * MS)


def test_a_restart_goes_on_with_what_is_left() -> None:
    """Without this, a restart would be a way around every rate."""
    sender = Sender(throttled(table=ThrottleTable(gateway=rate(), strategies={"s1": rate(1, 4, 1)})))
    for _ in range(3):
        sender.send()
    again = decode_snapshot(encode_snapshot(sender.world.state))
    assert again.throttle.buckets == sender.world.state.throttle.buckets
    sender.world.state = again
    assert not sender.passes()


@given(
    per_second=st.decimals("0.001", 5_000, places=3),
    burst=st.integers(1, 50),
    reserve=st.integers(0, 49),
    steps=st.lists(st.tuples(st.integers(-5 * S, 5 * S), st.booleans()), max_size=60),
)
def test_a_bucket_never_gives_more_than_its_burst_and_its_rate(
    per_second: Decimal, burst: int, reserve: int, steps: list[tuple[int, bool]]
) -> None:
    """Without this, rounding or a clock that jumps could let more through than anybody allowed; recomputed in plain
    fractions from every message that passed since the beginning."""
    reserve = min(reserve, burst - 1)
    plan = bucket_plan(ScopeKind.GATEWAY, "gateway", per_second, burst, reserve)
    buckets: dict[str, Bucket] = {}
    clock, ts_ns = SteadyClock(), 10**18
    steady, level = clock.advance(ts_ns), D(burst)
    for step_ns, is_cancel in steps:
        ts_ns += step_ns
        now_ns = clock.advance(ts_ns)
        assert now_ns - steady == max(step_ns, 0)
        steady = now_ns
        level = min(level + D(max(step_ns, 0)) * per_second / S, D(burst))
        assert D(parts_at(buckets.get(plan.key), plan, now_ns)) / TOKEN == level
        wait = wait_ns(buckets.get(plan.key), plan, now_ns, reserve)
        assert (wait == 0) == (level >= reserve + 1)
        if wait:
            assert level + D(wait) * per_second / S >= reserve + 1 > level + D(wait - 1) * per_second / S
        if is_cancel or not wait:
            assert take(buckets, plan, now_ns) == (level >= 1)
            level -= 1 if level >= 1 else 0
