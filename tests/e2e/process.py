"""A real gateway in a process of its own: its folders, its log, a client to it. Nothing of it outlives the test."""

import asyncio
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, NamedTuple, Self

import yaml

from tests.e2e.api import Api, eventually
from tests.e2e.api import Reply as Reply
from tests.e2e.forks import Forked, ForkServer
from tests.patience import PATIENCE_S

ROOT = Path(__file__).resolve().parents[2]
#: The console script's own entry point, run by this interpreter.
SERVE = (sys.executable, "-m", "gateway", "serve")
_MODULE = SERVE[:2]
_READY = re.compile(rb"ready on (https?://\S+)")
#: Where gateways and commands of the tests are forked, while that is allowed. Two, so that their hashes differ: a
#: restart takes the other one than the run before, and commands always the same.
_SERVERS = ("gateway", "command")
_FORKS: dict[str, ForkServer] = {}


class NotStarted(AssertionError):
    """The gateway ended, or did not get ready; the text holds its log."""


class Site:
    """The folders of one gateway: ``config/`` and ``policies/`` copied from the repository, ``data/`` its own.

    Modes are raised by the edit alone, unless a test asks for evidence. Without ``golden`` the policies come without
    their golden cases, which take most of a start to run.
    """

    def __init__(self, root: Path, *, golden: bool = False) -> None:
        self.root = root
        self.config = root / "config"
        self.policies = root / "policies"
        self.data = root / "data"
        shutil.copytree(ROOT / "config", self.config)
        self.policies.mkdir()
        for name in ("trading.rego", "rollout.rego", "data.json"):
            shutil.copy(ROOT / "policies" / name, self.policies / name)
        self.merge("rollout.yaml", {"promotions": {"default": "manual"}})
        if golden:
            shutil.copytree(ROOT / "policies" / "golden", self.policies / "golden")

    def read(self, name: str) -> str:
        return (self.config / name).read_text()

    def write(self, name: str, text: str) -> None:
        replace_file(self.config / name, text)

    def change(self, name: str, old: str, new: str) -> None:
        """Replace a text that must be there exactly once: what a person's editor does."""
        text = self.read(name)
        assert text.count(old) == 1, f"{name} holds {old!r} {text.count(old)} times"
        self.write(name, text.replace(old, new))

    def merge(self, name: str, change: Mapping[str, Any]) -> None:
        """Set keys of a YAML file, keeping the others; None takes one away. Comments are lost."""
        self.write(name, yaml.safe_dump(_merged(yaml.safe_load(self.read(name)) or {}, change), sort_keys=False))

    def lift_limits(self) -> None:
        """No limit of risk.yaml but one: at most a million units in one order. No circuit breaker."""
        breakers = yaml.safe_load(self.read("risk.yaml"))["circuit_breakers"]
        names = ("max_position_size", "max_order_value", "max_concentration", "daily_loss_limit", "max_leverage")
        limits = {**dict.fromkeys(names), "max_order_size": 1_000_000}
        off = {name: {"enabled": False} for name in breakers}
        self.merge("risk.yaml", {"limits": limits, "circuit_breakers": off})

    def set_modes(self, overall: str, **venues: tuple[str, float]) -> None:
        """``set_modes("LIVE", ibkr=("CANARY", 50))``."""
        modes = {name.upper(): {"mode": mode, "canary_pct": pct} for name, (mode, pct) in venues.items()}
        self.merge("gateway.yaml", {"modes": {"global": overall, "venues": modes}})


def replace_file(path: Path, text: str) -> None:
    """Put ``text`` in place in one step, as careful editors do."""
    beside = path.with_name(f".{path.name}.new")
    beside.write_text(text)
    os.replace(beside, path)


def _merged(old: Any, change: Mapping[str, Any]) -> dict[str, Any]:
    result = dict(old) if isinstance(old, dict) else {}
    for key, value in change.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, Mapping):
            result[key] = _merged(result.get(key), value)
        else:
            result[key] = value
    return result


