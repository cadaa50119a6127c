"""What is stopped where: the strictest of an order's scopes decides, and each scope is let go on by itself."""

import pytest

from gateway.core.checkpoint import decode_snapshot, encode_snapshot
from gateway.core.trading.scopes import scope_problem
from gateway.domain.enums import ExecType, Mode, OrdStatus, Route, ScopeKind, Side, TradingState
from gateway.domain.reasons import RejectCode
from tests.world import ALLOW as world_allows
from tests.world import D, World, trading_config

HALTED, REDUCING, ACTIVE = TradingState.HALTED, TradingState.REDUCING, TradingState.ACTIVE
GATEWAY = (ScopeKind.GATEWAY, "")
#: Every kind of scope: one that an order for AAPL of s1 falls under, and one that it does not.
SCOPES = [
    (ScopeKind.VENUE, "alpha", "beta"),
    (ScopeKind.ACCOUNT, "default", "second"),
    (ScopeKind.STRATEGY, "s1", "s2"),
    (ScopeKind.SYMBOL, "AAPL", "TSLA"),
]


def code_of(world: World, side: Side = Side.BUY, qty: int = 1) -> str | None:
    order = world.place(side, qty)
    return None if order.reject is None else order.reject.code


@pytest.mark.parametrize(("kind", "own", "other"), SCOPES)
def test_a_stop_holds_in_its_scope_and_nowhere_else(kind: ScopeKind, own: str, other: str) -> None:
    """Without this, stopping one runaway strategy would stop all of them, or none."""
    world = World(trading_config(Mode.LIVE))
    world.halt(HALTED, kind, other)
    assert code_of(world) is None
    world.halt(HALTED, kind, own)
    order = world.place(qty=1)
    assert order.reject is not None
    assert (order.reject.code, order.reject.context["scope"]) == (RejectCode.TRADING_HALTED, kind)
    assert order.reject.context["id"] == own
    assert f"{kind.value} {own}" in order.reject.text


@pytest.mark.parametrize("first", [HALTED, REDUCING])
@pytest.mark.parametrize(("kind", "own", "other"), SCOPES)
def test_the_strictest_scope_wins_whichever_it_is(first: TradingState, kind: ScopeKind, own: str, other: str) -> None:
    """Without this, a wide stop could be softened by a narrow one, or the other way round."""
    second = REDUCING if first is HALTED else HALTED
    world = World(trading_config(Mode.LIVE))
    world.halt(first)
    world.halt(second, kind, own)
    assert code_of(world) == RejectCode.TRADING_HALTED


@pytest.mark.parametrize("stopped", [HALTED, REDUCING])
def test_a_refusal_says_how_to_lift_just_that_stop(stopped: TradingState) -> None:
    """Without this, a user told to `enable` would lift the gateway's own stop, and stay refused by the strategy's."""
    world = World(trading_config(Mode.LIVE))
    world.halt(stopped)
    whole = world.place(qty=1).reject
    assert whole is not None
    assert whole.text.endswith("; POST /api/trading/trading/enable to resume")
    world.halt(ACTIVE)
    world.halt(stopped, ScopeKind.STRATEGY, "s1")
    scoped = world.place(qty=1).reject
    assert scoped is not None
    assert scoped.text.endswith('/trading/enable with {"scope": "strategy", "id": "s1"} to resume')


def test_enabling_one_scope_does_not_lift_another() -> None:
    """Without this, the release of the gateway would let a strategy trade that somebody else had stopped."""
    world = World(trading_config(Mode.LIVE))
    world.halt(HALTED)
    world.halt(REDUCING, ScopeKind.STRATEGY, "s1")
    world.halt(ACTIVE)
    assert code_of(world) == RejectCode.TRADING_REDUCING
    world.halt(ACTIVE, ScopeKind.ACCOUNT, "default")
    assert code_of(world) == RejectCode.TRADING_REDUCING
    world.halt(ACTIVE, ScopeKind.STRATEGY, "s1")
    assert code_of(world) is None


@pytest.mark.parametrize(("kind", "own", "other"), SCOPES)
def test_halting_a_scope_cancels_what_is_open_in_it(kind: ScopeKind, own: str, other: str) -> None:
    """Without this, orders of what was stopped would trade on, or orders of others would be pulled."""
    world = World(trading_config(Mode.LIVE))
    inside = world.place(qty=1)
    fields = {"symbol": "BTC/USDT", "account": "second", "strategy": "s2"}
    outside = world.place(qty=1, **fields)
    world.halt(HALTED, kind, own)
    assert [ticket.order_id for ticket in world.canceled if not ticket.is_twin] == [inside.order_id]
    assert inside.is_cancel_requested
    assert not outside.is_cancel_requested
    assert outside.ord_status is OrdStatus.PENDING_NEW


