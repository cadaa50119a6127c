"""Figure 5: what the gateway's process occupies after many orders over HTTP."""

from tests.bench.figures import Report
from tests.bench.load_result import LoadOrder
from tests.bench.sizes import Sizes
from tests.bench.stage import Stage
from tests.bench.throughput import CONNECTIONS, MIN_ACCEPTED

TARGET_MIB = 150


def run(stage: Stage, sizes: Sizes) -> Report:
    gateway = stage.gateway(stage.config("memory"), stage.data("memory"))
    at_start = gateway.memory_mib()
    stage.load(LoadOrder(kind="resting", port=gateway.port, tag="m"))
    order = LoadOrder(
        kind="closed", port=gateway.port, tag="m", connections=CONNECTIONS, count=sizes.memory_orders, seconds=600
    )
    result = stage.load(order)
    at_end = gateway.memory_mib()
    stage.stop(gateway)
    report = Report()
    rss = at_end["VmRSS"]
    name = f"memory, VmRSS after {result.count()} orders"
    report.add(name, f"<= {TARGET_MIB} MiB", f"{rss:.0f} MiB", rss <= TARGET_MIB)
    if "VmHWM" in at_end:
        report.add("memory, VmHWM", "", f"{at_end['VmHWM']:.0f} MiB")
    report.add("memory, VmRSS when ready", "", f"{at_start['VmRSS']:.0f} MiB")
    share = result.count() / result.total
    report.add("memory, share answered 201", ">= 99.9%", f"{share:.3%} of {result.total}", share >= MIN_ACCEPTED)
    report.notes.append(f"memory: {result.total} orders in {result.elapsed_s:.1f} s over {CONNECTIONS} connections")
    report.notes += [f"  unexpected: {sample}" for sample in result.samples]
    return report
