"""Bracket, OCO and OTO at Alpaca: sent as one, exits under ids that Alpaca chose, and found again whatever is lost."""

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest

from gateway.adapters.venues.alpaca import book as book_module
from gateway.domain.effects import OrderTicket
from gateway.domain.enums import ExecType, OrderClass, OrdType, Side, SubmitStatus, TimeInForce
from gateway.domain.order_class import exit_id_of
from tests.patience import PATIENCE_S
from tests.venues.alpaca_desk import IN_FLIGHT_S, Desk, open_desk, ticket

D = Decimal
ACCEPTED, REJECTED, UNKNOWN = SubmitStatus.ACCEPTED, SubmitStatus.REJECTED, SubmitStatus.UNKNOWN
BRACKET, OCO, OTO = OrderClass.BRACKET, OrderClass.OCO, OrderClass.OTO
CANCELED = ExecType.CANCELED
MARKET: dict[str, Any] = {"ord_type": OrdType.MARKET, "limit_px": None}


@pytest.fixture
async def desk(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Desk]:
    monkeypatch.setattr(book_module, "IN_FLIGHT_S", IN_FLIGHT_S)
    async with open_desk() as made:
        yield made


def grouped(kind: OrderClass, *, loss_limit: str | None = None, **terms: Any) -> OrderTicket:
    """Ten to buy, with a profit at 190 and a stop at 170; the OCO sells ten that are held."""
    number = ticket().order_id
    entry_id = f"{number}-1"
    side = Side.SELL
    shared: dict[str, Any] = {"side": side, "order_class": kind, "entry_id": entry_id, "is_armed": kind is OCO}
    profit_id, loss_id = exit_id_of(entry_id, 1), exit_id_of(entry_id, 1 if kind is OCO else 2)
    profit = ticket(order_id=profit_id, limit_px=D(190), sibling_id=loss_id, **shared)
    loss = ticket(
        order_id=loss_id,
        ord_type=OrdType.STOP if loss_limit is None else OrdType.STOP_LIMIT,
        stop_px=D(170),
        limit_px=None if loss_limit is None else D(loss_limit),
        sibling_id=entry_id if kind is OCO else profit_id,
        **shared,
    )
    exits = {BRACKET: (profit, loss), OTO: (profit,), OCO: (loss,)}[kind]
    own = {"side": side, "limit_px": D(190), "sibling_id": loss_id} if kind is OCO else {}
    return ticket(**({"order_id": entry_id, "order_class": kind, "exits": exits} | own | terms))


async def until_all_new(desk: Desk, order: OrderTicket) -> None:
    for one in (order, *order.exits):
        await desk.heard.until_kind(one.order_id, ExecType.NEW)


async def test_a_bracket_is_one_request_and_three_orders(desk: Desk) -> None:
    """Without this, an entry could fill before its stop was there."""
    order = grouped(BRACKET, loss_limit="169.5")
    assert (await desk.venue.submit(order)).status is ACCEPTED
    await until_all_new(desk, order)
    [body] = [body for op, body in desk.peer.requests if op == "place"]
    assert body["order_class"] == "bracket"
    assert body["take_profit"] == {"limit_price": "190"}
    assert body["stop_loss"] == {"limit_price": "169.5", "stop_price": "170"}
    assert len(desk.peer.orders()) == 3


async def test_exits_wake_and_a_profit_ends_the_stop(desk: Desk) -> None:
    """Without this, fills of exits would be booked on nobody, and the position stay open here."""
    order = grouped(BRACKET)
    profit, loss = order.exits
    await desk.venue.submit(order)
    desk.peer.trade("AAPL", "190", 10)  # asleep: nothing happens
    desk.peer.trade("AAPL", "179.50", 10)
    await desk.heard.until_filled(order.order_id, 10)
    desk.peer.trade("AAPL", "190", 10)
    await desk.heard.until_filled(profit.order_id, 10)
    await desk.heard.until_kind(loss.order_id, CANCELED)
    assert desk.held() == 0
    assert {one.order_id for one in desk.heard.reports} == {order.order_id, profit.order_id, loss.order_id}


async def test_an_entry_that_fills_at_once_is_heard_with_its_exits(desk: Desk) -> None:
    """Without this, what the stream tells of an exit before the answer to its order came would be lost: it names no id
    that we know."""
    for _ in range(5):
        order = grouped(OTO, **MARKET)
        await desk.venue.submit(order)
        await until_all_new(desk, order)
        await desk.heard.until_filled(order.order_id, 10)
        desk.peer.trade("AAPL", "190", 10)
        await desk.heard.until_filled(order.exits[0].order_id, 10)
    assert desk.held() == 0
    assert all(one.order_id.endswith(("-1", "-2")) for one in desk.heard.reports)


