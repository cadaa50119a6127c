// How far each venue is on its way from SHADOW to LIVE: weight against measured share, and every gate with its evidence.

import { html } from "./vendor/preact-htm.js";
import { Badge, Empty, Panel } from "./parts.js";
import { basisPoints, dateTimeOf, words } from "./format.js";
import { ActionButton } from "./rights.js";

const KIND = { pass: "good", fail: "bad", error: "bad", not_enough_evidence: "off" };

export function Rollouts({ state }) {
  const all = state.answers.rollouts?.rollouts ?? [];
  return html`<${Panel} id="rollouts-head" title="Rollouts" error=${!state.answers.rollouts && state.errors.page}>
    ${all.length ? all.map((one) => html`<${Rollout} key=${one.venue} one=${one} />`) : html`<${Empty}>No venue is in a rollout.</${Empty}>`}
  </${Panel}>`;
}

function Rollout({ one }) {
  const isHeld = one.hold !== null;
  const act = (kind, name) => html`<${ActionButton} kind="quiet" wish=${{ kind, rollout: one }}>${name} ${one.venue}</${ActionButton}>`;
  return html`<article class="rollout"><h3>${one.venue} <${Badge} kind=${one.mode === "SHADOW" ? "shadow" : one.mode === "LIVE" ? "live" : "warn"}>${one.mode}</${Badge}>
      ${isHeld && html` <${Badge} kind="bad">${one.hold.kind}</${Badge}>`}${one.override && html` <${Badge} kind="bad">override</${Badge}>`}
      ${one.promotions === "manual" && html` <${Badge} kind="warn">raised by hand</${Badge}>`}</h3>
    <p>${one.step}${one.position >= 0 && one.position < one.steps && `, step ${one.position + 1} of ${one.steps}`}, ${days(one)}, ${one.orders} live orders, ${one.errors} errors</p>
    <div class="track"><span>weight ${basisPoints(one.weight_bp)}</span><span>measured ${one.measured_bp === null ? "–" : basisPoints(one.measured_bp)}</span></div>
    <p>Evidence: <${Badge} kind=${KIND[one.verdict] ?? "off"}>${words(one.verdict)}</${Badge}>${one.projected_at && one.verdict === "not_enough_evidence" && html` <span class="hint">enough at this rate ${dateTimeOf(one.projected_at)}</span>`}</p>
    <ul class="rows">${one.gates.map((gate) => html`<li key=${gate.gate}><${Badge} kind=${KIND[gate.verdict] ?? "off"}>${words(gate.verdict)}</${Badge}><span><strong>${words(gate.gate)}</strong> <span class="hint">${gate.text}</span></span></li>`)}</ul>
    ${one.missing.length > 0 && html`<details><summary>${one.missing.length} missing for ${one.next_step}</summary><ul>${one.missing.map((text) => html`<li key=${text}>${text}</li>`)}</ul></details>`}
    ${one.approval && html`<p class="hint">Approved: ${one.approval.what}, by ${one.approval.by} until ${dateTimeOf(one.approval.expires_at)}: ${one.approval.reason}</p>`}
    <p class="rollout-actions">
      ${isHeld ? act("resumeRollout", "Resume") : act("pauseRollout", "Pause")} ${act("abortRollout", "Abort")}
      ${one.next_step && one.promotions !== "manual" && act("approveRollout", "Approve")}</p>
    <p class="hint">Evidence <code>${one.evidence_hash}</code>; the whole review: <code>gateway rollout review ${one.venue}</code></p>
  </article>`;
}

function days(one) {
  const gate = one.gates.find((each) => each.gate === "days");
  const left = gate?.needed ? `, ${gate.needed} left` : "";
  return `${one.days} trading days${left}`;
}
