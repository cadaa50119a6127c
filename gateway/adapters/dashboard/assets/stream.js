// ws/events: orders and fills as they become durable, resumed from the last sequence number after every break.

import { key } from "./api.js";
import { changed, state } from "./store.js";
import { readPage, refreshSoon } from "./polling.js";

const MAX_ORDERS = 1000;
const MAX_FILLS = 500;
const SILENT_AFTER_MS = 12000; // heartbeats come every 5 s
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
  state.orders = new Map();
  state.fills = [];
  for (const order of page.orders.reverse()) put(fromView(order));
  state.fills.sort((a, b) => (a.ts < b.ts ? -1 : 1));
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
  changed();
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

const HEARD = { order: hearOrder, fill: hearFill, twin: hearTwin, trade_revision: hearFigures, cycle() {}, override() {} };
/** What changes more than orders and fills: the page is read anew. */
const RELATED = new Set(["trading_state", "breaker", "flatten", "lock", "alert", "config", "venue", "rollout"]);

function refreshRelated(message) {
  if (RELATED.has(message.type)) refreshSoon(message.seq);
}

function put(order) {
  state.orders.delete(order.order_id);
  state.orders.set(order.order_id, order);
  if (state.orders.size > MAX_ORDERS) state.orders.delete(state.orders.keys().next().value);
}

function fromView(view) {
  for (const fill of view.fills) state.fills.push({ ...identity(view), ...fill, route: view.route, ts: fill.transact_time });
  for (const leg of view.legs) fromView(leg);
  return {
    ...identity(view), ts: view.created_at, status: view.ord_status, route: view.route, mode: view.mode,
    order_type: view.order_type, order_qty: view.order_qty, limit_price: view.limit_price, stop_price: view.stop_price,
    cum_qty: view.cum_qty, avg_px: view.avg_px, reject: view.reject, is_in_doubt: view.is_in_doubt, parent_id: view.parent_id,
    twin_px: view.twin?.avg_px ?? null, twin_qty: view.twin?.cum_qty ?? null,
  };
}

function identity(one) {
  return {
    order_id: one.order_id, client_order_id: one.client_order_id, account: one.account, strategy_id: one.strategy_id,
    venue: one.venue, symbol: one.symbol, side: one.side,
  };
}

const STATUS_OF = { held: "pending_new", admitted: "pending_new", acknowledged: "new", cancel_requested: "pending_cancel", replace_requested: "pending_replace" };
const ENDS = new Set(["denied", "canceled", "expired", "rejected"]);

function hearOrder(message) {
  let order = state.orders.get(message.order_id);
  if (!order) {
    if (message.order_qty === undefined) return; // it began before what this page remembers
    order = { ...identity(message), ts: message.ts, status: "pending_new", cum_qty: "0", avg_px: null, reject: null, is_in_doubt: false };
    put(order);
  }
  if (message.event === "withdrawn") return void state.orders.delete(message.order_id);
  for (const name of ["route", "mode", "order_type", "order_qty", "limit_price", "stop_price", "parent_id"]) {
    if (message[name] !== undefined) order[name] = message[name];
  }
  if (ENDS.has(message.event)) Object.assign(order, { status: message.event, reject: message.reject ?? null });
  else if (STATUS_OF[message.event] && !(message.event === "acknowledged" && order.status === "partially_filled")) order.status = STATUS_OF[message.event];
  else if (message.event === "cancel_refused" || message.event.startsWith("replace")) order.status = Number(order.cum_qty) ? "partially_filled" : "new";
  order.is_in_doubt = message.event === "in_doubt" || (order.is_in_doubt && message.event !== "acknowledged" && !ENDS.has(message.event));
}

function hearFigures(message) {
  const order = state.orders.get(message.order_id);
  if (!order) return;
  Object.assign(order, { status: message.ord_status, cum_qty: message.cum_qty, avg_px: message.avg_px, is_in_doubt: false });
  const parent = order.parent_id && state.orders.get(order.parent_id);
  if (parent) parent.legsMoved = true;
}

function hearFill(message) {
  hearFigures(message);
  if (state.fills.some((fill) => fill.exec_id === message.exec_id && fill.order_id === message.order_id)) return;
  state.fills.push({ ...identity(message), ...message });
  if (state.fills.length > MAX_FILLS) state.fills.splice(0, state.fills.length - MAX_FILLS);
}

function hearTwin(message) {
  const order = state.orders.get(message.order_id);
  if (!order || !Number(message.last_qty)) return;
  const before = Number(order.twin_qty ?? 0);
  const now = before + Number(message.last_qty);
  order.twin_px = String(((Number(order.twin_px ?? 0) * before) + Number(message.last_px) * Number(message.last_qty)) / now);
  order.twin_qty = String(now);
}
