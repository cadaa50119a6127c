"""Sums that are kept up to date equal those computed afresh, whatever is edited, busted or corrected in between."""

from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.checkpoint import decode_snapshot, encode_snapshot, state_hash
from gateway.core.risk.exposure import ScopeUse
from gateway.domain.config import Limits, LimitTable
from gateway.domain.enums import ExecType, Mode, Side
from gateway.domain.events import MarksObserved
from gateway.domain.orders import Order
from tests.naive import assert_books_add_up
from tests.properties.streams import Step, live_through, operations
from tests.properties.test_determinism import folded
from tests.world import D, World, trading_config

_INDEX = st.integers(0, 1_000)
#: What no stream of a desk has: rates that move, scopes that come and go, venues whose days begin apart, and
#: executions that are taken back or told otherwise, long after the order is over too.
_UNUSUAL = st.one_of(
    st.tuples(st.just("edit"), st.tuples(st.sampled_from(["0.5", "1", "1.3"]), st.booleans(), st.booleans())),
    st.tuples(st.just("bust"), _INDEX),
    st.tuples(st.just("correct"), st.tuples(_INDEX, st.integers(1, 40), st.integers(50, 400))),
    st.tuples(st.just("late_fill"), st.tuples(_INDEX, st.integers(1, 5))),
    st.tuples(st.just("day_at"), st.sampled_from(["alpha", "beta"])),
)


def _edit(world: World, argument: tuple[str, bool, bool]) -> None:
    rate, has_symbols, has_classes = argument
    table = LimitTable(
        symbols={"AAPL": Limits(max_order_size=D(10_000))} if has_symbols else {},
        asset_classes={"equity": Limits(max_leverage=D(1_000))} if has_classes else {},
    )
    rates = {"USD": D(1), "USDT": D(rate)}
    world.load(trading_config(Mode.CANARY, rates=rates, table=table, revision=f"edited {argument}"))


def _executed(world: World) -> list[Order]:
    return [order for order in world.state.orders.values() if order.fills]


def _bust(world: World, index: int) -> None:
    if orders := _executed(world):
        order = orders[index % len(orders)]
        fill = order.fills[index % len(order.fills)]
        world.report(order, ExecType.TRADE_CANCEL, exec_id=f"b{world.now_ns}", exec_ref_id=fill.exec_id)


def _correct(world: World, argument: tuple[int, int, int]) -> None:
    index, qty, px = argument
    if orders := _executed(world):
        order = orders[index % len(orders)]
        fields: dict[str, Any] = {
            "exec_ref_id": order.fills[index % len(order.fills)].exec_id,
            "last_qty": D(qty),
            "last_px": D(px),
        }
        world.report(order, ExecType.TRADE_CORRECT, exec_id=f"c{world.now_ns}", **fields)


def _late_fill(world: World, argument: tuple[int, int]) -> None:
    index, qty = argument
    orders = [order for order in world.state.orders.values() if order.is_admitted and not order.leg_ids]
    done = [order for order in orders if not order.is_open and not order.entry_id]
    if done:
        world.fill(done[index % len(done)], qty, D(100))


def _day_at(world: World, venue: str) -> None:
    world.tick(86_400_000_000_000)
    day = world.now_ns // 86_400_000_000_000
    world.send(MarksObserved(ts_ns=world.now_ns, marks={}, day=world.state.day, venue_days={venue: day}))


_STEP: dict[str, Callable[[World, Any], None]] = {
    "edit": _edit,
    "bust": _bust,
    "correct": _correct,
    "late_fill": _late_fill,
    "day_at": _day_at,
}


def assert_rebuilt_alike(world: World) -> None:
    """A restart computes every sum afresh: each is the same to the last digit."""
    restored = decode_snapshot(encode_snapshot(world.state))
    assert state_hash(restored) == state_hash(world.state)
    for route, book in world.state.books.items():
        afresh = restored.books[route].all_scopes()
        for name, use in book.all_scopes().items():
            other = afresh.get(name, ScopeUse())
            for figure in ("gross", "net", "held_buy", "held_sell", "margin", "open_orders", "open_positions", "pnl"):
                assert getattr(use, figure) == getattr(other, figure), (name, figure)
            assert (use.day_pnl_start, use.highs) == (other.day_pnl_start, other.highs), name


@settings(max_examples=60, deadline=None)
@given(steps=operations(30), unusual=st.lists(_UNUSUAL, min_size=5, max_size=15))
def test_no_sum_drifts_whatever_is_edited_or_taken_back(steps: list[Step], unusual: list[Step]) -> None:
    """Without this, an edit of a rate, a bust of an order that is over or a day that begins at one venue alone could
    leave a sum behind that no order would ever bring right again, and limits would measure it until a restart."""
    world = World(trading_config(Mode.CANARY))
    apart = max(len(steps) // len(unusual), 1)
    for number, (name, argument) in enumerate(unusual):
        part = steps[number * apart : (number + 1) * apart]
        live_through(world, [step for step in part if step[0] != "withhold"])
        _STEP[name](world, argument)
        assert_books_add_up(world.state, list(world.state.orders.values()))
    assert_rebuilt_alike(world)


def test_a_restart_writes_the_sums_as_they_were_written_before() -> None:
    """Without this, a sum that keeps the zeros of what has left it would be another text after a restart than without
    one, and `gateway replay` would say of sound checkpoints that they hold another state."""
    world = World(trading_config(Mode.LIVE))
    world.open_live(3)
    world.open_live(4)
    world.mark("AAPL", D("170"))
    sold = world.place(Side.SELL, 3)
    world.fill(sold, exec_id="a seventh")  # what it cost has many digits
    world.report(sold, ExecType.TRADE_CANCEL, exec_id="bust", exec_ref_id="a seventh")
    world.state = decode_snapshot(encode_snapshot(world.state))
    world.tick(86_400_000_000_000)
    world.send(MarksObserved(ts_ns=world.now_ns, marks={}))
    assert state_hash(folded(world.records)) == state_hash(world.state)
