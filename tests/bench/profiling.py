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
from tests.bench.sizes import Sizes
from tests.bench.stage import BenchError, Stage, environment, read_result
from tests.bench.stages import Stopwatches
from tests.bench.throughput import CONNECTIONS

_TOP = 40


class _Usage(msgspec.Struct):
    """CPU of the loop's thread and of the whole process while a load ran, in seconds."""

    result: LoadResult
    loop_s: float
    process_s: float


def run(directory: Path | None, sizes: Sizes, orders: int) -> None:
    """Print all of it."""
    saturated = LoadOrder(kind="closed", port=0, tag="p", connections=CONNECTIONS, count=orders)
    steady = LoadOrder(
        kind="open", port=0, tag="p", symbols=sizes.symbols, rate=sizes.open_rate, count=sizes.open_rate * 5
    )
    with Stage(directory) as stage:
        _print_stages(stage, f"at saturation, {CONNECTIONS} connections", saturated)
        words = f"at {sizes.open_rate} orders/s, {sizes.symbols} symbols ticking; ticks count towards the orders"
        _print_stages(stage, words, steady)
        profiler = cProfile.Profile()
        usage = uvloop.run(_measured(stage, saturated, profiler=profiler))
        result = usage.result
        print(f"\ncProfile over {result.total} orders ({result.elapsed_s / result.total * 1e6:.0f} us each under it)")
        pstats.Stats(profiler, stream=sys.stdout).sort_stats("tottime").print_stats(_TOP)


def _print_stages(stage: Stage, title: str, load: LoadOrder) -> None:
    watches = Stopwatches()
    with watches.installed():
        usage = uvloop.run(_measured(stage, load, watches=watches))
    result = usage.result
    count = result.total
    rows = [(seconds, f"{calls / count:.2f}", name) for name, seconds, calls in watches.rows()]
    inside_s = sum(seconds for seconds, _, _ in rows)
    rows += [
        (usage.loop_s - inside_s, "", "the rest of the loop's thread: aiohttp, asyncio, tasks"),
        (usage.loop_s, "", "= CPU of the loop's thread"),
        (usage.process_s - usage.loop_s, "", "CPU of the other threads (SQLite)"),
        (result.elapsed_s - usage.loop_s, "", "the loop's thread off the CPU: idle, preempted, waiting for the GIL"),
    ]
    print(f"\n{title}: {count} orders, {count / result.elapsed_s:.0f}/s with stopwatches; statuses {result.statuses}")
    print(f"{'us/order':>9}  {'calls':>6}  stage (without the stages inside it)")
    for seconds, calls, name in rows:
        print(f"{seconds / count * 1e6:9.1f}  {calls:>6}  {name}")
    for path in watches.missing:
        print(f"{'':17}  not found, so in the rest: {path}")


async def _measured(
    stage: Stage, load: LoadOrder, *, profiler: cProfile.Profile | None = None, watches: Stopwatches | None = None
) -> _Usage:
    """Carry out ``load`` against a gateway in this process, after a tenth of it to warm up."""
    name = f"{load.kind}-{'profile' if watches is None else 'stages'}"
    gateway = await _opened(stage.config(name, synthetic=load.symbols), stage.data(name))
    load = msgspec.structs.replace(load, port=gateway.server.port)
    try:
        await _load(stage, msgspec.structs.replace(load, kind="resting"))
        warm = await _load(stage, msgspec.structs.replace(load, count=load.count // 10 + 1))
        if watches is not None:
            watches.reset()
        loop_s, process_s = time.thread_time(), time.process_time()
        if profiler is not None:
            profiler.enable()
        result = await _load(stage, msgspec.structs.replace(load, first=warm.next_number))
        if profiler is not None:
            profiler.disable()
        usage = _Usage(result, time.thread_time() - loop_s, time.process_time() - process_s)
        if watches is not None:
            watches.stop()
        return usage
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
