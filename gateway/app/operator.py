"""``gateway kill`` and ``gateway flatten``: the buttons, for a terminal. They need nothing but an answer of the server;
where there is none, the files ``KILL`` and ``FLATTEN`` do the same."""

import json
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any

_TRADING = "/api/trading/trading"
_TIMEOUT_S = 10.0
_POLL_S = 0.2


class Refused(Exception):
    """The gateway did not do it, or could not be reached; says why."""


class GatewayClient:
    """The gateway at ``GATEWAY_URL``, asked with ``GATEWAY_KEY``."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._url = environ.get("GATEWAY_URL", "http://127.0.0.1:8000").rstrip("/")
        key = environ.get("GATEWAY_KEY", "")
        self._headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {key}"} if key else {})}

    def ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._url + path, data=data, headers=self._headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as reply:
                return json.load(reply)
        except urllib.error.HTTPError as error:
            raise Refused(_words(error)) from None
        except (OSError, ValueError) as error:
            hint = "put a file KILL or FLATTEN into its data directory"
            raise Refused(f"{self._url} does not answer: {error}; {hint}") from None


def _words(error: urllib.error.HTTPError) -> str:
    try:
        problem = json.load(error)
        return f"{error.code} {problem['code']}: {problem['detail']}"
    except (ValueError, KeyError, TypeError, OSError):
        return f"the gateway answered {error.code}"


def kill(scope: str, scope_id: str, reason: str, environ: Mapping[str, str]) -> int:
    """Halt a scope and cancel what is open in it."""
    try:
        answer = GatewayClient(environ).ask("POST", f"{_TRADING}/disable", _wish(scope, scope_id, reason))
    except Refused as refused:
        print(refused, file=sys.stderr)
        return 1
    print(f"{_where(answer)} is {answer['trading_state']}; open orders are being canceled")
    return 0


def flatten(
    scope: str, scope_id: str, reason: str, book: str, offset_bps: str | None, wait_s: float, environ: Mapping[str, str]
) -> int:
    """Halt a scope, cancel, close its positions, and watch until it is flat; 0 only when it is."""
    wish = {**_wish(scope, scope_id, reason), "book": book}
    if offset_bps is not None:
        wish |= {"order_type": "limit", "offset_bps": offset_bps}
    client = GatewayClient(environ)
    try:
        answer = client.ask("POST", f"{_TRADING}/flatten", wish)
        print(f"{_where(answer)} is halted; flatten {answer['flatten_id']} closes its positions")
        return _watch(client, answer["flatten_id"], wait_s)
    except Refused as refused:
        print(refused, file=sys.stderr)
        return 1


def _watch(client: GatewayClient, flatten_id: str, wait_s: float) -> int:
    until, waits = time.monotonic() + wait_s, None
    while True:
        listed = client.ask("GET", _TRADING)["flattens"]
        found = next((one for one in listed if one["flatten_id"] == flatten_id), None)
        if found is None or found["state"] != "running":
            break
        if found["waits"] != waits:
            waits = found["waits"]
            print("\n".join(f"  {line}" for line in waits))
        if time.monotonic() >= until:
            print(f"not flat after {wait_s:g} s; it goes on, see GET {_TRADING}", file=sys.stderr)
            return 1
        time.sleep(_POLL_S)
    if found is None or found["state"] != "done":
        print(f"ended before it was flat: {'' if found is None else found['text']}", file=sys.stderr)
        return 1
    print(f"flat, with {found['orders_sent']} order(s); enable trading when it may go on")
    return 0


def _wish(scope: str, scope_id: str, reason: str) -> dict[str, str]:
    wish = {"scope": scope, "reason": reason}
    return {**wish, "id": scope_id} if scope_id else wish


def _where(answer: Mapping[str, str]) -> str:
    return f"{answer['scope']} {answer['id']}".strip()
