"""``python -m tests.bench.load``: a load generator in a process of its own. Writes its results as JSON."""

import argparse
import gc
from pathlib import Path

import msgspec
import uvloop

from tests.bench.closed_loop import closed
from tests.bench.load_result import LoadOrder, LoadResult
from tests.bench.open_loop import open_loop
from tests.bench.workload import DEFAULT_SYMBOLS, Workload, synthetic_symbols


def perform(order: LoadOrder) -> LoadResult:
    """Run one generator in this process."""
    symbols = synthetic_symbols(order.symbols) if order.symbols else DEFAULT_SYMBOLS
    workload = Workload([one for one in symbols if not order.only or one.name in order.only], order.tag)
    host = f"127.0.0.1:{order.port}"
    requests = workload.requests(host, order.first)
    count = order.count
    if order.kind == "opening":
        requests = workload.opening_requests(host, order.first)
    elif order.kind == "resting":
        resting = workload.resting_requests(host)
        requests, count = iter(resting), len(resting)
    gc.collect()
    gc.disable()  # lists of numbers only: nothing to collect, and no pause in what is measured
    if order.kind in ("open", "opening"):
        return open_loop(order.port, requests, first=order.first, rate=order.rate, count=count)
    return uvloop.run(
        closed(
            order.port,
            requests,
            first=order.first,
            connections=order.connections,
            seconds=order.seconds,
            count=count,
        )
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("order", help="a LoadOrder as JSON")
    parser.add_argument("out", type=Path, help="file for the LoadResult")
    options = parser.parse_args()
    result = msgspec.json.encode(perform(msgspec.json.decode(options.order, type=LoadOrder)))
    options.out.write_bytes(result)


if __name__ == "__main__":
    main()