async def test_an_exit_that_fills_before_the_answer_is_caught_up_with(desk: Desk) -> None:
    """Without this, a stop that was through when it woke would leave a position here that is not there."""
    late = desk.peer.faults.add("late", "place")
    order = grouped(BRACKET, **MARKET)
    sending = asyncio.create_task(desk.venue.submit(order))
    await late.hit.wait()
    desk.peer.trade("AAPL", "190", 10)
    await desk.heard.until_filled(order.order_id, 10)
    late.release()
    assert (await sending).status is ACCEPTED
    await desk.heard.until_filled(order.order_id, 10)
    await desk.heard.until_filled(order.exits[0].order_id, 10)
    await desk.heard.until_kind(order.exits[1].order_id, CANCELED)
    assert desk.held() == 0


async def test_an_oco_sells_once(desk: Desk) -> None:
    """Without this, both exits of a position could be booked, or the stop of it by nobody."""
    await desk.venue.submit(ticket(**MARKET))
    order = grouped(OCO)
    assert (await desk.venue.submit(order)).status is ACCEPTED
    await until_all_new(desk, order)
    desk.peer.quote("AAPL", "169.99", "170.01")
    desk.peer.trade("AAPL", "169.99", 1)
    [loss] = order.exits
    await desk.heard.until_filled(loss.order_id, 10)
    await desk.heard.until_kind(order.order_id, CANCELED)
    assert desk.held() == 0


@pytest.mark.parametrize("which", [0, 1, 2])
async def test_each_leg_can_be_canceled(desk: Desk, which: int) -> None:
    """Without this, a stop could only be taken away at Alpaca itself. What goes along with it is told too."""
    order = grouped(BRACKET)
    await desk.venue.submit(order)
    target = (order, *order.exits)[which]
    assert (await desk.venue.cancel(target)).status is ACCEPTED
    await desk.heard.until_kind(target.order_id, CANCELED)
    for one in order.exits:
        await desk.heard.until_kind(one.order_id, CANCELED)


async def test_a_cancel_finds_an_exit_that_this_process_did_not_send(desk: Desk) -> None:
    """Without this, no exit could be canceled after a restart."""
    order = grouped(BRACKET)
    await desk.venue.submit(order)
    await desk.stop()
    await desk.open()
    assert (await desk.venue.cancel(order.exits[1])).status is ACCEPTED
    await desk.heard.until_kind(order.exits[1].order_id, CANCELED)


async def test_doubt_about_an_entry_is_settled_for_its_exits_too(desk: Desk) -> None:
    """Without this, an order whose answer was lost would have exits that nobody knows."""
    desk.peer.faults.add("drop_after", "place")
    order = grouped(BRACKET)
    assert (await desk.venue.submit(order)).status is UNKNOWN
    assert (await desk.settled(order)).is_known
    for one in (order, *order.exits):
        assert desk.heard.kinds(one.order_id) == [ExecType.NEW]
    desk.peer.trade("AAPL", "179.50", 10)
    desk.peer.trade("AAPL", "190", 10)
    await desk.heard.until_filled(order.exits[0].order_id, 10)
    assert desk.sent() == 1


async def test_exits_of_an_order_that_never_arrived_are_absent(desk: Desk) -> None:
    """Without this, they would be asked about for ever."""
    desk.peer.faults.add("drop_before", "place")
    order = grouped(OTO)
    assert (await desk.venue.submit(order)).status is UNKNOWN
    assert (await desk.settled(order)).is_known is False
    assert (await desk.settled(order.exits[0])).is_known is False


async def test_fills_of_exits_while_away_are_read_from_the_account(desk: Desk) -> None:
    """Without this, a stop that triggers while the gateway is down would leave a position here for ever."""
    order = grouped(BRACKET)
    profit, loss = order.exits
    await desk.venue.submit(order)
    desk.peer.trade("AAPL", "179.50", 10)
    await desk.heard.until_filled(order.order_id, 10)
    await desk.stop()
    desk.peer.quote("AAPL", "169.99", "170.01")
    desk.peer.trade("AAPL", "169.99", 1)
    await desk.open()
    for one in (loss, profit):
        assert (await desk.settled(one)).is_known
    assert desk.heard.cum_qty(loss.order_id) == 10
    assert desk.heard.kinds(profit.order_id)[-1] is CANCELED


