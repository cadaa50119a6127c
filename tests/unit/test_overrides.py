"""An override lifts limits and nothing else, and is used only by an order that passes."""

from gateway.domain.breakers import BREAKER_DEFAULTS, BreakerKind
from gateway.domain.config import Limits
from gateway.domain.enums import ExecType, Mode, OrdStatus, Side, TradingState
from gateway.domain.events import OverrideRequested, OverridesDue
from gateway.domain.overrides import OverrideTerms
from gateway.domain.reasons import RejectCode
from gateway.domain.throttles import Throttles, ThrottleTable
from tests.world import ALLOW, DENY, RITA, D, World, trading_config

DUPLICATES = ThrottleTable(gateway=Throttles(duplicate_window_ms=10_000))


def world(**changes: object) -> World:
    """At most 5 units an order, and an override for one of at most 20."""
    one = World(trading_config(Mode.LIVE, limits=Limits(max_order_size=D(5)), **changes))
    one.send(
        OverrideRequested(
            ts_ns=one.tick(),
            override_id="v1",
            terms=OverrideTerms(rules=("max_order_size",), symbol="AAPL", max_qty=D(20)),
            actor=RITA,
            reason="test",
            expires_ns=one.now_ns + 60_000_000_000,
        )
    )
    return one


def test_an_order_within_its_limits_uses_none() -> None:
    """Without this, the exception would be gone before the order that it was made for."""
    one = world()
    assert one.place(qty=5).overrides == ()
    assert one.place(qty=10).overrides[0].override_id == "v1"
    assert one.place(qty=10).ord_status is OrdStatus.DENIED


def test_its_end_counts_before_the_timer_comes() -> None:
    """Without this, an exception would last until the next round of the timers, or for ever if they stopped."""
    one = world()
    one.tick(60_000_000_000 - 3_000_000)
    end_ns = one.state.overrides["v1"].expires_ns
    assert one.now_ns < end_ns
    one.tick(end_ns - one.now_ns - 1_000_000)  # the order comes a millisecond later: at the very end
    assert one.place(qty=10).ord_status is OrdStatus.DENIED
    assert "v1" in one.state.overrides
    one.send(OverridesDue(ts_ns=one.now_ns))
    assert one.state.overrides == {}


def test_it_does_not_last_longer_by_a_clock_that_is_set_back() -> None:
    """Without this, limits lifted for a minute under a clock a day fast would stay lifted for a day."""
    one = world()
    one.tick(-86_400_000_000_000)
    assert one.place(qty=10).ord_status is OrdStatus.DENIED
    one.send(OverridesDue(ts_ns=one.now_ns))
    assert one.state.overrides == {}


def test_a_split_order_uses_one_once() -> None:
    """Without this, an order that closes and opens anew would need two exceptions, or count twice."""
    one = world()
    one.fill(one.place(qty=3))
    order = one.place(Side.SELL, 10)
    assert [leg.is_admitted for leg in one.legs(order)] == [True, True]
    (use,) = order.overrides
    assert len(use.lifted) == 1
    assert (one.state.overrides["v1"].uses, one.state.overrides["v1"].used_by) == (1, order.order_id)


def test_rules_that_move_while_the_policy_thinks_use_it_once() -> None:
    """Without this, an order that is decided again would take its exception twice, or lose it."""
    one = world()
    one.asks_outside = True
    one.policy = lambda document: None
    order = one.place(qty=10)
    assert one.place(qty=10, strategy="s2").ord_status is OrdStatus.DENIED
    one.load(trading_config(Mode.LIVE, limits=Limits(max_order_size=D(4)), revision="moved"))
    one.policy = World().policy
    one.answer_policy(one.asked.pop(), ALLOW)
    assert one.state.orders[order.order_id].is_admitted
    assert (one.state.overrides["v1"].uses, one.state.overrides["v1"].used_by) == (1, order.order_id)


def test_what_the_policy_denies_gives_it_back() -> None:
    """Without this, a denied order would use up the exception, though nothing was sent."""
    one = world()
    one.policy = lambda document: DENY
    denied = one.place(qty=10)
    assert (denied.ord_status, denied.overrides) == (OrdStatus.DENIED, ())
    one.policy = World().policy
    assert one.place(qty=10).is_admitted


def test_what_another_stage_refuses_uses_none() -> None:
    """Without this, an order stopped for another reason would say that it passed, or give back what it never took."""
    one = world()
    one.halt(TradingState.HALTED)
    assert one.place(qty=10).overrides == ()
    one.halt(TradingState.ACTIVE)
    assert one.state.overrides["v1"].uses == 0
    assert one.place(qty=21).reject.code == RejectCode.MAX_ORDER_SIZE  # type: ignore[union-attr]


def test_a_duplicate_is_no_exception() -> None:
    """Without this, a runaway strategy would pass by an exception that was made for its size."""
    one = world(throttles=DUPLICATES)
    one.load(trading_config(Mode.LIVE, limits=Limits(max_order_size=D(20)), throttles=DUPLICATES, revision="wide"))
    assert one.place(qty=10, limit=D(180)).is_admitted
    one.load(trading_config(Mode.LIVE, limits=Limits(max_order_size=D(5)), throttles=DUPLICATES, revision="tight"))
    again = one.place(qty=10, limit=D(180))
    assert again.reject is not None
    assert (again.reject.code, again.overrides) == (RejectCode.DUPLICATE_ORDER, ())
    assert one.state.overrides["v1"].uses == 0


def test_what_a_breaker_reduces_is_not_lifted() -> None:
    """Without this, an exception granted on a calm morning would undo what a breaker does in the afternoon."""
    one = world(circuit_breakers={"rejection_rate": BREAKER_DEFAULTS[BreakerKind.REJECTION_RATE]})
    for _ in range(20):
        order = one.place(qty=1, strategy="other", symbol="TSLA")
        one.report(order, ExecType.REJECTED, text="no")
    one.check()
    assert set(one.state.breakers.trips) == {"rejection_rate:live"}
    refused = one.place(qty=10)
    assert refused.reject is not None
    assert (refused.reject.context["breaker"], refused.overrides) == ("rejection_rate:live", ())
    one.check(30 * 60)
    assert one.state.overrides["v1"].uses == 0
