// ws/events: orders and fills as they become durable, resumed from the last sequence number after every break.

import { get, key } from "./api.js";
import { HEARD, moved, takeAgain, takePast } from "./hearing.js";
import { changed, state } from "./store.js";
import { readPage, refreshSoon } from "./polling.js";

const SILENT_AFTER_MS = 12000; // heartbeats come every 5 s
const MOST_ASKED = 5; // a second
const WAITS_MS = [500, 1000, 2000, 4000, 8000];

let socket = null;
let attempts = 0;
let cursor = null;
let heardAt = 0;

export function startStream() {
  connect();
  setInterval(watch, 1000);
}

/** Begin anew, with another key for example. */
export function restartStream() {
  attempts = 0;
  cursor = null;
  socket?.close();
  if (!socket) connect();
}

async function connect() {
  link(attempts ? "away" : "asking", attempts ? "Connection lost: trying again" : "Asking the gateway");
  try {
    if (isOtherJournal()) cursor = null;
    if (cursor === null) await loadPast();
  } catch (refusal) {
    if (refusal.status === 401) return link("key", "A key is needed");
    return again(refusal.code === "PAGE_BEHIND" ? refusal.message : undefined);
  }
  const address = `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/api/trading/ws/events?after=${cursor}`;
  socket = new WebSocket(address, key() ? ["gateway.v1", `bearer.${key()}`] : []);
  socket.onmessage = (message) => hear(JSON.parse(message.data));
  socket.onclose = (event) => {
    socket = null;
    if (event.code === 1008) link("key", "The key was withdrawn");
    again();
  };
}

/** The read model with the latest orders. The stream goes on from its record: nothing falls between, and what is heard twice changes nothing. */
async function loadPast() {
  const page = await readPage("?orders=200&history=500");
  takePast(page.orders);
  cursor = page.seq;
}

/** The gateway came back with fewer records than were heard of it: nothing to go on from. */
function isOtherJournal() {
  const { ready } = state.answers;
  return cursor !== null && ready?.askedAt > state.link.since && ready.last_seq < cursor;
}

function again(text = "Connection lost: trying again") {
  link("away", text);
  setTimeout(connect, WAITS_MS[Math.min(attempts++, WAITS_MS.length - 1)]);
}

/** A stream that is open and says nothing is as good as none: say so, and try another. */
function watch() {
  if (socket && socket.readyState === WebSocket.OPEN && Date.now() - heardAt > SILENT_AFTER_MS) {
    link("stale", `Nothing heard since ${new Date(heardAt).toLocaleTimeString()}`);
    socket.close();
  }
  if (!document.hidden) askAgain();
  changed();
}

/** Orders with legs are what the gateway says they are: a few of those that moved, the newest first. */
async function askAgain() {
  for (const orderId of [...moved].slice(-MOST_ASKED)) {
    moved.delete(orderId);
    try {
      takeAgain(await get(`orders/${encodeURIComponent(orderId)}`));
    } catch {
      // It is asked for again when it moves again, and with all others after a break.
    }
  }
}

function link(name, text) {
  if (state.link.state !== name) state.link.since = Date.now();
  Object.assign(state.link, { state: name, text });
  changed();
}

function hear(message) {
  heardAt = Date.now();
  attempts = 0;
  if (message.type === "hello" || message.type === "heartbeat") {
    cursor = Math.max(cursor ?? 0, message.seq);
    Object.assign(state.link, { lastSeq: message.last_seq, lastMessage: heardAt });
    return link("live", "Live");
  }
  // A record may hold several facts: after a break in the middle of one, it is read again from its beginning.
  cursor = Math.max(cursor ?? 0, message.seq - 1);
  state.link.lastSeq = message.seq;
  state.link.lastMessage = heardAt;
  (HEARD[message.type] ?? refreshRelated)(message);
  if (state.openOrder && message.order_id === state.openOrder) state.storyIsOld = true;
  changed();
}

/** What changes more than orders and fills: the page is read anew. */
const RELATED = new Set(["trading_state", "breaker", "flatten", "lock", "alert", "config", "venue", "rollout"]);

function refreshRelated(message) {
  if (RELATED.has(message.type)) refreshSoon(message.seq);
}
