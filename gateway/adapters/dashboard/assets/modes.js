// The mode of every venue: the most visible thing on the page.

import { html } from "./vendor/preact-htm.js";
import { Badge } from "./parts.js";
import { basisPoints, share } from "./format.js";

const MEANS = {
  SHADOW: "nothing is sent; orders are filled by the simulator",
  CANARY: "a share of new positions is sent for real",
  LIVE: "every order is sent for real",
};

/** In SHADOW with a position of before: closing it is the one thing that goes to the venue (invariant 3). */
const STILL_HELD = "nothing new is sent; orders that close what is held go to the venue";

export function Modes({ state }) {
  const modes = state.answers.modes;
  if (!modes) return html`<section class="modes" aria-label="Modes"><p class="empty">${state.errors.page ?? "Asking for the modes"}</p></section>`;
  const connections = state.answers.connections?.connections ?? [];
  const venues = new Map(connections.filter((one) => one.kind === "venue").map((one) => [one.name, one])); // prices have their names too
  const held = (state.answers.portfolio?.positions ?? []).filter((one) => one.book === "live" && Number(one.quantity) !== 0);
  return html`<section class="modes" aria-label="Modes of the venues">
    ${modes.venues.map((venue) => html`<${Venue} key=${venue.venue} venue=${venue} connection=${venues.get(venue.venue)} held=${held.filter((one) => one.venue === venue.venue).length} globalMode=${modes.global_mode} />`)}
    <${Prices} connections=${connections.filter((one) => one.kind === "market_data")} />
  </section>`;
}

function Venue({ venue, connection, held, globalMode }) {
  const mode = venue.effective_mode;
  const isLowered = mode !== venue.configured_mode;
  return html`<article class="venue" data-mode=${mode} aria-label=${`${venue.venue}: ${mode}`}>
    <h2>${venue.venue}</h2>
    <p class="mode">${mode}</p>
    <p class="means">${mode === "SHADOW" && held > 0 ? STILL_HELD : MEANS[mode]}</p>
    ${mode === "CANARY" &&
    html`<p class="weight"><span>weight <strong>${basisPoints(venue.canary_weight_bp)}</strong></span>
      <span>measured <strong>${share(venue.measured_share)}</strong></span>
      <span class="hint">${venue.cycles_live} of ${venue.cycles_live + venue.cycles_shadow} positions</span></p>`}
    <p class="tags">
      ${held > 0 && html`<${Badge} kind=${mode === "SHADOW" ? "warn" : "note"}>${held} live ${held === 1 ? "position" : "positions"}</${Badge}>`}
      ${isLowered && html`<${Badge} kind="warn">configured ${venue.configured_mode}, ${mode === globalMode ? `held down by global ${globalMode}` : "held or overridden by its rollout"}</${Badge}>`}
      ${mode !== "SHADOW" && connection && html`<${Badge} kind=${connection.is_connected ? "good" : "bad"}>${connection.is_connected ? "connected" : "not connected"}</${Badge}>`}
      ${connection?.is_paper && html`<${Badge} kind="note">paper account</${Badge}>`}
      ${mode !== "SHADOW" && connection?.is_paper === false && html`<${Badge} kind="bad">real money</${Badge}>`}
    </p>
  </article>`;
}

function Prices({ connections }) {
  if (!connections.length) return null;
  return html`<article class="venue prices" aria-label="Market data">
    <h2>prices</h2>
    ${connections.map((one) => html`<p key=${one.name}>
      ${one.is_synthetic ? html`<${Badge} kind="warn">synthetic</${Badge}>` : html`<${Badge} kind=${one.is_connected ? "good" : "bad"}>${one.is_connected ? "connected" : "lost"}</${Badge}>`}
      <span class="means">${one.text}</span></p>`)}
  </article>`;
}