def test_reducing_takes_what_reduces_in_every_scope_and_nothing_else() -> None:
    """Invariant 3: without this, a stop would hold a position in, or let a new one begin."""
    for kind, own, _ in (*SCOPES, (*GATEWAY, "")):
        world = World(trading_config(Mode.LIVE))
        world.open_live(10)
        world.halt(REDUCING, kind, own)
        assert code_of(world) == RejectCode.TRADING_REDUCING
        closing = world.place(Side.SELL, 4)
        assert closing.is_closing
        assert closing.reject is None
        split = world.place(Side.SELL, 10)
        closed, rest = world.legs(split)
        assert (closed.order_qty, closed.reject) == (D(6), None)
        assert rest.reject is not None
        assert rest.reject.code == RejectCode.TRADING_REDUCING


def test_reducing_takes_a_larger_closing_order_only_while_it_fits_the_position() -> None:
    """Without this, a closing order could be made larger than the position and turn it over, or a position could
    not be closed by the order that already works on it."""
    world = World(trading_config(Mode.LIVE))
    world.open_live(10)
    closing = world.place(Side.SELL, 4, limit=D(200))
    world.report(closing, ExecType.NEW, venue_order_id="v1")
    world.halt(REDUCING)
    world.replace(closing, order_qty=D(11))
    assert closing.pending_replace is None
    world.replace(closing, order_qty=D(10))
    assert closing.pending_replace is not None
    assert closing.pending_replace.is_sent


def test_cancels_pass_in_every_state() -> None:
    """Invariant 5: without this, a stop would keep orders at work that nobody wants any more."""
    for kind, own, _ in (*SCOPES, (*GATEWAY, "")):
        world = World(trading_config(Mode.LIVE))
        world.halt(REDUCING, kind, own)
        world.halt(ACTIVE, kind, own)
        order = world.place(qty=1)
        world.halt(HALTED, kind, own)
        assert world.cancel(order).refusal is None


def test_stops_outlive_a_checkpoint_with_who_why_and_since() -> None:
    """Without this, a restart would forget who had stopped what."""
    world = World(trading_config(Mode.LIVE))
    world.halt(REDUCING, ScopeKind.SYMBOL, "TSLA", "earnings")
    world.halt(HALTED, reason="fire")
    restored = decode_snapshot(encode_snapshot(world.state)).trading
    assert restored.all_stops() == world.state.trading.all_stops()
    assert [(stop.scope, stop.scope_id, stop.reason) for stop in restored.all_stops()] == [
        (ScopeKind.GATEWAY, "", "fire"),
        (ScopeKind.SYMBOL, "TSLA", "earnings"),
    ]
    assert restored.all_stops()[0].since_ns == world.now_ns


def test_a_stop_that_came_while_the_policy_was_thinking_counts() -> None:
    """Without this, an order that was being checked would slip out behind a stop of its strategy."""
    world = World(trading_config(Mode.LIVE))
    world.policy = lambda document: None
    order = world.place(qty=1)
    world.halt(REDUCING, ScopeKind.STRATEGY, "s1")
    world.policy = lambda document: world_allows
    world.answer_policy(world.asked[0], world_allows)
    again = world.state.orders[order.order_id]
    assert again.route is Route.LIVE
    assert again.reject is not None
    assert again.reject.code == RejectCode.TRADING_REDUCING
    assert world.sent == []


@pytest.mark.parametrize(
    ("kind", "name", "field"),
    [
        (ScopeKind.GATEWAY, "", None),
        (ScopeKind.GATEWAY, "x", "id"),
        (ScopeKind.SYMBOL, "", "id"),
        (ScopeKind.SYMBOL, "AAPLE", "id"),
        (ScopeKind.SYMBOL, "AAPL", None),
        (ScopeKind.VENUE, "gamma", "id"),
        (ScopeKind.ACCOUNT, "third", "id"),
        (ScopeKind.STRATEGY, "never-seen", None),
    ],
)
def test_a_scope_that_means_nothing_is_refused(kind: ScopeKind, name: str, field: str | None) -> None:
    """Without this, a slip of the finger would look like a stop, and stop nothing."""
    problem = scope_problem(trading_config(), kind, name)
    assert (None if problem is None else problem.field) == field
