// Orders and fills as the page holds them: begun from the read model, moved on by what ws/events tells.
// What is heard twice changes nothing, and a row shows what the API would say of its order.

import { state } from "./store.js";

const MAX_ORDERS = 1000;
const MAX_FILLS = 500;
const ENDS = new Set(["denied", "canceled", "expired", "rejected"]);
const OVER = new Set([...ENDS, "filled"]);
/** It is on record nowhere: neither is what became of it. */
const GONE = new Set(["withdrawn", "deferred"]);
/** Statuses of an order that works: a request to cancel or replace it is shown instead of them. */
const WORKING = new Set(["new", "partially_filled"]);
const NEW_TERMS = ["route", "mode", "order_type", "order_qty", "limit_price", "stop_price", "parent_id"];

/** Orders of which a leg moved. What they came to is the gateway's to say: it is asked for again. */
export const moved = new Set();

/** Orders as the read model has them, the newest first, with their legs. */
export function takePast(views) {
  state.orders = new Map();
  state.fills = [];
  moved.clear();
  for (const view of [...views].reverse()) take(view);
  state.fills.sort((a, b) => (a.ts < b.ts ? -1 : a.ts > b.ts ? 1 : 0));
  state.fills.splice(0, state.fills.length - MAX_FILLS);
}

/** An order that was asked for again: its legs were followed meanwhile. */
export function takeAgain(view) {
  if (state.orders.has(view.order_id)) state.orders.set(view.order_id, rowOf(view));
}

/** The fills of an order with legs are those of its legs. */
function take(view) {
  put(rowOf(view));
  for (const leg of view.legs) take(leg);
  if (view.legs.length) return;
  for (const fill of view.fills) state.fills.push({ ...identity(view), ...fill, route: view.route, ts: fill.transact_time });
}

function rowOf(view) {
  const isAsked = view.ord_status.startsWith("pending_") && view.ord_status !== "pending_new";
  const row = {
    ...identity(view), ts: view.created_at, base: isAsked ? working(view) : view.ord_status, route: view.route, mode: view.mode,
    order_type: view.order_type, order_qty: view.order_qty, limit_price: view.limit_price, stop_price: view.stop_price,
    cum_qty: view.cum_qty, avg_px: view.avg_px, reject: view.reject, is_in_doubt: view.is_in_doubt, parent_id: view.parent_id,
    isCancelAsked: view.ord_status === "pending_cancel", isReplaceAsked: view.ord_status === "pending_replace",
    twin_px: view.twin?.avg_px ?? null, twin_qty: view.twin?.cum_qty ?? null, twinExecs: new Set(), wasOver: OVER.has(view.ord_status),
  };
  return shown(row);
}

function identity(one) {
  return {
    order_id: one.order_id, client_order_id: one.client_order_id, account: one.account, strategy_id: one.strategy_id,
    venue: one.venue, symbol: one.symbol, side: one.side,
  };
}

function put(order) {
  state.orders.delete(order.order_id);
  state.orders.set(order.order_id, order);
  if (state.orders.size > MAX_ORDERS) state.orders.delete(state.orders.keys().next().value);
}

const working = (order) => (Number(order.cum_qty) ? "partially_filled" : "new");

function shown(order) {
  const isWorking = WORKING.has(order.base);
  order.status = isWorking && order.isCancelAsked ? "pending_cancel" : isWorking && order.isReplaceAsked ? "pending_replace" : order.base;
  return order;
}

/** One order that begins now, under the terms in the message. */
function begun(message, terms) {
  return shown({
    ...identity({ ...message, ...terms }), ts: message.ts, base: "pending_new", cum_qty: "0", avg_px: null, reject: null,
    is_in_doubt: false, isCancelAsked: false, isReplaceAsked: false, twin_px: null, twin_qty: null, twinExecs: new Set(), wasOver: false,
  });
}

function noteParent(order) {
  if (order?.parent_id && state.orders.has(order.parent_id)) moved.add(order.parent_id);
}

function takeTerms(order, terms) {
  for (const name of NEW_TERMS) if (terms[name] !== undefined) order[name] = terms[name];
}

function hearOrder(message) {
  const { event } = message;
  if (GONE.has(event)) return forget(message.order_id);
  if (event === "exits_attached") return message.exits.forEach((exit) => begin(message, exit));
  let order = state.orders.get(message.order_id);
  if (!order) {
    if (message.order_qty === undefined) return; // it began before what this page remembers
    order = begin(message, message);
  }
  if (event !== "replace_requested") takeTerms(order, message); // those that are asked for are not in force
  if (ENDS.has(event)) Object.assign(order, { base: event, reject: message.reject ?? null });
  else if (event === "acknowledged" && order.base === "pending_new") order.base = working(order);
  if (event === "cancel_requested") order.isCancelAsked = true;
  if (event === "cancel_refused") order.isCancelAsked = false;
  if (event === "replace_requested") order.isReplaceAsked = true;
  if (event === "replace_denied" || event === "replaced") order.isReplaceAsked = false;
  order.is_in_doubt = event === "in_doubt" || (order.is_in_doubt && event !== "acknowledged" && !ENDS.has(event));
  noteParent(shown(order));
}

function begin(message, terms) {
  const order = begun(message, terms);
  takeTerms(order, terms);
  put(order);
  noteParent(order);
  return order;
}

function forget(orderId) {
  for (const [id, order] of state.orders) if (id === orderId || order.parent_id === orderId) state.orders.delete(id);
}

function hearFigures(message) {
  const order = state.orders.get(message.order_id);
  if (!order) return;
  const avg = Number(message.cum_qty) ? message.avg_px : null;
  Object.assign(order, { base: message.ord_status, cum_qty: message.cum_qty, avg_px: avg, is_in_doubt: false });
  noteParent(shown(order));
}

const isOf = (message, execId) => (fill) => fill.exec_id === execId && fill.order_id === message.order_id;

function hearFill(message) {
  hearFigures(message);
  if (state.fills.some(isOf(message, message.exec_id))) return;
  state.fills.push({ ...identity(message), ...message, ts: message.transact_time });
  if (state.fills.length > MAX_FILLS) state.fills.splice(0, state.fills.length - MAX_FILLS);
}

/** A bust takes the fill away, a correction alters it. */
function hearRevision(message) {
  hearFigures(message);
  const place = state.fills.findIndex(isOf(message, message.exec_ref_id));
  if (place < 0) return;
  if (message.fill) Object.assign(state.fills[place], message.fill, { ts: message.fill.transact_time });
  else state.fills.splice(place, 1);
}

/** The first twin, as the API shows it; the second one only tells how noisy the simulator is. */
function hearTwin(message) {
  const order = state.orders.get(message.order_id);
  if (!order || message.number !== 1 || !Number(message.last_qty) || order.twinExecs.has(message.exec_id)) return;
  order.twinExecs.add(message.exec_id);
  const before = Number(order.twin_qty ?? 0);
  const now = before + Number(message.last_qty);
  // One that was over may have been read with this in it already: finished orders are newer than the record they go on from.
  if (order.wasOver && now > Number(order.order_qty) * (1 + 1e-9)) return;
  order.twin_px = String((Number(order.twin_px ?? 0) * before + Number(message.last_px) * Number(message.last_qty)) / now);
  order.twin_qty = String(now);
}

/** What is done for each type of message; those that change no order and no fill are not here. */
export const HEARD = { order: hearOrder, fill: hearFill, twin: hearTwin, trade_revision: hearRevision, cycle() {}, override() {} };
