// Connections, configuration and the record: what the gateway stands on.

import { html } from "./vendor/preact-htm.js";
import { Badge, Panel } from "./parts.js";
import { ago, amount } from "./format.js";
import { ActionButton } from "./rights.js";

export function Connections({ state }) {
  const all = state.answers.connections?.connections ?? [];
  return html`<${Panel} id="connections-head" title="Connections" error=${!all.length && state.errors.page}>
    <ul class="rows">${all.map((one) => html`<li key=${`${one.kind} ${one.name}`}>
      <${Badge} kind=${one.is_connected ? "good" : one.text.startsWith("in SHADOW") ? "off" : "bad"}>${one.is_connected ? "up" : one.text.startsWith("in SHADOW") ? "idle" : "down"}</${Badge}>
      <span><strong>${one.name}</strong> <span class="hint">${one.kind.replace("_", " ")}</span> ${one.is_synthetic && html`<${Badge} kind="warn">synthetic</${Badge}>`}
        ${one.text} <span class="hint">for ${ago(one.since)}${one.failed_attempts ? `, ${one.failed_attempts} attempts failed` : ""}${one.last_error ? `: ${one.last_error}` : ""}</span></span></li>`)}</ul>
  </${Panel}>`;
}

export function Configuration({ state }) {
  const { ready, modes, waiting } = state.answers;
  return html`<${Panel} id="config-head" title="Configuration">
    <dl class="pairs">
      <div><dt>In force</dt><dd><code>${modes?.config_revision ?? ready?.config_revision ?? "–"}</code></dd></div>
      <div><dt>Policies</dt><dd><code>${ready?.policy_revision ?? "–"}</code></dd></div>
      <div><dt>Last refused edit</dt><dd>${ready?.config_error ? html`<span class="bad-text">${ready.config_error}</span>` : "none since the last good one"}</dd></div>
      <div><dt>Waiting</dt><dd>${waiting
        ? html`${waiting.looser.join("; ")} <${ActionButton} wish=${{ kind: "approve", waiting }}>Review</${ActionButton}>`
        : "nothing"}</dd></div>
    </dl>
  </${Panel}>`;
}

export function Record({ state }) {
  const { ready, statistics, seq } = state.answers;
  const counts = statistics?.statistics ?? {};
  const behind = ready?.last_seq !== undefined ? ready.last_seq - ready.durable_seq : null;
  return html`<${Panel} id="record-head" title="Record">
    <dl class="pairs">
      <div><dt>Journal</dt><dd>${ready?.last_seq === undefined ? "–" : html`${amount(String(ready.durable_seq))} records durable${behind ? `, ${behind} under way` : ""}`}</dd></div>
      <div><dt>This page</dt><dd>${seq === undefined ? "–" : `as of record ${amount(String(seq))}, folded from the journal`}</dd></div>
      <div><dt>Audit</dt><dd>${audit(state.answers.alerts)}</dd></div>
      <div><dt>Orders</dt><dd>${Object.entries(counts.orders ?? {}).map(([name, count]) => `${count} ${name}`).join(", ") || "none yet"}</dd></div>
      <div><dt>Denied</dt><dd>${Object.entries(counts.denied ?? {}).sort((a, b) => b[1] - a[1]).slice(0, 6).map(([code, count]) => `${count} ${code}`).join(", ") || "none"}</dd></div>
    </dl>
  </${Panel}>`;
}

/** The whole journal is verified at every `storage.audit_every_s`; what that finds is an alert until it is whole again. */
function audit(alerts) {
  if (!alerts) return "–";
  const broken = alerts.alerts.find((one) => one.kind === "audit_broken" && !one.resolved_at);
  return broken ? html`<${Badge} kind="bad">broken</${Badge}> ${broken.text}` : html`<${Badge} kind="good">whole</${Badge}> <span class="hint">as last verified beside the running gateway</span>`;
}
