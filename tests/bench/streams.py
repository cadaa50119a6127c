"""Order latency with hundreds of clients on ws/events, against without: in turns, on one gateway."""

import subprocess
import sys

import msgspec

from tests.bench.figures import Report, duration, median, quantile, spread
from tests.bench.latency import MIN_ACCEPTED, open_load, warm_up
from tests.bench.listeners import Heard
from tests.bench.load_result import LoadResult
from tests.bench.sizes import Sizes
from tests.bench.stage import BenchError, Server, Stage, environment

CLIENTS = 200
TARGET_RATIO = 1.5
_END_S = 20.0


def run(stage: Stage, sizes: Sizes) -> Report:
    gateway = stage.gateway(stage.config("streams", synthetic=sizes.symbols), stage.data("streams"))
    first = warm_up(stage, gateway, sizes, "w").next_number
    report = Report()
    accepted = total = 0
    for rate in sizes.stream_rates:
        paced = msgspec.structs.replace(sizes, open_rate=rate)
        pairs: list[tuple[LoadResult, LoadResult]] = []
        report.notes.append(f"streams: {rate} orders/s for {sizes.stream_s} s a turn, {CLIENTS} clients")
        for _ in range(sizes.stream_rounds):
            alone, cpu = _measured(stage, gateway, paced, first)
            report.notes.append(f"  without: {spread(alone.latencies_us)}; {cpu}")
            watched, heard, cpu = _watched(stage, gateway, paced, alone.next_number)
            report.notes.append(f"  with:    {spread(watched.latencies_us)}; {cpu}")
            report.notes.append(
                f"  heard {heard.received_bytes / 1e6 / watched.elapsed_s:,.0f} MB/s in all; the first client "
                f"{heard.messages:,} messages, in the end {heard.behind:,} records behind"
            )
            first = watched.next_number
            pairs.append((alone, watched))
            accepted, total = accepted + alone.count() + watched.count(), total + alone.total + watched.total
        _judge(report, rate, pairs)
    stage.stop(gateway)
    share = accepted / total
    report.add("streams, share answered 201", ">= 99.9%", f"{share:.3%}", share >= MIN_ACCEPTED)
    return report


def _measured(stage: Stage, gateway: Server, sizes: Sizes, first: int) -> tuple[LoadResult, str]:
    """The load's result, and the share of a core that the gateway and its helpers took."""
    cpu_s, helpers_s = gateway.cpu_s(), gateway.helpers_cpu_s()
    result = open_load(stage, gateway, sizes, "w", first, sizes.stream_s)
    own, helpers = gateway.cpu_s() - cpu_s, gateway.helpers_cpu_s() - helpers_s
    busy = f"gateway {own / result.elapsed_s:.0%} of a core, its stream process {helpers / result.elapsed_s:.0%}"
    return result, f"{busy}, load generator {result.cpu_s / result.elapsed_s:.0%}"


def _watched(stage: Stage, gateway: Server, sizes: Sizes, first: int) -> tuple[LoadResult, Heard, str]:
    command = [sys.executable, "-m", "tests.bench.listeners", str(gateway.port), str(CLIENTS)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=stage.folder, env=environment())
    try:
        assert process.stdout is not None
        if process.stdout.readline().strip() != "listening":
            raise BenchError("the stream clients could not connect")
        result, busy = _measured(stage, gateway, sizes, first)
        process.terminate()
        text, _ = process.communicate(timeout=_END_S)
    finally:
        process.kill()
        process.wait()
    if process.returncode:
        raise BenchError("the stream clients broke: the gateway closed a stream")
    return result, msgspec.json.decode(text, type=Heard), busy


def _judge(report: Report, rate: int, pairs: list[tuple[LoadResult, LoadResult]]) -> None:
    """The median of the ratios of neighbours."""
    p99 = [tuple(quantile(one.latencies_us, 0.99) for one in pair) for pair in pairs]
    ratio = median([watched / alone for alone, watched in p99])
    between = ", ".join(f"{duration(alone)} : {duration(watched)}" for alone, watched in p99)
    name = f"order p99 at {rate}/s with {CLIENTS} clients on ws/events : without"
    report.add(name, f"<= {TARGET_RATIO}", f"{ratio:.2f} ({between})", ratio <= TARGET_RATIO)
