"""Alerts carried outside: webhook, Slack, Discord, Telegram, e-mail, PagerDuty. Never on the order path."""

from gateway.adapters.notify.notifications import Notifications
from gateway.adapters.notify.sending import SendFailed, sender_of

__all__ = ["Notifications", "SendFailed", "sender_of"]
