"""The parsers of the commands for people. Nothing is imported for a command before it is run."""

import os
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from typing import Any

from gateway.app.options import whole
from gateway.domain.enums import STOP_SCOPES

_SEVERITIES = ("info", "warning", "critical")
_BOOKS = ("live", "shadow")
_BY = "(GATEWAY_URL, GATEWAY_KEY)"


def add_people(parser: ArgumentParser, commands: Any) -> None:
    """``commands`` are the subparsers of ``parser``."""
    _add_orders(commands)
    _add_books(commands)
    status = commands.add_parser("status", help=f"what is live, what is at risk, what is wrong {_BY}")
    _shows(status, "status")
    _add_alerts(commands)
    _add_risk(commands)
    _add_streams(commands)
    resume = commands.add_parser("resume", help=f"let trading go on {_BY}")
    resume.add_argument("--scope", default="gateway", choices=[scope.value for scope in STOP_SCOPES])
    resume.add_argument("--id", default="", help="which venue, account, strategy or symbol")
    resume.add_argument("--reason", default="", help="words for the record")
    resume.set_defaults(run=_resume)
    completion = commands.add_parser("completion", help="print what completes these commands in a shell")
    completion.add_argument("shell", choices=["bash", "zsh", "fish"])
    completion.set_defaults(run=lambda args: _completion(parser, args.shell))


def _add_orders(commands: Any) -> None:
    orders = commands.add_parser("orders", help=f"orders, newest first {_BY}")
    orders.add_argument("--status", help="open, closed, or statuses with commas between")
    _narrows(orders)
    orders.add_argument("--route", choices=["shadow", "live", "split"])
    orders.add_argument("--limit", type=whole(1, 500), default=50, help="how many at most, 1 to 500 (default: 50)")
    _shows(orders, "orders")

    order = commands.add_parser("order", help=f"one order's story, with the time of each stage {_BY}")
    order.add_argument("order_id")
    order.add_argument("--checks", action="store_true", help="every limit with its value then, and the policy's answer")
    _shows(order, "order", can_watch=False)


def _add_books(commands: Any) -> None:
    positions = commands.add_parser("positions", help=f"what is held, in both books {_BY}")
    positions.add_argument("--book", choices=_BOOKS)
    _narrows(positions)
    _shows(positions, "positions")

    portfolio = commands.add_parser("portfolio", help=f"accounts and their positions, in both books {_BY}")
    portfolio.add_argument("--book", choices=_BOOKS)
    portfolio.add_argument("--account")
    _shows(portfolio, "portfolio")


def _add_alerts(commands: Any) -> None:
    alerts = commands.add_parser("alerts", help=f"what is wrong, and who has taken it on {_BY}")
    alerts.add_argument("--all", action="store_true", help="what is over too")
    alerts.add_argument("--severity", choices=_SEVERITIES, help="this or worse")
    _shows(alerts, "alerts")
    ack = alerts.add_subparsers(metavar="ACTION").add_parser("ack", help="take an alert on")
    ack.add_argument("alert_id")
    ack.add_argument("--reason", required=True, help="what is being done")
    _shows(ack, "acknowledge", can_watch=False)


def _add_risk(commands: Any) -> None:
    limits = commands.add_parser("limits", help=f"every limit and its use, the most used first {_BY}")
    limits.add_argument("--book", choices=_BOOKS)
    limits.add_argument("--scope", help="only limits of this kind of scope, such as account")
    limits.add_argument("--id", help="only limits of this account, strategy, symbol or venue")
    _shows(limits, "limits")

    breakers = commands.add_parser("breakers", help=f"circuit breakers {_BY}")
    _shows(breakers, "breakers")
    reset = breakers.add_subparsers(metavar="ACTION").add_parser("reset", help="reset one trip, or all of a kind")
    reset.add_argument("breaker", help="as `gateway breakers` shows it")
    reset.add_argument("--force", action="store_true", help="although its cause lasts; needs a reason")
    reset.add_argument("--reason", default="", help="words for the record")
    _shows(reset, "reset", can_watch=False)


def _add_streams(commands: Any) -> None:
    events = commands.add_parser("events", help=f"what happened, in order {_BY}")
    events.add_argument("--types", help="only these, with commas between: order, fill, config ...")
    fills = commands.add_parser("fills", help=f"executions, in order {_BY}")
    fills.set_defaults(types="fill,trade_revision")
    for parser in (events, fills):
        parser.add_argument("--follow", action="store_true", help="go on with what happens; resumes after a break")
        parser.add_argument("--records", type=whole(0), help="begin so many records back (default: 10000, to follow 0)")
        parser.add_argument("--after", type=whole(0), help="begin behind this sequence number")
        _narrows(parser)
        parser.add_argument("--json", action="store_true", help="one JSON message a line, as the stream tells it")
        parser.set_defaults(run=_follow)


def _narrows(parser: ArgumentParser) -> None:
    parser.add_argument("--symbol")
    parser.add_argument("--venue")
    parser.add_argument("--strategy", dest="strategy_id")
    parser.add_argument("--account")


def _shows(parser: ArgumentParser, what: str, *, can_watch: bool = True) -> None:
    if can_watch:
        parser.add_argument("--watch", action="store_true", help="show it again every two seconds")
    parser.add_argument("--json", action="store_true", help="the API's answer, unchanged")
    parser.set_defaults(run=_show(what))


def _show(what: str) -> Callable[[Namespace], int]:
    def run(args: Namespace) -> int:
        from gateway.app.people import reads

        return reads.run(what, args)

    return run


def _follow(args: Namespace) -> int:
    from gateway.app.people.follow import follow

    return follow(args)


def _resume(args: Namespace) -> int:
    from gateway.app.people.operator import resume

    return resume(args.scope, args.id, args.reason, os.environ)


def _completion(parser: ArgumentParser, shell: str) -> int:
    from gateway.app.people.completion import script

    print(script(parser, shell), end="")
    return 0
