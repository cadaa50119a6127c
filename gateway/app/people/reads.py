"""Every command that shows something, or asks for one thing and shows the answer: how it asks, and how it is told."""

import json
import os
import sys
import time
from argparse import Namespace
from collections.abc import Callable
from typing import Any, NamedTuple

from gateway.adapters.clock import SystemClock
from gateway.app.people import alerts, books, orders, risk, status
from gateway.app.people.client import GatewayClient, Refused, Unreachable
from gateway.app.people.terminal import CLEAR, Terminal

_WATCH_EVERY_S = 2.0


class Read(NamedTuple):
    """``fetch`` gives the API's answer as it came, ``lines`` make it readable."""

    fetch: Callable[[GatewayClient, Namespace], str]
    lines: Callable[[Any, Terminal, int], list[str]]


READS = {
    "orders": Read(orders.fetch_orders, orders.orders_lines),
    "order": Read(orders.fetch_order, orders.order_lines),
    "positions": Read(books.fetch_positions, books.positions_lines),
    "portfolio": Read(books.fetch_portfolio, books.portfolio_lines),
    "status": Read(status.fetch_status, status.status_lines),
    "limits": Read(risk.fetch_limits, risk.limits_lines),
    "breakers": Read(risk.fetch_breakers, risk.breakers_lines),
    "reset": Read(risk.send_reset, risk.breakers_lines),
    "alerts": Read(alerts.fetch_alerts, alerts.alerts_lines),
    "acknowledge": Read(alerts.send_acknowledgement, alerts.acknowledged_lines),
}


def run(what: str, args: Namespace) -> int:
    """Show it once, or with ``--watch`` every two seconds; 0 only when the gateway did it."""
    try:
        client, terminal = GatewayClient(os.environ), Terminal.of(os.environ)
        terminal.say(_shown(READS[what], client, args, terminal))
        if getattr(args, "watch", False):
            _watch(READS[what], client, args, terminal)
    except Refused as refused:
        print(refused, file=sys.stderr)
        return 1
    return 0


def _shown(read: Read, client: GatewayClient, args: Namespace, terminal: Terminal) -> list[str]:
    text = read.fetch(client, args)
    if args.json:
        return [text]
    try:
        answer = json.loads(text)
    except ValueError:
        raise Refused(f"{client.url} answers, but it is no gateway: {text[:60]!r}") from None
    return read.lines(answer, terminal, SystemClock().now_ns())


def _watch(read: Read, client: GatewayClient, args: Namespace, terminal: Terminal) -> None:
    """Until it is interrupted. A gateway that is away for a while is said to be, and what was shown gets no older
    unnoticed: it is taken off the screen."""
    while True:
        time.sleep(_WATCH_EVERY_S)
        try:
            lines = _shown(read, client, args, terminal)
        except Unreachable as away:
            if args.json:
                print(away, file=sys.stderr)
                continue
            lines = [terminal.paint(str(away), "bad")]
        terminal.say([CLEAR + lines[0], *lines[1:]] if terminal.is_watched and not args.json else lines)
