"""Channels against real servers: delivered, retried, given up, never a secret in a word, never in anybody's way."""

import asyncio
import datetime
import logging
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from gateway.adapters.clock import SystemClock
from gateway.adapters.notify.channel import ATTEMPTS, MAX_WAITING, Channel
from gateway.adapters.notify.message import message_of
from gateway.adapters.notify.notifications import Notifications
from gateway.adapters.notify.sending import SendFailed, sender_of
from gateway.domain.alerts import AlertKind, Severity
from gateway.domain.settings import NotificationChannel, Settings
from tests.config.samples import parse_texts
from tests.fakes.alerts import an_alert
from tests.notify.servers import HttpService, http_service, smtp_service
from tests.patience import PATIENCE_S

SECRET = "t0ken-that-nobody-may-see"
ENV = {"HOOK": "", "TOKEN": SECRET, "PASSWORD": SECRET}
LOST = message_of(an_alert())


class Naps:
    """Sleeps for no time, and remembers for how long."""

    def __init__(self) -> None:
        self.taken: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.taken.append(seconds)
        await asyncio.sleep(0)


def channel_of(kind: str, url: str = "", **more: Any) -> NotificationChannel:
    return NotificationChannel(name="desk", kind=kind, url=url, **more)


@asynccontextmanager
async def working(settings: NotificationChannel, naps: Naps) -> AsyncIterator[Channel]:
    channel = Channel(settings, ENV, sender_of, SystemClock(), naps)
    task = asyncio.ensure_future(channel.run())
    try:
        yield channel
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(condition: Any) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110 - what a server does sets no event here
            await asyncio.sleep(0.002)


@pytest.mark.parametrize(
    ("kind", "more", "path"),
    [
        ("webhook", {"secret_env": "TOKEN"}, "/"),
        ("slack", {}, "/"),
        ("discord", {}, "/"),
        ("telegram", {"secret_env": "TOKEN", "chat_id": "-1"}, f"/bot{SECRET}/sendMessage"),
        ("pagerduty", {"secret_env": "TOKEN"}, "/"),
    ],
)
async def test_every_kind_reaches_its_service(kind: str, more: dict[str, Any], path: str) -> None:
    """Without this, a channel could be configured that never says anything."""
    naps = Naps()
    async with http_service() as service, working(channel_of(kind, service.url + "/", **more), naps) as channel:
        channel.put(LOST)
        await until(lambda: channel.sent == 1)
        (post,) = service.posts
        assert post.path == path
        assert post.headers["Content-Type"].startswith("application/json")
        view = channel.view()
        assert (view.is_up, view.waiting, view.error) == (True, 0, "")
        assert view.last_sent_ns > 0


async def test_what_fails_for_now_is_tried_again_with_growing_pauses() -> None:
    """Without this, one 503 would cost the alert; or a dead service would be hammered."""
    naps = Naps()
    async with http_service() as service, working(channel_of("webhook", service.url), naps) as channel:
        service.script = [503, 500, 502, (429, "7"), 200]
        channel.put(LOST)
        await until(lambda: channel.sent == 1)
        assert len(service.posts) == 5
        first, second, third, asked = naps.taken[:4]
        assert 0.5 <= first <= 1 <= second * 2 <= 4
        assert third <= 4
        assert asked == 7, "the service says when"
        assert channel.dropped == 0


async def test_what_is_refused_for_good_is_given_up_at_once_and_shows(caplog: pytest.LogCaptureFixture) -> None:
    """Without this, a revoked token would be tried for an hour, and nobody would know that nothing arrives."""
    async with http_service() as service, working(channel_of("webhook", service.url), Naps()) as channel:
        service.script = [404]
        with caplog.at_level(logging.WARNING):
            channel.put(LOST)
            await until(lambda: channel.dropped == 1)
        assert len(service.posts) == 1
        assert channel.is_dead
        assert channel.view().error == "it answered 404"
        assert "it answered 404" in caplog.text
        channel.put(LOST)
        await until(lambda: channel.sent == 1)
        assert not channel.is_dead, "one that delivers is not dead"


