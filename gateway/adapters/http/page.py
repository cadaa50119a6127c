"""The page at ``/``: a placeholder that shows the modes and where to go. It holds no data of its own: its script
asks the API, with a key that stays in the browser tab."""

import base64
import hashlib

_SCRIPT = """
const show = (id, text) => { document.getElementById(id).textContent = text; };
const ask = async () => {
  const key = sessionStorage.getItem("key");
  const reply = await fetch("/api/trading/modes", key ? {headers: {Authorization: "Bearer " + key}} : {});
  document.getElementById("login").hidden = reply.status !== 401;
  if (!reply.ok) { show("state", reply.status === 401 ? "A key is needed." : "HTTP " + reply.status); return; }
  const modes = await reply.json();
  show("state", "global " + modes.global_mode + ", trading " + modes.trading_state +
    ", config " + modes.config_revision);
  const rows = modes.venues.map((venue) => {
    const row = document.createElement("tr");
    for (const cell of [venue.venue, venue.effective_mode, venue.canary_weight_bp / 100 + " %"]) {
      row.appendChild(document.createElement("td")).textContent = cell;
    }
    return row;
  });
  document.getElementById("venues").replaceChildren(...rows);
};
document.getElementById("login").addEventListener("submit", (event) => {
  event.preventDefault();
  sessionStorage.setItem("key", document.getElementById("key").value);
  ask();
});
ask();
setInterval(ask, 5000);
"""

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 42rem; margin: 3rem auto; padding: 0 1rem; }
td, th { text-align: left; padding: 0.2rem 2rem 0.2rem 0; }
"""


def _source(text: str) -> str:
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"


PAGE = f"""<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Order gateway</title><style>{_STYLE}</style></head>
<body>
<h1>Order gateway</h1>
<p id="state">Asking ...</p>
<form id="login" hidden><label>API key <input id="key" type="password" autocomplete="off"></label>
<button>Show</button></form>
<table><thead><tr><th>Venue</th><th>Effective mode</th><th>Live share</th></tr></thead>
<tbody id="venues"></tbody></table>
<p>This is a placeholder: orders, positions and rollouts are in the API for now.
<a href="/openapi.json">API description</a>, <a href="/health/ready">readiness</a>,
<a href="/metrics">metrics</a>.</p>
<script>{_SCRIPT}</script>
</body></html>
""".encode()

#: Nothing but the page's own script and style may run, and only this server may be asked.
PAGE_HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Cache-Control": "no-store",
    "Server": "order-gateway",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": (
        f"default-src 'none'; script-src {_source(_SCRIPT)}; style-src {_source(_STYLE)}; connect-src 'self'; "
        "form-action 'none'; frame-ancestors 'none'; base-uri 'none'"
    ),
}
