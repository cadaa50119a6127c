"""Duplicate content: the same order again within a while."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.checkpoint import decode_snapshot, encode_snapshot
from gateway.core.throttle import duplicates
from gateway.domain.enums import Mode, OrdType, Side
from gateway.domain.orders import Order
from gateway.domain.reasons import RejectCode
from gateway.domain.throttles import Throttles, ThrottleTable
from tests.throttle.requests import MS, D, Sender, throttled
from tests.world import ALLOW, DENY


def window(ms: int = 1_000, most: int | None = None) -> Throttles:
    return Throttles(duplicate_window_ms=ms, max_duplicates=most)


def is_duplicate(order: Order) -> bool:
    found = [breach.code for breach in order.reject.breaches] if order.reject is not None else []
    return RejectCode.DUPLICATE_ORDER in found


def test_an_order_again_within_the_window_is_refused_and_names_the_earlier_one() -> None:
    """Without this, a strategy that sends everything twice would double its position."""
    sender = Sender(throttled(duplicate_window_ms=1_000))
    sender.send(limit=D("170.0"))
    sender.send(limit=D("170.00"), after_ns=999 * MS)  # the same number, written otherwise
    reject = sender.last.reject
    assert reject is not None
    assert reject.breaches[0].value == "q1"
    assert "same content as order q1" in reject.text
    sender.send(limit=D(170), after_ns=MS)
    assert sender.last.is_admitted


@pytest.mark.parametrize(
    "other",
    [
        {"side": Side.SELL},
        {"qty": 11},
        {"symbol": "TSLA"},
        {"account": "second"},
        {"strategy": "s2"},
        {"limit": D(171)},
        {"limit": None},
        {"ord_type": OrdType.LIMIT_ON_CLOSE},
        {"ord_type": OrdType.STOP_LIMIT, "stop_px": D(169)},
    ],
)
def test_any_other_content_is_another_order(other: dict[str, Any]) -> None:
    """Without this, orders that have nothing to do with each other would be refused."""
    sender = Sender(throttled(duplicate_window_ms=1_000))
    sender.send(limit=D(170))
    sender.send(**{"limit": D(170), **other})
    assert sender.last.is_admitted


def test_so_many_repeats_as_are_allowed_and_no_more() -> None:
    """Without this, a strategy that slices its orders evenly could not be told from one that runs away."""
    sender = Sender(throttled(duplicate_window_ms=1_000, max_duplicates=2))
    found = []
    for _ in range(4):
        sender.send(after_ns=10 * MS)
        found.append(is_duplicate(sender.last))
    assert found == [False, False, False, True]
    sender.send(after_ns=970 * MS)  # the first has left the window, the second has not
    assert sender.last.is_admitted


@pytest.mark.parametrize(
    ("table", "is_refused"),
    [
        (ThrottleTable(gateway=window(100), accounts={"default": window(1_000)}), True),
        (ThrottleTable(gateway=window(1_000), accounts={"default": window(100)}), True),
        (ThrottleTable(gateway=window(1_000, 5), strategies={"s1": window(1_000)}), True),
        (ThrottleTable(symbols={"AAPL": window(1_000)}), True),
        (ThrottleTable(gateway=window(100), symbols={"TSLA": window(1_000)}), False),
    ],
)
def test_the_strictest_scope_decides(table: ThrottleTable, is_refused: bool) -> None:
    """Without this, a wide window in one scope would lift a narrow one in another."""
    sender = Sender(throttled(table=table))
    sender.send()
    sender.send(after_ns=500 * MS)
    assert is_duplicate(sender.last) == is_refused


def test_what_was_never_sent_may_be_sent_again() -> None:
    """Without this, an order that a policy denied, or that a limit did, would be a duplicate of itself."""
    sender = Sender(throttled(duplicate_window_ms=1_000))
    sender.world.policy = lambda document: DENY
    sender.send()
    sender.world.policy = lambda document: ALLOW
    sender.send()
    assert sender.last.is_admitted
    sender.send()
    assert is_duplicate(sender.last)
    sender.send(after_ns=1_000 * MS)
    assert sender.last.is_admitted  # the refused one does not prolong the window


def test_a_close_is_never_a_duplicate_but_an_order_beyond_it_is() -> None:
    """Invariant 3, and its other side: without this, a close that is sent twice would turn the position around."""
    sender = Sender(throttled(Mode.LIVE, duplicate_window_ms=1_000))
    sender.world.open_live(20)
    for _ in range(2):
        sender.send(Side.SELL, 10)
        assert sender.last.is_closing
        assert sender.last.is_admitted
    sender.send(Side.SELL, 10)
    assert not sender.last.is_closing
    assert is_duplicate(sender.last)


def test_a_close_with_a_rest_that_repeats_keeps_the_closing_leg() -> None:
    """Invariant 3. Without this, a divided order would be refused whole for the sake of the part that opens."""
    sender = Sender(throttled(Mode.LIVE, duplicate_window_ms=1_000))
    sender.send(Side.SELL, 30, limit=D(180))
    sender.world.cancel(sender.last)
    sender.world.open_live(10, strategy="s1")
    sender.send(Side.SELL, 30, limit=D(180))
    closing, opening = sender.world.legs(sender.last)
    assert closing.is_admitted
    assert is_duplicate(opening)


def test_memory_is_bounded_and_forgets_the_oldest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without this, a long window and a fast strategy would fill the memory and every checkpoint."""
    monkeypatch.setattr(duplicates, "MAX_REMEMBERED", 3)
    sender = Sender(throttled(duplicate_window_ms=86_400_000))
    for qty in (1, 2, 3, 4):
        sender.send(qty=qty)
    assert [one.order_id for one in sender.world.state.throttle.recent_orders.kept()] == ["q2", "q3", "q4"]
    sender.send(qty=1)
    assert sender.last.is_admitted
    sender.send(qty=4)
    assert is_duplicate(sender.last)


@given(
    steps=st.lists(
        st.tuples(st.integers(-400, 700), st.integers(1, 2), st.sampled_from(["s1", "s2"]), st.booleans()), max_size=40
    ),
    most=st.integers(0, 2),
)
def test_it_agrees_with_looking_through_all_orders(steps: list[tuple[int, int, str, bool]], most: int) -> None:
    """Without this, pruning or a clock that steps back could forget an order too early, or remember it for ever."""
    table = ThrottleTable(gateway=window(1_000, most), strategies={"s2": window(300)})
    sender = Sender(throttled(table=table))
    sent: list[tuple[int, tuple[str, int]]] = []
    steady_ms = 0
    for step_ms, qty, strategy, restarts in steps:
        steady_ms += max(step_ms, 0)
        sender.send(qty=qty, strategy=strategy, after_ns=step_ms * MS)
        alike = [at_ms for at_ms, content in sent if content == (strategy, qty)]
        wide = sum(steady_ms - at_ms < 1_000 for at_ms in alike) > most
        narrow = strategy == "s2" and any(steady_ms - at_ms < 300 for at_ms in alike)
        assert is_duplicate(sender.last) == (wide or narrow)
        if sender.last.is_admitted:
            sent.append((steady_ms, (strategy, qty)))
        if restarts:
            sender.world.state = decode_snapshot(encode_snapshot(sender.world.state))
