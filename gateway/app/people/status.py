"""``gateway status``: what is live, what is at risk, and what is wrong, at a glance."""

import json
from argparse import Namespace
from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any

from gateway.app.people.alerts import STYLES, channel_lines
from gateway.app.people.books import book_cell, is_real_money
from gateway.app.people.client import GatewayClient, Refused
from gateway.app.people.figures import NOTHING, age, money, pnl_style, share, signed, weight
from gateway.app.people.risk import scope_words
from gateway.app.people.terminal import Cell, Terminal, clean, name, number, table, words

_PARTS = {
    "modes": "modes",
    "trading": "trading",
    "portfolio": "portfolio",
    "connections": "connections",
    "breakers": "circuit-breakers",
    "alerts": "alerts?state=active",
    "statistics": "statistics",
    "locks": "locks",
    "approvals": "config/approvals",
    "rollouts": "rollouts",
}
_MODE_STYLES = {"LIVE": "live", "CANARY": "warn", "SHADOW": "good"}
_STATE_STYLES = {"active": "good", "reducing": "warn", "halted": "bad"}
_VENUES = (
    name("venue"),
    name("mode"),
    number("weight"),
    number("measured"),
    words("rollout", 1),
    words("configured", 2),
    words("connection"),
)
_BOOKS = (
    name("book"),
    words("account"),
    number("equity"),
    number("today"),
    number("drawdown", 2),
    number("gross"),
    number("on hold", 3),
    number("open orders", 1),
    number("positions", 1),
)


def fetch_status(client: GatewayClient, args: Namespace) -> str:
    """The API's answers, each under its name. A gateway that takes no orders is an answer too."""
    try:
        ready = client.text("GET", "/health/ready")
    except Refused as refused:
        if refused.status != 503:
            raise
        ready = json.dumps({"status": "not ready", "detail": str(refused)})
    answers = {"ready": ready, **{part: client.get(path) for part, path in _PARTS.items()}}
    return "{" + ",".join(f"{json.dumps(part)}:{text}" for part, text in answers.items()) + "}"


def status_lines(answer: Any, terminal: Terminal, now_ns: int) -> list[str]:
    """The modes first: they say whether money moves."""
    return [
        *_headline(answer, terminal),
        "",
        *_venues(answer, terminal, now_ns),
        "",
        *_books(answer, terminal),
        "",
        *_troubles(answer, terminal, now_ns),
        "",
        _configuration(answer),
    ]


def _headline(answer: Mapping[str, Any], terminal: Terminal) -> list[str]:
    state = answer["trading"]["trading_state"]
    live = [one["venue"] for one in answer["modes"]["venues"] if one["effective_mode"] != "SHADOW"]
    is_at_work = any(map(is_real_money, answer["portfolio"]["portfolio"]))
    said = "nothing is live: every venue is in SHADOW"
    if live:
        said = f"LIVE: {', '.join(live)}"
    elif is_at_work:
        said = "LIVE positions or orders are open: every venue is in SHADOW, and exits go to the venue"
    trading = terminal.paint(state, _STATE_STYLES.get(state, ""))
    lines = [f"{terminal.paint(said, 'live' if live or is_at_work else 'good')}; trading {trading}"]
    if answer["ready"]["status"] != "ready":
        lines.append(terminal.paint(f"NO ORDERS ARE TAKEN: {answer['ready']['detail']}", "bad"))
    return lines


def _venues(answer: Mapping[str, Any], terminal: Terminal, now_ns: int) -> list[str]:
    connections = {one["name"]: one for one in answer["connections"]["connections"] if one["kind"] == "venue"}
    rollouts = {one["venue"]: one for one in answer["rollouts"]["rollouts"]}
    rows = [
        _venue(one, connections.get(one["venue"]), rollouts.get(one["venue"]), now_ns)
        for one in answer["modes"]["venues"]
    ]
    lines = table(_VENUES, rows, terminal)
    for source in answer["connections"]["connections"]:
        if source["kind"] == "market_data":
            style = "warn" if source["is_synthetic"] else "" if source["is_connected"] else "bad"
            up = "" if source["is_connected"] else "NOT CONNECTED: "
            lines.append(f"prices {source['name']}: {terminal.paint(up + source['text'], style)}")
    return lines


def _venue(
    one: Mapping[str, Any], connection: Mapping[str, Any] | None, rollout: Mapping[str, Any] | None, now_ns: int
) -> list[str | Cell]:
    mode = one["effective_mode"]
    drawn = one["cycles_live"] + one["cycles_shadow"]
    is_canary = mode == "CANARY"
    return [
        one["venue"],
        Cell(mode, _MODE_STYLES.get(mode, "")),
        weight(one["canary_weight_bp"]) if is_canary else NOTHING,
        f"{share(one['measured_share'])} of {drawn}" if is_canary else NOTHING,
        _rollout(rollout),
        "" if one["configured_mode"] == mode else f"{one['configured_mode']}, held down",
        _connection(mode, connection, now_ns),
    ]


