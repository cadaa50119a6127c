"""What placing an order would come to, or came to: every limit with its value, as lines."""

from collections.abc import Mapping
from typing import Any


def verdict_lines(view: Mapping[str, Any]) -> list[str]:
    """One answer of ``orders/check`` or of ``orders/ID/checks``."""
    what = f"{view['side']} {view['quantity']} {view['symbol']} ({view['account']}, {view['strategy_id']})"
    lines = [f"{what}: would be {view['would_be']}"]
    if view["refusal"] is not None:
        lines.append(f"  {view['refusal']['code']}: {view['refusal']['text']}")
    lines += [f"  {one['field']} {one['rule']}, was {one['value']} ({one['hint']})" for one in view["problems"]]
    if view["existing_order_id"]:
        lines.append(f"  client_order_id is taken by order {view['existing_order_id']}; nothing would be sent")
    lines += [f"  {one['scope']} {one['scope_id']} is {one['state']}: {one['reason']}" for one in view["stops"]]
    market = view["market"]
    made = ", made by no market" if market["is_synthetic"] else ", delayed" if market["is_delayed"] else ""
    lines.append(f"  price {market['reference_px'] or 'unknown'}, {market['age_ms']} ms old{made}; {market['phase']}")
    for leg in view["legs"]:
        lines += _leg_lines(leg, view["currency"])
    lines += [
        f"  {cap['key']}: {cap['use']} of {cap['limit']} used" for cap in view["caps"] if cap["limit"] is not None
    ]
    lines.append(f"  under configuration {view['config_revision']}, policy {view['policy_revision']}")
    return lines


def _leg_lines(leg: Mapping[str, Any], currency: str) -> list[str]:
    part = "closes" if leg["is_closing"] else "opens or adds"
    drawn = "" if leg["bucket"] is None else f", bucket {leg['bucket']} under {leg['weight_bp']} is live"
    held = f"holds {leg['held_exposure']} {currency}"
    lines = [f"  {leg['quantity']} {part}, route {leg['route']} ({leg['route_reason']}{drawn}), {held}"]
    lines += [f"    refused: {one['code']}: {one['text']}" for one in leg["refusals"]]
    policy = leg["policy"]
    lines.append(f"    policy: {'allows' if policy['is_allowed'] else 'does not allow'}")
    lines += [f"      {code}: {text}" for code, text in policy["reasons"]]
    if policy["failure"]:
        lines.append(f"      {policy['failure']}: {policy['failure_text']}")
    lines += [f"    passes by override {one['override_id']} of {one['granted_by']}" for one in leg["overrides"]]
    rows = [("limit", "scope", "limit", "value", "headroom", "")]
    for check in leg["checks"]:
        where = check["scope"] if check["scope"] == "gateway" else f"{check['scope']} {check['scope_id']}"
        passed = "exempt" if check["is_exempt"] else "ok" if check["passed"] else "BROKEN"
        # A key bound to some accounts is not told what others hold.
        value, headroom = (check[name] or "–" for name in ("value", "headroom"))
        rows.append((check["rule"], where, check["limit"], value, headroom, passed))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    texts = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows)
    return lines + [f"    {text}" for text in texts]