async def test_a_redirect_is_not_followed() -> None:
    """Without this, a moved domain would be handed the token."""
    async with http_service() as service, working(channel_of("webhook", service.url), Naps()) as channel:
        service.script = [302]
        channel.put(LOST)
        await until(lambda: channel.dropped == 1)
        assert [post.path for post in service.posts] == ["/"]


async def test_after_enough_attempts_it_is_given_up_and_the_next_one_is_tried() -> None:
    """Without this, one message would block the queue for ever."""
    naps = Naps()
    async with (
        http_service() as service,
        working(channel_of("pagerduty", service.url, secret_env="TOKEN"), naps) as one,
    ):
        service.script = [500] * ATTEMPTS
        one.put(LOST)
        one.put(message_of(an_alert(subject="venue:binance")))
        await until(lambda: one.sent == 1)
        assert (one.dropped, len(service.posts)) == (1, ATTEMPTS + 1)
        assert max(naps.taken) <= 60


async def test_what_waits_is_sent_together_and_the_queue_is_bounded() -> None:
    """Without this, the storm after an outage would be a hundred messages, or fill memory."""
    async with http_service() as service:
        channel = Channel(channel_of("slack", service.url), ENV, sender_of, SystemClock(), Naps())
        for number in range(MAX_WAITING + 15):
            channel.put(message_of(an_alert(text=f"number {number}")))
        assert (channel.view().waiting, channel.dropped) == (MAX_WAITING, 15)
        task = asyncio.ensure_future(channel.run())
        await until(lambda: channel.sent == MAX_WAITING)
        task.cancel()
        assert len(service.posts) == MAX_WAITING / 20
        assert "number 214" in service.posts[-1].body["text"]
        assert "number 14\n" not in service.posts[0].body["text"], "the oldest gave way"


async def test_what_is_less_severe_than_asked_for_is_not_sent() -> None:
    """Without this, the phone of whoever is on call would ring for everything."""
    settings = channel_of("webhook", "http://127.0.0.1:9", min_severity="critical")
    channel = Channel(settings, ENV, sender_of, SystemClock(), Naps())
    channel.put(message_of(an_alert(AlertKind.DISK_LOW, "low", Severity.WARNING)))
    assert channel.view().waiting == 0


@pytest.mark.parametrize("kind", ["telegram", "webhook"])
async def test_no_error_and_no_log_line_holds_a_secret(kind: str, caplog: pytest.LogCaptureFixture) -> None:
    """Without this, the token of the bot would be in the log of the night it failed."""
    closed = "http://127.0.0.1:9"
    settings = channel_of(kind, closed, secret_env="TOKEN", chat_id="1" if kind == "telegram" else "")
    with caplog.at_level(logging.DEBUG):
        async with working(settings, Naps()) as channel:
            channel.put(LOST)
            await until(lambda: channel.dropped == 1)
            assert channel.view().error == "it cannot be reached (ClientConnectorError)"
            assert SECRET not in repr(channel.view())
    assert SECRET not in caplog.text


async def test_a_missing_variable_makes_the_channel_dead_and_names_it() -> None:
    """Without this, a gateway that was started without its environment would be silent."""
    async with working(channel_of("slack", url_env="NOT_THERE"), Naps()) as channel:
        channel.put(LOST)
        await until(lambda: channel.dropped == 1)
        assert channel.is_dead
        assert channel.view().error == "the environment variable NOT_THERE is not set"


def mail_channel(port: int, **more: Any) -> NotificationChannel:
    terms: dict[str, Any] = {"host": "localhost", "security": "none", **more}
    return channel_of(
        "email", port=port, sender="gateway@example.com", recipients=("ann@example.com", "bob@example.com"), **terms
    )


