// How far each venue is on its way from SHADOW to LIVE: weight against measured share, and every gate with its evidence.

import { html } from "./vendor/preact-htm.js";
import { Badge, Empty, Panel } from "./parts.js";
import { basisPoints, share, words } from "./format.js";

const KIND = { pass: "good", fail: "bad", error: "bad", not_enough_evidence: "off" };

export function Rollouts({ state }) {
  const all = state.answers.rollouts?.rollouts ?? [];
  return html`<${Panel} id="rollouts-head" title="Rollouts" error=${!state.answers.rollouts && state.errors.rollouts}>
    ${all.length ? all.map((one) => html`<${Rollout} key=${one.venue} one=${one} />`) : html`<${Empty}>No venue is in a rollout.</${Empty}>`}
  </${Panel}>`;
}

function Rollout({ one }) {
  return html`<article class="rollout"><h3>${one.venue} <${Badge} kind=${one.mode === "SHADOW" ? "shadow" : one.mode === "LIVE" ? "live" : "warn"}>${one.mode}</${Badge}></h3>
    <p>${one.text ?? `step ${one.step ?? "–"}`}</p>
    <div class="track"><span>weight ${basisPoints(one.weight_bp ?? 0)}</span><span>measured ${share(one.measured_share ?? 0)}</span></div>
    <ul class="rows">${(one.gates ?? []).map((gate) => html`<li key=${gate.name}><${Badge} kind=${KIND[gate.verdict] ?? "off"}>${words(gate.verdict)}</${Badge}><span><strong>${words(gate.name)}</strong> <span class="hint">${gate.text}</span></span></li>`)}</ul>
  </article>`;
}
