"""What the adapter of ccxt remembers of orders: whose order at an exchange is."""

from decimal import Decimal as D

from gateway.adapters.venues.ccxt.known import IdForm
from gateway.adapters.venues.ccxt.tracking import Tracking
from gateway.domain.enums import TimeInForce
from tests.venues.tickets import ticket


def test_a_number_of_another_symbol_is_another_order() -> None:
    """Without this, at an exchange that counts its orders in each symbol anew (Binance), what somebody does by hand in
    one would be taken for an order of ours in another."""
    tracking = Tracking(IdForm.HEX)
    mine = tracking.add(ticket(venue="desk", symbol="BTC/USDT", order_qty=D(1), time_in_force=TimeInForce.GTC), 0, 0, 0)
    tracking.name(mine, "7")
    assert tracking.find("BTC/USDT", "7", "") is mine
    assert tracking.owner_of("BTC/USDT", "7") == mine.order_id
    assert tracking.find("ETH/USDT", "7", "web-1") is None
    assert tracking.owner_of("ETH/USDT", "7") is None
    tracking.forget(mine.order_id)
    assert tracking.find("BTC/USDT", "7", "") is None
