"""A real gateway in a process of its own: its folders, its log, a client to it. Nothing of it outlives the test."""

import asyncio
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple, Self

import aiohttp
import msgspec
import yaml

from tests.patience import PATIENCE_S

ROOT = Path(__file__).resolve().parents[2]
#: The console script's own entry point, run by this interpreter.
SERVE = (sys.executable, "-m", "gateway", "serve")
_READY = re.compile(rb"ready on (https?://\S+)")


class NotStarted(AssertionError):
    """The gateway ended, or did not get ready; the text holds its log."""


class Reply(NamedTuple):
    """A status, the decoded JSON body (None when it is not JSON) and the headers."""

    status: int
    body: Any
    headers: Mapping[str, str]


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


class Api:
    """The HTTP API as a test speaks it. ``key`` is sent as the bearer's."""

    def __init__(self, url: str, key: str = "") -> None:
        self.url = url
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._session = aiohttp.ClientSession(
            base_url=url,
            headers=headers,
            connector=aiohttp.TCPConnector(limit=0),
            timeout=aiohttp.ClientTimeout(total=PATIENCE_S),
        )

    async def close(self) -> None:
        await self._session.close()

    async def ask(self, method: str, path: str, **how: Any) -> Reply:
        async with self._session.request(method, path, **how) as response:
            data = await response.read()
            is_json = "json" in response.headers.get("Content-Type", "")
            body = msgspec.json.decode(data) if is_json else data.decode(errors="replace")
            return Reply(response.status, body, response.headers)

    async def get(self, path: str, **how: Any) -> Reply:
        return await self.ask("GET", path, **how)

    async def post(self, path: str, body: Any = None) -> Reply:
        data = b"" if body is None else msgspec.json.encode(body)
        return await self.ask("POST", path, data=data, headers={"Content-Type": "application/json"})

    async def place(self, **fields: Any) -> Reply:
        return await self.post("/api/trading/orders/place", fields)

    async def order(self, order_id: str) -> Reply:
        return await self.get(f"/api/trading/orders/{order_id}")

    async def cancel(self, order_id: str) -> Reply:
        return await self.ask("DELETE", f"/api/trading/orders/{order_id}")

    async def replace(self, order_id: str, **terms: Any) -> Reply:
        return await self.ask("PUT", f"/api/trading/orders/{order_id}", json=terms)

    async def fetch(self, path: str) -> Any:
        """The body of a GET that must succeed."""
        reply = await self.get(path)
        assert reply.status == 200, (path, reply)
        return reply.body

    async def orders(self, query: str = "") -> list[dict[str, Any]]:
        """Every order there is, page by page, newest first."""
        found: list[dict[str, Any]] = []
        cursor = ""
        while True:
            page = await self.fetch(f"/api/trading/orders?limit=500{query}{cursor}")
            found += page["orders"]
            if page["next_cursor"] is None:
                return found
            cursor = f"&cursor={page['next_cursor']}"

    async def positions(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self.fetch("/api/trading/positions"))["positions"]
        return found

    async def portfolio(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self.fetch("/api/trading/portfolio"))["portfolio"]
        return found

    async def statistics(self) -> dict[str, dict[str, int]]:
        found: dict[str, dict[str, int]] = (await self.fetch("/api/trading/statistics"))["statistics"]
        return found

    async def until_order(
        self, order_id: str, condition: Callable[[dict[str, Any]], bool], within_s: float = PATIENCE_S
    ) -> dict[str, Any]:
        """The order, once ``condition`` holds of it."""
        order: dict[str, Any] = {}

        async def holds() -> bool:
            nonlocal order
            order = await self.fetch(f"/api/trading/orders/{order_id}")
            return condition(order)

        await eventually(holds, within_s, lambda: f"the order stays {order}")
        return order


async def eventually(
    condition: Callable[[], Any], within_s: float, otherwise: Callable[[], str] = lambda: "it did not happen"
) -> None:
    """Wait until the coroutine function ``condition`` answers true; fail when it does not in time."""
    loop = asyncio.get_running_loop()
    end = loop.time() + within_s
    while not await condition():
        assert loop.time() < end, f"after {within_s} s: {otherwise()}"
        await asyncio.sleep(0.02)


class GatewayProcess:
    """One run of ``gateway serve`` (or of a launcher that takes the same arguments) on a site's folders."""

    def __init__(self, site: Site, command: Sequence[str] = SERVE, environ: Mapping[str, str] | None = None) -> None:
        self.site = site
        self._command = [*command, "--config", str(site.config), "--data", str(site.data), "--port", "0"]
        self._environ = {**_clean_environment(), **(environ or {})}
        self._log_path = site.root / "gateway.log"
        self._log_start = 0
        self._process: subprocess.Popen[bytes] | None = None
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

    def keep_port(self) -> None:
        """Let the next run listen where this one did: what a person's browser still has open."""
        self._command[-1] = self.url.rpartition(":")[2]

    def spawn(self) -> None:
        """Start without waiting for anything."""
        self._log_start = self._log_path.stat().st_size if self._log_path.exists() else 0
        with self._log_path.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                cwd=ROOT,
                env=self._environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

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
    site: Site, command: Sequence[str] = SERVE, environ: Mapping[str, str] | None = None
) -> AsyncIterator[GatewayProcess]:
    """A gateway that is ready, and gone afterwards."""
    process = GatewayProcess(site, command, environ)
    try:
        process.spawn()
        yield await process.ready()
    finally:
        await process.close()


class Command(NamedTuple):
    """How a command line ended."""

    status: int
    output: str


async def run_gateway(*arguments: str | Path, environ: Mapping[str, str] | None = None) -> Command:
    """One ``gateway`` command to its end: its exit status, and all it printed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "gateway",
        *(str(argument) for argument in arguments),
        cwd=ROOT,
        env={**_clean_environment(), **(environ or {})},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    return Command(process.returncode or 0, output.decode())
