"""Positions stay whole whatever the plan, people and venues do; `make rollouts` lives 10,000 lives."""

import math
from decimal import Decimal

import msgspec

from gateway.core.apply import apply_record
from gateway.core.checkpoint import state_hash
from gateway.core.decide import decide
from gateway.core.state import GatewayState
from gateway.domain.enums import Mode, Route
from gateway.domain.money import plain, ratio
from gateway.domain.rollout import Promotions
from gateway.domain.rollout_events import RolloutCommand
from gateway.service.rollout_states import RolloutStates
from gateway.service.views import modes_view
from tests.fakes.clock import ManualClock
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
    assert use.cycles_live + use.cycles_shadow == 1_500
    assert abs(use.cycles_live - 150) < 3 * math.sqrt(1_500 * 0.1 * 0.9), "three standard deviations"


def test_the_measured_share_is_of_what_was_opened_under_it() -> None:
    """Without it a month of SHADOW would make a share of a half look like one of a hundredth."""
    site = Site()
    for number in range(50):
        site.fill(site.place(strategy=f"before{number}"))
    assert measured(site) == (0, 0, "0", None)
    site.raise_to(Mode.CANARY, 5_000)
    assert measured(site) == (0, 0, "0", None)
    drawn = [site.place(strategy=f"s{number}").route for number in range(40)]
    live = drawn.count(Route.LIVE)
    assert 0 < live < 40
    share = (live, 40 - live, plain(ratio(Decimal(live), Decimal(40))), live * 10_000 // 40)
    assert measured(site) == share
    site.command(RolloutCommand.PAUSE)
    site.place(strategy="held")
    assert measured(site) == (0, 0, "0", None)
    site.command(RolloutCommand.RESUME)
    assert measured(site) == share
    site.raise_to(Mode.CANARY, 4_000)
    site.place(strategy="after")
    assert sum(measured(site)[:2]) == 1


def measured(site: Site) -> tuple[int, int, str, int | None]:
    """As the modes and the rollouts tell it of alpha."""
    view = next(one for one in modes_view(site.state).venues if one.venue == "alpha")
    rollouts = RolloutStates(site, ManualClock(site.now_ns), str, bool).states()
    told = next(one.measured_bp for one in rollouts if one.venue == "alpha")
    return view.cycles_live, view.cycles_shadow, view.measured_share, told


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
