// One order's whole story, in a drawer: what was checked, what the policy said, where it went and why, what came back, and how long each step took.

import { html, useEffect, useRef } from "./vendor/preact-htm.js";
import { Badge, Table } from "./parts.js";
import { amount, dateTimeOf, duration, price, short, timeOf, words } from "./format.js";
import { get } from "./api.js";
import { ActionButton } from "./rights.js";
import { changedNow, state as store } from "./store.js";

export async function openStory(orderId) {
  Object.assign(store, { openOrder: orderId, story: null, storyError: null, checks: null, storyIsOld: false });
  changedNow();
  await reload();
}

async function reload() {
  const asked = store.openOrder;
  try {
    const story = await get(`page/orders/${encodeURIComponent(asked)}`);
    if (store.openOrder === asked) Object.assign(store, { story, storyIsOld: false });
  } catch (refusal) {
    if (store.openOrder === asked) store.storyError = refusal.message;
  }
  changedNow();
}

function close() {
  const row = document.querySelector("tr.chosen .row-link");
  Object.assign(store, { openOrder: null, story: null });
  changedNow();
  row?.focus();
}

async function askChecks(order) {
  store.checks = "asking";
  changedNow();
  try {
    store.checks = await get(`page/orders/${encodeURIComponent(order.order_id)}/checks`);
  } catch (refusal) {
    store.checks = { error: refusal.message };
  }
  changedNow();
}

export function Story({ state }) {
  const box = useRef(null);
  const { openOrder, story } = state;
  useEffect(() => {
    if (!openOrder) return undefined;
    box.current?.focus();
    // On the document: what had the focus inside may be gone by then.
    const pressed = (event) => event.key === "Escape" && !document.querySelector("dialog[open]") && close();
    document.addEventListener("keydown", pressed);
    return () => document.removeEventListener("keydown", pressed);
  }, [openOrder]);
  if (!openOrder) return null;
  if (state.storyIsOld && story) setTimeout(reload, 500), (state.storyIsOld = false);
  return html`<aside class="drawer" role="dialog" aria-labelledby="story-head" tabindex="-1" ref=${box}>
    <div class="panel-head"><h2 id="story-head">Order ${short(openOrder, 22)}</h2><button type="button" class="quiet" onClick=${close}>Close</button></div>
    ${state.storyError ? html`<p class="notice">${state.storyError}</p>` : story ? whole(story, state) : html`<p class="empty">Asking for its story</p>`}
  </aside>`;
}

function whole({ order, steps, stages }, state) {
  return html`
    <p class="headline"><span class="side" data-side=${order.side}>${order.side}</span> ${amount(order.order_qty)} <strong>${order.symbol}</strong>
      ${" "}${words(order.order_type)}${order.limit_price && ` at ${amount(order.limit_price)}`}${order.stop_price && ` stop ${amount(order.stop_price)}`}, ${order.time_in_force}</p>
    <p><span class="status" data-status=${order.ord_status}>${words(order.ord_status)}</span>${order.is_in_doubt && html` <${Badge} kind="bad">in doubt</${Badge}>`}
      ${" "}filled ${amount(order.cum_qty)}${order.avg_px && ` at ${price(order.avg_px, 6)}`}</p>
    ${order.reject && html`<div class="notice"><strong>${order.reject.stage} · ${order.reject.code}</strong><p>${order.reject.text}</p></div>`}
    <h3>Where it went</h3>
    <p><${Badge} kind=${order.route === "live" ? "live" : "shadow"}>${order.route}</${Badge}> to ${order.venue}, mode ${order.mode}: ${words(order.route_reason).toLowerCase()}, position ${order.cycle}.
      Account ${order.account}, strategy ${order.strategy_id}${order.client_order_id && `, client id ${order.client_order_id}`}.</p>
    <h3>What was checked</h3>
    ${breaches(order)}
    <p class="hint">Limits of configuration ${order.config_revision || "–"}, policy ${order.policy_revision || "was not asked"}.</p>
    ${checksOf(order, state)}
    ${order.overrides.length > 0 && html`<p>Passed by override: ${order.overrides.map((one) => `${one.reason} (${one.granted_by})`).join("; ")}</p>`}
    <h3>What happened</h3>
    <ol class="steps">${steps.map((step) => html`<li key=${`${step.seq} ${step.index}`}><time>${timeOf(step.ts)}</time> <strong>${words(step.event ?? step.type)}</strong> <span>${tell(step)}</span></li>`)}</ol>
    <h3>How long it took</h3>
    ${stages.length ? html`<dl class="stages">${stages.map((stage) => html`<div><dt>${stage.name}</dt><dd>${duration(stage.ns / 1e6)}</dd></div>`)}</dl>` : html`<p class="hint">Not known any more.</p>`}
    ${order.twin && html`<h3>Its twin in the simulator</h3><p>${words(order.twin.ord_status)}, filled ${amount(order.twin.cum_qty)}${order.twin.avg_px && ` at ${price(order.twin.avg_px, 6)}`}${twinGap(order)}</p>`}
    ${order.legs.length > 0 && html`<h3>Its legs</h3><ul>${order.legs.map((leg) => html`<li><button type="button" class="row-link" onClick=${() => openStory(leg.order_id)}>${leg.route}: ${amount(leg.order_qty)}, ${words(leg.ord_status)}</button></li>`)}</ul>`}
    ${["pending_new", "new", "partially_filled"].includes(order.ord_status) && html`<p><${ActionButton} wish=${{ kind: "cancel", order }}>Cancel this order</${ActionButton}></p>`}
    <p class="hint">Created ${dateTimeOf(order.created_at)}, last change ${dateTimeOf(order.updated_at)}</p>`;
}

