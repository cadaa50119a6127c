// The read model of the page, asked as a whole every two seconds and soon after a change; never while the tab is hidden.

import { ask, get } from "./api.js";
import { changed, state } from "./store.js";

const EVERY_MS = 2000;
const HISTORY_EVERY_MS = 60000;
const MAX_POINTS = 2000;
/** A gateway that hangs takes connections, and says nothing. */
const PATIENCE_MS = 8000;
/** How long after a change is heard: by then the read model has folded it. */
const SOON_MS = 600;
const PARTS = ["caller", "modes", "trading", "portfolio", "breakers", "risk", "rollouts", "alerts", "statistics", "locks", "connections", "waiting", "seq", "last_seq"];

let wanted = 0;
let isDue = false;

/** Read it, with orders and history when `query` asks for them. Throws what the gateway refuses. */
export async function readPage(query = "") {
  try {
    const answer = await get(`page${query}`, AbortSignal.timeout(PATIENCE_MS));
    // One that goes on telling of the same record while there are newer ones is not current either.
    if (answer.seq >= answer.last_seq || answer.seq !== state.answers.seq) state.currentAt = Date.now();
    for (const name of PARTS) state.answers[name] = answer[name];
    if (answer.history) state.answers.history = answer.history;
    delete state.errors.page;
    state.needsKey = false;
    sampleEquity(answer.portfolio.portfolio);
    return answer;
  } catch (refusal) {
    state.errors.page = refusal.message;
    if (refusal.status === 401) state.needsKey = true;
    throw refusal;
  } finally {
    changed();
  }
}

const refreshPage = (query) => readPage(query).catch(() => null);

/** Not anew while it is asked for: what a person presses must not stand behind a queue of questions. */
function once(read) {
  let isAsking = false;
  return async () => {
    if (isAsking) return;
    isAsking = true;
    try {
      await read();
    } finally {
      isAsking = false;
    }
  };
}

/** Something changed at record `seq`: read the page until it is as of then. */
export function refreshSoon(seq = 0) {
  wanted = Math.max(wanted, seq);
  if (isDue) return;
  isDue = true;
  setTimeout(async () => {
    isDue = false;
    const answer = await refreshPage();
    if (answer && answer.seq < wanted) refreshSoon();
  }, SOON_MS);
}

/** Of the process itself, which is no fact: is it there, does it take orders, what does it warn of. */
async function refreshReady() {
  try {
    const askedAt = Date.now();
    state.answers.ready = { askedAt, ...(await ask("/health/ready", { signal: AbortSignal.timeout(PATIENCE_MS) })) };
  } catch (refusal) {
    state.answers.ready = { status: "not ready", ...refusal.problem, isUnreachable: refusal.status === 0 };
  }
  changed();
}

/** The tail of the equity plot: the newest points are the page's own samples, the past is the recorded history. */
function sampleEquity(accounts) {
  const now = Date.now() / 1000;
  for (const one of accounts) {
    const points = equityOf(`${one.book} ${one.account}`);
    if (points.length && now - points.at(-1)[0] < 1) continue;
    points.push([now, Number(one.equity), Number(one.drawdown)]);
    if (points.length > MAX_POINTS) points.splice(0, points.length - MAX_POINTS);
  }
}

function equityOf(name) {
  if (!state.equity.has(name)) state.equity.set(name, []);
  return state.equity.get(name);
}

export function refreshAll() {
  refreshReady();
  refreshPage();
}

export function startPolling() {
  refreshReady();
  const every = (milliseconds, read) => setInterval(() => document.hidden || state.needsKey || read(), milliseconds);
  const readyOnce = once(refreshReady);
  setInterval(() => document.hidden || readyOnce(), EVERY_MS);
  every(EVERY_MS, once(() => refreshPage()));
  every(HISTORY_EVERY_MS, () => refreshPage("?history=500"));
  document.addEventListener("visibilitychange", () => document.hidden || refreshAll());
}
