"""``gateway limits`` and ``gateway breakers``."""

import json
from argparse import Namespace
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from gateway.app.people.client import API, GatewayClient, quoted
from gateway.app.people.figures import age, amount, share
from gateway.app.people.terminal import Cell, Terminal, name, number, table, words

_BAR = 20
#: Limits that are asked for at once.
_PAGE = 1_000
_WARN_FROM = Decimal("0.8")
_LIMITS = (
    name("book"),
    name("rule"),
    words("scope"),
    number("use"),
    name("", 5),
    number("value", 1),
    number("limit"),
    number("headroom", 4),
    words("nearest at", 2),
)
_BREAKERS = (
    name("breaker"),
    name("state"),
    name("book", 3),
    words("scope", 4),
    number("value", 1),
    number("threshold", 1),
    words("does", 5),
    words("cause", 2),
    words("resets", 6),
    name("since", 7),
)


def fetch_limits(client: GatewayClient, args: Namespace) -> str:
    """All pages as one answer."""
    query = {"book": args.book, "scope": args.scope, "id": args.id, "limit": _PAGE}
    whole = json.loads(text := client.get("risk", query))
    if whole.get("next_cursor") is None:
        return text
    cursor = whole["next_cursor"]
    while cursor is not None:
        page = json.loads(client.get("risk", {**query, "cursor": cursor}))
        whole["limits"] += page["limits"]
        cursor = page["next_cursor"]
    return json.dumps({**whole, "next_cursor": None})


def limits_lines(answer: Any, terminal: Terminal, now_ns: int) -> list[str]:
    """The most used first; limits that only an order measures come last."""
    found = sorted(answer["limits"], key=_urgency)
    lines = table(_LIMITS, [_limit(one) for one in found], terminal) if found else ["no limit is set here"]
    lines += [
        terminal.paint(f"{one['override_id']} lifts {', '.join(one['rules'])} until {one['expires_at']}", "warn")
        for one in answer["overrides"]
    ]
    return [*lines, terminal.paint(f"in {answer['currency']}, configuration {answer['config_revision']}", "dim")]


def _urgency(limit: Mapping[str, Any]) -> tuple[bool, Decimal]:
    return not limit["is_broken"], -Decimal(limit["use"]) if limit["use"] is not None else Decimal(1)


def _limit(one: Mapping[str, Any]) -> list[str | Cell]:
    use = None if one["use"] is None else Decimal(one["use"])
    style = "bad" if one["is_broken"] else "warn" if use is not None and use >= _WARN_FROM else ""
    bar = "" if use is None else "#" * int(min(max(use, Decimal(0)), Decimal(1)) * _BAR)
    return [
        one["book"],
        one["rule"],
        scope_words(one),
        Cell("per order" if one["is_per_order"] else share(one["use"]), style),
        Cell(bar.ljust(_BAR, ".") if use is not None else "", style),
        amount(one["value"]),
        amount(one["limit"]),
        amount(one["headroom"]),
        " ".join(filter(None, (one["account"], one["symbol"]))),
    ]


def scope_words(one: Mapping[str, Any]) -> str:
    return one["scope"] if one["scope"] in ("", "gateway") else f"{one['scope']} {one['scope_id']}"


def fetch_breakers(client: GatewayClient, args: Namespace) -> str:
    return client.get("circuit-breakers")


def breakers_lines(answer: Any, terminal: Terminal, now_ns: int) -> list[str]:
    """What is tripped first, then what is armed."""
    order = {"tripped": 0, "armed": 1, "off": 2}
    found = sorted(answer["circuit_breakers"], key=lambda one: order.get(one["state"], 3))
    return table(_BREAKERS, [_breaker(one, now_ns) for one in found], terminal) if found else ["none is configured"]


def _breaker(one: Mapping[str, Any], now_ns: int) -> list[str | Cell]:
    styles = {"tripped": "bad", "armed": "good", "off": "dim"}
    return [
        one["id"] if one["state"] == "tripped" else one["breaker"],
        Cell(one["state"], styles.get(one["state"], "")),
        one["book"],
        scope_words(one),
        amount(one["value"]),
        amount(one["threshold"]),
        one["does"] or one["action"],
        one["cause"],
        one["resets"],
        age(one["since"], now_ns) if one["since"] else "",
    ]


def send_reset(client: GatewayClient, args: Namespace) -> str:
    wish = {"reason": args.reason, **({"force": True} if args.force else {})}
    return client.text("POST", f"{API}/circuit-breakers/{quoted(args.breaker)}/reset", wish)
