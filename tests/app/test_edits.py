"""Edits of a running gateway that meet a mistake of the gateway itself."""

import asyncio
import importlib
import os
import shutil
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gateway.adapters.config import load_files, start_settings
from gateway.app import edits
from gateway.app.build import build
from gateway.app.checks import check_config
from gateway.app.gateway import Gateway
from gateway.app.registry import load_clients
from gateway.domain.alerts import Severity
from tests.e2e.api import eventually
from tests.e2e.process import Site
from tests.patience import PATIENCE_S


@asynccontextmanager
async def running(site: Site) -> AsyncIterator[Gateway]:
    start = start_settings(site.config, site.data, os.environ)
    server = msgspec.structs.replace(start.settings.server, port=0)
    start = msgspec.structs.replace(start, settings=msgspec.structs.replace(start.settings, server=server))
    gateway = await build(start, site.config, site.data, os.environ)
    await gateway.open()
    try:
        yield gateway
    finally:
        await gateway.close()


async def fails(*_: object, **__: object) -> tuple[str, ...]:
    raise ZeroDivisionError("a mistake of ours")


async def test_an_edit_on_which_the_gateway_itself_fails_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without this, somebody lowers a mode in an emergency, nothing happens, and health says that all is well."""
    site = Site(tmp_path)
    async with running(site) as gateway:
        monkeypatch.setattr(gateway.reloader, "apply", fails)
        await gateway.edits.hear(load_files(site.config, os.environ))
        told = gateway.status.health().config_error
        assert "the gateway itself failed on this edit (ZeroDivisionError('a mistake of ours')" in told
        monkeypatch.undo()
        await gateway.edits.hear(load_files(site.config, os.environ))
        assert gateway.status.health().config_error == ""


async def test_an_edit_that_waits_for_the_next_start_is_told_until_then(tmp_path: Path) -> None:
    """Without this, who switches to an OPA server has a healthy gateway that never asks it, and one line in a log."""
    site = Site(tmp_path)
    written = site.read("gateway.yaml")
    async with running(site) as gateway:

        async def told(**policy: object) -> list[str]:
            site.write("gateway.yaml", written)
            site.merge("gateway.yaml", {"policy": policy})
            await gateway.edits.hear(load_files(site.config, os.environ))
            return [text for text in gateway.status.health().warnings if "`policy`" in text]

        (text,) = await told(engine="opa", timeout_ms=90)
        assert "takes effect at the next start" in text
        assert await told() == []
        assert await told(approved_symbols=["AAPL"]) == []  # counts at once


_RAISED = {"global": "CANARY", "venues": {"alpaca": {"mode": "CANARY", "canary_pct": 1}}}
#: What is merged into gateway.yaml, and words of what is said of it.
UNUSABLE: tuple[tuple[dict[str, Any], str], ...] = (
    ({"server": {"tls_cert": "nowhere.pem", "tls_key": "nowhere.key"}}, "server.tls_cert nowhere.pem cannot be read"),
    ({"server": {"tls_cert": __file__, "tls_key": __file__}}, "are no certificate and its private key"),
    ({"policy": {"path": "../nowhere"}}, "nowhere: there is no such folder"),
    ({"modes": _RAISED, "venues": {"alpaca": {}}}, "order adapter alpaca cannot be built: ALPACA_API_KEY is not set"),
    ({"market_data": {"source": "replay", "path": "nowhere.jsonl"}}, "source replay cannot be had: [Errno 2]"),
)


async def test_what_an_edit_needs_and_does_not_get_refuses_it_here_and_in_check_config(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without this, `check-config` says yes to what a reload refuses; or a reload takes what no restart comes up with,
    which is the last good configuration from then on, in whatever hurry somebody restarts with positions open."""
    site = Site(tmp_path)
    written = site.read("gateway.yaml")
    async with running(site) as gateway:
        before = gateway.engine.state.config.revision
        kept = dict(gateway.edits.files)
        for change, words in UNUSABLE:
            site.write("gateway.yaml", written)
            site.merge("gateway.yaml", change)
            await gateway.edits.hear(load_files(site.config, {}))
            assert words in gateway.status.health().config_error
            assert (gateway.engine.state.config.revision, gateway.edits.files) == (before, kept)
            assert await asyncio.to_thread(check_config, site.config, site.data, {}) == 1
            assert words in capsys.readouterr().err


