// Everything a person can do from here. Each action says what it does and asks for the word that it names; stopping asks for one click.

import { html, useEffect, useRef, useState } from "./vendor/preact-htm.js";
import { post, remove } from "./api.js";
import { changedNow, state } from "./store.js";
import { refreshAll } from "./polling.js";
import { words } from "./format.js";
import { useKey } from "./header.js";
import { lacks } from "./rights.js";

/** `word`: what has to be typed; none for the stop, which must be quick. `run` gets what the form holds. */
const ACTIONS = {
  stop: () => ({
    title: "Stop trading", button: "Stop all trading now", isDanger: true, reason: "optional",
    text: "Every order is refused from now on and open orders are canceled, at every venue. Positions stay as they are. It holds over a restart until a person lets trading go on.",
    extra: html`<label class="check"><input type="checkbox" name="flatten" /> Close all live positions at the market as well</label>`,
    run: (form) => post(form.flatten ? "trading/flatten" : "trading/disable", { reason: form.reason || "stopped from the page" }),
  }),
  enable: () => ({
    title: "Let trading go on", button: "Let trading go on", word: "TRADE", reason: "optional",
    text: `Orders are taken again. What circuit breakers stopped stays stopped.${isFlattening() ? " The flatten that runs is called off: its orders are canceled, and what is not closed yet stays." : ""}`,
    run: (form) => post("trading/enable", { reason: form.reason || "resumed from the page" }),
  }),
  reset: ({ breaker }) => ({
    title: `Reset ${breaker.id}`, button: "Reset", word: breaker.breaker, reason: "optional",
    text: `${breaker.cause}. While that lasts, a reset needs force and a reason: the value of now is then accepted, and it trips again when it gets a fifth of the threshold worse.`,
    extra: html`<label class="check"><input type="checkbox" name="force" /> Force it</label>`,
    run: (form) => post(`circuit-breakers/${encodeURIComponent(breaker.id)}/reset`, { force: form.force === "on", ...(form.reason && { reason: form.reason }) }),
  }),
  approve: ({ waiting }) => ({
    title: "Let an edit loosen limits", button: "Approve", word: "APPROVE", reason: "required",
    text: `Revision ${waiting.revision}`,
    extra: html`<ul>${waiting.looser.map((line) => html`<li><strong>looser:</strong> ${line}</li>`)}${waiting.difference.map((line) => html`<li>${line}</li>`)}</ul>`,
    run: (form) => post("config/approvals", { revision: waiting.revision, reason: form.reason }),
  }),
  cancel: ({ order }) => ({
    title: "Cancel this order", button: "Cancel the order", word: "CANCEL", text: `${order.side} ${order.order_qty} ${order.symbol} at ${order.venue}`,
    run: () => remove(`orders/${encodeURIComponent(order.order_id)}`),
  }),
  lift: ({ lock }) => ({
    title: `Let ${lock.strategy_id} take new risk again`, button: "Lift the lock", word: "LIFT", reason: "required", text: `${lock.executions} executions in ${lock.window_s} s`,
    run: (form) => post(`locks/${encodeURIComponent(lock.lock_id)}/lift`, { reason: form.reason }),
  }),
  acknowledge: ({ alert }) => ({
    title: "Acknowledge the alert", button: "Acknowledge", word: "SEEN", reason: "required", text: alert.text ?? "",
    run: (form) => post(`alerts/${encodeURIComponent(alert.alert_id)}/acknowledge`, { reason: form.reason }),
  }),
  pauseRollout: ({ rollout }) => command(rollout, "pause", "Nothing new goes live at this venue until a person resumes it. Orders that work go on, and positions stay closable."),
  resumeRollout: ({ rollout }) => command(rollout, "resume", `It is ${rollout.hold?.kind}: ${rollout.hold?.text}. New orders go live again by its mode and weight.`),
  abortRollout: ({ rollout }) => ({ ...command(rollout, "abort", "It is demoted at once, live orders that open are canceled, and it begins again at the first step, under a changed configuration."), isDanger: true }),
  approveRollout: ({ rollout }) => ({
    title: `Approve raising ${rollout.venue}`, button: "Approve", word: "APPROVE", reason: "required",
    text: `To ${rollout.next_step}, on evidence ${rollout.evidence_hash} (${words(rollout.verdict)}). It is refused when that moved meanwhile. Read the review first: gateway rollout review ${rollout.venue}.`,
    extra: html`${rollout.missing.length > 0 && html`<ul>${rollout.missing.map((line) => html`<li>missing: ${line}</li>`)}</ul>`}
      <label>Revision of the configuration, as the refusal of the edit names it <input name="revision" required autocomplete="off" defaultValue=${asked(rollout.venue)} /></label>`,
    run: (form) => post(`rollouts/${encodeURIComponent(rollout.venue)}/approve`, { revision: form.revision, evidence: rollout.evidence_hash, reason: form.reason }),
  }),
  key: () => ({
    title: "API key", button: "Use it", text: "It stays in this browser tab. Empty: forget it.",
    extra: html`<label>API key <input name="key" type="password" autocomplete="off" /></label>`,
    run: async (form) => useKey(form.key),
  }),
};

