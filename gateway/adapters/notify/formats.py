"""The bodies of the services' own formats: pure, from messages to what is sent.

Bounds are the services': Slack cuts at 40,000 characters, Discord refuses above 2,000, Telegram above 4,096,
PagerDuty's summary above 1,024. What is longer is cut here, so that a long text never costs an alert.
"""

from collections.abc import Callable, Mapping, Sequence
from email.message import EmailMessage
from typing import Any, NamedTuple

import msgspec

from gateway.adapters.notify.message import Message
from gateway.domain.alerts import Severity

Body = dict[str, Any]
TELEGRAM = "https://api.telegram.org"
PAGERDUTY = "https://events.pagerduty.com/v2/enqueue"
_ICONS = {Severity.CRITICAL: "🔴", Severity.WARNING: "🟠", Severity.INFO: "🔵"}
_OVER = "🟢"


class Post(NamedTuple):
    """One HTTP POST. The address and the headers may hold a secret: never logged."""

    url: str
    body: Body
    headers: Mapping[str, str] = {}


class Format(NamedTuple):
    """How one kind is spoken to: most messages in one post, and the pause between two posts."""

    most: int
    pause_s: float
    post: Callable[[str, str, str, Sequence[Message]], Post]


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _lines(messages: Sequence[Message]) -> str:
    return "\n".join(f"{_OVER if one.is_over else _ICONS[one.severity]} {one.headline}" for one in messages)


def _webhook(url: str, secret: str, chat_id: str, messages: Sequence[Message]) -> Post:
    alerts = [{**msgspec.to_builtins(one), "state": "resolved" if one.is_over else "active"} for one in messages]
    headers = {"Authorization": f"Bearer {secret}"} if secret else {}
    return Post(url, {"version": 1, "alerts": alerts}, headers)


def _slack(url: str, secret: str, chat_id: str, messages: Sequence[Message]) -> Post:
    """Incoming webhook. ``&``, ``<`` and ``>`` are its control characters: ``<!channel>`` would call everybody."""
    text = _lines(messages).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return Post(url, {"text": _cut(text, 39_000)})


def _discord(url: str, secret: str, chat_id: str, messages: Sequence[Message]) -> Post:
    """Webhook. Nobody is called by a name that happens to be in a text."""
    return Post(url, {"content": _cut(_lines(messages), 2_000), "allowed_mentions": {"parse": []}})


def _telegram(url: str, secret: str, chat_id: str, messages: Sequence[Message]) -> Post:
    """Bot API, ``sendMessage``, as plain text: nothing to escape."""
    body = {"chat_id": chat_id, "text": _cut(_lines(messages), 4_096), "disable_web_page_preview": True}
    return Post(f"{(url or TELEGRAM).rstrip('/')}/bot{secret}/sendMessage", body)


def _pagerduty(url: str, secret: str, chat_id: str, messages: Sequence[Message]) -> Post:
    """Events API v2: the end of a trouble resolves the incident that its beginning opened."""
    (one,) = messages
    body: Body = {
        "routing_key": secret,
        "event_action": "resolve" if one.is_over else "trigger",
        "dedup_key": _cut(one.key, 255),
        "payload": {
            "summary": _cut(one.headline, 1_024),
            "source": "order-gateway",
            "severity": one.severity.value,
            "timestamp": one.at,
            "class": one.kind,
        },
    }
    return Post(url or PAGERDUTY, body)


#: What is sent by HTTP POST. Pauses keep within what the services accept from one sender.
FORMATS: Mapping[str, Format] = {
    "webhook": Format(50, 0.2, _webhook),
    "slack": Format(20, 1.0, _slack),
    "discord": Format(10, 1.0, _discord),
    "telegram": Format(20, 3.0, _telegram),
    "pagerduty": Format(1, 0.5, _pagerduty),
}
EMAIL_MOST, EMAIL_PAUSE_S = 50, 10.0


def email_of(sender: str, recipients: Sequence[str], messages: Sequence[Message]) -> EmailMessage:
    """A plain text mail; the subject is the worst of it."""
    worst = max(messages, key=lambda one: (not one.is_over, one.severity.rank))
    more = f" (and {len(messages) - 1} more)" if len(messages) > 1 else ""
    mail = EmailMessage()
    mail["Subject"] = _cut(" ".join(worst.headline.split()), 200) + more
    mail["From"], mail["To"] = sender, ", ".join(recipients)
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content("\n".join(f"{one.at}  {one.headline}\n    {one.alert_id}\n" for one in messages))
    return mail
