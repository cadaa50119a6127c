"""``gateway kill`` and ``gateway flatten``: the buttons, for a terminal. They need nothing but an answer of the server;
where there is none, the files ``KILL`` and ``FLATTEN`` do the same."""

import sys
import time
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from gateway.app.people.client import GatewayClient, Refused, Unreachable
from gateway.app.people.terminal import clean, tell

_TRADING = "/api/trading/trading"
_POLL_S = 0.2


def _told(act: Callable[[], int], way_out: str = "") -> int:
    """``way_out`` is what helps where nothing answers."""
    try:
        return act()
    except Unreachable as refused:
        print(f"{refused} {way_out}".rstrip(), file=sys.stderr)
    except Refused as refused:
        print(refused, file=sys.stderr)
    return 1


def kill(scope: str, scope_id: str, reason: str, environ: Mapping[str, str]) -> int:
    """Halt a scope and cancel what is open in it."""

    def act() -> int:
        answer = GatewayClient(environ).ask("POST", f"{_TRADING}/disable", _wish(scope, scope_id, reason))
        tell(f"{_where(answer)} is {answer['trading_state']}; open orders are being canceled")
        return 0

    return _told(act, "A file KILL in its data directory stops all of it, whether it answers or not")


def resume(scope: str, scope_id: str, reason: str, environ: Mapping[str, str]) -> int:
    """Let trading go on in a scope; says what else still stops it."""

    def act() -> int:
        client = GatewayClient(environ)
        running = _running(client.ask("GET", _TRADING))
        answer = client.ask("POST", f"{_TRADING}/enable", _wish(scope, scope_id, reason))
        now = client.ask("GET", _TRADING)
        stops = now["stops"]
        own = any(_where(stop) == _where(answer) for stop in stops)
        tell(f"the stop of {_where(answer)} is lifted" if own else f"{_where(answer)} is {answer['trading_state']}")
        for one in now["flattens"]:
            if one["flatten_id"] in running and one["state"] == "ended":
                tell(f"flatten {one['flatten_id']} is called off: {one['text']}; gateway positions tells what is open")
        for stop in stops:
            tell(f"still {stop['trading_state']}: {_where(stop)}, by {stop['by']}: {stop['cause']}; {_lifts(stop)}")
        return 0

    return _told(act)


def flatten(
    scope: str,
    scope_id: str,
    reason: str,
    book: str,
    offset_bps: Decimal | None,
    wait_s: Decimal,
    environ: Mapping[str, str],
) -> int:
    """Halt a scope, cancel, close its positions, and watch until it is flat; 0 only when it is."""
    wish = {**_wish(scope, scope_id, reason), "book": book}
    if offset_bps is not None:
        wish |= {"order_type": "limit", "offset_bps": str(offset_bps)}

    def act() -> int:
        client = GatewayClient(environ)
        answer = client.ask("POST", f"{_TRADING}/flatten", wish)
        tell(f"{_where(answer)} is halted; flatten {answer['flatten_id']} closes its positions")
        return _watch(client, answer["flatten_id"], wait_s)

    return _told(act, "A file FLATTEN in its data directory closes all live positions, whether it answers or not")


def _watch(client: GatewayClient, flatten_id: str, wait_s: Decimal) -> int:
    until, waits = time.monotonic() + float(wait_s), None
    while True:
        listed = client.ask("GET", _TRADING)["flattens"]
        found = next((one for one in listed if one["flatten_id"] == flatten_id), None)
        if found is None or found["state"] != "running":
            break
        if found["waits"] != waits:
            waits = found["waits"]
            for line in waits:
                tell(f"  {line}")
        if time.monotonic() >= until:
            print(f"not flat after {wait_s:g} s; it goes on, see gateway status", file=sys.stderr)
            return 1
        time.sleep(_POLL_S)
    if found is None or found["state"] != "done":
        print(f"ended before it was flat: {'' if found is None else clean(found['text'])}", file=sys.stderr)
        return 1
    tell(f"flat, with {found['orders_sent']} order(s); enable trading when it may go on")
    return 0


def _running(trading: Mapping[str, Any]) -> set[str]:
    """The flattens that close positions now."""
    return {one["flatten_id"] for one in trading["flattens"] if one["state"] == "running"}


def _lifts(stop: Mapping[str, str]) -> str:
    """What lets go of a stop: ``resume`` lifts what people stopped, and nothing else."""
    if stop["cause"].startswith("circuit breaker "):
        return "see gateway breakers; gateway breakers reset lifts it"
    if stop["book"] != "both":  # what people stop, they stop in both
        return "see gateway reconcile status"
    where = "" if stop["scope"] == "gateway" else f" --scope {stop['scope']} --id {stop['id']}"
    return f"gateway resume{where} lifts it"


def _wish(scope: str, scope_id: str, reason: str) -> dict[str, str]:
    wish = {"scope": scope, "reason": reason}
    return {**wish, "id": scope_id} if scope_id else wish


def _where(answer: Mapping[str, str]) -> str:
    return f"{answer['scope']} {answer['id']}".strip()
