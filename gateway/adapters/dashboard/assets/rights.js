// What the key at hand may do. The gateway decides anew at every command; here nobody has to run into its refusal to know.

import { html } from "./vendor/preact-htm.js";
import { openDialog } from "./dialogs.js";
import { state as store } from "./store.js";

/** Who may: everything that is not named here asks for the right to control. */
const RIGHTS = { cancel: { right: "cancel", roles: "trader, risk or admin" }, key: null };
const CONTROL = { right: "control", roles: "risk or admin" };
/** What concerns every account, so that a key that is bound to some may not do it. */
const OF_ALL = new Set(["enable", "reset", "approve", "pauseRollout", "resumeRollout", "abortRollout", "approveRollout"]);

/** Why the key may not do this, in words; empty when it may, or while nobody knows yet. */
export function lacks(kind) {
  const { caller } = store.answers;
  const needs = kind in RIGHTS ? RIGHTS[kind] : CONTROL;
  if (!needs || !caller) return "";
  if (!caller.rights.includes(needs.right)) return `${caller.name} has the role ${caller.role}: this takes a key with the role ${needs.roles}.`;
  return caller.is_bound && OF_ALL.has(kind) ? `The key of ${caller.name} is bound to some accounts or strategies, and this concerns all.` : "";
}

/** A button that opens a dialog. One that the key may not use says so, and the dialog says why. */
export function ActionButton({ wish, kind = "", label, children }) {
  const why = lacks(wish.kind);
  return html`<button type="button" class=${`${kind} ${why ? "locked" : ""}`} title=${why} aria-label=${label} onClick=${() => openDialog(wish)}>
    ${children}${why && html`<span class="visually-hidden"> (not with this key)</span>`}</button>`;
}
