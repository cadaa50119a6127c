// What a person should know now, worst first; nothing when all is well.

import { html } from "./vendor/preact-htm.js";
import { ago, dateTimeOf, words } from "./format.js";
import { ActionButton } from "./rights.js";

const OLD_AFTER_MS = 10000;

export function Attention({ state }) {
  const found = [...gather(state)];
  if (!found.length) return null;
  return html`<section class="attention" aria-label="Needs attention" role="region"><ul>
    ${found.map((one) => html`<li key=${one.key} data-level=${one.level}>
      <strong>${one.title}</strong> <span>${one.text}</span> ${one.since && html`<span class="hint">for ${ago(one.since)}</span>`}
      ${one.action && html`<${ActionButton} wish=${one.action.wish}>${one.action.name}</${ActionButton}>`}</li>`)}
  </ul></section>`;
}

function* gather(state) {
  const { ready, trading, breakers, alerts, waiting, locks, rollouts, statistics, modes, connections } = state.answers;
  if (ready && ready.status !== "ready") {
    const reasons = ready.isUnreachable ? ["the gateway cannot be reached"] : (ready.reasons ?? []);
    yield { key: "ready", level: "bad", title: "No orders are taken", text: reasons.join("; ") };
  }
  if (trading && Date.now() - state.currentAt > OLD_AFTER_MS) {
    const why = state.errors.page ?? "the read model does not go on";
    yield { key: "old", level: "bad", title: `Figures are those of ${new Date(state.currentAt).toLocaleTimeString()}`, text: why };
  }
  for (const one of (connections?.connections ?? []).filter((one) => isMissed(one, modes?.venues ?? []))) {
    yield { key: `lost ${one.name}`, level: "bad", title: `Venue ${one.name} is not connected`, text: `its orders are denied, cancels wait: ${one.last_error || one.text}`, since: one.since };
  }
  for (const stop of trading?.stops ?? []) {
    const where = stop.scope === "gateway" ? "everywhere" : `${stop.scope} ${stop.id}`;
    yield {
      key: `stop ${stop.scope} ${stop.id} ${stop.by}`, level: stop.trading_state === "halted" ? "bad" : "warn", since: stop.since,
      title: `${words(stop.trading_state)} ${where}`, text: `${stop.cause || "no reason was given"} (by ${stop.by})`,
    };
  }
  for (const flatten of (trading?.flattens ?? []).filter((one) => one.state === "running")) {
    yield { key: flatten.flatten_id, level: "warn", title: "Positions are being closed", text: flatten.waits.join("; ") || `by ${flatten.by}`, since: flatten.started };
  }
  for (const one of (breakers?.circuit_breakers ?? []).filter((breaker) => breaker.state === "tripped")) {
    yield { key: `breaker ${one.id}`, level: "bad", title: `Breaker ${words(one.breaker)} tripped`, text: one.cause, since: one.since };
  }
  for (const one of rollouts?.rollouts ?? []) yield* aboutRollout(one);
  for (const alert of (alerts?.alerts ?? []).filter((one) => !one.resolved_at)) {
    yield {
      key: `alert ${alert.alert_id}`, level: alert.acknowledged_at ? "seen" : alert.severity === "critical" ? "bad" : "warn", since: alert.raised_at,
      title: `${words(alert.kind)}${alert.subject ? `: ${alert.subject}` : ""}`, text: `${alert.text}${alert.acknowledged_by ? ` (taken on by ${alert.acknowledged_by}: ${alert.acknowledged_reason})` : ""}`,
      action: !alert.acknowledged_at && { name: "Acknowledge", wish: { kind: "acknowledge", alert } },
    };
  }
  for (const channel of (alerts?.channels ?? []).filter((one) => !one.is_up)) {
    yield { key: `channel ${channel.name}`, level: "bad", title: `Notifications by ${channel.name} do not arrive`, text: channel.error };
  }
  if (statistics?.statistics.now?.in_doubt) {
    yield { key: "doubt", level: "bad", title: "Orders in doubt", text: `${statistics.statistics.now.in_doubt} sent, and the venue has not said what became of them` };
  }
  for (const lock of locks?.locks ?? []) {
    yield { key: lock.lock_id, level: "warn", title: `Strategy ${lock.strategy_id} is locked`, text: `${lock.executions} executions in ${lock.window_s} s`, action: { name: "Lift", wish: { kind: "lift", lock } } };
  }
  if (ready?.config_error) {
    const text = (ready.warnings ?? []).filter((one) => one.includes(ready.config_error)).join("; ") || ready.config_error;
    yield { key: "config", level: "warn", title: "An edit was refused", text };
  }
  if (waiting) {
    yield {
      key: "waiting", level: "warn", title: "An edit waits for approval", text: waiting.looser.join("; "), since: waiting.since,
      action: { name: "Review", wish: { kind: "approve", waiting } },
    };
  }
  for (const text of untold(state)) yield { key: text, level: "warn", title: "Warning", text };
}

/** Warnings of the process that no line above tells: while the journal cannot be written, it knows more than the facts. */
function untold({ answers: { ready, trading, waiting } }) {
  const warnings = ready?.warnings ?? [];
  const ofStops = warnings.filter((text) => text.startsWith("trading is "));
  const areStopsTold = ofStops.length <= (trading?.stops ?? []).length;
  return warnings.filter((text) => !(areStopsTold && ofStops.includes(text))
    && !(ready.config_error && text.includes(ready.config_error)) && !(waiting && text.includes(waiting.revision)));
}

/** A venue that is needed and away: in SHADOW, one with a live position. */
function isMissed({ name, kind, is_connected: isConnected, last_error: error }, venues) {
  const mode = venues.find(({ venue }) => venue === name)?.effective_mode;
  return kind === "venue" && !isConnected && mode !== undefined && (mode !== "SHADOW" || error !== "");
}

/** What takes a venue back, and what goes past its plan. */
function* aboutRollout({ venue, hold, override, verdict, gates }) {
  if (hold) {
    yield {
      key: `rollout ${venue}`, level: hold.kind === "paused" ? "warn" : "bad", since: hold.since, title: `Rollout of ${venue} is ${words(hold.kind)}`,
      text: `${words(hold.cause)}: ${hold.text} (by ${hold.by})${hold.cool_down_until ? `; not before ${dateTimeOf(hold.cool_down_until)}` : ""}`,
    };
  }
  if (override) yield { key: `override ${venue}`, level: "bad", title: `${venue} is overridden`, text: `${override.what} by ${override.by} until ${dateTimeOf(override.expires_at)}: ${override.reason}` };
  if (verdict === "fail" && !hold) yield { key: `failed ${venue}`, level: "bad", title: `${venue} fails its gates`, text: gates.filter((gate) => gate.verdict === "fail").map((gate) => gate.text).join("; ") };
}
