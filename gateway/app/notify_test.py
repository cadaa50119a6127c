"""``gateway notify test``: one message to each channel, and what came of it."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from gateway.adapters.clock import SystemClock
from gateway.adapters.config import ConfigInvalid, load
from gateway.adapters.notify import SendFailed, sender_of
from gateway.adapters.notify.message import message_of
from gateway.app.environment import environment
from gateway.domain.alerts import Alert, AlertCondition, AlertKind, Severity
from gateway.domain.settings import NotificationChannel


async def notify_test(names: Sequence[str], config_dir: Path) -> int:
    """Send to the channels with these names (none: to all); 0 only when every one was delivered."""
    environ = environment(config_dir)
    try:
        settings = load(config_dir, environ)
    except ConfigInvalid as invalid:
        print(*invalid.problems, sep="\n", file=sys.stderr)
        return 2
    channels = {channel.name: channel for channel in settings.notifications}
    unknown = [name for name in names if name not in channels]
    if unknown or not channels:
        known = ", ".join(channels) or "none: add some to notifications.yaml"
        said = f"no channel is called {', '.join(unknown)}" if unknown else "there is no channel"
        print(f"{said} (known: {known})", file=sys.stderr)
        return 2
    problems = {name: await try_channel(channels[name], environ) for name in names or channels}
    for name, problem in problems.items():
        if problem:
            print(f"{name} ({channels[name].kind}): not delivered: {problem}", file=sys.stderr)
        else:
            print(f"{name} ({channels[name].kind}): delivered")
    return 1 if any(problems.values()) else 0


async def try_channel(channel: NotificationChannel, environ: Mapping[str, str]) -> str:
    """Send one test message; why it was not delivered, empty when it was."""
    try:
        sender = sender_of(channel, environ)
        try:
            await sender.send([message_of(_test_alert())])
        finally:
            await sender.close()
    except SendFailed as failed:
        return str(failed)
    return ""


def _test_alert() -> Alert:
    """Of the lowest severity, and over at once: it opens no incident that somebody has to close."""
    condition = AlertCondition(
        kind=AlertKind.CHANNEL_DEAD,
        subject="test",
        severity=Severity.INFO,
        text="a test message of the order gateway; nothing is wrong",
    )
    now_ns = SystemClock().now_ns()
    return Alert(alert_id="test", condition=condition, raised_ns=now_ns, resolved_ns=now_ns)
