"""Bracket, OCO and OTO over HTTP: read strictly, explained by field, and told as one order with legs."""

import pytest

from gateway.adapters.http.placing import read_order, read_order_carefully
from gateway.domain.enums import OrderClass
from gateway.domain.order_class import StopLoss, TakeProfit
from gateway.ports.intake import RequestInvalid
from tests.world import D

BODY = b'{"symbol": "AAPL", "quantity": 1, "side": "buy", "order_type": "limit", "limit_price": 150, %s}'
EXITS = b'"take_profit": {"limit_price": "165.10"}, "stop_loss": {"stop_price": 140.00, "limit_price": null}'


def test_exits_are_read_to_the_digit() -> None:
    """Without this, a stop would lie where a float puts it."""
    order = read_order(BODY % (b'"order_class": "Bracket", ' + EXITS))
    assert order.order_class is OrderClass.BRACKET
    assert order.take_profit == TakeProfit(D("165.10"))
    assert order.stop_loss == StopLoss(D("140.00"))
    assert order == read_order_carefully(BODY % (b'"order_class": "Bracket", ' + EXITS))


def test_absent_and_null_are_a_simple_order() -> None:
    """Without this, a client that sends every field could place no plain order."""
    assert read_order(BODY % b'"order_class": null, "take_profit": null, "stop_loss": null').order_class == "simple"


@pytest.mark.parametrize(
    ("more", "field"),
    [
        (b'"order_class": "brackets"', "order_class"),
        (b'"take_profit": 165', "take_profit"),
        (b'"take_profit": {}', "take_profit.limit_price"),
        (b'"take_profit": {"limit_price": "NaN"}', "take_profit.limit_price"),
        (b'"take_profit": {"limit_price": 1, "limit_price": 2}', "take_profit.limit_price"),
        (b'"stop_loss": {"stop": 140}', "stop_loss.stop"),
        (b'"stop_loss": [140]', "stop_loss"),
    ],
)
def test_what_is_wrong_is_named_by_its_place(more: bytes, field: str) -> None:
    """Without this, a client could not tell which of three prices is refused."""
    with pytest.raises(RequestInvalid) as caught:
        read_order(BODY % more)
    assert field in [one.field for one in caught.value.errors]
