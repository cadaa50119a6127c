"""One message of ws/events, or one step of an order's story, in words."""

from collections.abc import Callable, Mapping
from typing import Any

from gateway.app.people.figures import amount, time_of
from gateway.app.people.terminal import Terminal

Step = Mapping[str, Any]
_STYLES = {"denied": "bad", "rejected": "bad", "in_doubt": "bad", "tripped": "bad", "raised": "warn"}
_TYPE_STYLES = {"fill": "good", "trading_state": "warn", "config": "warn"}


def tell(step: Step) -> str:
    """What happened, without when and to which order."""
    teller = _TELLERS.get(step["type"], _other)
    return teller(step)


def event_line(step: Step, terminal: Terminal, now_ns: int) -> str:
    """A line of ``gateway events``: when, what, and to which order."""
    style = _STYLES.get(step.get("event", ""), _TYPE_STYLES.get(step["type"], ""))
    identity = [step[key] for key in ("symbol", "side", "strategy_id", "order_id") if step.get(key)]
    about = f"  [{' '.join(identity)}]" if identity else ""
    return f"{time_of(step['ts'], now_ns)}  {terminal.paint(tell(step), style)}{terminal.paint(about, 'dim')}"


def _order(step: Step) -> str:
    said = step["event"].replace("_", " ")
    details = []
    if step.get("order_qty"):
        details.append(amount(step["order_qty"]))
    if step.get("order_type"):
        details.append(step["order_type"])
    if step.get("limit_price"):
        details.append(f"at {amount(step['limit_price'])}")
    if step.get("stop_price"):
        details.append(f"stop {amount(step['stop_price'])}")
    if step.get("route"):
        details.append(f"route {step['route']} ({step.get('route_reason', '')})")
    if step.get("reject"):
        details.append(f"{step['reject']['code']}: {step['reject']['text']}")
    elif step.get("text"):
        details.append(step["text"])
    if step.get("policy_revision"):
        details.append(f"by policy {step['policy_revision']}")
    if step.get("venue_order_id"):
        details.append(f"as {step['venue_order_id']}")
    return " ".join([said, *details])


def _fill(step: Step) -> str:
    late = ", late" if step["is_late"] else ""
    made = f"{step['ord_status'].replace('_', ' ')}, {amount(step['cum_qty'])} at {amount(step['avg_px'])}"
    fee = f"fee {amount(step['fee'])} {step['fee_currency']}"
    return f"fill {amount(step['last_qty'])} at {amount(step['last_px'])} ({step['route']}{late}), {fee}: {made}"


def _twin(step: Step) -> str:
    twin = "second twin" if step["number"] == 2 else "twin"
    if step["last_qty"] == "0":
        return f"{twin} {step['exec_type'].replace('_', ' ')}"
    return f"{twin}: the simulator filled {amount(step['last_qty'])} at {amount(step['last_px'])}"


def _cycle(step: Step) -> str:
    if step["bucket"] is None:
        return f"position {step['cycle']} begins: {step['route']}"
    return f"position {step['cycle']} drew {step['bucket']} under a weight of {step['weight_bp']} bp: {step['route']}"


def _trading(step: Step) -> str:
    return f"trading {step['trading_state']}: {_where(step)}{_by(step)}{_because(step)}"


def _breaker(step: Step) -> str:
    what = step.get("breaker") or step.get("trip_id", "")
    cause = f": {step['cause']}" if step.get("cause") else ""
    return f"breaker {what} {step['event']}{cause}{_by(step)}"


def _config(step: Step) -> str:
    difference = step.get("difference") or []
    changes = "".join(f"; {one}" for one in ([difference] if isinstance(difference, str) else difference))
    return f"configuration {step['config_revision']} {step['event']}{_by(step)}{_because(step)}{changes}"


def _alert(step: Step) -> str:
    text = f": {step['text']}" if step.get("text") else ""
    return f"alert {step['event']} {step['kind']} {step['subject']}{text}{_by(step)}{_because(step)}"


def _other(step: Step) -> str:
    said = [step["type"].replace("_", " "), str(step.get("event", "")).replace("_", " ")]
    known = {
        "seq",
        "index",
        "ts",
        "type",
        "event",
        "account",
        "client_order_id",
        "symbol",
        "side",
        "strategy_id",
        "order_id",
    }
    said += [
        f"{key} {value}" for key, value in step.items() if key not in known and isinstance(value, str | int) and value
    ]
    return " ".join(filter(None, said))


def _where(step: Step) -> str:
    return f"{step.get('scope', '')} {step.get('id', '')}".strip()


def _by(step: Step) -> str:
    return f", by {step['by']}" if step.get("by") else ""


def _because(step: Step) -> str:
    return f" ({step['reason']})" if step.get("reason") else ""


_TELLERS: dict[str, Callable[[Step], str]] = {
    "order": _order,
    "fill": _fill,
    "twin": _twin,
    "cycle": _cycle,
    "trading_state": _trading,
    "breaker": _breaker,
    "config": _config,
    "alert": _alert,
}
