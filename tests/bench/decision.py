"""Figure 3: one decision, in process: the real core and the real embedded policy, without HTTP and journal.

An order is decided (instrument, trading state, route, every default limit), the policy is asked, its verdict is
settled, and the facts are applied. The default configuration and policies; positions are open and change. The engine
remembers what it decided of orders that are alike to the policies, and nearly all of these are; what it takes when it
remembers nothing is shown beside it.
"""

import time
from pathlib import Path

from msgspec.structs import replace

from gateway.adapters.config import load
from gateway.adapters.policy.embedded import EmbeddedPolicy
from gateway.adapters.policy.loader import PolicyLoader
from gateway.core.admission import settle
from gateway.core.apply import apply_record
from gateway.core.decide import decide
from gateway.core.decision import Decision
from gateway.core.state import GatewayState
from gateway.domain.config import TradingConfig
from gateway.domain.events import ConfigLoaded, Event
from tests.bench.figures import Report, duration, quantile, spread
from tests.bench.inprocess import TRADER, policy_question, received, reports_on
from tests.bench.sizes import Sizes
from tests.bench.stage import Stage
from tests.bench.workload import DEFAULT_SYMBOLS, Workload

TARGET_P50_US = 100
TARGET_P99_US = 250


class Decider:
    """The core and the policy, as the service drives them."""

    def __init__(self, config: TradingConfig, policies: Path, *, is_remembering: bool = True) -> None:
        self.state = GatewayState()
        self.config = config
        approved = PolicyLoader(policies).load()
        self._policy = EmbeddedPolicy(approved if is_remembering else replace(approved, dependence=None))
        self._take(ConfigLoaded(ts_ns=time.time_ns(), config=config, actor=TRADER))

    def _take(self, event: Event) -> Decision:
        decision = decide(self.state, event)
        apply_record(self.state, decision.facts)
        return decision

    def timed_order(self, body: bytes, number: int) -> tuple[int, int]:
        """Nanoseconds to make the event of an order, and to decide it. The order then fills, untimed."""
        begun_ns = time.perf_counter_ns()
        event = received(body, number, self.config, time.time_ns())
        made_ns = time.perf_counter_ns()
        held = decide(self.state, event)
        verdict = self._policy.evaluate_now(policy_question(held.effects).document)
        apply_record(self.state, settle(self.state, held, replace(event, verdicts=(verdict,))).facts)
        decided_ns = time.perf_counter_ns()
        order = self.state.orders[event.order_id]
        assert order.is_admitted, order.reject
        self._take(reports_on(order, event.ts_ns))
        return made_ns - begun_ns, decided_ns - made_ns


def run(stage: Stage, sizes: Sizes) -> Report:
    config = stage.config("decision")
    trading, policies = load(config, {}).trading, config.parent / "policies"
    making, deciding = _times_us(Decider(trading, policies), sizes.decisions)
    _, forgetful = _times_us(Decider(trading, policies, is_remembering=False), sizes.decisions // 4)
    report = Report()
    for name, share, target in (("p50", 0.5, TARGET_P50_US), ("p99", 0.99, TARGET_P99_US)):
        reached = quantile(deciding, share)
        report.add(f"decision alone, {name}", f"<= {target} us", duration(reached), reached <= target)
    words = f"p50 {duration(quantile(forgetful, 0.5))}, p99 {duration(quantile(forgetful, 0.99))}"
    report.add("decision alone, no policy decision remembered", "", words)
    report.notes += [
        f"decision: {sizes.decisions} orders, default limits and policies",
        f"  decide, apply and policy: {spread(deciding)}",
        f"  before it, from the body to the event: {spread(making)}",
    ]
    return report


def _times_us(decider: Decider, count: int) -> tuple[list[float], list[float]]:
    """What ``count`` orders took after a tenth of it to warm up: making their events, and deciding them; sorted."""
    workload, warm_up = Workload(DEFAULT_SYMBOLS, "d"), count // 10
    times = [decider.timed_order(workload.body(i), i) for i in range(warm_up + count)][warm_up:]
    return sorted(made / 1e3 for made, _ in times), sorted(decided / 1e3 for _, decided in times)