function breaches(order) {
  const found = order.reject?.breaches ?? [];
  if (!found.length) return order.reject ? null : html`<p>It broke no limit that is not lifted.</p>`;
  return html`<${Table} label="Limits it broke" heads=${["Limit", "Scope", "#Allowed", "#Was"]}>${found.map((one) => html`<tr><td>${one.code}</td><td>${one.scope} ${one.scope_id}</td><td class="number">${amount(one.limit)}</td><td class="number">${amount(one.value)}</td></tr>`)}</${Table}>`;
}

function checksOf(order, { checks }) {
  if (!checks) return html`<p><button type="button" class="quiet" onClick=${() => askChecks(order)}>Show every check</button> <span class="hint">decides the order again from the journal</span></p>`;
  if (checks === "asking") return html`<p class="empty">Deciding it again from the journal</p>`;
  if (checks.error) return html`<p class="notice">${checks.error}</p>`;
  return html`${checks.legs.map((leg) => html`<${Table} label="Every check" heads=${["", "Limit", "Scope", "#Allowed", "#Was"]}>
    ${leg.checks.map((one) => html`<tr><td>${one.passed ? "passed" : one.is_exempt ? "exempt" : html`<strong>broken</strong>`}</td><td>${one.rule}</td><td>${one.scope} ${one.scope_id}</td>
      <td class="number">${amount(one.limit)}</td><td class="number">${amount(one.value)}</td></tr>`)}</${Table}>
    <p>Policy: ${leg.policy.is_allowed ? "allowed" : leg.policy.failure_text || `denied: ${leg.policy.reasons.map(([code, text]) => `${code} ${text}`).join("; ")}`}</p>`)}`;
}

function tell(step) {
  switch (step.type) {
    case "fill": return `${amount(step.last_qty)} at ${amount(step.last_px)}, fee ${amount(step.fee, 6)} ${step.fee_currency}; now ${words(step.ord_status)}`;
    case "twin": return `${step.number === 2 ? "second twin: " : ""}${Number(step.last_qty) ? `the simulator filled ${amount(step.last_qty)} at ${amount(step.last_px)}` : words(step.exec_type)}`;
    case "cycle": return step.bucket === null ? `position ${step.cycle} begins: ${step.route}` : `position ${step.cycle} drew ${step.bucket} under a weight of ${step.weight_bp}: ${step.route}`;
    case "override": return `override ${step.override_id}`;
    default: return step.text || step.reject?.text || (step.by ? `by ${step.by}` : step.policy_revision ? `by policy ${step.policy_revision}` : step.venue_order_id ? `as ${step.venue_order_id}` : "");
  }
}

function twinGap(order) {
  if (!order.avg_px || !order.twin.avg_px) return "";
  const gap = ((Number(order.avg_px) - Number(order.twin.avg_px)) / Number(order.twin.avg_px)) * 10000 * (order.side === "buy" ? 1 : -1);
  return `: live was ${Math.abs(gap).toFixed(2)} bp ${gap > 0 ? "worse" : "better"}`;
}
