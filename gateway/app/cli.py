"""The ``gateway`` command. Exit status 0 only on success; what went wrong is one readable paragraph on stderr."""

import argparse
import asyncio
import os
import sys
from collections.abc import Sequence
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

from gateway import __version__
from gateway.app.console import Parser, run_on_console
from gateway.app.operating_cli import add_agreement, add_operating
from gateway.app.options import CONFIG_HELP, add_data, decimal, whole
from gateway.app.people.commands import add_people
from gateway.domain.enums import STOP_SCOPES

_MAX_PORT = 65_535


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    words = list(sys.argv[1:] if argv is None else argv)
    return run_on_console(partial(_run, words))


def _run(words: list[str]) -> int:
    try:
        if words[:1] == ["demo"]:
            return _demo(words[1:])
        parser = build_parser()
        args = parser.parse_args(words)
        if args.command is None:
            parser.print_help()
            return 2
        return int(args.run(args))
    except OSError as error:  # of files that may not be read, and the like: its words name the file
        print(f"gateway {words[0]} cannot go on: {error}", file=sys.stderr)
        return 1


def build_parser() -> Parser:
    parser = Parser(prog="gateway", description="An order gateway between strategies and venues.")
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")

    serve = commands.add_parser("serve", help="run the gateway")
    serve.add_argument("--config", type=Path, default=Path("config"), help=CONFIG_HELP)
    add_data(serve)
    serve.add_argument("--host", help="address to listen on (default: gateway.yaml)")
    port = whole(0, _MAX_PORT, " (any free port)")
    serve.add_argument("--port", type=port, help="port to listen on, 0 for any free one (default: gateway.yaml)")
    serve.add_argument("--log-level", default="INFO", choices=["DEBUG", "INFO", "WARNING", "ERROR"], help="(INFO)")
    serve.add_argument("--log-format", default="text", choices=["text", "json"], help="readable lines, or JSON lines")
    serve.set_defaults(run=_serve)

    check = commands.add_parser("check-config", help="say what a reload of this folder would say")
    check.add_argument("config", type=Path, nargs="?", default=Path("config"), help=CONFIG_HELP)
    check.add_argument("--data", type=Path, help="compare with the configuration last in force here")
    check.set_defaults(run=_check_config)

    order = commands.add_parser("check-order", help="say what placing orders of a file would come to; places nothing")
    order.add_argument("file", help="JSON or YAML, one order or a list; - for standard input")
    order.add_argument("--config", type=Path, help="ask no running gateway: under this configuration")
    order.add_argument("--data", type=Path, help="ask no running gateway: in the state of this journal")
    order.add_argument(
        "--price", action="append", default=[], metavar="SYMBOL=PRICE", help="a price, where none is asked"
    )
    order.add_argument("--json", action="store_true", help="the whole verdicts as JSON")
    order.set_defaults(run=_check_order)

    _add_journal_commands(commands)
    _add_whatif(commands)
    _add_simulator(commands)

    key = commands.add_parser("make-key", help="make an API key and its entry for principals.yaml")
    key.add_argument("name", help="whose key it is")
    key.add_argument("--role", default="trader", choices=["viewer", "trader", "risk", "admin"], help="(trader)")
    key.set_defaults(run=_make_key)

    _add_stopping(commands)
    add_operating(commands)
    add_agreement(commands)
    _add_rollout(commands)
    add_people(parser, commands)
    commands.add_parser("demo", help="watch a strategy trade through a gateway in SHADOW", add_help=False)
    return parser


def _add_stopping(commands: Any) -> None:
    kill = commands.add_parser("kill", help="stop trading and cancel open orders (GATEWAY_URL, GATEWAY_KEY)")
    _add_scope(kill)
    kill.set_defaults(run=_kill)

    flatten = commands.add_parser("flatten", help="stop trading, cancel, close positions (GATEWAY_URL, GATEWAY_KEY)")
    _add_scope(flatten)
    flatten.add_argument("--book", default="live", choices=["live", "shadow", "both"], help="(live)")
    flatten.add_argument(
        "--limit-bps",
        type=decimal("0.01", "9999", " basis points"),
        help="close with limits this many basis points through the touch",
    )
    flatten.add_argument(
        "--wait",
        type=decimal("0", "86400", " seconds"),
        default=Decimal(30),
        help="seconds to watch until it is flat (default: 30)",
    )
    flatten.set_defaults(run=_flatten)


