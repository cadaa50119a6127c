"""The process of a gateway: its event loop, its signals, and how its interpreter is set up."""

import asyncio
import gc
import logging
import signal
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import msgspec

from gateway.adapters.config import StartResult
from gateway.adapters.http.server import ServerRefused
from gateway.adapters.policy.gate import Gate
from gateway.app.build import build
from gateway.app.console import OutputLost
from gateway.app.environment import secret_variables
from gateway.app.gateway import Gateway
from gateway.app.logs import hide_secrets
from gateway.app.registry import StartRefused
from gateway.domain.settings import Settings
from gateway.ports.journal import JournalBroken, JournalUnavailable

_log = logging.getLogger("gateway")


def run(
    start: StartResult,
    gate: Gate,
    config_dir: Path,
    data_dir: Path,
    environ: Mapping[str, str],
    host: str | None,
    port: int | None,
) -> int:
    """Run until SIGINT or SIGTERM, on the address of the command line where it names one. Returns the exit status."""
    try:
        import uvloop

        runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
    except ImportError:  # no uvloop on Windows
        runner = asyncio.Runner()
    adjust = partial(_with_address, host=host, port=port)
    with runner:
        return runner.run(_run(start, gate, config_dir, data_dir, environ, adjust))


def _with_address(settings: Settings, host: str | None, port: int | None) -> Settings:
    """The command line's address over the file's, at every reload too."""
    server = settings.server
    server = msgspec.structs.replace(
        server, host=server.host if host is None else host, port=server.port if port is None else port
    )
    return msgspec.structs.replace(settings, server=server)


async def _run(
    start: StartResult,
    gate: Gate,
    config_dir: Path,
    data_dir: Path,
    environ: Mapping[str, str],
    adjust: Callable[[Settings], Settings],
) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    gateway: Gateway | None = None
    try:
        gateway = await build(start, config_dir, data_dir, environ, adjust=adjust, gate=gate)
        gateway.reloader.on_applied.append(lambda settings: hide_secrets(environ, secret_variables(settings)))
        await gateway.open()
        _tune_interpreter()
        _announce(gateway)
        await stop.wait()
    except (StartRefused, ServerRefused, JournalBroken, JournalUnavailable, OSError) as error:
        print(f"the gateway cannot start: {error}", file=sys.stderr)
        return 1
    finally:
        if gateway is not None:
            await gateway.close()
    _log.info("stopped; the journal holds %d records", gateway.engine.durable_seq)
    return 0


def _tune_interpreter() -> None:
    """Settings of the interpreter that suit one busy loop beside one thread that writes the journal.

    What exists by now stays for good, so the collector need not look at it; what orders leave behind has no cycles,
    so it need not look often. A short switch interval gives the journal's thread its turns: with the default of
    5 ms a commit was seen to wait for seconds beside a busy loop.
    """
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
    gc.enable()
    sys.setswitchinterval(0.000_1)


def _announce(gateway: Gateway) -> None:
    settings = gateway.reloader.settings
    scheme = "https" if settings.server.tls_cert else "http"
    modes = ", ".join(f"{venue.venue} {venue.effective_mode}" for venue in gateway.status.modes().venues)
    _log.info("modes: %s; market data: %s", modes, settings.market_data.source_words)
    if not settings.principals:
        _log.info("no API key is configured: listening on this machine only, every caller is admin")
    try:
        print(f"ready on {scheme}://{settings.server.host}:{gateway.server.port}", flush=True)
    except OutputLost as lost:  # that nobody reads it is no reason not to trade
        _log.warning("ready, which standard output does not take: %s", lost.__cause__)
