"""Looks at what is wrong on a timer, off the order path, and tells whoever carries it outside.

An alert is told when it is decided, not when it is durable: that the journal cannot be written is one of them.
"""

import logging
from collections.abc import Callable, Iterable, Iterator

from gateway.core.decision import Decision
from gateway.domain.alert_facts import AlertRaised, AlertResolved
from gateway.domain.alerts import OUTSIDE_KINDS, Alert, AlertCondition
from gateway.domain.events import AcknowledgmentReceived, AlertsChecked
from gateway.domain.orders import Actor
from gateway.ports.alerts import ChannelView, Notifier
from gateway.ports.clock import Clock
from gateway.service.engine import Engine
from gateway.service.views import active_alerts, resolved_alerts

_log = logging.getLogger(__name__)
_NS = 1_000_000_000
#: What the outside tells is asked this often, and believed for so long after it was last told: no flapping.
EVERY_NS = 5 * _NS
LINGER_NS = 15 * _NS
#: After a start, what was wrong outside counts as still wrong until whoever looks there can know better.
SETTLE_NS = 60 * _NS
#: What was raised so shortly before a start may have waited for its channel when the process ended: it is told again.
AGAIN_NS = 900 * _NS

#: What is wrong now, as far as one part of the gateway can tell.
ConditionSource = Callable[[], Iterable[AlertCondition]]


class AlertDesk:
    """Implements ``ports.alerts.Alerts``. ``tick`` is called on the timers."""

    def __init__(self, engine: Engine, clock: Clock, notifier: Notifier) -> None:
        self._engine = engine
        self._clock = clock
        self._notifier = notifier
        self._sources: list[ConditionSource] = []
        #: What the sources told, by kind and subject, and until when it is believed.
        self._told: dict[str, tuple[AlertCondition, int]] = {}
        self._asked_ns = 0
        #: What was wrong outside when the gateway started.
        self._before: dict[str, AlertCondition] | None = None
        self._began_ns = 0

    def watch(self, source: ConditionSource) -> None:
        self._sources.append(source)

    def tick(self) -> None:
        now_ns = self._clock.now_ns()
        if self._before is None:
            self._before = self._begin(now_ns)
        if now_ns - self._asked_ns >= EVERY_NS or now_ns < self._asked_ns:
            self._asked_ns = now_ns
            self._told.update({one.key: (one, now_ns + LINGER_NS) for one in self._ask()})
        self._told = {key: told for key, told in self._told.items() if now_ns < told[1] <= now_ns + LINGER_NS}
        if not self._began_ns <= now_ns < self._began_ns + SETTLE_NS:
            self._before = {}
        conditions = {**self._before, **{key: condition for key, (condition, _) in self._told.items()}}
        self._tell(self._engine.process(AlertsChecked(ts_ns=now_ns, conditions=tuple(conditions.values()))))

    def _begin(self, now_ns: int) -> dict[str, AlertCondition]:
        """What lasts from before the start: an end that nobody has seen is not told as one."""
        self._began_ns = now_ns
        lasting = self._engine.state.alerts.active
        for alert in lasting.values():
            if alert.acknowledged is None and now_ns - alert.raised_ns < AGAIN_NS:
                self._notifier.notify(alert)
        return {key: one.condition for key, one in lasting.items() if one.condition.kind in OUTSIDE_KINDS}

    def _ask(self) -> Iterator[AlertCondition]:
        """A source that fails keeps no other from being heard."""
        for source in self._sources:
            try:
                yield from source()
            except Exception:
                _log.exception("a source of alerts failed")

    def _tell(self, decision: Decision) -> None:
        for fact in decision.facts:
            if isinstance(fact, AlertRaised):
                condition = fact.alert.condition
                _log.warning("alert %s (%s): %s", fact.alert.alert_id, condition.severity.value, condition.text)
                self._notifier.notify(fact.alert)
            elif isinstance(fact, AlertResolved):
                over = self._engine.state.alerts.resolved
                found = next((one for one in reversed(over) if one.condition.key == fact.key), None)
                if found is not None:
                    _log.warning("alert %s is over", found.alert_id)
                    self._notifier.notify(found)

    def active(self) -> tuple[Alert, ...]:
        return active_alerts(self._engine.state)

    def resolved(self) -> tuple[Alert, ...]:
        return resolved_alerts(self._engine.state)

    async def acknowledge(self, alert_id: str, actor: Actor, reason: str) -> Alert | None:
        event = AcknowledgmentReceived(ts_ns=self._clock.now_ns(), alert_id=alert_id, actor=actor, reason=reason)
        self._engine.process(event)
        found = next((one for one in self._engine.state.alerts.active.values() if one.alert_id == alert_id), None)
        if found is not None:
            _log.warning("alert %s taken on by %s: %s", alert_id, actor.name, reason)
            await self._engine.settle(self._engine.last_seq)
        return found

    def channels(self) -> tuple[ChannelView, ...]:
        return self._notifier.channels()
