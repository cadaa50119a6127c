"""``gateway doctor``: looks at a deployment from beside it, and says of each finding how to mend it.

Reads only, and needs no running gateway for most of it. A finding is bad (trading would suffer: exit status 1), or a
warning; what is in order is said too, so that silence never passes for health.
"""

import asyncio
import ctypes
import os
import resource
import shutil
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import msgspec

from gateway.adapters.config import ConfigInvalid, load
from gateway.adapters.http.auth import is_loopback
from gateway.adapters.journal import verify
from gateway.app.environment import env_files, environment, secret_variables
from gateway.app.people.client import Refused, address_of
from gateway.domain.enums import Mode, Role
from gateway.domain.settings import Settings, VenueSettings
from gateway.service.conditions import DISK_FULL_BYTES, DISK_LOW_BYTES

TIMEOUT_S = 5.0
#: Exchanges refuse signed requests that are a second off.
CLOCK_WARN_S = 0.5
_FEW_FILES = 4_096
_UNSYNCHRONIZED = 5


#: Where venues are that have no address in the configuration, by adapter and whether it is paper trading.
_HOSTS = {
    ("binance", True): "testnet.binance.vision",
    ("binance", False): "api.binance.com",
    ("alpaca", True): "paper-api.alpaca.markets",
    ("alpaca", False): "api.alpaca.markets",
}


_CREDENTIALS = {
    "binance": ("BINANCE_API_KEY", "BINANCE_SECRET"),
    "alpaca": ("ALPACA_API_KEY", "ALPACA_SECRET_KEY"),
}


class Level(StrEnum):
    OK = "ok"
    WARNING = "warning"
    BAD = "bad"


class Finding(msgspec.Struct, frozen=True):
    """One thing that was looked at: what, how it is, and what mends it (empty when it is in order)."""

    what: str
    level: Level
    text: str
    mend: str = ""


class Deployment(msgspec.Struct, frozen=True, kw_only=True):
    """Where the parts of a deployment are. Empty addresses are not looked at."""

    config_dir: Path
    data_dir: Path
    gateway_url: str
    prometheus_url: str
    environ: Mapping[str, str]


async def doctor(deployment: Deployment, say: Callable[[str], None] = print) -> int:
    """Print every finding; 0 only when none is bad."""
    is_bad = False
    async for finding in findings(deployment):
        is_bad = is_bad or finding.level is Level.BAD
        say(f"{finding.level.value.upper():<8}{finding.what}: {finding.text}")
        if finding.mend:
            say(f"        -> {finding.mend}")
    return 1 if is_bad else 0


async def findings(deployment: Deployment) -> AsyncIterator[Finding]:
    """Everything, in the order in which one would mend it."""
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        yield clock_finding(*kernel_clock())
        yield _disk(deployment.data_dir)
        yield _open_files()
        settings = _settings(deployment)
        if isinstance(settings, Finding):
            yield settings
        else:
            for warning in settings.warnings:
                yield Finding("configuration", Level.WARNING, warning, "gateway check-config says where")
            yield Finding("configuration", Level.OK, f"can be used, revision {settings.trading.revision}")
            secrets = _secrets(deployment.config_dir)
            for finding in (*_keys(settings), *secrets, *_channels(settings, deployment.environ)):
                yield finding
            for name in settings.trading.venues:
                yield await _venue(settings, name, deployment.environ)
            if settings.policy.engine == "opa":
                yield await _opa(session, settings)
        yield await asyncio.to_thread(_journal, deployment.data_dir)
        yield await _gateway(session, deployment)
        if deployment.prometheus_url:
            yield await _prometheus(session, deployment.prometheus_url)
        else:
            text = "not looked at: nobody watches from outside whether the gateway is down"
            yield Finding("prometheus", Level.WARNING, text, "--prometheus http://HOST:9090")


def _settings(deployment: Deployment) -> Settings | Finding:
    try:
        return load(deployment.config_dir, deployment.environ)
    except ConfigInvalid as invalid:
        text = f"{len(invalid.problems)} problem(s), the first: {invalid.problems[0]}"
        return Finding("configuration", Level.BAD, text, f"gateway check-config {deployment.config_dir} lists all")
    except OSError as error:
        return Finding("configuration", Level.BAD, f"cannot be read: {error}", "--config names its folder")


def kernel_clock() -> tuple[bool | None, float]:
    """Whether the kernel knows its clock to be right (None: it cannot be asked), and the largest error in seconds."""

    class Timex(ctypes.Structure):
        _fields_ = (
            ("modes", ctypes.c_uint),
            ("offset", ctypes.c_long),
            ("freq", ctypes.c_long),
            ("maxerror", ctypes.c_long),
            ("rest", ctypes.c_byte * 256),
        )

    try:
        found = Timex()
        state = ctypes.CDLL(None).adjtimex(ctypes.byref(found))
    except (OSError, AttributeError):
        return None, 0.0
    return (None if state < 0 else state != _UNSYNCHRONIZED), found.maxerror / 1e6


