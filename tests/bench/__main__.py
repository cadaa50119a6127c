"""``python -m tests.bench [NAME ...]``: measure, and print one table. Exit status 0 unless a benchmark broke."""

import argparse
import shlex
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

from tests.bench import (
    decision,
    demotion,
    gate,
    latency,
    memory,
    page,
    profiling,
    restart,
    streams,
    throughput,
)
from tests.bench.figures import Figure, Report, machine, table
from tests.bench.sizes import FULL, QUICK, Sizes
from tests.bench.stage import SCRATCH, BenchError, Stage

Benchmark = Callable[[Stage, Sizes], Report]
BENCHMARKS: dict[str, Benchmark] = {
    "decision": decision.run,
    "gate": gate.run,
    "throughput": throughput.run,
    "latency": latency.run,
    "memory": memory.run,
    "demotion": demotion.run,
    "restart": restart.run,
    "streams": streams.run,
    "page": page.run,
}


def main() -> int:
    # Ended from outside: leave through the stages, which end the processes that they started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    parser = _parser()
    options = parser.parse_args()
    unknown = set(options.names) - {*BENCHMARKS, "profile"}
    if unknown:
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}")
    sizes = QUICK if options.quick else FULL
    names = options.names or list(BENCHMARKS)
    if "profile" in names:
        profiling.run(options.directory, sizes, options.orders or sizes.profile_orders)
        names = [name for name in names if name != "profile"]
    if not names:
        return 0
    folder = (options.directory or SCRATCH).resolve()
    print("\n".join(machine(folder)), end="\n\n", flush=True)
    figures: list[Figure] = []
    broken = 0
    for name in names:
        try:
            with Stage(options.directory, shlex.split(options.gateway)) as stage:
                report = BENCHMARKS[name](stage, sizes)
        except Exception as error:
            broken += 1
            print(f"{name} broke: {error}", file=sys.stderr)
            if not isinstance(error, BenchError):
                traceback.print_exc()
            figures.append(Figure(name, "", "BROKE"))
            continue
        print("\n".join([*report.notes, *stage.complaints]), flush=True)
        figures += report.figures
    print("\n" + table(figures))
    if options.quick:
        print("\nquick: a smoke test; these figures mean nothing")
    return 1 if broken else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"all by default: {', '.join(BENCHMARKS)}; or profile")
    parser.add_argument("--quick", action="store_true", help="small sizes: a smoke test")
    parser.add_argument("--directory", type=Path, help="where to write (a real disk; default: build/bench)")
    parser.add_argument("--gateway", default="", help="command before `serve`, to measure another build")
    parser.add_argument("--orders", type=int, help="profile: how many orders")
    return parser


if __name__ == "__main__":
    sys.exit(main())
