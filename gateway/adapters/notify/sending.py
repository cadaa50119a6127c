"""One attempt to deliver messages: by HTTP or SMTP, with a time limit, and an error that holds no secret."""

import asyncio
import smtplib
import ssl
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import aiohttp

from gateway.adapters.notify.formats import EMAIL_MOST, EMAIL_PAUSE_S, FORMATS, Format, email_of
from gateway.adapters.notify.message import Message
from gateway.domain.settings import NotificationChannel

TIMEOUT_S = 10.0
#: Statuses after which the same message may pass later; any other from 400 on will not.
_LATER = frozenset({408, 425, 429})
_MAX_RETRY_AFTER_S = 300.0


class SendFailed(Exception):
    """It was not delivered. ``is_final``: and the same message never will be. ``after_s``: what the service asks
    to wait."""

    def __init__(self, text: str, *, is_final: bool = False, after_s: float = 0.0) -> None:
        super().__init__(text)
        self.is_final = is_final
        self.after_s = after_s


class Sender(Protocol):
    """How one channel is reached. ``most`` messages go in one, and ``pause_s`` seconds lie between two."""

    most: int
    pause_s: float

    async def send(self, messages: Sequence[Message]) -> None:
        """Deliver, or raise SendFailed."""
        ...

    async def close(self) -> None: ...


def sender_of(channel: NotificationChannel, environ: Mapping[str, str]) -> Sender:
    """Raises SendFailed when the environment does not hold what the channel needs."""
    url = channel.url or _from(environ, channel.url_env)
    secret = _from(environ, channel.secret_env)
    if channel.kind == "email":
        return _Mail(channel, secret)
    return _Http(FORMATS[channel.kind], url, secret, channel.chat_id)


def _from(environ: Mapping[str, str], name: str) -> str:
    value = environ.get(name, "").strip() if name else ""
    if name and not value:
        raise SendFailed(f"the environment variable {name} is not set", is_final=True)
    return value


class _Http:
    """POSTs JSON. Redirects are not followed: they would carry a secret to somebody else."""

    def __init__(self, kind: Format, url: str, secret: str, chat_id: str) -> None:
        self.most, self.pause_s = kind.most, kind.pause_s
        self._kind = kind
        self._about = (url, secret, chat_id)
        self._session: aiohttp.ClientSession | None = None

    async def send(self, messages: Sequence[Message]) -> None:
        post = self._kind.post(*self._about, messages)
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TIMEOUT_S))
        try:
            async with self._session.post(
                post.url, json=post.body, headers=post.headers, allow_redirects=False
            ) as reply:
                await reply.read()
                status, after = reply.status, reply.headers.get("Retry-After", "")
        except TimeoutError:
            raise SendFailed(f"no answer within {TIMEOUT_S:g} s") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            # Its text may hold the address, which may be the secret: only what kind of failure it was.
            raise SendFailed(f"it cannot be reached ({type(error).__name__})") from None
        if status >= 300:
            is_final = status not in _LATER and status < 500
            raise SendFailed(f"it answered {status}", is_final=is_final, after_s=_seconds(after))

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()


def _seconds(text: str) -> float:
    try:
        return min(max(float(text), 0.0), _MAX_RETRY_AFTER_S)
    except ValueError:
        return 0.0


class _Mail:
    """SMTP in a thread: the standard library's client blocks."""

    most, pause_s = EMAIL_MOST, EMAIL_PAUSE_S

    def __init__(self, channel: NotificationChannel, password: str) -> None:
        self._channel = channel
        self._password = password

    async def send(self, messages: Sequence[Message]) -> None:
        mail = email_of(self._channel.sender, self._channel.recipients, messages)
        await asyncio.to_thread(self._deliver, mail.as_bytes())

    def _deliver(self, mail: bytes) -> None:
        channel = self._channel
        try:
            with self._connection() as smtp:
                if channel.security == "starttls":
                    smtp.starttls(context=ssl.create_default_context())
                if channel.username:
                    smtp.login(channel.username, self._password)
                smtp.sendmail(channel.sender, channel.recipients, mail)
        except smtplib.SMTPResponseException as error:
            raise SendFailed(f"it answered {error.smtp_code}", is_final=error.smtp_code >= 500) from None
        except smtplib.SMTPRecipientsRefused as refused:
            codes = {code for code, _ in refused.recipients.values()}
            raise SendFailed(f"it refused every recipient ({codes})", is_final=min(codes) >= 500) from None
        except (smtplib.SMTPException, OSError) as error:
            raise SendFailed(f"it cannot be reached ({type(error).__name__})") from None

    def _connection(self) -> smtplib.SMTP:
        channel = self._channel
        if channel.security == "tls":
            context = ssl.create_default_context()
            return smtplib.SMTP_SSL(channel.host, channel.port, timeout=TIMEOUT_S, context=context)
        return smtplib.SMTP(channel.host, channel.port, timeout=TIMEOUT_S)

    async def close(self) -> None:
        pass


#: For tests: how a sender is made.
SenderFactory = Callable[[NotificationChannel, Mapping[str, str]], Sender]
