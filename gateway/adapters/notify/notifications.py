"""All channels of the configuration, and what they tell of themselves."""

import asyncio
import logging
from collections.abc import Iterator, Mapping

from gateway.adapters.notify.channel import Channel
from gateway.adapters.notify.message import Message, message_of
from gateway.adapters.notify.sending import sender_of
from gateway.domain.alerts import Alert, AlertCondition, AlertKind, Severity
from gateway.domain.settings import Settings
from gateway.ports.alerts import ChannelView
from gateway.ports.clock import Clock

_log = logging.getLogger(__name__)
#: What is under way when the gateway stops may still be sent for so long.
_FLUSH_S = 2.0


class Notifications:
    """Implements ``ports.alerts.Notifier``. ``follow`` takes a configuration, then and later; a channel that stays
    keeps its queue, also under other settings: it is broken ones that are mended, and they have something to tell."""

    def __init__(self, environ: Mapping[str, str], clock: Clock) -> None:
        self._environ = environ
        self._clock = clock
        self._channels: dict[str, Channel] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def follow(self, settings: Settings) -> None:
        """Called on the event loop, with every configuration that takes effect."""
        wanted = {channel.name: channel for channel in settings.notifications}
        undelivered: dict[str, tuple[Message, ...]] = {}
        for name, channel in list(self._channels.items()):
            if wanted.get(name) != channel.settings:
                undelivered[name] = channel.undelivered()
                self._tasks.pop(name).cancel()
                del self._channels[name]
        for name, one in wanted.items():
            if name not in self._channels:
                channel = self._channels[name] = Channel(one, self._environ, sender_of, self._clock)
                for message in undelivered.get(name, ()):
                    channel.put(message)
                self._tasks[name] = asyncio.get_running_loop().create_task(channel.run(), name=f"channel {name}")

    def notify(self, alert: Alert) -> None:
        message = message_of(alert)
        for channel in self._channels.values():
            channel.put(message)

    def channels(self) -> tuple[ChannelView, ...]:
        return tuple(channel.view() for channel in self._channels.values())

    def conditions(self) -> Iterator[AlertCondition]:
        """Channels that are dead, for the alerts: the others tell."""
        for name, channel in self._channels.items():
            if channel.is_dead:
                text = f"alerts do not reach channel {name}: {channel.view().error}"
                yield AlertCondition(kind=AlertKind.CHANNEL_DEAD, subject=name, severity=Severity.WARNING, text=text)

    def readings(self) -> dict[str, dict[tuple[str, ...], float]]:
        """For the metrics, by channel."""
        sent: dict[tuple[str, ...], float] = {}
        for name, channel in self._channels.items():
            sent[name, "sent"], sent[name, "dropped"] = float(channel.sent), float(channel.dropped)
            sent[name, "failed_attempt"] = float(channel.failed_attempts)
        views = {(view.name,): view for view in self.channels()}
        return {
            "gateway_notifications_total": sent,
            "gateway_notification_channel_up": {key: float(view.is_up) for key, view in views.items()},
            "gateway_notifications_waiting": {key: float(view.waiting) for key, view in views.items()},
        }

    async def close(self) -> None:
        """Let what waits go out for a moment, then end."""
        try:
            async with asyncio.timeout(_FLUSH_S):
                while any(view.waiting and view.is_up for view in self.channels()):  # noqa: ASYNC110 - a moment, once
                    await asyncio.sleep(0.05)
        except TimeoutError:
            _log.warning("some alerts were not sent before the gateway stopped")
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        self._tasks.clear()
