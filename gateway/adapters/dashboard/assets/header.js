// The bar that never leaves: is what is shown live, is trading on, and the button that stops it.

import { html } from "./vendor/preact-htm.js";
import { Badge } from "./parts.js";
import { openDialog } from "./dialogs.js";
import { words } from "./format.js";
import { ActionButton } from "./rights.js";
import { key, setKey } from "./api.js";
import { restartStream } from "./stream.js";
import { refreshAll } from "./polling.js";
import { changedNow } from "./store.js";

const THEMES = ["auto", "light", "dark"];

function theme() {
  return localStorage.getItem("gateway-theme") ?? "auto";
}

export function applyTheme() {
  document.documentElement.dataset.theme = theme();
}

function nextTheme() {
  localStorage.setItem("gateway-theme", THEMES[(THEMES.indexOf(theme()) + 1) % THEMES.length]);
  applyTheme();
  changedNow();
}

applyTheme();

export function Header({ state }) {
  const tradingState = state.answers.trading?.trading_state ?? "unknown";
  const { caller } = state.answers;
  const isLive = state.link.state === "live";
  return html`<header class="top">
    <h1 class="brand">Order gateway</h1>
    <p class="link-state" data-state=${state.link.state} role="status">
      ${isLive ? "Live" : html`${state.link.text}${state.link.state === "key" ? "" : ` (since ${new Date(state.link.since).toLocaleTimeString()}). What stands below may be old.`}`}
    </p>
    <p class="trading" data-state=${tradingState}>Trading: <strong>${words(tradingState)}</strong></p>
    <div class="top-actions">
      ${caller && html`<p class="who" title=${`may ${caller.rights.filter((right) => right !== "open").join(", ")}`}>${caller.name}, ${caller.role}${caller.is_bound ? ", bound" : ""}</p>`}
      <button type="button" class="quiet" onClick=${nextTheme}>Theme: ${theme()}</button>
      <button type="button" class="quiet" onClick=${() => openDialog({ kind: "key" })}>${key() ? "Change key" : "Enter key"}</button>
      ${isStoppedByPerson(state.answers) &&
      html`<${ActionButton} wish=${{ kind: "enable" }}>Let trading go on</${ActionButton}>`}
      <${ActionButton} kind="stop" wish=${{ kind: "stop" }}>Stop trading</${ActionButton}>
    </div>
    ${state.needsKey &&
    html`<form class="login" onSubmit=${(event) => {
      event.preventDefault();
      useKey(new FormData(event.target).get("key"));
    }}>
      <label>API key <input name="key" type="password" autocomplete="off" required /></label><button>Show</button>
      <${Badge} kind="warn">This gateway asks for a key</${Badge}>
    </form>`}
  </header>`;
}

/** Whether letting trading go on would lift anything: it resets no breaker, which has a button of its own. */
function isStoppedByPerson({ trading, breakers }) {
  const tripped = (breakers?.circuit_breakers ?? []).filter((one) => one.state === "tripped");
  const causes = tripped.map((one) => `circuit breaker ${one.id}: ${one.cause}`);
  return (trading?.stops ?? []).some((stop) => stop.scope === "gateway" && stop.book === "both" && !causes.includes(stop.cause));
}

export function useKey(text) {
  setKey(text);
  restartStream();
  refreshAll();
}
