"""``gateway doctor``: what is wrong with a deployment is named with its cure, and what is in order is said too."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from gateway.app.doctor import Deployment, Finding, Level, clock_finding, doctor, findings
from tests.e2e.process import Site
from tests.journal.helpers import tamper, write_notes


@asynccontextmanager
async def serving(pages: dict[str, Any], status: int = 200) -> AsyncIterator[str]:
    """A server with fixed JSON pages."""

    async def answer(request: web.Request) -> web.Response:
        page = pages.get(request.path)
        return web.json_response(page, status=404 if page is None else status)

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


READY = {"/health/ready": {"status": "ready", "warnings": []}}
WATCHED = {
    "/api/v1/query": {"data": {"result": [{"value": [1, "1"]}]}},
    "/api/v1/rules": {"data": {"groups": [{"rules": [{"name": "GatewayDown"}]}]}},
}


def deployment(site: Site, gateway: str = "http://127.0.0.1:9", prometheus: str = "", **environ: str) -> Deployment:
    return Deployment(
        config_dir=site.config, data_dir=site.data, gateway_url=gateway, prometheus_url=prometheus, environ=environ
    )


async def looked(one: Deployment) -> dict[str, Finding]:
    """The worst finding about each thing."""
    found: dict[str, Finding] = {}
    async for finding in findings(one):
        known = found.get(finding.what)
        if known is None or list(Level).index(finding.level) > list(Level).index(known.level):
            found[finding.what] = finding
    return found


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """Without venues to be asked: nothing outside this machine is touched."""
    made = Site(tmp_path / "site")
    made.merge("gateway.yaml", {"venues": {"ibkr": {"host": "127.0.0.1", "port": 9}, "binance": None}})
    return made


async def test_a_deployment_in_order_is_said_to_be(site: Site) -> None:
    """Without this, a doctor who always finds something would be asked no more."""
    await write_notes(site.data, 3)
    async with serving(READY) as gateway, serving(WATCHED) as prometheus:
        found = await looked(deployment(site, gateway, prometheus))
    for what in ("disk", "journal", "gateway", "prometheus"):
        assert found[what].level is Level.OK, found[what]
    assert found["configuration"].level is not Level.BAD, "what is shipped has warnings, for people to read"
    assert found["keys"].level is Level.WARNING
    assert found["venue ibkr"].level is Level.WARNING, "in SHADOW nothing needs it"


async def test_every_bad_finding_says_how_to_mend_it(site: Site) -> None:
    """Without this, a finding at three in the morning would be a riddle."""
    await write_notes(site.data, 3)
    tamper(site.data, "UPDATE records SET body = body || ' ' WHERE seq = 2")
    site.write("principals.yaml", "principals: [{name: v, role: viewer, key_sha256: '" + "0" * 64 + "'}]\n")
    site.write("notifications.yaml", "channels: [{name: a, kind: slack, url_env: NOT_SET}]\n")
    site.merge("gateway.yaml", {"policy": {"engine": "opa", "url": "http://127.0.0.1:9"}})
    async with serving({}) as nothing:
        found = await looked(deployment(site, prometheus=nothing))
    bad = {what for what, finding in found.items() if finding.level is Level.BAD}
    assert {"journal", "keys", "alert channels", "OPA", "gateway", "prometheus"} <= bad
    assert all(finding.mend for finding in found.values() if finding.level is not Level.OK)
    assert "NOT_SET" in found["alert channels"].text


async def test_secrets_that_others_can_read_are_named_once(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without this, keys of venues lie open in the configuration folder, or one file is seven findings."""
    monkeypatch.chdir(site.root)
    for folder in (site.config, site.root):
        (folder / ".env").write_text("IB_CLIENT_ID=7\n")
        (folder / ".env").chmod(0o644)
    told = [finding.text async for finding in findings(deployment(site)) if finding.what == "secrets"]
    assert told == [f"{site.config / '.env'} can be read by others", ".env can be read by others"]


@pytest.mark.parametrize(
    ("pages", "text"),
    [
        ({**WATCHED, "/api/v1/query": {"data": {"result": []}}}, "scrapes no gateway"),
        ({**WATCHED, "/api/v1/query": {"data": {"result": [{"value": [1, "0"]}]}}}, "scrapes no gateway"),
        ({**WATCHED, "/api/v1/rules": {"data": {"groups": []}}}, "no alert rule is loaded"),
    ],
)
async def test_a_prometheus_that_would_not_ring_is_found(site: Site, pages: dict[str, Any], text: str) -> None:
    """Without this, a Prometheus without a key or without rules would pass for watching."""
    async with serving(pages) as prometheus:
        finding = (await looked(deployment(site, prometheus=prometheus)))["prometheus"]
    assert finding.level is Level.BAD
    assert text in finding.text


async def test_a_broken_configuration_is_bad_and_the_rest_is_still_looked_at(site: Site) -> None:
    """Without this, one slip would hide everything else."""
    site.change("gateway.yaml", "modes:", "mdoes:")
    found = await looked(deployment(site))
    assert found["configuration"].level is Level.BAD
    assert {"clock", "disk", "journal", "gateway"} <= set(found)


async def test_the_exit_status_follows_the_worst_finding(site: Site) -> None:
    """Without this, a script could not stop a deployment."""
    lines: list[str] = []
    assert await doctor(deployment(site), lines.append) == 1
    assert any(line.startswith("BAD     gateway: ") for line in lines)
    assert any(line.startswith("        -> ") for line in lines)


@pytest.mark.parametrize(
    ("is_kept", "error_s", "level"),
    [(True, 0.01, Level.OK), (True, 3.0, Level.WARNING), (False, 0.0, Level.BAD), (None, 0.0, Level.WARNING)],
)
def test_a_clock_that_nobody_keeps_is_bad(is_kept: bool | None, error_s: float, level: Level) -> None:
    """Without this, every signed request would be refused one day, and nobody would think of the clock."""
    assert clock_finding(is_kept, error_s).level is level