function command({ venue }, name, text) {
  const title = name[0].toUpperCase() + name.slice(1);
  return {
    title: `${title} the rollout of ${venue}`, button: title, word: name.toUpperCase(), reason: "required", text,
    run: (form) => post(`rollouts/${encodeURIComponent(venue)}/${name}`, { reason: form.reason }),
  };
}

/** Whether positions of the whole gateway are being closed, which letting trading go on would end. */
function isFlattening() {
  return (state.answers.trading?.flattens ?? []).some((one) => one.state === "running" && one.scope === "gateway");
}

/** The revision that a refused edit asks approval for; empty when none does. */
function asked(venue) {
  const text = state.answers.ready?.config_error ?? "";
  return text.split(`rollout approve ${venue} --revision `)[1]?.split(" ")[0] ?? "";
}

export function openDialog(wish) {
  state.dialog = wish;
  changedNow();
}

export function Dialog({ state: { dialog } }) {
  return dialog && html`<${Open} key=${JSON.stringify(Object.keys(dialog)) + dialog.kind} wish=${dialog} />`;
}

function Open({ wish }) {
  const box = useRef(null);
  const [refusal, setRefusal] = useState("");
  const [typed, setTyped] = useState("");
  const [isBusy, setBusy] = useState(false);
  const action = ACTIONS[wish.kind](wish);
  const locked = lacks(wish.kind);
  const close = () => openDialog(null);
  useEffect(() => box.current.showModal(), []);
  const submit = async (event) => {
    event.preventDefault();
    setBusy(true);
    try {
      await action.run(Object.fromEntries(new FormData(event.target)));
      close();
      refreshAll();
    } catch (error) {
      setRefusal(error.status === 401 || error.status === 403 ? `${error.message}. This needs a key with another role.` : error.message);
    }
    setBusy(false);
  };
  const isReady = !action.word || typed.trim().toLowerCase() === action.word.toLowerCase();
  return html`<dialog ref=${box} aria-labelledby="dialog-head" onClose=${close} class=${action.isDanger ? "danger" : ""}>
    <form onSubmit=${submit}>
      <h2 id="dialog-head">${action.title}</h2>
      <p>${action.text}</p>
      ${action.extra}
      ${action.reason && html`<label>Reason${action.reason === "optional" ? " (may be empty)" : ""} <input name="reason" maxlength="200" required=${action.reason === "required"} /></label>`}
      ${action.word && html`<label>Type <strong>${action.word}</strong> to confirm <input name="word" autocomplete="off" value=${typed} onInput=${(event) => setTyped(event.target.value)} /></label>`}
      ${locked && html`<p class="notice" role="alert">${locked} <button type="button" class="quiet" onClick=${() => openDialog({ kind: "key" })}>Enter another key</button></p>`}
      ${refusal && html`<p class="notice" role="alert">${refusal}</p>`}
      <div class="dialog-actions"><button type="button" class="quiet" onClick=${close}>Back</button>
        <button class=${action.isDanger ? "stop" : ""} disabled=${!isReady || isBusy || locked !== ""} autofocus=${!action.word && wish.kind !== "key"}>${action.button}</button></div>
    </form>
  </dialog>`;
}