async def test_a_channel_that_can_reach_nobody_is_told_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without this, a mistyped variable is found out by the first alert that nobody gets."""
    site = Site(tmp_path)
    channel = {"name": "desk", "kind": "slack", "url_env": "NO_SUCH_DESK_URL"}
    site.merge("notifications.yaml", {"channels": [channel]})
    words = "channel desk reaches nobody: NO_SUCH_DESK_URL is not set"
    async with running(site) as gateway:
        await gateway.edits.hear(load_files(site.config, os.environ))
        assert any(words in text for text in gateway.status.health().warnings)
        assert await asyncio.to_thread(check_config, site.config, site.data, os.environ) == 0
        assert words in capsys.readouterr().out


async def test_an_edit_imports_no_client_library_on_the_loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without this, the edit that adds a venue of ccxt, in SHADOW too, holds up every order for the seconds that its
    import takes."""
    site = Site(tmp_path)
    async with running(site) as gateway:
        seen: list[tuple[str, bool]] = []

        def note(name: str) -> None:
            seen.append((name, threading.current_thread() is threading.main_thread()))

        monkeypatch.setattr(importlib, "import_module", note)
        ccxt = {"adapter": "ccxt", "options": {"exchange": "kraken"}}
        source = {"default": "synthetic", "kraken": "kraken", "binance": "binance"}
        site.merge("gateway.yaml", {"venues": {"kraken": ccxt}, "market_data": {"source": source}})
        load_clients(load_files(site.config, os.environ).settings)
        names = [name for name, _ in seen]
        assert names == [f"gateway.adapters.venues.{name}" for name in ("ccxt.market", "binance.market", "ccxt.client")]
        seen.clear()
        site.merge("gateway.yaml", {"market_data": {"source": "synthetic"}, "venues": {"kraken": None}})
        monkeypatch.setattr(edits, "load_clients", lambda settings: note("asked"))
        await gateway.edits.hear(load_files(site.config, os.environ))
        assert seen == [("asked", False)]


async def test_policies_on_which_the_gateway_itself_fails_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without this, an edited policy is not in force, and nobody learns of it."""
    site = Site(tmp_path)
    async with running(site) as gateway:
        monkeypatch.setattr(gateway.policy, "reload", fails)
        await gateway._reload_policies()
        assert "the gateway itself failed on the last edit" in gateway.status.health().config_error
        monkeypatch.undo()
        await gateway._reload_policies()
        assert gateway.status.health().config_error == ""


async def test_a_policy_folder_behind_a_link_is_followed_when_the_link_moves(tmp_path: Path) -> None:
    """Without this, a deployment that swaps ``current`` edits nothing: the gateway looks at the former release for
    ever, and its health is well."""
    site = Site(tmp_path)
    former = site.policies.rename(tmp_path / "release-1")
    shutil.copytree(former, tmp_path / "release-2")
    site.policies.symlink_to(former)
    async with running(site) as gateway:
        revision = gateway.policy.revision
        rego = tmp_path / "release-2" / "trading.rego"
        rego.write_text(rego.read_text() + "\n# the second release\n")
        (tmp_path / "next").symlink_to(rego.parent)
        (tmp_path / "next").rename(site.policies)

        async def is_followed() -> bool:
            return gateway.policy.revision != revision

        await eventually(is_followed, PATIENCE_S)
        assert gateway.status.health().config_error == ""


async def test_where_no_policies_are_in_force_nothing_says_that_the_ones_before_are(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Without this, a first start with a wrong ``policy.path`` denied every order, and log, alert and health all said
    that the policies before were in force, as a warning."""
    site = Site(tmp_path)
    site.merge("gateway.yaml", {"policy": {"path": "nowhere"}})
    async with running(site) as gateway:
        (told,) = (text for text in gateway.status.health().warnings if "nowhere" in text)
        assert told.startswith("every order is denied (POLICY_UNAVAILABLE), no policies are in force: ")
        gateway.alerting.desk.tick()
        (alert,) = (one.condition for one in gateway.alerting.desk.active() if one.condition.kind == "policy_refused")
        assert (alert.severity, alert.text) == (Severity.CRITICAL, told)
    assert "policies refused, none are in force, every order is denied: " in caplog.text
    assert "stay in force" not in caplog.text
