"""``gateway reconcile`` and ``gateway settle``: how the books agree with the venues, for a terminal."""

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from gateway.app.people.client import GatewayClient, Refused
from gateway.app.people.terminal import tell

_PATH = "/api/trading/reconciliation"


def _told(act: Callable[[], None]) -> int:
    try:
        act()
    except Refused as refused:
        print(refused, file=sys.stderr)
        return 1
    return 0


def status(environ: Mapping[str, str]) -> int:
    """Print what differs at each venue; 0 also when something does."""

    def show() -> None:
        venues = GatewayClient(environ).ask("GET", _PATH)["venues"]
        if not venues:
            tell("no venue is read: an order adapter runs only where something may go live")
        for venue in venues:
            _print_venue(venue)

    return _told(show)


def _print_venue(venue: Mapping[str, Any]) -> None:
    read = f"read {venue['read_at']}" if venue["read_at"] else "never read"
    tell(f"{venue['venue']} ({venue['adapter'] or 'no adapter'}): {read}{_after(', now: ', venue['trouble'])}")
    for one in venue["differences"]:
        tell(
            f"  DIFFERS {one['symbol']}: venue {one['venue_qty']}, explained {one['expected_qty']} "
            f"({one['difference']}) since {one['since']}; only closing in {', '.join(one['symbols'])}"
        )
    for one in venue["executions"]:
        tell(
            f"  EXECUTION {one['exec_id']} of {one['order_id']} ({one['symbol']}): booked {one['booked_qty']}@"
            f"{one['booked_px']}, told {one['venue_qty']}@{one['venue_px']}{_after('; ', _contradicts(one))}"
        )
    for one in venue["unknown_orders"]:
        if one["is_open"]:
            tell(
                f"  UNKNOWN ORDER {one['venue_order_id']}: {one['side']} {one['order_qty']} {one['symbol']}, "
                f"filled {one['cum_qty']}{_after('; ', one['text'])}"
            )
    for one in venue["holdings"]:
        if one["venue_qty"] != "0" or one["book_qty"] != "0":
            base = _after(", accepted ", one["base_qty"] if one["base_qty"] != "0" else "")
            note = _after("; ", one["note"])
            tell(f"  {one['symbol']}: venue {one['venue_qty']}, books {one['book_qty']}{base}{note}")


def _contradicts(one: Mapping[str, Any]) -> str:
    return "corrected before: ask the venue which holds" if one["is_corrected"] else ""


def _after(before: str, text: str) -> str:
    return f"{before}{text}" if text else ""


def accept(venue: str, symbol: str, reason: str, environ: Mapping[str, str]) -> int:
    """Accept the difference that is there now, and no other."""

    def do() -> None:
        client = GatewayClient(environ)
        found = [
            one
            for row in client.ask("GET", _PATH)["venues"]
            if row["venue"] == venue.lower()
            for one in row["differences"]
            if one["symbol"] == symbol
        ]
        if not found:
            raise Refused(f"no difference of {symbol} at {venue} waits; see gateway reconcile status")
        wish = {"venue": venue, "symbol": symbol, "difference": found[0]["difference"], "reason": reason}
        done = client.ask("POST", f"{_PATH}/accept", wish)
        tell(f"{venue} may hold {done['venue_qty']} {symbol} ({done['difference']} beyond the books)")

    return _told(do)


def settle(order_id: str, outcome: Sequence[str], reason: str, environ: Mapping[str, str]) -> int:
    """Say what became of an order: ``never-sent``, ``canceled``, or ``filled`` and QTY@PX."""

    def do() -> None:
        wish: dict[str, str] = {"settle_as": outcome[0].replace("-", "_"), "reason": reason}
        if outcome[1:]:
            qty, at, px = outcome[1].partition("@")
            if not at or len(outcome) > 2:
                raise Refused("give what filled as QTY@PX, for example --as filled 40@179.52")
            wish |= {"quantity": qty, "price": px}
        order = GatewayClient(environ).ask("POST", f"/api/trading/orders/{quote(order_id, safe='')}/settle", wish)
        tell(f"{order['order_id']} is {order['ord_status']}, filled {order['cum_qty']} of {order['order_qty']}")

    return _told(do)
