"""Debian's Prometheus and Alertmanager, really running: a real scrape, a real alert, real deliveries."""

import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml

from gateway.adapters.config import make_key
from tests.e2e.process import ROOT, Api, GatewayProcess, Site, eventually
from tests.e2e.test_modes import effective, live_site
from tests.notify.servers import HttpService, http_service
from tests.patience import PATIENCE_S
from tests.ports import lasting_port

PROGRAMS = ("prometheus", "prometheus-alertmanager")
INFRASTRUCTURE = ROOT / "infrastructure"
TICK = "250ms"
_WEBHOOK = "/api/trading/alertmanager"

pytestmark = pytest.mark.skipif(
    any(shutil.which(name) is None for name in PROGRAMS) and os.environ.get("CI") != "true",
    reason="needs Debian's prometheus and prometheus-alertmanager",
)


def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


@asynccontextmanager
async def program(folder: Path, *command: str) -> AsyncIterator[Path]:
    """A companion that runs as long as the test; its log."""
    log = folder / f"{Path(command[0]).name}.log"
    with log.open("wb") as out:
        process = subprocess.Popen(  # noqa: ASYNC220 - started, not waited for
            command, cwd=folder, stdout=out, stderr=out, stdin=subprocess.DEVNULL
        )
    try:
        yield log
    finally:
        process.kill()
        process.wait()


class Keys:
    """Keys of the companions, alone in files as the shipped configuration wants them."""

    def __init__(self, site: Site, folder: Path) -> None:
        entries = []
        self.files: dict[str, Path] = {}
        self.admin = ""
        for name, role in (("prometheus", "viewer"), ("alertmanager", "risk"), ("ann", "admin")):
            key, entry = make_key(name, role)
            entries.append(entry)
            self.files[name] = folder / f"{name}.key"
            self.files[name].write_text(key + "\n")
            self.admin = key
        site.write("principals.yaml", "principals:\n" + "\n".join(entries) + "\n")


def prometheus_command(folder: Path, gateway: str, alertmanager: str, keys: Keys, port: int) -> list[str]:
    """The shipped configuration, with addresses of this machine and a quicker pulse."""
    config = load(INFRASTRUCTURE / "prometheus/prometheus.yml")
    shutil.copytree(INFRASTRUCTURE / "prometheus/rules", folder / "rules")
    config["global"] = {"scrape_interval": TICK, "scrape_timeout": TICK, "evaluation_interval": TICK}
    (scrape,) = [job for job in config["scrape_configs"] if job["job_name"] == "gateway"]
    scrape["authorization"]["credentials_file"] = str(keys.files["prometheus"])
    scrape["static_configs"] = [{"targets": [gateway]}]
    config["scrape_configs"] = [scrape]
    config["alerting"]["alertmanagers"][0]["static_configs"] = [{"targets": [alertmanager]}]
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    return [
        "prometheus",
        "--config.file=prometheus.yml",
        f"--web.listen-address=127.0.0.1:{port}",
        f"--storage.tsdb.path={folder}/tsdb",
    ]


def alertmanager_command(folder: Path, gateway_url: str, people_url: str, keys: Keys, port: int) -> list[str]:
    """The shipped routes; people are a webhook here instead of a chat."""
    config = load(INFRASTRUCTURE / "alertmanager/alertmanager.yml")
    for receiver in config["receivers"]:
        if receiver["name"] == "gateway-demotion":
            (webhook,) = receiver["webhook_configs"]
            webhook["url"] = gateway_url + _WEBHOOK
            webhook["http_config"]["authorization"]["credentials_file"] = str(keys.files["alertmanager"])
        else:
            name = receiver["name"]
            receiver.clear()
            receiver |= {"name": name, "webhook_configs": [{"url": f"{people_url}/{name}", "send_resolved": True}]}
    for route in (config["route"], *config["route"]["routes"]):
        route |= {"group_wait": "0s", "group_interval": "1s"}
    (folder / "alertmanager.yml").write_text(yaml.safe_dump(config))
    return [
        "prometheus-alertmanager",
        "--config.file=alertmanager.yml",
        f"--web.listen-address=127.0.0.1:{port}",
        f"--storage.path={folder}/alertmanager",
        "--cluster.listen-address=",
    ]


