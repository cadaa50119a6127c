"""Overrides of rollouts that end by themselves: with their time, and when the configuration is lowered."""

from collections.abc import Iterator

from gateway.core.state import GatewayState
from gateway.domain.config import TradingConfig
from gateway.domain.enums import Role
from gateway.domain.orders import Actor
from gateway.domain.rollout_facts import RolloutOverrideEnded

_SYSTEM = Actor("system", Role.ADMIN)


def expired_overrides(state: GatewayState, now_ns: int) -> Iterator[RolloutOverrideEnded]:
    """One fact for each whose time is over."""
    for venue, rollout in sorted(state.rollouts.items()):
        if rollout.override is not None and now_ns >= rollout.override.expires_ns:
            yield RolloutOverrideEnded(ts_ns=now_ns, venue=venue, text="its time is over", actor=_SYSTEM)


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
