"""Stopping by a file: for the day on which HTTP does not answer. Looked for several times a second.

While a file ``KILL`` or ``FLATTEN`` stands in the data directory, the gateway is halted: whoever lifts the halt
without removing the file finds it halted again, and ``enable`` says so instead. Removing the file lifts nothing by
itself. ``FLATTEN`` also closes all live positions, once for each time the file was written.
"""

import asyncio
import logging

from gateway.core.trading.states import GATEWAY
from gateway.domain.enums import Role, TradingState
from gateway.domain.orders import Actor
from gateway.service.controls import FLATTEN, KILL, CommandFiles, OperatorControls
from gateway.service.engine import Engine

_log = logging.getLogger(__name__)
LOOK_INTERVAL_S = 0.25


class CommandWatch:
    """Does what the files say. ``look`` is one round of ``run``."""

    def __init__(self, files: CommandFiles, controls: OperatorControls, engine: Engine) -> None:
        self._files = files
        self._controls = controls
        self._engine = engine

    async def run(self) -> None:
        while True:
            try:
                await self.look()
            except Exception:
                _log.exception("looking for the files %s and %s failed", KILL, FLATTEN)
            await asyncio.sleep(LOOK_INTERVAL_S)

    def halt(self) -> None:
        """At a start: halt for the files that are there, and leave the rest to ``look``."""
        for name in (FLATTEN, KILL):
            reason = self._files.reason(name)
            if reason is not None and self._is_not_halted():
                self._controls.halt(_actor(name), reason)

    async def look(self) -> None:
        reason = self._files.reason(FLATTEN)
        if reason is not None:
            await self._flatten(reason)
        reason = self._files.reason(KILL)
        if reason is not None and self._is_not_halted():
            await self._controls.switch_trading(TradingState.HALTED, _actor(KILL), reason)

    async def _flatten(self, reason: str) -> None:
        flatten_id = f"ff{self._files.made_ns(FLATTEN):x}"
        if flatten_id not in self._engine.state.flattens:
            await self._controls.flatten(_actor(FLATTEN), reason, flatten_id=flatten_id)
        elif self._is_not_halted():
            await self._controls.switch_trading(TradingState.HALTED, _actor(FLATTEN), reason)

    def _is_not_halted(self) -> bool:
        """Whether no person's halt stands. That of a breaker is none: it may end by itself at any moment."""
        stop = self._engine.state.trading.stop_of(GATEWAY)
        return stop is None or stop.state is not TradingState.HALTED


def _actor(name: str) -> Actor:
    return Actor(f"file:{name}", Role.ADMIN)
