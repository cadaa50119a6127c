"""``gateway alerts``: what is wrong now, who has taken it on, and whether it is told outside."""

from argparse import Namespace
from collections.abc import Mapping
from typing import Any

from gateway.app.people.client import API, GatewayClient, quoted
from gateway.app.people.figures import age
from gateway.app.people.terminal import Cell, Terminal, name, table, words

STYLES = {"critical": "bad", "warning": "warn", "info": ""}
_COLUMNS = (name("severity"), name("since"), words("what"), words("state"), name("alert", 1))


def fetch_alerts(client: GatewayClient, args: Namespace) -> str:
    return client.get("alerts", {"state": None if args.all else "active", "severity": args.severity})


def alerts_lines(answer: Any, terminal: Terminal, now_ns: int) -> list[str]:
    """The most severe first."""
    rows = [_row(one, now_ns) for one in answer["alerts"]]
    lines = table(_COLUMNS, rows, terminal) if rows else ["nothing is wrong"]
    return lines + channel_lines(answer, terminal)


def _row(one: Mapping[str, Any], now_ns: int) -> list[str | Cell]:
    state = f"over for {age(one['resolved_at'], now_ns)}" if one["resolved_at"] else ""
    if not state and one["acknowledged_by"]:
        state = f"{one['acknowledged_by']}: {one['acknowledged_reason']}"
    style = "dim" if one["resolved_at"] else STYLES.get(one["severity"], "")
    since = age(one["raised_at"], now_ns)
    return [Cell(one["severity"], style), since, one["text"], state or "nobody has taken it on", one["alert_id"]]


def channel_lines(answer: Mapping[str, Any], terminal: Terminal) -> list[str]:
    """Only what does not work: silence about an alert must not look like peace."""
    dead = [one for one in answer["channels"] if not one["is_up"]]
    return [terminal.paint(f"alerts do not reach {one['name']}: {one['error']}", "bad") for one in dead]


def send_acknowledgement(client: GatewayClient, args: Namespace) -> str:
    path = f"{API}/alerts/{quoted(args.alert_id)}/acknowledge"
    return client.text("POST", path, {"reason": args.reason})


def acknowledged_lines(answer: Any, terminal: Terminal, now_ns: int) -> list[str]:
    return [terminal.paint(f"{answer['acknowledged_by']} has taken on: {answer['text']}", "")]
