"""What the reports say: fees, ids, stamps."""

from decimal import Decimal

from gateway.domain.settings import SimulatorSettings
from tests.simulator.stories import D, Floor

FEES = SimulatorSettings(order_latency_ms=D(0), report_latency_ms=D(0), maker_fee_bps=D("1.5"), taker_fee_bps=D("7.5"))


def test_takers_pay_the_taker_rate_of_the_value() -> None:
    """Without it, shadow results would be better than any real account's."""
    floor = Floor(FEES)
    floor.quote("99.99", 10, "100.01", 10)
    floor.buy("b", 4)
    trade = floor.of("b")[-1]
    assert trade.fee == Decimal("0.30003000")  # 4 x 100.01 x 0.00075
    assert (trade.fee_currency, trade.is_maker) == ("USD", False)


def test_makers_pay_the_maker_rate() -> None:
    """Without it, strategies that wait for their price would look dearer than they are."""
    floor = Floor(FEES)
    floor.quote(99, 10, 101, 10)
    floor.buy("b", 4, 100)
    floor.trade(100, 4, hits="bid")
    trade = floor.of("b")[-1]
    assert trade.fee == Decimal("0.06")
    assert trade.is_maker


def test_fees_respect_the_multiplier_and_the_currency() -> None:
    """A future's value is fifty times its price; a fee on the bare price would be fifty times too small."""
    floor = Floor(FEES)
    floor.quote("99.75", 10, "100.00", 10, symbol="MINI")
    floor.buy("b", 2, symbol="MINI")
    trade = floor.of("b")[-1]
    assert trade.fee == Decimal("7.5")  # 2 x 100 x 50 x 0.00075
    assert trade.fee_currency == "EUR"


def test_fees_are_rounded_to_eight_decimals() -> None:
    """Without it, sums of fees would carry digits that no account statement has."""
    floor = Floor(FEES)
    floor.quote("0.00012345", 10, "0.00012347", 10)
    floor.buy("b", "0.123")
    fee = floor.of("b")[-1].fee
    assert fee == Decimal("1E-8")
    assert fee.as_tuple().exponent == -8


def test_exec_ids_name_the_order_and_what_had_filled() -> None:
    """Unique for each fill and the same in every run: that is what duplicates are told by."""
    floor = Floor()
    floor.quote(99, 10, 101, 3)
    floor.buy("b", "10.50")
    floor.quote(99, 10, 102, 100)
    floor.buy("live", "2", is_twin=True)
    assert [report.exec_id for report in floor.of("b")] == ["", "b-3", "b-10.5"]
    assert floor.of("live")[-1].exec_id == "live-t2"


def test_every_report_names_the_venue_order_and_the_time_of_the_event() -> None:
    """Without it, a person could not match the gateway's records with the simulator's."""
    floor = Floor()
    floor.quote(99, 10, 101, 3)
    floor.buy("b", 5, 98)
    floor.wait(20)
    floor.cancel("b")
    assert [report.venue_order_id for report in floor.of("b")] == ["sim-b", "sim-b"]
    assert floor.of("b")[1].transact_ns - floor.of("b")[0].transact_ns == 20_000_000
