"""Commands of the ``gateway`` command for whoever runs one: backups, a look at the deployment, differences with venues.

Each imports what it needs when it is run, so that every other command starts fast.
"""

import argparse
import asyncio
import os
from pathlib import Path
from typing import Any

from gateway.app.options import CONFIG_HELP, add_data


def add_operating(commands: Any) -> None:
    """What the person needs who runs a gateway."""
    backup = commands.add_parser("backup", help="copy the data directory, while the gateway runs or not, and verify it")
    backup.add_argument("destination", type=Path, help="a folder that does not exist yet")
    add_data(backup)
    backup.set_defaults(run=_backup)

    restore = commands.add_parser("restore", help="put a backup back, if it verifies")
    restore.add_argument("source", type=Path, help="a folder that `gateway backup` made")
    restore.add_argument("--data", type=Path, default=Path("data"), help="a folder that does not exist yet")
    restore.set_defaults(run=_restore)

    look = commands.add_parser("doctor", help="check a deployment, and say how to mend what is found")
    look.add_argument("--config", type=Path, default=Path("config"), help=CONFIG_HELP)
    add_data(look)
    look.add_argument("--prometheus", default="", metavar="URL", help="the Prometheus that should scrape the gateway")
    look.set_defaults(run=_doctor)

    notify = commands.add_parser("notify", help="alert channels")
    actions = notify.add_subparsers(dest="action", required=True)
    test = actions.add_parser("test", help="send a test message, without a running gateway")
    test.add_argument("channel", nargs="*", help="names of channels (default: all)")
    test.add_argument("--config", type=Path, default=Path("config"), help=CONFIG_HELP)
    test.set_defaults(run=_notify_test)


def add_agreement(commands: Any) -> None:
    """What the books and the venues disagree on, and orders in doubt."""
    reconcile = commands.add_parser("reconcile", help="how the books agree with the venues (GATEWAY_URL, GATEWAY_KEY)")
    wishes = reconcile.add_subparsers(dest="action", required=True)
    wishes.add_parser("status", help="differences, unknown orders").set_defaults(run=_reconcile_status)
    accept = wishes.add_parser("accept", help="take a difference as given, as it is shown")
    accept.add_argument("venue", help="where the difference is")
    accept.add_argument("symbol", help="the symbol or asset that differs")
    accept.add_argument("--reason", required=True, help="words for the record")
    accept.set_defaults(run=_reconcile_accept)

    settle = commands.add_parser("settle", help="say what became of an order in doubt (GATEWAY_URL, GATEWAY_KEY)")
    settle.add_argument("order_id", help="the order in doubt")
    settle.add_argument(
        "--as", dest="outcome", nargs="+", required=True, metavar="OUTCOME", help="never-sent, canceled, filled QTY@PX"
    )
    settle.add_argument("--reason", required=True, help="words for the record")
    settle.set_defaults(run=_settle)


def _backup(args: argparse.Namespace) -> int:
    from gateway.app.backups import backup

    return backup(args.data, args.destination)


def _restore(args: argparse.Namespace) -> int:
    from gateway.app.backups import restore

    return restore(args.source, args.data)


def _doctor(args: argparse.Namespace) -> int:
    from gateway.app.doctor import deployment_of, doctor

    return asyncio.run(doctor(deployment_of(args.config, args.data, args.prometheus)))


def _notify_test(args: argparse.Namespace) -> int:
    from gateway.app.notify_test import notify_test

    return asyncio.run(notify_test(args.channel, args.config))


def _reconcile_status(args: argparse.Namespace) -> int:
    from gateway.app.agreement import status

    return status(os.environ)


def _reconcile_accept(args: argparse.Namespace) -> int:
    from gateway.app.agreement import accept

    return accept(args.venue, args.symbol, args.reason, os.environ)


def _settle(args: argparse.Namespace) -> int:
    from gateway.app.agreement import settle

    return settle(args.order_id, args.outcome, args.reason, os.environ)
