"""A new configuration takes effect whole, or not at all: the old one then stays in force, and says why."""

import logging
from collections.abc import Callable

from gateway.core.config_change import refusals
from gateway.core.orphans import orphans
from gateway.domain.config import TradingConfig
from gateway.domain.enums import Role
from gateway.domain.events import ConfigLoaded
from gateway.domain.orders import Actor
from gateway.domain.settings import Settings
from gateway.ports.clock import Clock
from gateway.ports.telemetry import Telemetry
from gateway.service.engine import Engine
from gateway.service.venues import VenueManager

_log = logging.getLogger(__name__)
_EDITOR = Actor("config-file", Role.ADMIN)

#: Told of every configuration that took effect, before any order is decided under it.
OnApplied = Callable[[Settings], None]


class Reloader:
    """Checks a parsed configuration against what is running, and puts it in force. ``settings`` is what is."""

    def __init__(
        self, settings: Settings, engine: Engine, venues: VenueManager, telemetry: Telemetry, clock: Clock
    ) -> None:
        self.settings = settings
        self.on_applied: list[OnApplied] = []
        self._engine = engine
        self._venues = venues
        self._telemetry = telemetry
        self._clock = clock

    def objections(self, new: Settings, old: TradingConfig | None) -> tuple[str, ...]:
        """Why ``new`` cannot follow ``old`` (None: a gateway without a past)."""
        return (
            *refusals(old, new.trading),
            *self._venues.problems(new.trading, new.venues),
            *orphans(self._engine.state, new.trading),
        )

    async def apply(self, new: Settings, difference: tuple[str, ...]) -> tuple[str, ...]:
        """Put ``new`` in force, unless something objects; returns the objections."""
        state = self._engine.state
        found = self.objections(new, state.config if state.config.revision else None)
        if found:
            return found
        for listener in self.on_applied:
            listener(new)
        await self._venues.build_needed(state, new.trading, new.venues)
        now_ns = self._clock.now_ns()
        self._engine.process(ConfigLoaded(ts_ns=now_ns, config=new.trading, actor=_EDITOR, difference=difference))
        await self._engine.settle(self._engine.last_seq)
        await self._venues.close_unneeded(state)
        self.settings = new
        self._telemetry.on_config(True, new.trading.revision, now_ns)
        for line in difference:
            _log.warning("configuration %s: %s", new.trading.revision, line)
        return ()

    def note_refusal(self) -> None:
        """Count an edit that did not take effect."""
        self._telemetry.on_config(False, self._engine.state.config.revision, self._clock.now_ns())
