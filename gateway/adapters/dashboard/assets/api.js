// The gateway's HTTP API, asked with the key that stays in this browser tab.

const KEY = "gateway-key";

export const key = () => sessionStorage.getItem(KEY) ?? "";
export const setKey = (text) => (text ? sessionStorage.setItem(KEY, text) : sessionStorage.removeItem(KEY));

/** What the gateway refused, in its own words. `status` 0: it could not be reached. */
export class Refusal extends Error {
  constructor(status, problem) {
    super(problem.detail || problem.title || `HTTP ${status}`);
    this.status = status;
    this.code = problem.code ?? "";
    this.problem = problem;
  }
}

export async function ask(path, { method = "GET", body, signal } = {}) {
  const headers = key() ? { Authorization: `Bearer ${key()}` } : {};
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let reply, text;
  try {
    reply = await fetch(path, { method, headers, signal, body: body === undefined ? undefined : JSON.stringify(body) });
    text = await reply.text();
  } catch (error) {
    throw new Refusal(0, { detail: "the gateway cannot be reached" });
  }
  const answer = text && reply.headers.get("Content-Type")?.includes("json") ? JSON.parse(text) : {};
  if (!reply.ok) throw new Refusal(reply.status, answer);
  return answer;
}

export const get = (name, signal) => ask(`/api/trading/${name}`, { signal });
export const post = (name, body = {}) => ask(`/api/trading/${name}`, { method: "POST", body });
export const remove = (name) => ask(`/api/trading/${name}`, { method: "DELETE" });
