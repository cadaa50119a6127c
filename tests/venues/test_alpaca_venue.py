"""The adapter of Alpaca against Alpaca's own wire: what it sends, what it makes of what it hears."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal

import pytest

from gateway.adapters.venues.alpaca import book as book_module
from gateway.adapters.venues.alpaca.assets import AssetRules
from gateway.adapters.venues.alpaca.errors import OrderTooSmall, OrderUnsupported
from gateway.domain.enums import ExecType, OrdType, SubmitStatus, TimeInForce
from tests.patience import PATIENCE_S
from tests.venues.alpaca.orders import Asset
from tests.venues.alpaca_desk import IN_FLIGHT_S, Desk, market, open_desk, ticket
from tests.venues.booking import booked

D = Decimal
ACCEPTED, REJECTED, UNKNOWN = SubmitStatus.ACCEPTED, SubmitStatus.REJECTED, SubmitStatus.UNKNOWN


@pytest.fixture
async def desk(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Desk]:
    monkeypatch.setattr(book_module, "IN_FLIGHT_S", IN_FLIGHT_S)
    async with open_desk() as made:
        yield made


# --- the life of an order ----------------------------------------------------------------------------


async def test_an_order_rests_fills_in_parts_and_is_canceled(desk: Desk) -> None:
    """Without this, nothing would trade."""
    order = ticket()
    assert (await desk.venue.submit(order)).status is ACCEPTED
    await desk.heard.until_kind(order.order_id, ExecType.NEW)
    desk.peer.trade("AAPL", "179.50", 4)
    await desk.heard.until_filled(order.order_id, 4)
    assert (await desk.venue.cancel(order)).status is ACCEPTED
    await desk.heard.until_kind(order.order_id, ExecType.CANCELED)
    bought = market(order_qty=D("0.5"))
    assert (await desk.venue.submit(bought)).status is ACCEPTED
    await desk.heard.until_filled(bought.order_id, "0.5")
    [fill] = desk.heard.fills(bought.order_id).values()
    assert (fill.last_px, desk.held()) == (D("180.01"), D("4.5"))


async def test_busts_and_corrections_change_what_was_booked(desk: Desk) -> None:
    """Without this, quantity and P&L of an execution that Alpaca took back would stay in the books."""
    order = ticket()
    await desk.venue.submit(order)
    desk.peer.trade("AAPL", "179.50", 4)
    desk.peer.trade("AAPL", "179.50", 6)
    await desk.heard.until_filled(order.order_id, 10)
    [theirs] = desk.peer.account.orders.values()
    first, second = theirs.executions
    desk.peer.trade_updates.revise("trade_correct", theirs, replace(first, px=D("179.25")))
    desk.peer.trade_updates.revise("trade_bust", theirs, second)
    await desk.heard.until_kind(order.order_id, ExecType.TRADE_CANCEL)
    ours = booked(desk.heard.reports)
    assert [(fill.last_qty, fill.last_px) for fill in ours.fills] == [(D(4), D("179.25"))]
    assert [fill.last_qty for fill in ours.busted] == [D(6)]


async def test_a_bust_of_what_was_told_before_a_restart_waits_for_a_person(desk: Desk) -> None:
    """Without this, it would be lost, or another execution taken back in its place."""
    order = ticket()
    await desk.venue.submit(order)
    desk.peer.trade("AAPL", "179.50", 10)
    await desk.heard.until_filled(order.order_id, 10)
    before = list(desk.heard.reports)
    await desk.stop()
    await desk.open()
    [theirs] = desk.peer.account.orders.values()
    desk.peer.trade_updates.revise("trade_bust", theirs, theirs.executions[0])
    await desk.heard.until_kind(order.order_id, ExecType.TRADE_CANCEL)
    ours = booked([*before, *desk.heard.reports])
    assert (ours.cum_qty, len(ours.early_revisions)) == (10, 1)


async def test_pending_new_is_no_acknowledgement(desk: Desk) -> None:
    """Without this, an order that Alpaca has not taken yet would count as working."""
    desk.peer.faults.add("lose", "ack")
    order = ticket()
    assert (await desk.venue.submit(order)).status is ACCEPTED
    await asyncio.sleep(0.05)
    assert desk.heard.kinds(order.order_id) == []
    await desk.settled(order)
    assert desk.heard.kinds(order.order_id) == [ExecType.NEW]


async def test_an_order_for_tomorrow_is_acknowledged(desk: Desk) -> None:
    """Without this, an order placed overnight would look lost until the opening."""
    desk.peer.open_market(False)
    order = ticket()
    assert (await desk.venue.submit(order)).status is ACCEPTED
    await desk.heard.until_kind(order.order_id, ExecType.NEW)


async def test_what_alpaca_refuses_is_a_rejection_with_its_words(desk: Desk) -> None:
    """Without this, a refusal would look like doubt and hold its exposure."""
    answer = await desk.venue.submit(ticket(order_qty=D(100_000)))
    assert (answer.status, "insufficient buying power" in answer.text) == (REJECTED, True)


async def test_a_cancel_of_what_is_over_or_unknown_is_settled_by_asking(desk: Desk) -> None:
    """Without this, a cancel that came too late would end an order that filled."""
    order = ticket()
    await desk.venue.submit(order)
    desk.peer.faults.add("lose", "fill")
    desk.peer.trade("AAPL", "179.50", 10)
    assert (await desk.venue.cancel(order)).status is UNKNOWN
    await desk.settled(order)
    assert desk.heard.cum_qty(order.order_id) == 10
    assert (await desk.venue.cancel(ticket())).status is UNKNOWN


@pytest.mark.parametrize(
    ("terms", "kind", "tif"),
    [
        ({}, "limit", "day"),
        ({"time_in_force": TimeInForce.GTC}, "limit", "gtc"),
        ({"time_in_force": TimeInForce.GTD, "expire_ns": 4 * 10**18}, "limit", "gtc"),
        ({"time_in_force": TimeInForce.AT_THE_OPENING}, "limit", "opg"),
        ({"time_in_force": TimeInForce.AT_THE_CLOSE}, "limit", "cls"),
        ({"ord_type": OrdType.LIMIT_ON_CLOSE}, "limit", "cls"),
        ({"ord_type": OrdType.MARKET_ON_CLOSE, "limit_px": None}, "market", "cls"),
        ({"ord_type": OrdType.STOP, "limit_px": None, "stop_px": D(190)}, "stop", "day"),
        ({"ord_type": OrdType.STOP_LIMIT, "limit_px": D(191), "stop_px": D(190)}, "stop_limit", "day"),
        ({"ord_type": OrdType.TRAILING_STOP, "limit_px": None, "trailing_amount": D(5)}, "trailing_stop", "day"),
        ({"ord_type": OrdType.TRAILING_STOP, "limit_px": None, "trailing_percent": D(2)}, "trailing_stop", "day"),
        ({"symbol": "BTC/USD", "limit_px": D(99000), "order_qty": D("0.000000001")}, "limit", "gtc"),
    ],
)
async def test_types_and_times_in_force(desk: Desk, terms: dict[str, object], kind: str, tif: str) -> None:
    """Without this, an order would be another kind of order at Alpaca than it was here."""
    order = ticket(**terms)
    answer = await desk.venue.submit(order)
    assert answer.status is ACCEPTED, answer
    [body] = [body for op, body in desk.peer.requests if op == "place"]
    assert (body["type"], body["time_in_force"]) == (kind, tif)
    assert all(isinstance(value, str) for value in body.values()), "numbers are exact"
    assert body["client_order_id"] == order.order_id


@pytest.mark.parametrize(
    ("terms", "words"),
    [
        ({"limit_px": D("179.505")}, "sub-penny"),
        ({"order_qty": D("1.5"), "time_in_force": TimeInForce.GTC}, "part of a share"),
        ({"order_qty": D("1.0000000001")}, "nine decimals"),
        ({"ord_type": OrdType.STOP, "limit_px": None, "stop_px": D(190), "time_in_force": TimeInForce.IOC}, "stop"),
        ({"execution_algorithm": "vwap"}, "execution_algorithm"),
        ({"symbol": "BTC/USD", "time_in_force": TimeInForce.FOK}, "crypto"),
        ({"symbol": "BTC/USD", "ord_type": OrdType.STOP, "limit_px": None, "stop_px": D(1)}, "crypto"),
    ],
)
async def test_what_alpaca_has_no_form_for_is_not_sent(desk: Desk, terms: dict[str, object], words: str) -> None:
    """Without this, every mistake would cost a message of the minute, and a wrong kind of order could be taken."""
    answer = await desk.venue.submit(ticket(**terms))
    assert (answer.status, words in answer.text, desk.sent()) == (REJECTED, True, 0), answer


@pytest.mark.parametrize(
    ("row", "qty", "px", "words"),
    [
        ({}, "1.5", "99.123", ""),
        ({"status": "inactive"}, "1", "99", "does not trade"),
        ({"tradable": False}, "1", "99", "does not trade"),
        ({"fractionable": False}, "1.5", "99", "whole units"),
        ({"fractionable": False}, "0.5", "99", "quantity 0.5: .* whole units"),
        ({"min_order_size": "0.01"}, "0.001", "99", "min_order_size"),
        ({"min_trade_increment": "0.001"}, "0.0015", "99", "min_trade_increment"),
        ({"price_increment": "0.5"}, "1", "99.25", "price_increment"),
    ],
)
def test_the_rules_of_an_asset(row: dict[str, object], qty: str, px: str, words: str) -> None:
    """Without this, what Alpaca says of an asset would be learned one refusal at a time."""
    order, rules = ticket(order_qty=D(qty), limit_px=D(px)), AssetRules(row)
    if not words:
        rules.check(order)
        return
    with pytest.raises(OrderUnsupported, match=words) as refused:
        rules.check(order)
    # Or a flatten would try what is too little again for ever.
    assert isinstance(refused.value, OrderTooSmall) is (qty in ("0.5", "0.001"))


async def test_what_is_known_of_an_asset_is_kept_before_sending(desk: Desk) -> None:
    """Without this, the rules would be asked for and heeded by nobody. The first order does not wait for them."""
    desk.peer.account.assets["AAPL"] = Asset("AAPL", is_fractionable=False)
    assert (await desk.venue.submit(ticket(order_qty=D("1.5")))).status is ACCEPTED
    async with asyncio.timeout(PATIENCE_S):
        while (await desk.venue.submit(ticket(order_qty=D("1.5")))).status is ACCEPTED:  # noqa: ASYNC110  # nothing tells
            await asyncio.sleep(0.01)
    sent = desk.sent()
    answer = await desk.venue.submit(ticket(order_qty=D("1.5")))
    assert (answer.status, "whole units" in answer.text, desk.sent()) == (REJECTED, True, sent)


# --- doubt ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [500, 504])
@pytest.mark.parametrize("kind", ["drop_before", "drop_after", "error", "error_after", "cut", "garble"])
async def test_a_broken_answer_is_doubt_and_alpaca_settles_it(desk: Desk, kind: str, status: int) -> None:
    """Without this, a broken answer would lose an order, or send it twice as the library does (invariant 8)."""
    desk.peer.faults.add(kind, "place", status=status)
    order = ticket()
    assert (await desk.venue.submit(order)).status is UNKNOWN
    arrived = kind not in ("drop_before", "error")
    assert (await desk.settled(order)).is_known is arrived
    assert len(desk.peer.orders()) == arrived
    assert desk.sent() == 1


async def test_a_request_that_is_still_under_way_is_not_called_absent(desk: Desk) -> None:
    """Without this, an order believed absent could arrive after all."""
    stuck = desk.peer.faults.add("stuck", "place")
    order = ticket()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await desk.venue.submit(order)
    assert (await desk.venue.lookup(order)).is_known is None
    stuck.release()
    await desk.heard.until_kind(order.order_id, ExecType.NEW)
    assert desk.sent() == 1


async def test_only_alpacas_own_not_found_is_an_absence(desk: Desk) -> None:
    """Without this, the 404 of some proxy would end an order that works."""
    order = ticket()
    await desk.venue.submit(order)
    await asyncio.sleep(0.3)
    desk.peer.faults.add("error", "lookup", status=404, body="<html>no such page</html>")
    assert (await desk.venue.lookup(order)).is_known is None
    assert (await desk.settled(order)).is_known is True


async def test_an_id_that_is_taken_is_doubt(desk: Desk) -> None:
    """Without this, an order that is there would be called rejected: an id is refused only because it exists."""
    order = ticket()
    await desk.venue.submit(order)
    assert (await desk.venue.submit(order)).status is UNKNOWN
    assert (await desk.settled(order)).is_known is True
    assert len(desk.peer.orders()) == 1