def clock_finding(is_kept: bool | None, error_s: float) -> Finding:
    mend = "run chrony or systemd-timesyncd: venues refuse what is stamped wrongly, and days begin at the wrong moment"
    if is_kept is None:
        return Finding("clock", Level.WARNING, "this system does not tell whether it is right", mend)
    if not is_kept:
        return Finding("clock", Level.BAD, "nothing keeps it right", mend)
    if error_s > CLOCK_WARN_S:
        return Finding("clock", Level.WARNING, f"may be off by up to {error_s:.2f} s", mend)
    return Finding("clock", Level.OK, f"is right within {error_s:.3f} s")


def _disk(data_dir: Path) -> Finding:
    folder = next((one for one in (data_dir, *data_dir.absolute().parents) if os.path.exists(one)), Path("/"))
    try:
        free = shutil.disk_usage(folder).free
    except OSError as error:
        return Finding("disk", Level.BAD, f"{folder} cannot be asked: {error}", "look at the mount")
    if not os.access(folder, os.W_OK):
        return Finding(
            "disk", Level.BAD, f"{folder} cannot be written by this user", "chown it to the user of the gateway"
        )
    text, mend = (
        f"{free // 1_000_000} MB are free at {folder}",
        "make room, or take a larger disk",
    )
    if free < DISK_FULL_BYTES:
        return Finding("disk", Level.BAD, text, mend)
    if free < DISK_LOW_BYTES:
        return Finding("disk", Level.WARNING, text, mend)
    return Finding("disk", Level.OK, text)


def _open_files() -> Finding:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    text = f"{soft} may be open at once"
    if 0 < soft < _FEW_FILES:
        mend = "LimitNOFILE=65536 in the unit, or ulimit -n 65536: each client and stream needs one"
        return Finding("open files", Level.WARNING, text, mend)
    return Finding("open files", Level.OK, text)


def _keys(settings: Settings) -> Iterator[Finding]:
    people = settings.principals
    if not people:
        is_open = settings.server.host != "localhost" and not is_loopback(settings.server.host)
        text = "none is configured: every program on this machine is admin"
        mend = "gateway make-key NAME --role trader, and the entry into principals.yaml"
        yield Finding("keys", Level.BAD if is_open else Level.WARNING, text, mend)
    elif not any(one.role in (Role.RISK, Role.ADMIN) for one in people):
        text = "none may switch trading off or approve"
        yield Finding("keys", Level.BAD, text, "gateway make-key NAME --role risk")
    else:
        yield Finding("keys", Level.OK, f"{len(people)}, of {len({one.role for one in people})} role(s)")


def _secrets(config_dir: Path) -> Iterator[Finding]:
    for path in env_files(config_dir):
        if path.is_file() and path.stat().st_mode & 0o077:
            yield Finding("secrets", Level.BAD, f"{path} can be read by others", f"chmod 600 {path}")


def _channels(settings: Settings, environ: Mapping[str, str]) -> Iterator[Finding]:
    if not settings.notifications:
        text = "none is configured: nobody is told what goes wrong"
        yield Finding("alert channels", Level.WARNING, text, "add one to notifications.yaml")
    missing = sorted(name for name in secret_variables(settings) if not environ.get(name, "").strip())
    for name in missing:
        yield Finding(
            "alert channels", Level.BAD, f"{name} is not set in this environment", f"set {name}, or put it into .env"
        )
    if settings.notifications and not missing:
        yield Finding("alert channels", Level.OK, f"{len(settings.notifications)}; gateway notify test tries them")


async def _venue(settings: Settings, name: str, environ: Mapping[str, str]) -> Finding:
    """Whether something answers where the venue is; how bad it is when not depends on its mode."""
    venue, mode = settings.venues.get(name), settings.trading.effective_mode(name)
    what = f"venue {name}"
    if venue is None:
        return Finding(what, Level.OK, f"{mode.value}, no connection is configured")
    missing = [one for one in _CREDENTIALS.get(venue.adapter, ()) if not environ.get(one, "").strip()]
    if missing and mode is not Mode.SHADOW:
        return Finding(
            what, Level.BAD, f"{mode.value}, {' and '.join(missing)} not set", "set them, or put them into .env"
        )
    host, port = _address(venue)
    if not host:
        return Finding(what, Level.OK, f"{mode.value}, needs no connection of its own")
    try:
        async with asyncio.timeout(TIMEOUT_S):
            _, writer = await asyncio.open_connection(host, port)
        writer.close()
    except (OSError, TimeoutError) as error:
        level = Level.WARNING if mode is Mode.SHADOW else Level.BAD
        why = str(error) or type(error).__name__
        mend = "is it running, is the port right, is a firewall between? docs/operations.md#troubleshooting"
        return Finding(what, level, f"{mode.value}, {host}:{port} does not answer: {why}", mend)
    return Finding(what, Level.OK, f"{mode.value}, {host}:{port} answers")