def _start(
    fork: str, command: Sequence[str], environ: Mapping[str, str], output: int
) -> "subprocess.Popen[bytes] | Forked":
    """Without waiting for anything; forked where ``fork`` names what may fork it now."""
    if fork in _FORKS:
        return _FORKS[fork].fork(command[len(_MODULE) :], environ, output)
    return subprocess.Popen(
        command,
        cwd=ROOT,
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


class GatewayProcess:
    """One run of ``gateway serve`` (or of a launcher that takes the same arguments) on a site's folders."""

    def __init__(
        self, site: Site, command: Sequence[str] = SERVE, environ: Mapping[str, str] | None = None, port: int = 0
    ) -> None:
        self.site = site
        self._command = [*command, "--config", str(site.config), "--data", str(site.data), "--port", str(port)]
        self._environ = {**_clean_environment(), **(environ or {})}
        self._log_path = site.root / "gateway.log"
        self._log_start = 0
        self._process: subprocess.Popen[bytes] | Forked | None = None
        self._may_fork = tuple(command[: len(_MODULE)]) == _MODULE
        self._runs = 0
        self._apis: list[Api] = []
        self.url = ""

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def log(self) -> str:
        """What this run has printed and logged so far."""
        return self._output().decode(errors="replace")

    def _output(self) -> bytes:
        if not self._log_path.exists():
            return b""
        with self._log_path.open("rb") as file:
            file.seek(self._log_start)
            return file.read()

    def spawn(self, *, fresh: bool = False) -> None:
        """Start without waiting for anything, in a new interpreter if it must be ``fresh``. What is forked instead has
        other hashes than the run before."""
        fork = "" if fresh or not self._may_fork else _SERVERS[self._runs % len(_SERVERS)]
        self._runs += 1
        self._log_start = self._log_path.stat().st_size if self._log_path.exists() else 0
        with self._log_path.open("ab") as log:
            self._process = _start(fork, self._command, self._environ, log.fileno())

    async def ready(self) -> Self:
        """Wait until it takes requests."""
        loop = asyncio.get_running_loop()
        end = loop.time() + PATIENCE_S
        while (found := _READY.search(self._output())) is None:
            assert self._process is not None
            if self._process.poll() is not None:
                raise NotStarted(f"the gateway ended with {self._process.returncode}:\n{self.log}")
            if loop.time() > end:
                raise NotStarted(f"the gateway is not ready after {PATIENCE_S} s:\n{self.log}")
            await asyncio.sleep(0.01)
        self.url = found[1].decode()
        return self

    def api(self, key: str = "") -> Api:
        """A client of its own, closed with the process."""
        api = Api(self.url, key)
        self._apis.append(api)
        return api

    def kill(self) -> None:
        """SIGKILL: nothing is flushed, nobody is told."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    async def stop(self) -> int:
        """SIGTERM, as an operator does; the exit status."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        return await self.ended()

    async def ended(self, within_s: float = PATIENCE_S) -> int:
        """The exit status of a process that ends by itself."""
        process = self._process
        assert process is not None

        async def is_over() -> bool:
            return process.poll() is not None

        await eventually(is_over, within_s, lambda: f"the process still runs:\n{self.log}")
        return int(process.returncode)

    async def close(self) -> None:
        for api in self._apis:
            await api.close()
        self._apis.clear()
        if self._process is not None and self._process.poll() is None:
            self.kill()


def _clean_environment() -> dict[str, str]:
    """Without what would override the test's configuration or find another key."""
    keep = ("PATH", "HOME", "LANG", "TMPDIR", "PYTHONPATH", "VIRTUAL_ENV", "SYSTEMROOT")
    return {name: os.environ[name] for name in keep if name in os.environ} | {"PYTHONUNBUFFERED": "1"}


@asynccontextmanager
async def running(
    site: Site, command: Sequence[str] = SERVE, environ: Mapping[str, str] | None = None, port: int = 0
) -> AsyncIterator[GatewayProcess]:
    """A gateway that is ready, and gone afterwards. With ``port`` its next run listens where this one does."""
    process = GatewayProcess(site, command, environ, port)
    try:
        process.spawn()
        yield await process.ready()
    finally:
        await process.close()


def run_for_module(site: Site) -> Iterator[GatewayProcess]:
    """The same for a fixture of a module, which outlives the event loop of a test."""
    process = GatewayProcess(site)
    try:
        process.spawn()
        asyncio.run(process.ready())
        yield process
    finally:
        asyncio.run(process.close())


class Command(NamedTuple):
    """How a command line ended."""

    status: int
    output: str


async def run_gateway(*arguments: str | Path, environ: Mapping[str, str] | None = None) -> Command:
    """One ``gateway`` command to its end: its exit status, and all it printed."""
    words = [str(argument) for argument in arguments]
    environment = {**_clean_environment(), **(environ or {})}
    with tempfile.TemporaryFile() as output:
        process = _start("command", [*SERVE[:-1], *words], environment, output.fileno())

        async def is_over() -> bool:
            return process.poll() is not None

        try:
            await eventually(is_over, PATIENCE_S, lambda: f"gateway {words} does not end")
        finally:
            process.kill()
            status = process.wait()
        output.seek(0)
        return Command(status, output.read().decode())


@contextmanager
def forking() -> Iterator[None]:
    """Meanwhile first runs and commands are forked from processes that have imported the gateway."""
    if not hasattr(os, "fork"):
        yield
        return
    _FORKS.update({name: ForkServer() for name in _SERVERS})
    try:
        yield
    finally:
        for server in _FORKS.values():
            server.close()
        _FORKS.clear()
