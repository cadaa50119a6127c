"""Overrides of rollouts that end by themselves: with their time, and when the configuration is lowered."""

from collections.abc import Iterator

from gateway.core.state import GatewayState
from gateway.domain.config import TradingConfig
from gateway.domain.enums import Role
from gateway.domain.orders import Actor
from gateway.domain.overrides import CLOCK_MAY_STEP_NS
from gateway.domain.rollout import RolloutOverride
from gateway.domain.rollout_facts import RolloutOverrideEnded

_SYSTEM = Actor("system", Role.ADMIN)


def expired_overrides(state: GatewayState, now_ns: int) -> Iterator[RolloutOverrideEnded]:
    """One fact for each whose time is over, or would last for as long as the clock was set back on top."""
    for venue, rollout in sorted(state.rollouts.items()):
        given = rollout.override
        if given is None:
            continue
        if now_ns >= given.expires_ns:
            yield RolloutOverrideEnded(ts_ns=now_ns, venue=venue, text="its time is over", actor=_SYSTEM)
        elif now_ns < given.granted_ns - CLOCK_MAY_STEP_NS and _raises(state.config, venue, given):
            text = "the clock was set back to before it was granted: nobody can tell when its time is over"
            yield RolloutOverrideEnded(ts_ns=now_ns, venue=venue, text=text, actor=_SYSTEM)


def _raises(config: TradingConfig, venue: str, override: RolloutOverride) -> bool:
    """Whether more goes live than by the configuration: what lowers a venue may last longer."""
    return (override.mode.rank, override.weight_bp) > _height(config, venue)


def lowered_overrides(
    state: GatewayState, new: TradingConfig, actor: Actor, ts_ns: int
) -> Iterator[RolloutOverrideEnded]:
    """One for each at a venue that ``new`` lowers: whoever lowers a venue means what is sent there now."""
    for venue, rollout in sorted(state.rollouts.items()):
        if rollout.override is not None and _height(new, venue) < _height(state.config, venue):
            text = "the configuration lowered the venue"
            yield RolloutOverrideEnded(ts_ns=ts_ns, venue=venue, text=text, actor=actor)


def _height(config: TradingConfig, venue: str) -> tuple[int, int]:
    return config.effective_mode(venue).rank, config.weight_bp(venue)
