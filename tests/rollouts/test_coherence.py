"""Positions stay whole whatever the plan, people and venues do; `make rollouts` lives 10,000 lives."""

from decimal import Decimal

import msgspec

from gateway.core.apply import apply_record
from gateway.core.checkpoint import state_hash
from gateway.core.decide import decide
from gateway.core.evidence.exact import clopper_pearson
from gateway.core.state import GatewayState
from gateway.domain.enums import Mode
from gateway.domain.rollout import Promotions
from tests.rollouts.coherence import run
from tests.rollouts.site import TERMS, Site
from tests.world import World, trading_config


def test_no_live_position_is_orphaned() -> None:
    """Invariant 3: without it a demotion would leave real money behind that no strategy can close."""
    assert sum(run(seed) for seed in range(150)) > 50


def test_the_measured_share_is_the_weight() -> None:
    """Without it 1% could be anything."""
    world = World(trading_config(Mode.CANARY, weight_bp=1_000))
    for number in range(1_500):
        world.fill(world.place(strategy=f"s{number}"))
    use = world.state.venues["alpha"]
    lower, upper = clopper_pearson(use.cycles_live, use.cycles_live + use.cycles_shadow, Decimal("0.999"))
    assert lower < Decimal("0.1") < upper


def test_the_way_up_and_down_is_the_same_decided_again() -> None:
    """Invariant 9: without it an audit could not show why a venue was promoted or demoted."""
    site = Site(Mode.CANARY, 5_000, msgspec.structs.replace(TERMS, promotions={"beta": Promotions.MANUAL}))
    site.trade(30, rejected=1)
    site.next_day()
    site.raise_to(Mode.CANARY, 9_000)
    site.trade(20, rejected=12)
    site.look()
    site.alert()
    assert site.hold is not None
    state = GatewayState()
    for record in site.records:
        assert decide(state, record.event).facts == record.facts
        apply_record(state, record.facts)
    assert state_hash(state) == state_hash(site.state)
