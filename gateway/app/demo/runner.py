"""The course of a demonstration: set the scene, start a gateway, let the strategy trade, stop, look what happened."""

import asyncio
import contextlib
import signal
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from gateway.adapters.journal import verify
from gateway.adapters.journal.outside import read_only
from gateway.app.demo.client import GatewayClient
from gateway.app.demo.figures import Figures, figures
from gateway.app.demo.process import GatewayFailed, Running, gateway
from gateway.app.demo.scene import Scene, Wish, set_scene
from gateway.app.demo.story import choose, tell, tell_denial
from gateway.app.demo.strategy import Momentum
from gateway.app.demo.table import progress
from gateway.service.replay import replay

_REFRESH_S, _PLAIN_EVERY_S = 0.5, 5.0


@dataclass(frozen=True)
class Outcome:
    figures: Figures
    story: list[str]
    gateway_pid: int


async def run(wish: Wish, seconds: float, out: TextIO) -> Outcome:
    """Trade for ``seconds`` or until Ctrl-C. Progress goes to ``out``."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    with tempfile.TemporaryDirectory(prefix="gateway-demo-") as name:
        folder = Path(name)
        scene = set_scene(wish, folder)
        print(f"A gateway in SHADOW, {scene.market}; a strategy on {' '.join(scene.symbols)}", file=out, flush=True)
        async with gateway(scene.config, scene.data, folder / "gateway.log") as running:
            async with GatewayClient(running.url) as client:
                strategy = Momentum(client, scene.symbols, scene.lots)
                began_s = time.monotonic()
                await _trade(strategy, client, running, seconds, stop, out)
                elapsed_s = time.monotonic() - began_s
                running.check()
                portfolio = await _shadow_book(client)
            pid = running.process.pid
        sent = list(strategy.desk.sent.values())
        found = figures(
            sent,
            portfolio,
            seconds=elapsed_s,
            symbols=scene.symbols,
            market=scene.market,
            journal=await _prove(scene),
        )
    one = choose(sent)
    story = [*(tell(one) if one is not None else []), "", *tell_denial(sent)]
    return Outcome(found, story, pid)


async def _trade(
    strategy: Momentum, client: GatewayClient, running: Running, seconds: float, stop: asyncio.Event, out: TextIO
) -> None:
    """The strategy runs beside the clock and the progress line."""
    try:
        async with asyncio.TaskGroup() as tasks:
            trading = tasks.create_task(strategy.run(stop))
            watching = tasks.create_task(_watch(strategy, client, running, seconds, out))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await stop.wait()
            stop.set()
            await trading
            watching.cancel()
    except BaseExceptionGroup as group:
        raise _first(group) from None
    if out.isatty():
        print(file=out)


async def _watch(strategy: Momentum, client: GatewayClient, running: Running, seconds: float, out: TextIO) -> None:
    began_s = time.monotonic()
    has_bar = out.isatty()
    while True:
        await asyncio.sleep(_REFRESH_S if has_bar else min(_PLAIN_EVERY_S, seconds / 2))
        running.check()
        book = await _shadow_book(client)
        sent = strategy.desk.sent.values()
        line = progress(
            time.monotonic() - began_s,
            seconds,
            len(sent),
            sum(one.order.get("ord_status") == "filled" for one in sent),
            sum(one.order.get("ord_status") == "denied" for one in sent),
            f"{float(book['equity']) - float(book['initial_cash']):+.2f}",
            has_bar=has_bar,
        )
        print(f"\r{line}\x1b[K" if has_bar else line, end="" if has_bar else "\n", file=out, flush=True)


def _first(error: BaseException) -> BaseException:
    return _first(error.exceptions[0]) if isinstance(error, BaseExceptionGroup) else error


async def _shadow_book(client: GatewayClient) -> dict[str, Any]:
    reply = await client.get("/portfolio?book=shadow&account=default")
    found: list[dict[str, Any]] = reply.get("portfolio", [])
    if not found:
        raise GatewayFailed("the gateway does not answer any more")
    return found[0]


async def _prove(scene: Scene) -> str:
    """What ``gateway audit verify`` and ``gateway replay`` say of the journal that was left."""
    report = await asyncio.to_thread(verify, scene.data)
    chain = "chain whole" if not report.problems else f"BROKEN: {report.problems[0].what}"
    async with read_only(scene.data) as records:
        again = await replay(records)
    return f"{report.records} records, {chain}; all decided again, {again.different} differences"
