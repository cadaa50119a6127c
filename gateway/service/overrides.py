"""Controlled overrides as people ask for them: checked, granted, listed, revoked, and ended by the clock."""

import logging
from collections.abc import Sequence

import msgspec

from gateway.core.override_terms import rules_named, terms_problems
from gateway.domain.events import OverrideRequested, OverrideRevocation, OverridesDue
from gateway.domain.orders import Actor
from gateway.domain.overrides import Override, OverrideTerms
from gateway.ports.clock import Clock
from gateway.ports.intake import RequestInvalid
from gateway.service.engine import Engine

_log = logging.getLogger(__name__)
_NS = 1_000_000_000


class OverrideDesk:
    """Implements ``ports.intake.Overrides``."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    async def grant(self, terms: OverrideTerms, expires_ns: int | None, actor: Actor, reason: str) -> Override:
        state, now_ns = self._engine.state, self._clock.now_ns()
        rules, problems = rules_named(terms.rules)
        terms = msgspec.structs.replace(terms, rules=rules)
        until_ns = now_ns + state.config.overrides.default_s * _NS if expires_ns is None else expires_ns
        if not problems:
            problems = terms_problems(state, terms, until_ns, now_ns)
        if problems:
            raise RequestInvalid(problems)
        override_id = f"v{self._engine.last_seq + 1:x}-{now_ns // 1_000_000:x}"
        event = OverrideRequested(
            ts_ns=now_ns, override_id=override_id, terms=terms, actor=actor, reason=reason, expires_ns=until_ns
        )
        self._engine.process(event)
        override = state.overrides[override_id]
        await self._engine.durable(self._engine.last_seq)
        _log.warning("override %s by %s lifts %s: %s", override_id, actor.name, ", ".join(rules), reason)
        return override

    async def revoke(self, override_id: str, actor: Actor) -> Override | None:
        override = self._engine.state.overrides.get(override_id)
        if override is None:
            return None
        self._engine.process(OverrideRevocation(ts_ns=self._clock.now_ns(), override_id=override_id, actor=actor))
        _log.warning("override %s revoked by %s", override_id, actor.name)
        await self._engine.settle(self._engine.last_seq)
        return override

    def find(self, override_id: str) -> Override | None:
        return self._engine.state.overrides.get(override_id)

    def all(self) -> Sequence[Override]:
        return tuple(self._engine.state.granted_overrides())

    def tick(self) -> None:
        """End those whose time is over."""
        now_ns = self._clock.now_ns()
        if any(override.is_over(now_ns) for override in self._engine.state.overrides.values()):
            self._engine.process(OverridesDue(ts_ns=now_ns))
