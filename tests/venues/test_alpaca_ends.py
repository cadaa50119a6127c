"""When the end of an order at Alpaca is told, while its fills are not listed yet: after them, and surely."""

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any, cast

import pytest

from gateway.adapters.clock import SystemClock
from gateway.adapters.venues.alpaca import fills as fills_module
from gateway.adapters.venues.alpaca.book import OrderBook
from gateway.adapters.venues.alpaca.client import RestClient
from gateway.adapters.venues.shared.background import Background
from gateway.domain.enums import ExecType
from tests.venues.alpaca_desk import ticket
from tests.venues.listening import Heard

TRADE, CANCELED = ExecType.TRADE, ExecType.CANCELED
MOMENT = "2026-01-02T15:00:00Z"
Row = dict[str, Any]


class Alpaca:
    """Activities that are listed when the test says so, and updates as the test words them, of one order."""

    def __init__(self, background: Background) -> None:
        self.activities: list[Row] = []
        self.heard = Heard()
        self.book = OrderBook(cast(RestClient, self), SystemClock(), background, self.heard.on_reports, lambda _: None)
        self.ticket = ticket()
        self.tracked = self.book.begin(self.ticket)

    async def request(self, method: str, path: str, body: object = None, **more: object) -> object:
        assert path == "account/activities/FILL"
        return list(self.activities)

    def row(self, status: str, filled: int, generation: int = 0) -> Row:
        name = self.ticket.order_id + (f"_r{generation}" if generation else "")
        row = {"id": f"venue-{generation}", "client_order_id": name, "status": status, "filled_qty": str(filled)}
        return row | {"qty": "10", "created_at": MOMENT, "limit_price": "95"}

    def update(self, event: str, row: Row, qty: int = 0, execution_id: str = "x") -> None:
        more = {"qty": str(qty), "price": "95", "timestamp": MOMENT, "execution_id": execution_id}
        self.book.on_update({"event": event, "order": row, **more})

    def file(self, cum_qty: int, qty: int, generation: int = 0) -> None:
        row = {"id": "1", "order_id": f"venue-{generation}", "cum_qty": str(cum_qty), "qty": str(qty), "price": "95"}
        self.activities.append(row | {"transaction_time": MOMENT})

    def told(self) -> list[tuple[ExecType, int]]:
        found = [(one.exec_type, int(one.last_qty)) for one in self.heard.reports if one.exec_type in (TRADE, CANCELED)]
        return list(dict.fromkeys(found))

    async def until_over(self) -> None:
        await self.heard.until(lambda: any(kind is CANCELED for kind, _ in self.told()))


@pytest.fixture
async def alpaca(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Alpaca]:
    monkeypatch.setattr(fills_module, "_FIRST_S", 0.01)
    background = Background("alpaca")
    yield Alpaca(background)
    await background.close()


async def test_an_update_from_before_the_end_does_not_undo_it(alpaca: Alpaca) -> None:
    """Without this, an order whose end came while its fills were being read, and an older update after it, would stay
    open, with its exposure, until orders are compared."""
    alpaca.update("canceled", alpaca.row("canceled", 5))
    alpaca.update("partial_fill", alpaca.row("partially_filled", 5), 2)
    alpaca.file(3, 3)
    alpaca.file(5, 2)
    await alpaca.until_over()
    assert alpaca.told() == [(TRADE, 3), (TRADE, 2), (CANCELED, 0)]


async def test_the_end_of_changed_terms_waits_for_fills_under_the_old_ones(alpaca: Alpaca) -> None:
    """Without this, an order that was changed and then canceled would be over before what its old terms filled is
    known: a flatten would close that part of the position once more."""
    alpaca.tracked.next_carried_qty = Decimal(2)
    alpaca.book.note_row(alpaca.row("canceled", 2))
    alpaca.tracked.advance("venue-1")
    alpaca.update("canceled", alpaca.row("canceled", 0, 1))
    await asyncio.sleep(0)
    assert not alpaca.told()
    alpaca.file(2, 2)
    await alpaca.until_over()
    assert alpaca.told() == [(TRADE, 2), (CANCELED, 0)]


async def test_new_terms_that_are_refused_end_the_order_after_its_fills(alpaca: Alpaca) -> None:
    """Without this, the same for an order that a refused change ends: the stream may tell of its fills later."""
    alpaca.book.on_change_refused(alpaca.tracked, alpaca.row("canceled", 2), "refused")
    assert not alpaca.told()
    alpaca.file(2, 2)
    await alpaca.until_over()
    assert alpaca.told() == [(TRADE, 2), (CANCELED, 0)]


async def test_a_fill_that_is_taken_back_while_it_is_looked_for_is_not_waited_for(alpaca: Alpaca) -> None:
    """Without this, an order would never end: its end would wait for an execution that there is not any more."""
    alpaca.update("canceled", alpaca.row("canceled", 5))
    await asyncio.sleep(0)
    alpaca.file(3, 3)
    alpaca.update("trade_bust", alpaca.row("canceled", 3), 2)
    await alpaca.until_over()
    assert alpaca.told() == [(TRADE, 3), (CANCELED, 0)]
