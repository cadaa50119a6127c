"""Controlled overrides, whatever happens around them: each is used at most as often as it says, and lifts no more."""

from collections import Counter

from hypothesis import given

from gateway.domain.controls import OVERRIDABLE
from gateway.domain.enums import Mode, TradingState
from gateway.domain.exception_facts import OverrideGranted
from gateway.domain.facts import OrderAdmitted, OrderHeld
from gateway.domain.orders import Order
from gateway.domain.overrides import Override
from tests.properties.streams import Step, live_through, operations
from tests.world import DENY, D, Limits, World, trading_config


def lived(steps: list[Step], *, denies: bool = False) -> World:
    """A life under tight limits, where the policy denies every third order or none."""
    world = World(trading_config(Mode.CANARY, limits=Limits(max_order_size=D(5), max_position_size=D(10))))
    if denies:
        allow, calls = world.policy, Counter[str]()

        def sometimes(document: dict[str, object]) -> object:
            calls["all"] += 1
            return DENY if calls["all"] % 3 == 0 else allow(document)

        world.policy = sometimes  # type: ignore[assignment]
    live_through(world, [step for step in steps if step[0] != "mode"])
    return world


def admitted(world: World) -> list[Order]:
    """Every order that became ours to send, as it was held."""
    held = {
        fact.order.order_id: fact.order for record in world.records for fact in record.facts if type(fact) is OrderHeld
    }
    return [held[fact.order_id] for record in world.records for fact in record.facts if type(fact) is OrderAdmitted]


def granted(world: World) -> dict[str, Override]:
    return {
        fact.override.override_id: fact.override
        for record in world.records
        for fact in record.facts
        if type(fact) is OverrideGranted
    }


@given(steps=operations())
def test_one_that_is_for_one_order_lets_one_pass(steps: list[Step]) -> None:
    """Without this, one exception could let a runaway strategy through for as long as it lasts."""
    world = lived(steps, denies=True)
    overrides = granted(world)
    whole = {
        (use.override_id, order.parent_id or order.order_id) for order in admitted(world) for use in order.overrides
    }
    uses = Counter(override_id for override_id, _ in whole)
    assert all(count == 1 for override_id, count in uses.items() if overrides[override_id].terms.is_for_one)
    for override in world.state.overrides.values():
        pending = sum(
            any(use.override_id == override.override_id for use in order.overrides)
            for order in world.state.orders.values()
            if not order.parent_id
        )
        assert override.uses >= uses[override.override_id]
        assert override.uses <= uses[override.override_id] + pending
        assert bool(override.used_by) is (override.terms.is_for_one and override.uses == 1)


@given(steps=operations())
def test_what_passes_is_within_its_terms(steps: list[Step]) -> None:
    """Without this, an exception for one symbol would be one for all, and somebody could lift his own limits."""
    world = lived(steps)
    overrides = granted(world)
    for order in admitted(world):
        for use in order.overrides:
            override = overrides[use.override_id]
            terms = override.terms
            assert override.actor.name == use.granted_by != order.actor.name
            assert terms.symbol == order.symbol
            assert terms.max_qty is None or order.order_qty <= terms.max_qty
            assert override.granted_ns <= order.created_ns < override.expires_ns
            lifted = {breach.code.value.lower() for breach in use.lifted}
            assert lifted
            assert lifted <= set(terms.rules) & OVERRIDABLE


@given(steps=operations())
def test_nothing_breaks_a_limit_without_saying_so(steps: list[Step]) -> None:
    """Without this, an order over its limit could be on record without who allowed it."""
    for order in admitted(lived(steps)):
        lifted = {breach.code for use in order.overrides for breach in use.lifted}
        assert order.order_qty <= 5 or order.parent_id or "MAX_ORDER_SIZE" in lifted


@given(steps=operations(30))
def test_no_override_lifts_a_halt(steps: list[Step]) -> None:
    """Without this, the kill switch would leave a door open for whoever holds an exception."""
    world = World(trading_config(Mode.CANARY, limits=Limits(max_order_size=D(5), max_position_size=D(10))))
    live_through(world, [step for step in steps if step[0] != "mode"])
    world.halt(TradingState.HALTED)
    before = len(admitted(world))
    live_through(world, [step for step in steps if step[0] not in ("mode", "state")])
    assert len(admitted(world)) == before