def _rollout(rollout: Mapping[str, Any] | None) -> str:
    if rollout is None:
        return ""
    gates = f", gates {rollout['verdict'].replace('_', ' ')}" if rollout["gates"] else ""
    return f"{rollout['step']}{gates}"


def _connection(mode: str, connection: Mapping[str, Any] | None, now_ns: int) -> str | Cell:
    if connection is None:
        return NOTHING
    since = age(connection["since"], now_ns)
    if connection["is_connected"]:
        return Cell(f"connected for {since}", "good")
    if not _is_missed(mode, connection):
        return Cell(connection["text"], "dim")
    error = f": {connection['last_error']}" if connection["last_error"] else ""
    return Cell(f"NOT CONNECTED for {since}{error}", "bad")


def _is_missed(mode: str, connection: Mapping[str, Any]) -> bool:
    """In SHADOW too a live position may need its venue; one that nothing needs was not tried."""
    return not connection["is_connected"] and (mode != "SHADOW" or bool(connection["last_error"]))


def _books(answer: Mapping[str, Any], terminal: Terminal) -> list[str]:
    rows: list[list[str | Cell]] = [
        [
            book_cell(one),
            one["account"],
            f"{money(one['equity'])} {one['currency']}",
            Cell(signed(one["daily_pnl"]), pnl_style(one["daily_pnl"])),
            share(one["drawdown_ratio"]),
            money(one["gross_exposure"]),
            money(one["held_exposure"]),
            str(one["open_orders"]),
            str(one["positions"]),
        ]
        for one in answer["portfolio"]["portfolio"]
    ]
    return table(_BOOKS, rows, terminal) if rows else []


def _troubles(answer: Mapping[str, Any], terminal: Terminal, now_ns: int) -> list[str]:
    """Everything that a person should know now, or one line that says that there is nothing."""
    told = chain(_away(answer), _stopped(answer, now_ns), _waiting(answer, now_ns))
    found = [terminal.paint(text, style) for text, style in told]
    return [*found, *channel_lines(answer["alerts"], terminal)] or [terminal.paint("nothing needs attention", "good")]


def _away(answer: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Venues that are needed and not there, at once: their alerts come when they stay away."""
    modes = {one["venue"]: one["effective_mode"] for one in answer["modes"]["venues"]}
    for one in answer["connections"]["connections"]:
        if one["kind"] == "venue" and one["name"] in modes and _is_missed(modes[one["name"]], one):
            why = one["last_error"] or one["text"]
            yield f"venue {one['name']} is not connected: its orders are denied, cancels wait: {why}", "bad"


def _stopped(answer: Mapping[str, Any], now_ns: int) -> Iterator[tuple[str, str]]:
    """What is kept from trading, and by what."""
    for stop in answer["trading"]["stops"]:
        where = scope_words({"scope": stop["scope"], "scope_id": stop["id"]})
        said = f"{stop['trading_state']}: {where} for {age(stop['since'], now_ns)}, by {stop['by']}"
        yield f"{said}: {stop['cause'] or 'no reason was given'}", _STATE_STYLES.get(stop["trading_state"], "warn")
    for flatten in answer["trading"]["flattens"]:
        if flatten["state"] == "running":
            yield f"flatten {flatten['flatten_id']} runs: {'; '.join(flatten['waits']) or 'closing'}", "warn"
    for one in answer["breakers"]["circuit_breakers"]:
        if one["state"] == "tripped":
            said = f"breaker {one['id']} tripped ({one['book']} book, {scope_words(one)}): {one['cause']}"
            yield f"{said}; resets {one['resets']}", "bad"
    for one in answer["rollouts"]["rollouts"]:
        if one["hold"]:
            yield (
                f"rollout of {one['venue']} is held at {one['step']}: {one['hold']['text']}, by {one['hold']['by']}",
                "warn",
            )
    for one in answer["locks"]["locks"]:
        yield f"strategy {one['strategy_id']} is locked ({one['route']}): {one['executions']} executions", "warn"


def _waiting(answer: Mapping[str, Any], now_ns: int) -> Iterator[tuple[str, str]]:
    """What waits for somebody to look at it."""
    in_doubt = answer["statistics"]["statistics"]["now"]["in_doubt"]
    if in_doubt:
        yield f"orders in doubt: {in_doubt} sent, and the venue has not said what became of them", "bad"
    for one in answer["alerts"]["alerts"]:
        taken = f" (taken on by {one['acknowledged_by']})" if one["acknowledged_by"] else ""
        said = f"alert {one['severity']} for {age(one['raised_at'], now_ns)}: {one['text']}{taken}"
        yield said, STYLES.get(one["severity"], "")
    waiting = answer["approvals"]["waiting"]
    if waiting:
        yield f"an edit waits for approval ({waiting['revision']}): {'; '.join(waiting['looser'])}", "warn"
    for text in answer["ready"].get("warnings") or ():
        yield f"warning: {text}", "warn"


def _configuration(answer: Mapping[str, Any]) -> str:
    policy = answer["ready"].get("policy_revision", "")
    return clean(f"configuration {answer['modes']['config_revision']}{f', policy {policy}' if policy else ''}")
