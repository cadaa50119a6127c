"""How long orders live, and those that wait for the opening or the close."""

import msgspec
import pytest

from gateway.domain.enums import OrdType, TimeInForce
from gateway.domain.instruments import Instrument
from tests.simulator.stories import DAY_MS, INSTANT, MIDNIGHT_NS, MS, D, Floor, levels

HOUR_MS = 3_600_000


@pytest.fixture
def floor() -> Floor:
    floor = Floor()
    floor.quote(99, 10, 101, 10)
    return floor


def test_a_day_order_expires_at_midnight_utc(floor: Floor) -> None:
    """Without it, yesterday's orders would trade today."""
    floor.buy("b", 5, 98)
    floor.wait(DAY_MS - 101)
    assert floor.kinds("b") == ["new"]
    floor.wait(1)
    assert floor.kinds("b") == ["new", "expired"]
    assert floor.of("b")[-1].transact_ns == MIDNIGHT_NS + DAY_MS * MS
    assert floor.model.open_orders == 0


def test_gtc_outlives_the_day(floor: Floor) -> None:
    """Without it, good-till-canceled would be a day order under another name."""
    floor.buy("b", 5, 98, time_in_force=TimeInForce.GTC)
    floor.wait(30 * DAY_MS)
    assert floor.kinds("b") == ["new"]


def test_gtd_expires_at_its_own_time_to_the_nanosecond(floor: Floor) -> None:
    """However late the timer is, the order must not fill after its time, nor expire before it."""
    expire_ns = floor.now_ns + HOUR_MS * MS
    floor.buy("b", 5, 98, time_in_force=TimeInForce.GTD, expire_ns=expire_ns)
    floor.wait(HOUR_MS + 5_000)
    assert floor.kinds("b") == ["new", "expired"]
    assert floor.of("b")[-1].transact_ns == expire_ns


def test_an_order_that_expired_does_not_fill_from_the_next_update(floor: Floor) -> None:
    """What was due before an update happens before it."""
    floor.buy("b", 5, 98, time_in_force=TimeInForce.GTD, expire_ns=floor.now_ns + MS)
    floor.now_ns += 10 * MS  # nobody called meanwhile
    floor.trade(90, 100, hits="bid")
    assert floor.kinds("b") == ["new", "expired"]


def test_an_expiry_and_a_cancel_happen_in_the_order_of_their_times() -> None:
    """Seen late and together, the earlier one still goes first."""
    floor = Floor(msgspec.structs.replace(INSTANT, order_latency_ms=D(5)))
    floor.quote(99, 10, 101, 10)
    floor.buy("b", 5, 98, time_in_force=TimeInForce.GTD, expire_ns=floor.now_ns + 13 * MS)
    floor.wait(10)
    floor.model.cancel(floor.tickets["b"], floor.now_ns)  # arrives 15 ms after the order was sent
    floor.wait(20)
    assert floor.kinds("b") == ["new", "expired", "cancel_rejected"]


def test_gtd_whose_time_has_passed_ends_at_once(floor: Floor) -> None:
    """Without it, an order adopted after a long outage would come back from the dead."""
    floor.buy("b", 5, 98, time_in_force=TimeInForce.GTD, expire_ns=floor.now_ns - 1)
    assert floor.kinds("b") == ["new", "expired"]


def test_gtd_without_a_time_is_rejected(floor: Floor) -> None:
    """Without it, it would live for ever."""
    floor.buy("b", 5, 98, time_in_force=TimeInForce.GTD)
    assert floor.kinds("b") == ["rejected"]


def test_what_is_left_of_a_market_order_expires_with_the_day(floor: Floor) -> None:
    """Without it, an unfilled market order would buy at tomorrow's open."""
    floor.buy("b", 25)
    floor.wait(DAY_MS)
    assert floor.kinds("b") == ["new", "trade", "expired"]


@pytest.mark.parametrize(
    "terms",
    [
        {"ord_type": OrdType.MARKET_ON_CLOSE},
        {"ord_type": OrdType.LIMIT_ON_CLOSE, "limit": 102},
        {"time_in_force": TimeInForce.AT_THE_CLOSE},
        {"limit": 102, "time_in_force": TimeInForce.AT_THE_CLOSE},
        {"time_in_force": TimeInForce.AT_THE_OPENING},
        {"limit": 102, "time_in_force": TimeInForce.AT_THE_OPENING},
    ],
)
def test_session_orders_trade_at_the_boundary_and_end_there(floor: Floor, terms: dict[str, object]) -> None:
    """Without it, an order meant for the close would trade in the morning, or linger after it."""
    floor.buy("b", 15, **terms)  # type: ignore[arg-type]
    floor.quote(99, 10, 102, 12)
    assert floor.kinds("b") == ["new"]
    floor.wait(DAY_MS)
    assert floor.fills("b") == [(12, D(102))]
    assert floor.kinds("b")[-1] == "expired"
    assert floor.of("b")[1].transact_ns == MIDNIGHT_NS + DAY_MS * MS


def test_a_limit_on_close_does_not_pay_more_than_its_limit(floor: Floor) -> None:
    """The close is no reason to forget the limit."""
    floor.buy("b", 5, 100, ord_type=OrdType.LIMIT_ON_CLOSE)
    floor.wait(DAY_MS)
    assert floor.kinds("b") == ["new", "expired"]


def test_a_stop_cannot_wait_for_the_close(floor: Floor) -> None:
    """No venue has such an order; accepting it would promise what nobody keeps."""
    floor.buy("b", 5, ord_type=OrdType.STOP, stop_px=105, time_in_force=TimeInForce.AT_THE_CLOSE)
    assert floor.kinds("b") == ["rejected"]


def test_a_calendar_may_be_given_instead_of_midnight() -> None:
    """Real markets do not close at midnight UTC; the composition root brings their hours."""

    def close_at_four(instrument: Instrument, now_ns: int) -> int:
        assert instrument.symbol == "ACME"
        return MIDNIGHT_NS + 16 * HOUR_MS * MS

    def open_at_nine(instrument: Instrument, now_ns: int) -> int:
        return MIDNIGHT_NS + 9 * HOUR_MS * MS

    floor = Floor(session_end_ns=close_at_four, session_start_ns=open_at_nine)
    floor.quote(99, 10, 101, 10)
    floor.buy("day", 5, 98)
    floor.buy("opening", 5, time_in_force=TimeInForce.AT_THE_OPENING)
    floor.wait(9 * HOUR_MS)
    assert floor.filled("opening") == 5
    assert floor.kinds("day") == ["new"]
    floor.wait(7 * HOUR_MS)
    assert floor.kinds("day") == ["new", "expired"]


def test_finished_orders_leave_nothing_behind() -> None:
    """A day of a million filled day orders must not keep a million expiries in memory."""
    floor = Floor(msgspec.structs.replace(INSTANT))
    floor.quote(99, 10, 101, 10)
    floor.depth(levels((99, 10)), levels((101, 10)), is_snapshot=True)
    floor.buy("stays", 1, 98, time_in_force=TimeInForce.GTD, expire_ns=floor.now_ns + HOUR_MS * MS)
    for number in range(3_000):
        floor.buy(f"b{number}", 1, 98)
        floor.cancel(f"b{number}")
    exchange = floor.model._exchange
    assert floor.model.open_orders == 1
    assert len(exchange.timetable) < 200
    for number in range(300):
        floor.quote(99, 10, 101 + number, 10)
        floor.buy(f"filled{number}", 10)
    assert floor.filled("filled299") == 10
    assert len(exchange.timetable) < 200
    assert len(exchange._finished) <= 2_000
