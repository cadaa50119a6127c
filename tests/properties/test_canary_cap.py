"""The canary cap on live orders a day, while orders wait for a policy server and days begin in between."""

from collections.abc import Callable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gateway.core.checkpoint import decode_snapshot, encode_snapshot, state_hash
from gateway.core.counting import added_value, rest_value
from gateway.core.state import VenueUse
from gateway.domain.enums import ExecType, Mode, Route, Side
from gateway.domain.events import AdmissionsAbandoned, MarksObserved
from gateway.domain.facts import DayRolled, OrderAdmitted, OrderHeld, OrderWithdrawn
from gateway.domain.orders import Order
from gateway.domain.rollout import CanaryCaps
from tests.properties.test_determinism import folded, written_and_read
from tests.world import ALLOW, DENY, D, World, trading_config

_CAP = 3
_INDEX = st.integers(0, 20)
_STEPS = st.one_of(
    st.tuples(st.just("place"), st.tuples(st.sampled_from(list(Side)), st.integers(1, 20), _INDEX)),
    st.tuples(st.just("place"), st.tuples(st.sampled_from(list(Side)), st.integers(1, 20), _INDEX)),
    st.tuples(st.just("answer"), st.tuples(_INDEX, st.booleans())),
    st.tuples(st.just("answer"), st.tuples(_INDEX, st.just(True))),
    st.tuples(st.just("cancel"), _INDEX),
    st.tuples(st.just("withdraw"), _INDEX),
    st.tuples(st.just("fill"), _INDEX),
    st.tuples(st.just("replace"), _INDEX),
    st.tuples(st.just("replaced"), _INDEX),
    st.tuples(st.just("edit"), st.just(None)),
    st.tuples(st.just("day"), st.just(None)),
)


def _config(revision: int) -> Any:
    caps = {"alpha": CanaryCaps(max_live_orders=_CAP)}
    rates = {"USD": D(["1", "0.5", "1.3"][revision % 3])}  # what waits is worth what it is worth at the rates of now
    return trading_config(Mode.CANARY, weight_bp=10_000, caps=caps, rates=rates, revision=f"r{revision}")


def _waiting_world() -> World:
    world = World(_config(0))
    world.policy = lambda document: None
    _day(world, None)
    return world


def _place(world: World, argument: tuple[Side, int, int]) -> None:
    side, qty, strategy = argument
    world.place(side, qty, strategy=f"s{strategy % 6}")


def _answer(world: World, argument: tuple[int, bool]) -> None:
    if world.asked:
        index, is_allowed = argument
        world.answer_policy(world.asked.pop(index % len(world.asked)), ALLOW if is_allowed else DENY)


def _withdraw(world: World, order: Order) -> None:
    event = AdmissionsAbandoned(
        ts_ns=world.tick(), order_ids=(order.parent_id or order.order_id,), replace_order_ids=(), text="full"
    )
    world.send(event)


def _fill(world: World, order: Order) -> None:
    if order.is_admitted:
        world.fill(order)


def _replace(world: World, order: Order) -> None:
    if order.is_admitted:
        world.replace(order, order_qty=order.order_qty + 3)


def _replaced(world: World, order: Order) -> None:
    """The venue answers on new terms: takes them, or every third time does not."""
    pending = order.pending_replace
    if pending is not None and pending.is_sent:
        is_taken = len(world.records) % 3
        world.report(
            order,
            ExecType.REPLACED if is_taken else ExecType.REPLACE_REJECTED,
            order_qty=pending.order_qty if is_taken else None,
        )


def _with_open(action: Callable[[World, Order], Any]) -> Callable[[World, int], None]:
    def step(world: World, index: int) -> None:
        orders = world.state.open_orders()
        if orders:
            action(world, orders[index % len(orders)])

    return step


def _edit(world: World, _: None) -> None:
    world.load(_config(len(world.records)))


def _day(world: World, _: None) -> None:
    world.tick(86_400_000_000_000)
    world.send(MarksObserved(ts_ns=world.now_ns, marks={}))


_STEP: dict[str, Callable[[World, Any], None]] = {
    "place": _place,
    "answer": _answer,
    "cancel": _with_open(lambda world, order: world.cancel(order)),
    "withdraw": _with_open(_withdraw),
    "fill": _with_open(_fill),
    "replace": _with_open(_replace),
    "replaced": _with_open(_replaced),
    "edit": _edit,
    "day": _day,
}


def _opens_live(order: Order) -> bool:
    return order.route is Route.LIVE and not order.is_closing


def _admitted_today(world: World) -> int:
    """Live opening orders admitted since the day began and not taken back, counted from the journal."""
    held: dict[str, Order] = {}
    today: set[str] = set()
    for fact in (fact for record in world.records for fact in record.facts):
        match fact:
            case OrderHeld(order=order):
                held[order.order_id] = order
            case OrderAdmitted(order_id=order_id) if _opens_live(held[order_id]):
                today.add(order_id)
            case OrderWithdrawn(order_id=order_id):
                today -= {order_id, *held[order_id].leg_ids}
            case DayRolled(venue_days=days) if "alpha" in days:
                today.clear()
    return len(today)


@given(steps=st.lists(_STEPS, min_size=10, max_size=60))
def test_waiting_orders_share_the_cap_with_those_of_the_day(steps: list[tuple[str, Any]]) -> None:
    """Without this, orders that wait for the policy together would each see room for one more live order, or a day
    would begin with the room of the day before."""
    world = _waiting_world()
    for name, argument in steps:
        _STEP[name](world, argument)
        waiting = [order for order in world.state.open_orders() if _opens_live(order) and not order.is_admitted]
        today = _admitted_today(world)
        use = world.state.venues.get("alpha", VenueUse())
        assert (use.live_orders_today, use.live_orders_waiting) == (today, len(waiting))
        assert today + len(waiting) <= _CAP
        added = [order for order in world.state.open_orders() if _opens_live(order) and order.is_admitted]
        assert use.live_value_waiting == sum(map(rest_value, waiting)) + sum(map(added_value, added))
    assert state_hash(folded(written_and_read(world.records))) == state_hash(world.state)
    assert state_hash(decode_snapshot(encode_snapshot(world.state))) == state_hash(world.state)
