"""``gateway orders`` and ``gateway order ID``."""

from argparse import Namespace
from collections.abc import Mapping
from typing import Any

from gateway.app.people.client import GatewayClient, quoted
from gateway.app.people.events import tell
from gateway.app.people.figures import amount, lasting, time_of
from gateway.app.people.terminal import Cell, Terminal, clean, name, number, table, words
from gateway.app.people.verdict import verdict_lines

_STATUS_STYLES = {"filled": "good", "denied": "bad", "rejected": "bad", "canceled": "dim", "expired": "dim"}
_COLUMNS = (
    name("time (UTC)"),
    name("order"),
    name("status"),
    name("side"),
    number("quantity"),
    name("symbol"),
    name("price", 3),
    number("filled"),
    number("average", 1),
    name("route"),
    words("strategy", 2),
    words("venue", 4),
    words("account", 8),
    words("client id", 9),
    words("why", 6),
)


def fetch_orders(client: GatewayClient, args: Namespace) -> str:
    query = {
        "status": args.status,
        "symbol": args.symbol,
        "venue": args.venue,
        "strategy_id": args.strategy_id,
        "account": args.account,
        "route": args.route,
        "limit": args.limit,
    }
    return client.get("orders", query)


def orders_lines(answer: Any, terminal: Terminal, now_ns: int) -> list[str]:
    """One line an order, newest first; the legs of a split one below it."""
    rows = [_row(one, now_ns) for order in answer["orders"] for one in (order, *order["legs"])]
    if not rows:
        return ["no order fits"]
    more = [terminal.paint("there are older ones: --limit", "dim")] if answer["next_cursor"] else []
    return [*table(_COLUMNS, rows, terminal), *more]


def _row(order: Mapping[str, Any], now_ns: int) -> list[str | Cell]:
    return [
        time_of(order["created_at"], now_ns),
        order["order_id"],
        status_cell(order),
        order["side"],
        amount(order["order_qty"]),
        order["symbol"],
        price_of(order),
        amount(order["cum_qty"]),
        amount(order["avg_px"]),
        Cell(order["route"], "live" if order["route"] == "live" else ""),
        order["strategy_id"],
        order["venue"],
        order["account"],
        order["client_order_id"],
        order["reject"]["code"] if order["reject"] else "",
    ]


def status_cell(order: Mapping[str, Any]) -> Cell:
    if order["is_in_doubt"]:
        return Cell("IN DOUBT", "bad")
    return Cell(order["ord_status"], _STATUS_STYLES.get(order["ord_status"], ""))


def price_of(order: Mapping[str, Any]) -> str:
    """The type of order, and what prices it names."""
    named = (
        ("", "limit_price"),
        ("stop ", "stop_price"),
        ("trail ", "trailing_amount"),
        ("trail % ", "trailing_percent"),
    )
    found = [f"{before}{amount(order[field])}" for before, field in named if order[field] is not None]
    return " ".join([order["order_type"], *found])


def fetch_order(client: GatewayClient, args: Namespace) -> str:
    """The story; with ``--checks`` both answers, each under its name."""
    story = client.get(f"orders/{quoted(args.order_id)}/story")
    if not args.checks:
        return story
    return f'{{"story":{story},"checks":{client.get(f"orders/{quoted(args.order_id)}/checks")}}}'


def order_lines(answer: Any, terminal: Terminal, now_ns: int) -> list[str]:
    """What was asked, what was checked, where it went, what came back, and how long each stage took."""
    story = answer.get("story", answer)
    order = story["order"]
    status = status_cell(order)
    filled = f"filled {amount(order['cum_qty'])}" + (f" at {amount(order['avg_px'])}" if order["avg_px"] else "")
    asked = (
        f"{order['side']} {amount(order['order_qty'])} {order['symbol']} {price_of(order)}, {order['time_in_force']}"
    )
    lines = [
        f"{order['order_id']}: {terminal.paint(asked, 'bold')}",
        f"{terminal.paint(status.text, status.style)}, {filled}",
        *_refusal(order, terminal),
        *map(clean, _circumstances(order)),
        "",
    ]
    lines += [f"  {time_of(step['ts'], now_ns)}  {clean(tell(step))}" for step in story["steps"]]
    if not story["is_whole"]:
        lines.append("  it may go on: the search of the journal ended here")
    lines += ["", *_stages(story["stages"])]
    if "checks" in answer:
        lines += ["", *map(clean, verdict_lines(answer["checks"]))]
    return lines


def _circumstances(order: Mapping[str, Any]) -> list[str]:
    client_id = f", client id {order['client_order_id']}" if order["client_order_id"] else ""
    lines = [
        f"route {order['route']} to {order['venue']} in mode {order['mode']} ({order['route_reason']}), "
        f"position {order['cycle']}",
        f"account {order['account']}, strategy {order['strategy_id']}{client_id}",
        f"configuration {order['config_revision'] or 'unknown'}, policy {order['policy_revision'] or 'not asked'}",
    ]
    for use in order["overrides"]:
        lines.append(f"passed by override {use['override_id']} of {use['granted_by']}: {use['reason']}")
    lines += [f"note: {note}" for note in order["notes"]]
    twin = order["twin"]
    if twin is not None:
        at = f" at {amount(twin['avg_px'])}" if twin["avg_px"] else ""
        lines.append(f"its twin in the simulator: {twin['ord_status']}, filled {amount(twin['cum_qty'])}{at}")
    for leg in order["legs"]:
        lines.append(f"leg {leg['order_id']}: {leg['route']} {amount(leg['order_qty'])}, {leg['ord_status']}")
    return lines


def _refusal(order: Mapping[str, Any], terminal: Terminal) -> list[str]:
    reject = order["reject"]
    if reject is None:
        return []
    lines = [f"{terminal.paint(reject['code'], 'bad')} ({reject['stage']}): {terminal.paint(reject['text'], '')}"]
    return lines + [
        f"  {one['code']} of {one['scope']} {one['scope_id']}: {amount(one['value'])} against {amount(one['limit'])}"
        for one in reject["breaches"]
    ]


def _stages(stages: list[dict[str, Any]]) -> list[str]:
    if not stages:
        return ["how long each stage took is not known any more"]
    longest = max(len(stage["name"]) for stage in stages)
    return [f"  {stage['name'].ljust(longest)}  {lasting(stage['ns']):>9}" for stage in stages]
