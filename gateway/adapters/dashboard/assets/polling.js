// Reads that are not streamed, each at its own pace, none while the tab is hidden.

import { ask, get } from "./api.js";
import { changed, state } from "./store.js";

const READS = {
  modes: { path: "modes", every: 2000 },
  trading: { path: "trading", every: 2000 },
  connections: { path: "connections", every: 2000 },
  portfolio: { path: "portfolio", every: 2000 },
  breakers: { path: "circuit-breakers", every: 3000 },
  alerts: { path: "alerts", every: 3000 },
  risk: { path: "risk", every: 5000 },
  rollouts: { path: "rollouts", every: 5000 },
  statistics: { path: "statistics", every: 5000 },
  approvals: { path: "config/approvals", every: 10000 },
  locks: { path: "locks", every: 10000 },
  history: { path: "portfolio/history?limit=500", every: 60000 },
};
const MAX_POINTS = 2000;

export async function refresh(name) {
  const read = READS[name];
  try {
    const answer = await get(read.path);
    state.answers[name] = answer;
    delete state.errors[name];
    state.needsKey = false;
    if (name === "portfolio") sampleEquity(answer.portfolio);
  } catch (refusal) {
    state.errors[name] = refusal.message;
    if (refusal.status === 401) state.needsKey = true;
  }
  changed();
}

async function refreshReady() {
  try {
    state.answers.ready = await ask("/health/ready");
  } catch (refusal) {
    state.answers.ready = { status: "not ready", ...refusal.problem, isUnreachable: refusal.status === 0 };
  }
  changed();
}

/** The tail of the equity plot: the newest points are the page's own samples, the past is portfolio/history. */
function sampleEquity(accounts) {
  const now = Date.now() / 1000;
  for (const one of accounts) {
    const points = equityOf(`${one.book} ${one.account}`);
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
  for (const name of Object.keys(READS)) refresh(name);
}

export function startPolling() {
  refreshAll();
  setInterval(() => document.hidden || refreshReady(), 2000);
  for (const [name, read] of Object.entries(READS)) setInterval(() => document.hidden || state.needsKey || refresh(name), read.every);
  document.addEventListener("visibilitychange", () => document.hidden || refreshAll());
}