def _address(venue: VenueSettings) -> tuple[str, int]:
    """Host and port to try; an empty host where there is none to try."""
    if venue.host:
        return venue.host, venue.port or 443
    url = venue.options.get("base_url", "")
    if url:
        parts = urlsplit(url)
        return parts.hostname or "", parts.port or (80 if parts.scheme == "http" else 443)
    return _HOSTS.get((venue.adapter, venue.paper_only), ""), 443


async def _opa(session: aiohttp.ClientSession, settings: Settings) -> Finding:
    url = settings.policy.url.rstrip("/") + "/health"
    try:
        async with session.get(url) as reply:
            if reply.status == 200:
                return Finding("OPA", Level.OK, f"{settings.policy.url} answers")
            text = f"{url} answered {reply.status}"
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        text = f"{url} does not answer ({type(error).__name__})"
    return Finding(
        "OPA", Level.BAD, f"{text}: every order is denied", "docs/policies.md#running-opa says how to start it"
    )


def _journal(data_dir: Path) -> Finding:
    if not os.path.lexists(data_dir / "journal.sqlite3"):
        return Finding("journal", Level.WARNING, f"{data_dir} holds none yet", "--data names its folder")
    report = verify(data_dir)
    if report.problems:
        mend = "keep a copy, then docs/operations.md#gatewayauditbroken"
        return Finding("journal", Level.BAD, f"does not verify: {report.problems[0].what}", mend)
    return Finding("journal", Level.OK, f"{report.records} records, the chain is whole")


async def _gateway(session: aiohttp.ClientSession, deployment: Deployment) -> Finding:
    url = deployment.gateway_url
    try:
        address_of({"GATEWAY_URL": url})
    except Refused as refused:
        return Finding("gateway", Level.BAD, str(refused), "set GATEWAY_URL to where the gateway listens")
    try:
        async with session.get(url + "/health/ready") as reply:
            health = dict(await reply.json(content_type=None))
            status = reply.status
    except (aiohttp.ClientError, OSError, TimeoutError, TypeError, ValueError) as error:
        return Finding(
            "gateway", Level.BAD, f"{url} does not answer ({type(error).__name__})", "start it; GATEWAY_URL names it"
        )
    if status != 200:
        reasons = "; ".join(health.get("reasons", ())) or f"it answered {status}"
        return Finding("gateway", Level.BAD, f"takes no orders: {reasons}", "docs/operations.md#gatewaynotready")
    if warnings := health.get("warnings"):
        return Finding(
            "gateway", Level.WARNING, f"takes orders, and warns: {'; '.join(warnings)}", "look at what it says"
        )
    return Finding("gateway", Level.OK, f"{url} takes orders")


async def _prometheus(session: aiohttp.ClientSession, url: str) -> Finding:
    """Whether it scrapes a gateway now, and knows rules that would ring."""
    try:
        async with session.get(f"{url}/api/v1/query", params={"query": 'up{job="gateway"}'}) as reply:
            scraped = (await reply.json())["data"]["result"]
        async with session.get(f"{url}/api/v1/rules") as reply:
            groups = (await reply.json())["data"]["groups"]
    except (aiohttp.ClientError, OSError, TimeoutError, KeyError, TypeError, ValueError) as error:
        return Finding("prometheus", Level.BAD, f"{url} does not answer ({type(error).__name__})", "start it")
    if not any(one["value"][1] == "1" for one in scraped):
        mend = "its target, and the key in its credentials_file: infrastructure/prometheus/prometheus.yml"
        return Finding("prometheus", Level.BAD, f"{url} scrapes no gateway", mend)
    if not any(rule.get("name", "").startswith("Gateway") for group in groups for rule in group["rules"]):
        return Finding(
            "prometheus", Level.BAD, "no alert rule is loaded", "rule_files: infrastructure/prometheus/rules/*.yml"
        )
    return Finding("prometheus", Level.OK, f"{url} scrapes the gateway and knows its alerts")


def deployment_of(config_dir: Path, data_dir: Path, prometheus_url: str) -> Deployment:
    """What the command line and the environment say."""
    environ = environment(config_dir)
    return Deployment(
        config_dir=config_dir,
        data_dir=data_dir,
        gateway_url=environ.get("GATEWAY_URL", "http://127.0.0.1:8000").rstrip("/"),
        prometheus_url=prometheus_url.rstrip("/"),
        environ=environ,
    )