class Room:
    def __init__(self, gateway: GatewayProcess, api: Api, people: HttpService, prometheus: str) -> None:
        self.gateway, self.api, self.people, self._prometheus = gateway, api, people, prometheus

    async def query(self, expression: str) -> list[dict[str, Any]]:
        """The instant vector that Prometheus answers, empty while it does not answer."""
        try:
            async with (
                aiohttp.ClientSession() as session,
                session.get(f"{self._prometheus}/api/v1/query", params={"query": expression}) as reply,
            ):
                found: list[dict[str, Any]] = (await reply.json())["data"]["result"]
                return found
        except (aiohttp.ClientError, KeyError):
            return []

    async def until(self, ask: Callable[[], Awaitable[Any]]) -> None:
        await eventually(ask, PATIENCE_S, lambda: f"people: {self.people.posts}\n{self.gateway.log}")

    async def is_in(self, mode: str) -> bool:
        """Whether real orders of the venue go on in this mode."""
        return await effective(self.api) == mode

    async def told(self, receiver: str, alert: str, status: str) -> dict[str, Any]:
        """What a receiver was told of an alert, once it was."""
        found: list[dict[str, Any]] = []

        async def is_told() -> bool:
            posts = [post for post in self.people.posts if post.path == f"/{receiver}"]
            alerts = [one for post in posts for one in post.body["alerts"]]
            found[:] = [one for one in alerts if (one["labels"]["alertname"], one["status"]) == (alert, status)]
            return bool(found)

        await self.until(is_told)
        return found[0]


@asynccontextmanager
async def everything(site: Site, folder: Path) -> AsyncIterator[Room]:
    """The gateway and its companions, as deployed."""
    keys = Keys(site, folder)
    site.merge("risk.yaml", {"drop_copy": {"grace_s": 1}})
    prometheus, alertmanager = lasting_port(), lasting_port()
    async with live_site(site) as (_, gateway), http_service() as people:
        host = gateway.url.removeprefix("http://")
        routes = alertmanager_command(folder, gateway.url, people.url, keys, alertmanager)
        scrape = prometheus_command(folder, host, f"127.0.0.1:{alertmanager}", keys, prometheus)
        async with program(folder, *routes), program(folder, *scrape):
            yield Room(gateway, gateway.api(keys.admin), people, f"http://127.0.0.1:{prometheus}")


async def test_from_an_execution_that_is_missing_to_the_people_and_to_the_demotion(tmp_path: Path) -> None:
    """Without this, every piece could be right by itself, and no alarm ever reach anybody: a key that may not scrape,
    a label that no rule matches, a route that no alert takes, an address that the gateway does not have."""
    site = Site(tmp_path / "gateway")
    async with everything(site, tmp_path) as room:
        missing = 'gateway_drop_copy_executions_total{venue="ibkr", result="missing"}'
        await room.until(lambda: room.query(f"{missing} == 0"))
        site.set_modes("LIVE", ibkr=("CANARY", 1))
        await room.until(lambda: room.is_in("CANARY"))
        execution = {"exec_id": "x1", "symbol": "AAPL", "side": "buy", "quantity": 1, "price": "150"}

        async def is_drift() -> bool:
            reply = await room.api.post("/api/trading/drop-copy", {"venue": "ibkr", "executions": [execution]})
            return bool(reply.body["executions"][0]["result"] == "missing")

        await room.until(is_drift)  # once the grace is over
        alert = await room.told("on-call", "GatewayDrift", "firing")
        assert (alert["labels"]["venue"], alert["labels"]["gateway_action"]) == ("ibkr", "demote")
        assert alert["annotations"]["runbook_url"] == "docs/operations.md#gatewaydrift"
        await room.until(lambda: room.is_in("SHADOW"))

        await room.api.post("/api/trading/trading/disable", {"reason": "a test"})
        await room.told("desk", "GatewayTradingStopped", "firing")
        await room.api.post("/api/trading/trading/enable", {"reason": "a test"})
        await room.told("desk", "GatewayTradingStopped", "resolved")