def self_signed(folder: Path) -> ssl.SSLContext:
    """A certificate of localhost that is its own authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    plain = serialization.PrivateFormat.PKCS8
    secret = key.private_bytes(serialization.Encoding.PEM, plain, serialization.NoEncryption())
    (folder / "cert.pem").write_bytes(pem)
    (folder / "both.pem").write_bytes(secret + pem)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "both.pem")
    return context


async def test_mail_goes_out_encrypted_and_logged_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without this, the password would cross the network in the clear, or no provider would take the mail."""
    tls = self_signed(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))
    account = ("gateway@example.com", SECRET)
    async with smtp_service(tls, account) as service:
        settings = mail_channel(service.port, security="starttls", username=account[0], secret_env="PASSWORD")
        async with working(settings, Naps()) as channel:
            channel.put(LOST)
            await until(lambda: channel.sent == 1)
        assert service.was_encrypted
        assert service.recipients == ["ann@example.com", "bob@example.com"]
        (mail,) = service.mails
        assert "Subject: CRITICAL: the connection is lost" in mail


async def test_an_unknown_certificate_gets_no_password(tmp_path: Path) -> None:
    """Without this, whoever stands between would read the password."""
    async with smtp_service(self_signed(tmp_path), ("g", SECRET)) as service:
        settings = mail_channel(service.port, security="starttls", username="g", secret_env="PASSWORD")
        with pytest.raises(SendFailed, match="SSLCertVerificationError"):
            await sender_of(settings, ENV).send([LOST])
        assert service.mails == []


async def test_a_wrong_password_is_final_and_is_not_told() -> None:
    """Without this, a wrong password would lock the account by retries."""
    async with smtp_service(account=("g", "another")) as service:
        settings = mail_channel(service.port, username="g", secret_env="PASSWORD")
        with pytest.raises(SendFailed) as failed:
            await sender_of(settings, ENV).send([LOST])
        assert failed.value.is_final
        assert SECRET not in str(failed.value)


def settings_with(text: str) -> Settings:
    return parse_texts(notifications=text)


async def test_channels_follow_the_configuration_and_tell_when_they_are_dead() -> None:
    """Without this, a new channel would need a restart, and a dead one would be noticed in the next outage."""
    async with http_service() as service:
        notifications = Notifications({"HOOK": service.url}, SystemClock())
        notifications.follow(settings_with("channels: [{name: a, url_env: HOOK}, {name: b, url_env: GONE}]"))
        first = notifications.channels()
        notifications.notify(an_alert())
        await until(lambda: [view.sent for view in notifications.channels()] == [1, 0])
        await until(lambda: notifications.channels()[1].dropped == 1)
        (dead,) = notifications.conditions()
        assert (dead.kind, dead.subject) == ("channel_dead", "b")
        readings = notifications.readings()
        assert readings["gateway_notification_channel_up"] == {("a",): 1, ("b",): 0}
        assert readings["gateway_notifications_total"]["b", "dropped"] == 1
        notifications.follow(settings_with("channels: [{name: a, url_env: HOOK}]"))
        assert [(view.name, view.sent) for view in notifications.channels()] == [("a", 1)], "a kept what it had"
        assert first[0].sent == 0
        await notifications.close()


async def test_a_stop_lets_what_waits_go_out() -> None:
    """Without this, the alert that explains a stop would be lost with it."""
    service: HttpService
    async with http_service() as service:
        notifications = Notifications({"HOOK": service.url}, SystemClock())
        notifications.follow(settings_with("channels: [{name: a, url_env: HOOK}]"))
        notifications.notify(an_alert())
        await notifications.close()
        assert len(service.posts) == 1


async def test_a_channel_that_is_mended_delivers_what_waited_for_it() -> None:
    """Without this, the edit that mends an address would throw away every alert that could not be sent to the old one:
    they last, so nobody tells them again."""
    async with http_service() as service, http_service() as broken:
        broken.script = [503] * 100
        notifications = Notifications({"HOOK": service.url, "OLD": broken.url}, SystemClock())
        notifications.follow(settings_with("channels: [{name: a, url_env: OLD}]"))
        for subject in ("venue:alpha", "venue:beta"):
            notifications.notify(an_alert(subject=subject))
        await until(lambda: broken.posts)
        notifications.follow(settings_with("channels: [{name: a, url_env: HOOK}]"))
        await until(lambda: notifications.channels()[0].sent == 2)
        notifications.follow(settings_with("channels: []"))
        assert not notifications.channels()
        await notifications.close()
