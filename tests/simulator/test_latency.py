"""Time on the way, both ways."""

from decimal import Decimal

from gateway.adapters.venues.simulator.latency import Latency
from gateway.domain.settings import SimulatorSettings
from tests.simulator.stories import D, Floor

SLOW = SimulatorSettings(order_latency_ms=D(5), report_latency_ms=D(3), latency_jitter=D(0))
JITTERY = SimulatorSettings(order_latency_ms=D(10), report_latency_ms=D(4), latency_jitter=D("0.5"))


def test_an_order_acts_on_the_market_as_of_its_arrival() -> None:
    """The price seen when sending is not the price that is there 5 ms later: that difference is the point."""
    floor = Floor(SLOW)
    floor.quote(99, 5, 100, 5)
    floor.buy("b", 5)
    floor.quote(99, 5, 103, 5, after_ms=2)
    floor.wait(2)
    assert floor.kinds("b") == []
    floor.wait(10)
    assert floor.fills("b") == [(5, D(103))]


def test_a_quote_after_the_arrival_does_not_count_however_late_the_timer_is() -> None:
    """A slow event loop must not give orders prices that came after them."""
    floor = Floor(SLOW)
    floor.quote(99, 5, 100, 5)
    floor.buy("b", 5)
    floor.now_ns += 50_000_000  # nobody woke up meanwhile
    floor.quote(99, 5, 103, 5)
    floor.wait(10)
    assert floor.fills("b") == [(5, D(100))]


def test_reports_are_heard_later_than_they_happened() -> None:
    """Without it, a strategy would learn of fills before any real venue could have told it."""
    floor = Floor(SLOW)
    floor.quote(99, 5, 100, 5)
    sent_ns = floor.now_ns
    floor.buy("b", 5)
    floor.wait(7.9)
    assert floor.kinds("b") == []
    floor.wait(0.1)
    assert floor.kinds("b") == ["new", "trade"]
    assert {report.transact_ns for report in floor.of("b")} == {sent_ns + 5_000_000}


def test_a_cancel_does_not_overtake_its_order() -> None:
    """One session carries both; jitter on each must not turn them round."""
    for number in range(50):
        floor = Floor(JITTERY)
        floor.quote(99, 5, 100, 5)
        floor.buy(f"b{number}", 5, 98)
        floor.cancel(f"b{number}")
        floor.wait(100)
        assert floor.kinds(f"b{number}") == ["new", "canceled"]


def test_reports_do_not_overtake_each_other() -> None:
    """On the way back too: a fill that comes before the order was taken would be another story than what happened."""
    floor = Floor(JITTERY)
    floor.quote(99, 5000, 100, 5000)
    for number in range(200):
        floor.buy(f"b{number}", 1)
        floor.wait(0.1)
    floor.wait(100)
    stamps = [report.transact_ns for report in floor.reports]
    assert len(stamps) == 400
    assert stamps == sorted(stamps)


def test_jitter_is_drawn_per_order_and_stays_within_its_share() -> None:
    """Without it, either every order would take equally long or a draw could be negative."""
    latency = Latency(JITTERY)
    draws = [latency.draw(f"order-{number}") for number in range(2_000)]
    there = [draw[0] for draw in draws]
    back = [draw[1] for draw in draws]
    assert 5_000_000 <= min(there) < 5_200_000
    assert 14_800_000 < max(there) <= 15_000_000
    assert abs(sum(there) / len(there) - 10_000_000) < 200_000
    assert 2_000_000 <= min(back)
    assert max(back) <= 6_000_000


def test_draws_depend_on_seed_and_order_only() -> None:
    """The same order must travel equally long in every run and process, or runs could not be compared."""
    assert Latency(JITTERY).draw("order-1") == (5_689_707, 4_759_990)  # differs if a salted hash creeps in
    other = SimulatorSettings(seed=8, order_latency_ms=D(10), report_latency_ms=D(4), latency_jitter=Decimal("0.5"))
    assert Latency(other).draw("order-1") != Latency(JITTERY).draw("order-1")
