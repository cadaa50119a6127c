"""Figure 1: sustained accepted orders a second over HTTP, beside a handler that does nothing.

Gateway and bare handler take turns in the same run under the same load, so that what else the machine does meets
both; the figure is the median of the ratios of neighbours.
"""

from tests.bench.figures import Report, duration, median, quantile
from tests.bench.load_result import LoadOrder, LoadResult
from tests.bench.sizes import Sizes
from tests.bench.stage import BenchError, Server, Stage
from tests.bench.workload import MIX

CONNECTIONS = 64
TARGET_RATIO = 0.30
MIN_ACCEPTED = 0.999


def run(stage: Stage, sizes: Sizes) -> Report:
    gateway = stage.gateway(stage.config("throughput"), stage.data("throughput"))
    stage.load(LoadOrder(kind="resting", port=gateway.port, tag="t"))
    warm = _load(stage, gateway, 0, sizes.warm_up_s)
    bare = stage.bare(warm.reply_bytes)
    _load(stage, bare, 0, sizes.warm_up_s)
    ours, theirs, ratios = [], [], []
    first, ours_cpu_s, theirs_cpu_s = warm.next_number, gateway.cpu_s(), bare.cpu_s()
    for _ in range(sizes.rounds):
        ours.append(_load(stage, gateway, first, sizes.round_s))
        first = ours[-1].next_number
        theirs.append(_load(stage, bare, 0, sizes.round_s))
        ratios.append(_rate(ours[-1]) / _rate(theirs[-1]))
    ours_cpu_s, theirs_cpu_s = gateway.cpu_s() - ours_cpu_s, bare.cpu_s() - theirs_cpu_s
    stage.stop(gateway)
    stage.stop(bare)
    report = _report(ours, theirs, ratios)
    ours_us, theirs_us = _cpu_us(ours, ours_cpu_s), _cpu_us(theirs, theirs_cpu_s)
    words = f"{ours_us:.0f} us, bare handler {theirs_us:.0f} us: {theirs_us / max(ours_us, 1):.3f}"
    report.add("throughput, CPU an order, all threads", "", words)
    return report


def _load(stage: Stage, server: Server, first: int, seconds: float) -> LoadResult:
    order = LoadOrder(kind="closed", port=server.port, tag="t", first=first, connections=CONNECTIONS, seconds=seconds)
    result = stage.load(order)
    if not result.count():
        raise BenchError(f"no order was accepted: {result.statuses} {result.samples[:1]}")
    return result


def _rate(result: LoadResult) -> float:
    return result.count() / result.elapsed_s


def _cpu_us(results: list[LoadResult], cpu_s: float) -> float:
    """CPU of the server for one answer: unlike a rate, hardly moved by what else the machine does."""
    return cpu_s / sum(result.total for result in results) * 1e6


def _report(ours: list[LoadResult], theirs: list[LoadResult], ratios: list[float]) -> Report:
    report = Report()
    accepted = sum(result.count() for result in ours)
    total = sum(result.total for result in ours)
    ratio = median(ratios)
    report.add("throughput, ratio to a bare handler", f">= {TARGET_RATIO:.2f}", f"{ratio:.3f}", ratio >= TARGET_RATIO)
    report.add("throughput, accepted orders/s", "", f"{median([_rate(result) for result in ours]):.0f}")
    report.add("bare handler, requests/s", "", f"{median([_rate(result) for result in theirs]):.0f}")
    share = accepted / total
    report.add("throughput, share answered 201", ">= 99.9%", f"{share:.3%} of {total}", share >= MIN_ACCEPTED)
    report.notes += [
        f"throughput: {CONNECTIONS} connections, closed loop, no pipelining; {MIX}; one resting order a pair",
        "  ratios " + ", ".join(f"{one:.3f}" for one in ratios),
        f"  generator busy {_busy(ours):.0%} against the gateway, {_busy(theirs):.0%} against the bare handler",
        f"  latency at this load: p50 {duration(median([quantile(r.latencies_us, 0.5) for r in ours]))},"
        f" p99 {duration(median([quantile(r.latencies_us, 0.99) for r in ours]))}",
    ]
    for result in ours:
        report.notes += [f"  unexpected: {sample}" for sample in result.samples]
    return report


def _busy(results: list[LoadResult]) -> float:
    """The share of a core that the generator took: near 1 it would be what is measured."""
    return sum(result.cpu_s for result in results) / sum(result.elapsed_s for result in results)