async def test_a_lost_fill_of_an_exit_is_found_by_the_comparison(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without this, one lost update leaves a position here that is not there, though the stream is up."""
    order = grouped(OTO, **MARKET)
    [profit] = order.exits
    await desk.venue.submit(order)
    await desk.heard.until_filled(order.order_id, 10)
    desk.peer.faults.add("lose", "fill")
    desk.peer.trade("AAPL", "190", 10)
    await desk.venue._book.compare()
    await desk.heard.until_filled(profit.order_id, 10)
    assert len(desk.heard.fills(profit.order_id)) == 1


async def test_the_account_tells_exits_under_our_ids(desk: Desk) -> None:
    """Without this, reconciliation would take every stop for an order that somebody else placed."""
    order = grouped(BRACKET)
    await desk.venue.submit(order)
    await desk.stop()
    await desk.open()
    ids = {one.order_id for one in (order, *order.exits)}
    assert {one.order_id for one in await desk.venue.account.open_orders()} == ids
    desk.peer.trade("AAPL", "179.50", 10)
    desk.peer.trade("AAPL", "190", 10)
    executions = await desk.venue.account.executions(0)
    assert [one.order_id for one in executions] == [order.order_id, order.exits[0].order_id]
    assert await desk.venue.account.open_orders() == ()


async def test_exits_of_somebody_else_keep_their_own_ids(desk: Desk) -> None:
    """Without this, an order of another program could pass for one of ours."""
    body = {"symbol": "AAPL", "qty": "1", "side": "buy", "type": "limit", "limit_price": "100", "time_in_force": "gtc"}
    desk.peer.account.place(body | {"order_class": "oto", "stop_loss": {"stop_price": "90"}})
    theirs = {row["client_order_id"] for row in desk.peer.orders()}
    assert {one.order_id for one in await desk.venue.account.open_orders()} == theirs


@pytest.mark.parametrize(
    ("order", "words"),
    [
        (grouped(BRACKET, symbol="BTC/USD", time_in_force=TimeInForce.GTC), "crypto"),
        (grouped(BRACKET, order_qty=D("1.5")), "whole shares"),
        (grouped(BRACKET, loss_limit="169.501"), "stop_loss.limit_price"),
    ],
)
async def test_what_alpaca_would_refuse_is_refused_here(desk: Desk, order: OrderTicket, words: str) -> None:
    """Without this, the refusal would cost a request, and be in words that name no field."""
    answer = await desk.venue.submit(order)
    assert answer.status is REJECTED
    assert words in answer.text
    assert desk.sent() == 0


async def test_an_account_that_was_reset_can_be_traded_again(desk: Desk) -> None:
    """Without this, one exit that Alpaca has forgotten would keep the connection down for as long as the gateway runs:
    no order could be sent there, not even one that closes."""
    order = grouped(BRACKET)
    assert (await desk.venue.submit(order)).status is ACCEPTED
    await until_all_new(desk, order)
    account = desk.peer.account
    for rows in (account.orders, account._open, account._by_client_id, account.book.working):
        rows.clear()
    desk.peer.hang_up()
    await desk.heard.until(lambda: not desk.heard.is_connected)
    await desk.heard.until(lambda: desk.heard.is_connected, PATIENCE_S)
    for one in (order, *order.exits):
        assert (await desk.settled(one)).is_known is False


@pytest.mark.parametrize("status", [404, 422])
async def test_an_order_that_cannot_be_asked_about_holds_up_no_other(desk: Desk, status: int) -> None:
    """Without this, whatever Alpaca will not tell of one order would keep the connection down, and fills of all others
    that were missed untold."""
    odd, other = ticket(limit_px=D(150)), ticket(limit_px=D(160), order_qty=D(3))
    for one in (odd, other):
        assert (await desk.venue.submit(one)).status is ACCEPTED
    for kind in ("fill", "canceled"):
        desk.peer.faults.add("lose", kind, times=2)
    [row, _] = desk.peer.account.open_orders()
    desk.peer.account.cancel(row)
    desk.peer.trade("AAPL", "160", 3)
    refused = desk.peer.faults.add("error", "lookup", status=status, body='{"code": 1, "message": "no"}', times=None)
    desk.peer.hang_up()
    await desk.heard.until(lambda: not desk.heard.is_connected)
    await refused.hit.wait()
    await desk.heard.until(lambda: desk.heard.is_connected, PATIENCE_S)
    desk.peer.faults.clear()
    await desk.heard.until_filled(other.order_id, 3)
    await desk.heard.until_kind(odd.order_id, CANCELED)
