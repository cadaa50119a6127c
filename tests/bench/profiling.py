"""``python -m tests.bench profile``: where the time of an order goes, in the gateway's own process.

The whole gateway is built in this process and driven over HTTP by a load generator in another one: once with
stopwatches around its stages, once under cProfile. The profiler makes calls dear, so its list shows what is called
often; the stages show what things cost.
"""

import asyncio
import cProfile
import os
import pstats
import sys
import time
from pathlib import Path

import msgspec
import uvloop

from gateway.adapters.config import start_settings
from gateway.app.build import build
from gateway.app.gateway import Gateway
from tests.bench.load_result import LoadOrder, LoadResult
from tests.bench.stage import BenchError, Stage, environment, read_result
from tests.bench.stages import Stopwatches
from tests.bench.throughput import CONNECTIONS

_TOP = 40


def run(directory: Path | None, orders: int) -> None:
    """Print both."""
    with Stage(directory) as stage:
        _print_stages(stage, orders)
        profiler = cProfile.Profile()
        result, _, _ = uvloop.run(_measured(stage, "profile", orders, profiler=profiler))
        print(f"\ncProfile over {result.total} orders ({result.elapsed_s / result.total * 1e6:.0f} us each under it)")
        pstats.Stats(profiler, stream=sys.stdout).sort_stats("tottime").print_stats(_TOP)


def _print_stages(stage: Stage, orders: int) -> None:
    watches = Stopwatches()
    with watches.installed():
        result, loop_s, process_s = uvloop.run(_measured(stage, "stages", orders, watches=watches))
    count = result.total
    rows = [(seconds, f"{calls / count:.2f}", name) for name, seconds, calls in watches.rows()]
    inside_s = sum(seconds for seconds, _, _ in rows)
    rows += [
        (loop_s - inside_s, "", "the rest of the loop's thread: aiohttp, asyncio, tasks"),
        (loop_s, "", "= CPU of the loop's thread"),
        (process_s - loop_s, "", "CPU of the other threads (SQLite)"),
        (result.elapsed_s - loop_s, "", "the loop's thread off the CPU: idle, preempted, waiting for the GIL"),
    ]
    print(f"{count} orders, {count / result.elapsed_s:.0f}/s with stopwatches; statuses {result.statuses}")
    print(f"{'us/order':>9}  {'calls':>6}  stage (without the stages inside it)")
    for seconds, calls, name in rows:
        print(f"{seconds / count * 1e6:9.1f}  {calls:>6}  {name}")
    for path in watches.missing:
        print(f"{'':17}  not found, so in the rest: {path}")


async def _measured(
    stage: Stage,
    name: str,
    orders: int,
    *,
    profiler: cProfile.Profile | None = None,
    watches: Stopwatches | None = None,
) -> tuple[LoadResult, float, float]:
    """Drive ``orders`` through a gateway in this process; the result, CPU of this thread, CPU of the process."""
    config, data = stage.config(name), stage.data(name)
    gateway = await _opened(config, data)
    try:
        port = gateway.server.port
        await _load(stage, LoadOrder(kind="resting", port=port, tag="p"))
        order = LoadOrder(kind="closed", port=port, tag="p", connections=CONNECTIONS, count=orders // 10 + 1)
        warm = await _load(stage, order)
        order = msgspec.structs.replace(order, count=orders, first=warm.next_number)
        if watches is not None:
            watches.reset()
        loop_s, process_s = time.thread_time(), time.process_time()
        if profiler is not None:
            profiler.enable()
        result = await _load(stage, order)
        if profiler is not None:
            profiler.disable()
        loop_s, process_s = time.thread_time() - loop_s, time.process_time() - process_s
        if watches is not None:
            watches.stop()
        return result, loop_s, process_s
    finally:
        await gateway.close()


async def _opened(config: Path, data: Path) -> Gateway:
    start = start_settings(config, data, os.environ)
    server = msgspec.structs.replace(start.settings.server, port=0)
    start = msgspec.structs.replace(start, settings=msgspec.structs.replace(start.settings, server=server))
    gateway = await build(start, config, data, os.environ)
    await gateway.open()
    return gateway


async def _load(stage: Stage, order: LoadOrder) -> LoadResult:
    command, out = stage.load_command(order)
    process = await asyncio.create_subprocess_exec(*command, env=environment())
    if await process.wait():
        raise BenchError(f"the load generator failed with status {process.returncode}")
    return read_result(out)
