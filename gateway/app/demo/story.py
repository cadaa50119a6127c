"""The whole way of one order, told in words from its events; and one refusal, as the gateway words it."""

import textwrap
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from gateway.app.demo.desk import Sent

WIDTH = 78
_INDENT = 13
Event = Mapping[str, Any]


def choose(sent: Iterable[Sent]) -> Sent | None:
    """The order with most to tell: one that filled, in several parts at best, rather resting than at once."""
    told = [one for one in sent if one.events and one.order.get("cum_qty", "0") != "0"]
    return max(told, key=lambda one: (one.has_ended, one.terms["order_type"] == "limit", len(one.events)), default=None)


def tell(one: Sent) -> list[str]:
    """One paragraph per stage, with the time since the gateway received it."""
    terms = one.terms
    lines = [f"The way of one order, {terms['client_order_id']}"]
    at = f"at limit {terms['limit_price']}" if "limit_price" in terms else "at the market"
    lines += _paragraph(
        "",
        f"The strategy sees {terms['symbol']} at {one.bid:f} / {one.ask:f} and sends POST /api/trading/orders/place: "
        f"{terms['side']} {terms['quantity']} {at}.",
    )
    began = datetime.fromisoformat(one.events[0]["ts"])
    for event in one.events:
        text = _in_words(event)
        if text is None:
            continue
        elapsed_ms = (datetime.fromisoformat(event["ts"]) - began).total_seconds() * 1_000
        lines += _paragraph(f"+{elapsed_ms:.1f} ms", text)
        if event.get("event") in ("admitted", "denied"):
            lines += _paragraph(
                "", f"The strategy has its answer: HTTP {one.status}, {one.reply_ms:.1f} ms after sending."
            )
    return lines


def tell_denial(sent: Iterable[Sent]) -> list[str]:
    """The shortest refusal in full; nothing when there was none."""
    denied = [one for one in sent if one.order.get("reject")]
    one = min(denied, key=lambda one: len(one.order["reject"]["text"]), default=None)
    if one is None:
        return []
    terms, reject = one.terms, one.order["reject"]
    text = (
        f"{terms['side']} {terms['quantity']} {terms['symbol']}: HTTP {one.status}, {reject['code']}: {reject['text']}"
    )
    return ["One that was denied", *_paragraph("", text)]


def _paragraph(margin: str, text: str) -> list[str]:
    head = f"{margin:>{_INDENT - 2}}  "
    return textwrap.wrap(text, WIDTH, initial_indent=head, subsequent_indent=" " * _INDENT, break_on_hyphens=False)


def _in_words(event: Event) -> str | None:
    teller = _FILL if event["type"] == "fill" else _ORDER.get(event["event"])
    return None if teller is None else teller(event)


def _held(event: Event) -> str:
    where = "to the simulator" if event["route"] == "shadow" else f"to {event['venue']}"
    return (
        f"Received as {event['order_id']}. Instrument, trading state and every risk limit: passed. Exposure held. "
        f"Route: {event['route']}, {where} ({event['route_reason']}, cycle {event['cycle']} of this position)."
    )


def _admitted(event: Event) -> str:
    return f"Policy {event['policy_revision']}: allowed. Admitted, and written to the journal (record {event['seq']})."


def _filled(event: Event) -> str:
    how = "resting in the book" if event["is_maker"] else "taking what stood there"
    end = "Done" if event["ord_status"] == "filled" else f"{event['cum_qty']} so far"
    fee = f"{Decimal(event['fee']):.4f} {event['fee_currency']}"
    return (
        f"Filled {event['last_qty']} at {event['last_px']}, {how}; fee {fee}. {end}, average price {event['avg_px']}."
    )


_FILL: Callable[[Event], str] = _filled
_ORDER: dict[str, Callable[[Event], str]] = {
    "held": _held,
    "admitted": _admitted,
    "denied": lambda e: f"Denied: {e['reject']['code']}, {e['reject']['text']}.",
    "acknowledged": lambda e: f"Acknowledged at its destination, as {e['venue_order_id']}.",
    "in_doubt": lambda e: f"In doubt: {e['text']}. Its exposure stays held until the venue itself answers.",
    "cancel_requested": lambda e: f"Too old: {e['by']} asks for a cancel.",
    "canceled": lambda e: "Canceled; what was still held is released.",
    "rejected": lambda e: f"Rejected by the venue: {e['text']}.",
    "expired": lambda e: "Expired; what was still held is released.",
}
