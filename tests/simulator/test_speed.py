"""The budget of the hot path. Loose, because test machines are: it is there to catch an order of magnitude."""

import gc
import time

from gateway.adapters.venues.simulator.model import MatchingModel
from gateway.domain.enums import Side
from gateway.domain.market import Quote
from gateway.domain.settings import SimulatorSettings
from tests.simulator.stories import INSTRUMENTS, MIDNIGHT_NS, MS, D, make_ticket

ORDERS = 2_000
BUDGET_US = 15
TOLERANCE = 5


def microseconds_per_order() -> float:
    """CPU from submit to NEW and a full fill, orders 0.3 ms apart, reports fetched every millisecond."""
    model = MatchingModel(INSTRUMENTS, SimulatorSettings())
    many = D(10**9)
    now_ns = MIDNIGHT_NS
    model.on_market(Quote("ACME", D(99), many, D(101), many, None, None, now_ns, now_ns), now_ns)
    tickets = [make_ticket(f"order-{number:08d}", Side.BUY, 10) for number in range(ORDERS)]
    gc.collect()
    count = 0
    begun_ns = time.process_time_ns()
    for number, ticket in enumerate(tickets):
        now_ns += MS * 3 // 10
        model.submit(ticket, now_ns)
        if number % 3 == 0:
            count += len(model.advance(now_ns))
    count += len(model.advance(now_ns + 1_000 * MS))
    elapsed_ns = time.process_time_ns() - begun_ns
    assert count == 2 * ORDERS
    return elapsed_ns / ORDERS / 1_000


def test_an_order_costs_microseconds() -> None:
    """Every SHADOW order and every live order's twin comes through here: the gateway's throughput hangs on it."""
    best = min(microseconds_per_order() for _ in range(4))
    print(f"\nsimulator: {best:.1f} us of CPU per order (budget {BUDGET_US} us)")
    assert best < BUDGET_US * TOLERANCE
