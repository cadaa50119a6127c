// Limits as bars, the fullest first, and the circuit breakers.

import { html } from "./vendor/preact-htm.js";
import { Badge, Empty, Panel } from "./parts.js";
import { ago, amount, share, words } from "./format.js";
import { ActionButton } from "./rights.js";

const SHOWN = 12;

export function Limits({ state }) {
  const answer = state.answers.risk;
  const used = answer?.limits ?? [];
  return html`<${Panel} id="limits-head" title="Limits" hint=${answer ? `${answer.broken ? `${answer.broken} exceeded, ` : ""}${answer.used} in use, the fullest first` : ""} error=${!answer && state.errors.page}>
    ${used.length ? html`<ul class="bars">${used.slice(0, SHOWN).map(bar)}</ul>` : html`<${Empty}>No limit is in use.</${Empty}>`}
  </${Panel}>`;
}

function bar(one) {
  const use = Number(one.use);
  const where = [one.scope === "gateway" ? "" : `${one.scope} ${one.scope_id}`, one.account, one.symbol].filter(Boolean).join(", ");
  const level = use >= 1 ? "bad" : use >= 0.8 ? "warn" : "good";
  return html`<li key=${[one.book, one.scope, one.scope_id, one.rule].join(" ")} data-level=${level}>
    <div class="bar-head"><span>${one.rule} <span class="hint">${one.book}${where && `, ${where}`}</span></span><span>${amount(one.value, 4)} of ${amount(one.limit, 4)}</span></div>
    <div class="bar" role="meter" aria-label=${`${one.rule} ${one.book} ${where}`} aria-valuemin="0" aria-valuemax="100" aria-valuenow=${Math.min(Math.round(use * 100), 100)} aria-valuetext=${share(use)}>
      <i style=${{ width: `${Math.min(use * 100, 100)}%` }}></i></div></li>`;
}

export function Breakers({ state }) {
  const all = state.answers.breakers?.circuit_breakers ?? [];
  const order = { tripped: 0, armed: 1, off: 2 };
  const rows = [...all].sort((a, b) => order[a.state] - order[b.state]);
  return html`<${Panel} id="breakers-head" title="Circuit breakers" error=${!all.length && state.errors.page}>
    <ul class="rows">${rows.map((one) => html`<li key=${one.id}>
      <${Badge} kind=${one.state === "tripped" ? "bad" : one.state === "armed" ? "good" : "off"}>${one.state}</${Badge}>
      <span><strong>${words(one.breaker)}</strong> ${one.state === "tripped"
        ? html`${one.does || words(one.action)}: ${one.cause} <span class="hint">for ${ago(one.since)}, resets ${one.resets}</span>`
        : html`<span class="hint">${one.value === null ? "not measured" : `${amount(one.value, 4)} of ${amount(one.threshold, 4)}`}, then ${words(one.action)}</span>`}</span>
      ${one.state === "tripped" && html`<${ActionButton} wish=${{ kind: "reset", breaker: one }} label=${`Reset ${one.id}`}>Reset</${ActionButton}>`}
    </li>`)}</ul>
  </${Panel}>`;
}