def _add_journal_commands(commands: Any) -> None:
    audit = commands.add_parser("audit", help="prove the journal")
    actions = audit.add_subparsers(dest="action", required=True)
    verify = actions.add_parser("verify", help="find any altered, missing or reordered record")
    add_data(verify)
    verify.set_defaults(run=_audit_verify)

    replay = commands.add_parser("replay", help="decide every recorded event again and show differences")
    add_data(replay)
    replay.set_defaults(run=_replay)

    explain = commands.add_parser("explain", help="say of an order of the past every check with limit and value")
    explain.add_argument("order_id", help="as the answer to the order named it")
    add_data(explain)
    explain.add_argument("--json", action="store_true", help="as orders/check answers")
    explain.set_defaults(run=_explain)


def _add_whatif(commands: Any) -> None:
    ask = commands.add_parser("whatif", help="decide the past again under an edit, and say what would differ")
    ask.add_argument("--policies", type=Path, help="folder of candidate policies (default: those of --config)")
    ask.add_argument("--config", type=Path, help="folder of a candidate configuration (default: as it was)")
    ask.add_argument("--since", default="7d", help="7d, 12h, 30m, or a date such as 2026-11-01 (default: 7d)")
    add_data(ask)
    ask.add_argument("--json", action="store_true", help="everything as JSON")
    ask.set_defaults(run=_whatif)


def _add_simulator(commands: Any) -> None:
    simulator = commands.add_parser("simulator", help="the simulator beside what really happened")
    actions = simulator.add_subparsers(dest="action", required=True)
    fit = actions.add_parser("refit", help="fit its parameters to recorded live orders and their twins")
    fit.add_argument("--venue", required=True, help="whose orders and twins")
    fit.add_argument("--config", type=Path, default=Path("config"), help=CONFIG_HELP)
    add_data(fit)
    fit.add_argument("--write", action="store_true", help="put what fits better into gateway.yaml (its comments stay)")
    fit.set_defaults(run=_refit)


def _refit(args: argparse.Namespace) -> int:
    from gateway.app.environment import environment
    from gateway.app.refit import print_refit

    return print_refit(args.venue, args.config, args.data, environment(args.config), is_written=args.write)


def _add_rollout(commands: Any) -> None:
    from gateway.app.rollout_cli import add_parser, run

    add_parser(commands)
    commands.choices["rollout"].set_defaults(run=lambda args: run(args, os.environ))


def _serve(args: argparse.Namespace) -> int:
    from gateway.app.logs import start_log
    from gateway.app.serve import serve

    start_log(args.log_level, args.log_format)
    return serve(args.config, args.data, args.host, args.port)


def _check_config(args: argparse.Namespace) -> int:
    from gateway.app.checks import check_config
    from gateway.app.environment import environment

    return check_config(args.config, args.data, environment(args.config))


def _check_order(args: argparse.Namespace) -> int:
    from gateway.app.environment import environment
    from gateway.app.order_check import check_orders

    environ = os.environ if args.config is None else environment(args.config)
    return check_orders(args.file, args.config, args.data, args.price, environ, is_json=args.json)


def _audit_verify(args: argparse.Namespace) -> int:
    from gateway.app.checks import audit_verify

    return audit_verify(args.data)


def _explain(args: argparse.Namespace) -> int:
    from gateway.app.explain import explain_order

    return asyncio.run(explain_order(args.data, args.order_id, is_json=args.json))


def _replay(args: argparse.Namespace) -> int:
    from gateway.app.checks import replay_journal

    return asyncio.run(replay_journal(args.data))


def _whatif(args: argparse.Namespace) -> int:
    from gateway.app.environment import environment
    from gateway.app.whatif import whatif

    os.nice(10)  # a gateway beside it goes first
    environ = environment(args.config or Path())
    return whatif(args.policies, args.config, args.since, args.data, environ, is_json=args.json)


def _make_key(args: argparse.Namespace) -> int:
    from gateway.adapters.config import make_key

    try:
        key, entry = make_key(args.name, args.role)
    except ValueError as unfit:
        print(f"{args.name!r} {unfit}", file=sys.stderr)
        return 2
    print(f"Key (shown once, store it safely):\n{key}\n\nEntry for config/principals.yaml:\n{entry}")
    return 0


def _add_scope(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--scope", default="gateway", choices=[scope.value for scope in STOP_SCOPES])
    parser.add_argument("--id", default="", help="which venue, account, strategy or symbol")
    parser.add_argument("--reason", default="", help="words for the record")


def _kill(args: argparse.Namespace) -> int:
    from gateway.app.people.operator import kill

    return kill(args.scope, args.id, args.reason, os.environ)


def _flatten(args: argparse.Namespace) -> int:
    from gateway.app.people.operator import flatten

    return flatten(args.scope, args.id, args.reason, args.book, args.limit_bps, args.wait, os.environ)


def _demo(words: list[str]) -> int:
    """The demo is a client with options of its own."""
    from gateway.app.demo import demo

    return demo(words)


if __name__ == "__main__":
    sys.exit(main())
