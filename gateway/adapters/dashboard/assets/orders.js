// Orders and fills as they happen, narrowed by words and choices.

import { html } from "./vendor/preact-htm.js";
import { Badge, Empty, Panel, Table } from "./parts.js";
import { amount, price, timeOf, words } from "./format.js";
import { changedNow } from "./store.js";
import { openStory } from "./story.js";

const SHOWN = 100;
const GROUPS = {
  open: new Set(["pending_new", "new", "partially_filled", "pending_cancel", "pending_replace"]),
  filled: new Set(["filled"]),
  denied: new Set(["denied", "rejected"]),
  ended: new Set(["canceled", "expired"]),
};

export function Orders({ state }) {
  const isFills = state.tab === "fills";
  const rows = isFills ? state.fills : [...state.orders.values()];
  const found = rows.filter((row) => matches(row, state.filter, isFills)).slice(-SHOWN).reverse();
  const tab = (name) => html`<button type="button" role="tab" id=${`tab-${name}`} aria-controls="orders-list" aria-selected=${state.tab === name ? "true" : "false"}
    onClick=${() => { state.tab = name; changedNow(); }}>${name === "orders" ? "Orders" : "Fills"}</button>`;
  return html`<${Panel} id="orders-head" title="Orders and fills" hint=${`${found.length} of the latest ${rows.length}`} error=${state.needsKey && "A key is needed."}>
    <div class="filter">
      <div role="tablist" aria-label="What is listed" class="tabs">${tab("orders")}${tab("fills")}</div>
      <label class="search"><span class="visually-hidden">Search</span>
        <input type="search" placeholder="symbol, strategy, order id" value=${state.filter.text} onInput=${(event) => set(state, "text", event.target.value)} /></label>
      ${!isFills && choice(state, "status", "Status", ["all", ...Object.keys(GROUPS)])}
      ${choice(state, "route", "Route", ["all", "live", "shadow", "split"])}
      ${choice(state, "venue", "Venue", ["all", ...(state.answers.modes?.venues ?? []).map((one) => one.venue)])}
    </div>
    <div id="orders-list" role="tabpanel" aria-labelledby=${`tab-${state.tab}`}>
      ${found.length ? (isFills ? fillTable(found) : orderTable(found, state)) : html`<${Empty}>Nothing here yet.</${Empty}>`}
    </div>
  </${Panel}>`;
}

function set(state, name, value) {
  state.filter[name] = value;
  changedNow();
}

const choice = (state, name, label, options) => html`<label>${label} <select value=${state.filter[name]} onChange=${(event) => set(state, name, event.target.value)}>
  ${options.map((one) => html`<option value=${one}>${one}</option>`)}</select></label>`;

export function matches(row, filter, isFill = false) {
  if (filter.venue !== "all" && row.venue !== filter.venue) return false;
  if (filter.route !== "all" && row.route !== filter.route) return false;
  if (!isFill && filter.status !== "all" && !GROUPS[filter.status].has(row.status)) return false;
  const sought = filter.text.trim().toLowerCase();
  if (!sought) return true;
  const text = [row.symbol, row.strategy_id, row.account, row.order_id, row.client_order_id, row.venue, row.side, row.status, row.reject?.code].join(" ");
  return sought.split(/\s+/).every((word) => text.toLowerCase().includes(word));
}

const side = (row) => html`<span class="side" data-side=${row.side}>${row.side}</span>`;
const route = (row) => html`<${Badge} kind=${row.route === "live" ? "live" : "shadow"}>${row.route ?? "–"}</${Badge}>`;

const orderTable = (rows, state) => html`<${Table} label="Orders" heads=${["Time", "Symbol", "Side", "#Quantity", "#Price", "Status", "#Filled", "#Average", "Route", "Strategy", "Venue"]}>
  ${rows.map((row) => html`<tr key=${row.order_id} class=${state.openOrder === row.order_id ? "chosen" : ""}>
    <td><button type="button" class="row-link" onClick=${() => openStory(row.order_id)} aria-label=${`Story of order ${row.order_id}: ${row.side} ${row.order_qty} ${row.symbol}`}>${timeOf(row.ts)}</button></td>
    <td>${row.symbol}</td><td>${side(row)}</td><td class="number">${amount(row.order_qty)}</td>
    <td class="number">${row.limit_price ? amount(row.limit_price) : words(row.order_type ?? "")}</td>
    <td><span class="status" data-status=${row.status}>${words(row.status)}</span>${row.is_in_doubt && html` <${Badge} kind="bad">in doubt</${Badge}>`}
      ${row.reject && html`<span class="hint reason" title=${row.reject.text}> ${row.reject.code}</span>`}</td>
    <td class="number">${amount(row.cum_qty)}</td><td class="number">${price(row.avg_px, 6)}</td><td>${route(row)}</td>
    <td>${row.strategy_id}</td><td>${row.venue}</td></tr>`)}
</${Table}>`;

const fillTable = (rows) => html`<${Table} label="Fills" heads=${["Time", "Symbol", "Side", "#Quantity", "#Price", "#Fee", "Route", "Strategy", "Venue", "Execution"]}>
  ${rows.map((row) => html`<tr key=${`${row.order_id} ${row.exec_id}`}>
    <td><button type="button" class="row-link" onClick=${() => openStory(row.order_id)} aria-label=${`Story of order ${row.order_id}`}>${timeOf(row.ts)}</button></td>
    <td>${row.symbol}</td><td>${side(row)}</td><td class="number">${amount(row.last_qty)}</td><td class="number">${amount(row.last_px)}</td>
    <td class="number">${amount(row.fee, 6)} ${row.fee_currency}</td><td>${route(row)}</td><td>${row.strategy_id}</td><td>${row.venue}</td><td class="hint">${row.exec_id}</td></tr>`)}
</${Table}>`;
