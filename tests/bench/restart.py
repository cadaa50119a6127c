"""Figure 4: how long a start takes, and a restart with a long past after a crash, and whether it is slower then."""

import shutil
import sys
from pathlib import Path

import msgspec

from tests.bench.figures import Report, duration, median, quantile
from tests.bench.history import Written
from tests.bench.latency import MIN_ACCEPTED, open_load, warm_up
from tests.bench.load_result import LoadResult
from tests.bench.sizes import Sizes
from tests.bench.stage import Server, Stage

TARGET_S = 5.0
START_TARGET_S = 1.0
_STARTS = 5
TARGET_RATIO = 1.3
_BUILD_TIMEOUT_S = 900.0


def run(stage: Stage, sizes: Sizes) -> Report:
    starts_s = [_start_s(stage, number) for number in range(_STARTS)]
    config = stage.config("restart", synthetic=sizes.symbols)
    data = stage.data("restart")
    written = _write_history(stage, config, data, sizes)
    size_mib = sum(file.stat().st_size for file in data.iterdir() if file.is_file()) / 2**20
    old = stage.gateway(config, data)
    fresh = stage.gateway(config, stage.data("fresh"))
    fresh_runs, old_runs = _alternate(stage, sizes, fresh, old)
    stage.stop(old)
    again = stage.gateway(config, data)
    stage.stop(again)
    stage.stop(fresh)
    shutil.rmtree(data)
    report = Report()
    report.add("restart after a crash, to ready", f"<= {TARGET_S:g} s", f"{old.start_s:.2f} s", old.start_s <= TARGET_S)
    report.add("restart after a clean stop", "", f"{again.start_s:.2f} s")
    start_s = median(starts_s)
    report.add(
        "start, no venue and an empty journal", f"< {START_TARGET_S:g} s", f"{start_s:.2f} s", start_s < START_TARGET_S
    )
    report.notes += [
        f"restart: {written.facts} facts in {written.records} records of {written.orders} orders, {size_mib:.0f} MiB,"
        f" written in {written.elapsed_s:.0f} s without HTTP; {written.since_checkpoint} records since the checkpoint",
        "restart: starts of a gateway as it is shipped took " + ", ".join(f"{one:.2f} s" for one in starts_s),
    ]
    _compare(report, fresh_runs, old_runs)
    return report


def _start_s(stage: Stage, number: int) -> float:
    """Of a gateway as it is shipped, which has no venue in use and so imports none."""
    server = stage.gateway(stage.config(f"start{number}"), stage.data(f"start{number}"))
    stage.stop(server)
    return server.start_s


def _write_history(stage: Stage, config: Path, data: Path, sizes: Sizes) -> Written:
    command = [sys.executable, "-m", "tests.bench.history", str(config), str(data), str(sizes.facts)]
    if sizes.is_worst_restart:
        command.append("--worst")
    return msgspec.json.decode(stage.run(command, _BUILD_TIMEOUT_S), type=Written)


def _alternate(stage: Stage, sizes: Sizes, fresh: Server, old: Server) -> tuple[list[LoadResult], list[LoadResult]]:
    """The same load on both, in turns: what else the machine does then meets both."""
    warm = {"fresh": warm_up(stage, fresh, sizes, "rf"), "old": warm_up(stage, old, sizes, "ro")}
    runs: tuple[list[LoadResult], list[LoadResult]] = ([], [])
    first = {name: result.next_number for name, result in warm.items()}
    for _ in range(sizes.restart_rounds):
        for name, server, tag, found in (("fresh", fresh, "rf", runs[0]), ("old", old, "ro", runs[1])):
            found.append(open_load(stage, server, sizes, tag, first[name], sizes.restart_load_s))
            first[name] = found[-1].next_number
    return runs


def _compare(report: Report, fresh: list[LoadResult], old: list[LoadResult]) -> None:
    for name, share in (("p50", 0.5), ("p99", 0.99)):
        ours = median([quantile(run.latencies_us, share) for run in old])
        theirs = median([quantile(run.latencies_us, share) for run in fresh])
        ratio = ours / theirs
        reached = f"{ratio:.2f} ({duration(ours)} : {duration(theirs)})"
        report.add(f"latency {name}, long : fresh journal", f"<= {TARGET_RATIO}", reached, ratio <= TARGET_RATIO)
    accepted = sum(run.count() for run in (*fresh, *old))
    total = sum(run.total for run in (*fresh, *old))
    share = accepted / total
    report.add("restart, share answered 201", ">= 99.9%", f"{share:.3%} of {total}", share >= MIN_ACCEPTED)
    for run in (*fresh, *old):
        report.notes += [f"  unexpected: {sample}" for sample in run.samples]
