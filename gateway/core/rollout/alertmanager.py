"""Alerts that Alertmanager tells of: one that fires demotes, one that is resolved promotes nothing."""

from gateway.core.decision import NOTHING, Decision
from gateway.core.rollout.causes import alert_at, is_about, trouble_of
from gateway.core.rollout.control import demotion, hold
from gateway.core.state import GatewayState
from gateway.domain.config import TradingConfig
from gateway.domain.effects import Effect
from gateway.domain.enums import Mode
from gateway.domain.facts import Fact
from gateway.domain.rollout_events import AlertsReceived
from gateway.domain.rollout_facts import AlertHeard, HeardAlert


def hear_alerts(state: GatewayState, event: AlertsReceived) -> Decision:
    """A firing alert demotes, once; a resolved one is noted and promotes nothing."""
    facts: list[Fact] = []
    effects: list[Effect] = []
    seen: set[tuple[str, int, bool]] = set()
    held: set[str] = set()
    for alert in event.alerts:
        known = state.heard_alerts.get(alert.fingerprint)
        key = (alert.fingerprint, alert.starts_ns, alert.is_firing)
        if key in seen or (known is not None and (known.starts_ns, known.is_firing) == key[1:]):
            continue
        if known is not None and alert.starts_ns < known.starts_ns:
            continue  # told again, late: a newer one is known
        seen.add(key)
        facts.append(AlertHeard(ts_ns=event.ts_ns, alert=alert))
        if not alert.is_firing:
            continue
        for venue in _venues_of(state, alert):
            if venue in held or _mode_without_demotion(state, venue) is Mode.SHADOW:
                continue
            found, more = hold(state, venue, demotion(state, event.ts_ns, *trouble_of(alert)))
            if found:
                held.add(venue)
                facts += found
                effects += more
    return Decision(tuple(facts), tuple(effects)) if facts else NOTHING


def held_at_once(state: GatewayState, new: TradingConfig, ts_ns: int) -> tuple[list[Fact], tuple[Effect, ...]]:
    """Holds on the venues that ``new`` lets trade live under an alert that fires: those that are raised by hand, for
    an edit by evidence is refused. The next look at them would hold them too, after what was placed until then."""
    facts: list[Fact] = []
    effects: list[Effect] = []
    for venue in sorted(new.venues):
        alert = None if new.effective_mode(venue) is Mode.SHADOW else alert_at(state, venue)
        if alert is not None:
            found, more = hold(state, venue, demotion(state, ts_ns, *trouble_of(alert)))
            facts += found
            effects += more
    return facts, tuple(effects)


def _venues_of(state: GatewayState, alert: HeardAlert) -> list[str]:
    return [venue for venue in sorted({*state.rollouts, *state.config.venues}) if is_about(state, alert, venue)]


def _mode_without_demotion(state: GatewayState, venue: str) -> Mode:
    rollout = state.rollouts.get(venue)
    if rollout is not None and rollout.override is not None:
        return rollout.override.mode
    return state.config.effective_mode(venue)
