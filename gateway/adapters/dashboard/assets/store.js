// What the page knows, in one place. Views read `state` and are drawn again at most five times a second.

const REDRAW_MS = 200;
const listeners = new Set();
let isDue = false;

export const state = {
  link: { state: "asking", text: "Asking the gateway", since: Date.now(), lastSeq: null, lastMessage: null },
  needsKey: false,
  /** When the figures were last known to be those of now. */
  currentAt: Date.now(),
  /** Answers of the API by name, the moment of each, and what was refused. */
  answers: {},
  errors: {},
  /** Orders by id, newest last; fills, newest last. Both are bounded. */
  orders: new Map(),
  fills: [],
  missed: 0,
  filter: { text: "", status: "all", venue: "all", route: "all" },
  tab: "orders",
  openOrder: null,
  story: null,
  dialog: null,
  equity: new Map(),
};

export function changed() {
  if (isDue) return;
  isDue = true;
  setTimeout(() => {
    isDue = false;
    for (const listener of listeners) listener();
  }, REDRAW_MS);
}

/** Draw now: something a person did, who should see it at once. */
export function changedNow() {
  for (const listener of listeners) listener();
}

export function onChange(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
