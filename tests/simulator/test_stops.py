"""Stops: asleep until the watched price comes to them, then orders like any other."""

import pytest

from gateway.domain.enums import OrdType
from tests.simulator.stories import D, Floor

STOP = OrdType.STOP
STOP_LIMIT = OrdType.STOP_LIMIT
TRAILING = OrdType.TRAILING_STOP


@pytest.fixture
def floor() -> Floor:
    """10 at 99 bid, 10 at 101 asked, last trade at 100."""
    floor = Floor()
    floor.quote(99, 10, 101, 10, last=100)
    return floor


def test_a_buy_stop_wakes_at_its_price_and_takes(floor: Floor) -> None:
    """Without it, a stop would trade at once, or not at all."""
    floor.buy("b", 5, ord_type=STOP, stop_px=102)
    floor.trade("101.99", 1, hits="ask")
    assert floor.kinds("b") == ["new"]
    floor.trade(102, 1, hits="ask")
    assert floor.fills("b") == [(5, D(101))]


def test_a_sell_stop_wakes_when_the_price_falls_to_it(floor: Floor) -> None:
    """The mirror image: a sign error here would sell into every rally."""
    floor.sell("s", 5, ord_type=STOP, stop_px=98)
    floor.trade(103, 1, hits="ask")
    floor.trade("98.01", 1, hits="bid")
    assert floor.kinds("s") == ["new"]
    floor.trade(98, 1, hits="bid")
    assert floor.fills("s") == [(5, D(99))]


def test_a_quote_alone_does_not_wake_a_stop_where_trades_are_seen(floor: Floor) -> None:
    """A passing quote that nobody traded at must not stop anyone out."""
    floor.buy("b", 5, ord_type=STOP, stop_px=102)
    floor.quote(102, 10, 103, 10, last=100)
    assert floor.kinds("b") == ["new"]


def test_without_trades_the_quote_wakes_it() -> None:
    """On a source that shows no trades, stops would otherwise never trigger."""
    floor = Floor()
    floor.quote(99, 10, 101, 10)
    floor.buy("b", 5, ord_type=STOP, stop_px=102)
    floor.sell("s", 5, ord_type=STOP, stop_px=98)
    floor.quote(102, 10, 103, 10)
    assert floor.fills("b") == [(5, D(103))]
    floor.quote(98, 10, 99, 10)
    assert floor.fills("s") == [(5, D(98))]


def test_a_stop_that_is_through_on_arrival_trades_at_once(floor: Floor) -> None:
    """Without it, a stop sent too late would protect nothing."""
    floor.buy("b", 5, ord_type=STOP, stop_px=100)
    assert floor.fills("b") == [(5, D(101))]


def test_a_stop_limit_becomes_a_limit_order(floor: Floor) -> None:
    """Without it, the limit would be forgotten with the trigger."""
    floor.buy("b", 5, "100.5", ord_type=STOP_LIMIT, stop_px=102)
    floor.trade(102, 1, hits="ask")
    assert floor.kinds("b") == ["new"]  # awake, but the offer is above its limit
    floor.quote(99, 10, "100.4", 3)  # through its limit, by three
    assert floor.fills("b") == [(3, D("100.5"))]


def test_a_trailing_stop_follows_up_and_never_down(floor: Floor) -> None:
    """The ratchet is the order: a stop that followed the price down would never trigger."""
    floor.sell("s", 5, ord_type=TRAILING, trailing_amount=2)  # from 100: 98
    floor.trade(105, 1, hits="ask")  # 103
    floor.trade("103.5", 1, hits="bid")
    assert floor.kinds("s") == ["new"]
    floor.trade(103, 1, hits="bid")
    assert floor.filled("s") == 5


def test_a_trailing_buy_follows_down(floor: Floor) -> None:
    """The mirror image."""
    floor.buy("b", 5, ord_type=TRAILING, trailing_amount=2)
    floor.trade(90, 1, hits="bid")  # 92
    floor.trade("91.99", 1, hits="ask")
    assert floor.kinds("b") == ["new"]
    floor.trade(92, 1, hits="ask")
    assert floor.filled("b") == 5


def test_a_trailing_percent_is_percent_of_the_price(floor: Floor) -> None:
    """5 is five percent: read as a share it would be a stop at minus four hundred."""
    floor.sell("s", 5, ord_type=TRAILING, trailing_percent=5)  # 95
    floor.trade("95.01", 1, hits="bid")
    assert floor.kinds("s") == ["new"]
    floor.trade(200, 1, hits="ask")  # 190
    floor.trade(190, 1, hits="bid")
    assert floor.filled("s") == 5


def test_a_trailing_stop_may_begin_at_a_price_of_its_own(floor: Floor) -> None:
    """A given stop is where it starts, until the price pulls it along."""
    floor.sell("s", 5, ord_type=TRAILING, trailing_amount=2, stop_px="98.5")
    floor.trade("98.6", 1, hits="bid")
    assert floor.kinds("s") == ["new"]
    floor.trade("98.5", 1, hits="bid")
    assert floor.filled("s") == 5


@pytest.mark.parametrize(
    ("terms", "word"),
    [
        ({"ord_type": STOP}, "stop price"),
        ({"ord_type": STOP_LIMIT, "limit": 100}, "stop price"),
        ({"ord_type": TRAILING}, "trailing"),
    ],
)
def test_incomplete_stops_are_rejected(floor: Floor, terms: dict[str, object], word: str) -> None:
    """Without it, such an order would wait for a trigger that cannot come."""
    floor.buy("b", 5, **terms)  # type: ignore[arg-type]
    assert floor.kinds("b") == ["rejected"]
    assert word in floor.text("b")


def test_a_waiting_stop_can_be_canceled_and_moved(floor: Floor) -> None:
    """Without it, a stop could not be taken back, or would trigger at its old price."""
    floor.buy("b", 5, ord_type=STOP, stop_px=102)
    floor.replace("b", 5, stop=110)
    floor.trade(105, 1, hits="ask")
    assert floor.kinds("b") == ["new", "replaced"]
    floor.cancel("b")
    floor.trade(120, 1, hits="ask")
    assert floor.kinds("b") == ["new", "replaced", "canceled"]
