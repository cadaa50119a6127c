"""The adapter of Alpaca when orders change, streams break, fills hide, and the gateway begins anew."""

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal

import pytest

from gateway.adapters.clock import SystemClock
from gateway.adapters.venues.alpaca import book as book_module
from gateway.adapters.venues.alpaca import client as client_module
from gateway.adapters.venues.alpaca import fills as fills_module
from gateway.adapters.venues.alpaca import venue as venue_module
from gateway.adapters.venues.alpaca.client import CredentialsUnfit, RestClient
from gateway.domain.enums import ExecType, OrdType, SubmitStatus, TimeInForce
from gateway.domain.settings import VenueSettings
from gateway.ports.sending import IS_WANTED
from tests.venues.alpaca_desk import IN_FLIGHT_S, Desk, market, open_desk, ticket

D = Decimal
ACCEPTED, REJECTED, UNKNOWN = SubmitStatus.ACCEPTED, SubmitStatus.REJECTED, SubmitStatus.UNKNOWN


@pytest.fixture
async def desk(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Desk]:
    monkeypatch.setattr(book_module, "IN_FLIGHT_S", IN_FLIGHT_S)
    async with open_desk() as made:
        yield made


# --- changes -------------------------------------------------------------------------------------------


async def test_a_change_is_one_order_here_and_two_there(desk: Desk) -> None:
    """Without this, the cancel of the old terms would end the order that goes on."""
    order = ticket()
    await desk.venue.submit(order)
    assert (await desk.venue.replace(order, D(12), D("179"), None)).status is ACCEPTED
    await desk.heard.until_kind(order.order_id, ExecType.REPLACED)
    desk.peer.trade("AAPL", "179", 12)
    await desk.heard.until_filled(order.order_id, 12)
    assert ExecType.CANCELED not in desk.heard.kinds(order.order_id)
    assert desk.sent("replace") == 0


async def test_what_filled_is_taken_off_a_change_even_if_nobody_was_told(desk: Desk) -> None:
    """Without this, a fill that races a change would come on top of the new quantity: Alpaca's own replace starts
    anew. Here the stream loses the fill, and the change comes before anybody can know."""
    order = ticket()
    await desk.venue.submit(order)
    desk.peer.faults.add("lose", "fill")
    desk.peer.faults.add("lose", "canceled")
    desk.peer.trade("AAPL", "179.50", 4)
    assert (await desk.venue.replace(order, D(12), D("179.6"), None)).status is ACCEPTED
    desk.peer.trade("AAPL", "179.60", 1_000)
    await desk.heard.until_filled(order.order_id, 12)
    assert desk.held() == 12
    [terms] = [one for one in desk.heard.reports if one.exec_type is ExecType.REPLACED]
    assert (terms.order_qty, terms.limit_px, terms.stop_px) == (12, D("179.6"), None)


async def test_a_change_below_what_filled_ends_the_order(desk: Desk) -> None:
    """Without this, an order for nothing, or for less than nothing, would be sent."""
    order = ticket()
    await desk.venue.submit(order)
    desk.peer.trade("AAPL", "179.50", 6)
    assert (await desk.venue.replace(order, D(5), D("179.5"), None)).status is UNKNOWN
    await desk.settled(order)
    assert desk.heard.kinds(order.order_id)[-1] is ExecType.CANCELED
    assert (desk.heard.cum_qty(order.order_id), desk.held(), desk.sent()) == (6, 6, 1)


async def test_a_fill_wins_against_a_change(desk: Desk) -> None:
    """Without this, an order that filled whole would be bought once more."""
    order = ticket()
    await desk.venue.submit(order)
    desk.peer.faults.add("lose", "fill")
    desk.peer.trade("AAPL", "179.50", 10)
    assert (await desk.venue.replace(order, D(20), D("179.5"), None)).status is UNKNOWN
    await desk.settled(order)
    assert (desk.heard.cum_qty(order.order_id), desk.held(), desk.sent()) == (10, 10, 1)


async def test_new_terms_that_alpaca_refuses_end_the_order(desk: Desk) -> None:
    """Without this, an order that is gone would be shown as working."""
    order = ticket()
    await desk.venue.submit(order)
    answer = await desk.venue.replace(order, D(100_000), D("179.5"), None)
    assert (answer.status, "insufficient buying power" in answer.text) == (REJECTED, True)
    assert desk.heard.kinds(order.order_id)[-1] is ExecType.CANCELED


async def test_a_change_that_nobody_wants_any_more_sends_no_new_order(desk: Desk) -> None:
    """Without this, a new order would go out after the kill switch has answered, for a change whose old order was being
    taken back just then."""
    order = ticket()
    await desk.venue.submit(order)
    IS_WANTED.set(lambda: "cancel" not in [operation for operation, _ in desk.peer.requests])
    assert (await desk.venue.replace(order, D(5), D("179.5"), None)).status is REJECTED
    await desk.heard.until_kind(order.order_id, ExecType.CANCELED)
    assert desk.sent() == 1


async def test_terms_without_a_form_leave_the_order_alone(desk: Desk) -> None:
    """Without this, a typing error would cost a working order."""
    order = ticket()
    await desk.venue.submit(order)
    assert (await desk.venue.replace(order, D(10), D("179.555"), None)).status is REJECTED
    assert [row["status"] for row in desk.peer.orders()] == ["new"]


@pytest.mark.parametrize("kind", ["drop_before", "drop_after", "error", "error_after", "cut", "garble"])
async def test_a_change_in_doubt_is_settled_by_alpaca(desk: Desk, kind: str) -> None:
    """Without this, the new order of a change could be lost, placed twice, or work unseen behind a canceled one."""
    order = ticket()
    await desk.venue.submit(order)
    desk.peer.faults.add(kind, "place", status=500)
    assert (await desk.venue.replace(order, D(12), D("179"), None)).status is UNKNOWN
    arrived = kind not in ("drop_before", "error")
    await desk.settled(order)
    assert desk.heard.kinds(order.order_id)[-1] is (ExecType.REPLACED if arrived else ExecType.CANCELED)
    assert desk.sent() == 2
    if arrived:
        assert (await desk.venue.cancel(order)).status is ACCEPTED
        await desk.heard.until_kind(order.order_id, ExecType.CANCELED)
    assert not any(row["status"] == "new" for row in desk.peer.orders())


async def test_a_cancel_that_is_in_doubt_leaves_the_order_as_alpaca_has_it(desk: Desk) -> None:
    """Without this, the first half of a change could end an order that nobody meant to end, unseen."""
    order = ticket()
    await desk.venue.submit(order)
    desk.peer.faults.add("drop_before", "cancel", times=2)  # a DELETE is asked again by the connection itself
    assert (await desk.venue.replace(order, D(12), D("179"), None)).status is UNKNOWN
    assert (await desk.settled(order)).is_known
    assert [row["status"] for row in desk.peer.orders()] == ["new"]
    assert desk.heard.kinds(order.order_id) == [ExecType.NEW]


@pytest.mark.parametrize("is_restarted", [False, True])
async def test_a_change_that_is_still_under_way_is_no_cancel(desk: Desk, is_restarted: bool) -> None:
    """Without this, the canceled half of a change would be told as the order's end, also by a gateway that died in
    between, and the other half arrive after that and trade."""
    order = ticket()
    await desk.venue.submit(order)
    stuck = desk.peer.faults.add("stuck", "place")
    changing = asyncio.create_task(desk.venue.replace(order, D(12), D(170), None))
    await stuck.hit.wait()
    assert (await desk.venue.lookup(order)).is_known is None
    changing.cancel()
    await asyncio.wait([changing])
    if is_restarted:
        await desk.stop()
        await desk.open()
    assert (await desk.venue.lookup(order)).is_known is None
    stuck.release()
    await desk.settled(order)
    assert desk.heard.kinds(order.order_id)[-1] is ExecType.REPLACED
    assert ExecType.CANCELED not in desk.heard.kinds(order.order_id)
    assert (await desk.venue.cancel(order)).status is ACCEPTED


async def test_a_lookup_that_a_change_overtakes_says_nothing(desk: Desk) -> None:
    """Without this, what was read before a change would be believed after it: the doubt about the new order would be
    forgotten, and the order be told as canceled while it works."""
    order = ticket()
    await desk.venue.submit(order)
    late = desk.peer.faults.add("late", "lookup")
    looking = asyncio.create_task(desk.venue.lookup(order))
    await late.hit.wait()
    desk.peer.faults.add("drop_after", "place")
    desk.peer.faults.add("lose", "ack")
    assert (await desk.venue.replace(order, D(12), D(170), None)).status is UNKNOWN
    late.release()
    assert (await looking).is_known is None
    await desk.settled(order)
    assert desk.heard.kinds(order.order_id)[-1] is ExecType.REPLACED


async def test_an_order_that_cannot_be_canceled_now_stays_as_it_is(desk: Desk) -> None:
    """Without this, a refused cancel would look like doubt for ever, and a change wait for an end that never comes."""
    order = ticket()
    await desk.venue.submit(order)
    body = '{"code":42210000,"message":"order is not cancelable"}'
    desk.peer.faults.add("error", "cancel", status=422, body=body, times=2)
    for answer in (await desk.venue.replace(order, D(12), D(170), None), await desk.venue.cancel(order)):
        assert (answer.status, "not cancelable" in answer.text) == (REJECTED, True)
    assert [row["status"] for row in desk.peer.orders()] == ["new"]


async def test_a_change_needs_room_for_both_of_its_messages(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without this, a change could take the order back and then have no message left for the new one."""
    order = ticket()
    await desk.venue.submit(order)
    monkeypatch.setattr(client_module, "BUDGET_WAIT_S", 0.0)
    while desk.rest.budget.remaining > 21:
        desk.rest.budget.take()
    assert (await desk.venue.replace(order, D(12), D(170), None)).status is REJECTED
    assert [row["status"] for row in desk.peer.orders()] == ["new"]


async def test_a_change_is_told_before_the_fills_under_it(desk: Desk) -> None:
    """Without this, an increase that fills at once would be booked as an overfill of the old quantity."""
    order = ticket()
    await desk.venue.submit(order)
    late = desk.peer.faults.add("late", "place")
    changing = asyncio.create_task(desk.venue.replace(order, D(12), D(181), None))
    await desk.heard.until_filled(order.order_id, 12)
    late.release()
    assert (await changing).status is ACCEPTED
    kinds = desk.heard.kinds(order.order_id)
    assert kinds.index(ExecType.REPLACED) < kinds.index(ExecType.TRADE)


async def test_orders_changed_twice_are_found_after_a_restart(desk: Desk) -> None:
    """Without this, a new gateway would read the end of old terms as the end of the order."""
    order = ticket()
    await desk.venue.submit(order)
    for px in ("179", "178"):
        await desk.venue.replace(order, D(10), D(px), None)
    await desk.stop()
    desk.peer.trade("AAPL", "178", 4)
    await desk.open()
    await desk.settled(order)
    assert desk.heard.cum_qty(order.order_id) == 4
    assert ExecType.CANCELED not in desk.heard.kinds(order.order_id)
    assert (await desk.venue.cancel(order)).status is ACCEPTED
    await desk.heard.until_kind(order.order_id, ExecType.CANCELED)


async def test_what_filled_before_a_change_is_remembered_over_a_restart(desk: Desk) -> None:
    """Without this, a new gateway would read a smaller order, and its next change would buy the rest once more."""
    order = ticket()
    await desk.venue.submit(order)
    desk.peer.trade("AAPL", "179.50", 4)
    await desk.venue.replace(order, D(12), D("179"), None)
    await desk.stop()
    await desk.open()
    await desk.settled(order)
    [terms] = [one for one in desk.heard.reports if one.exec_type is ExecType.REPLACED]
    assert (terms.order_qty, desk.heard.cum_qty(order.order_id)) == (12, 4)
    assert (await desk.venue.replace(order, D(15), D("179"), None)).status is ACCEPTED
    desk.peer.trade("AAPL", "179", 1_000)
    await desk.heard.until_filled(order.order_id, 15)
    assert desk.held() == 15


# --- streams and restarts ------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["lose", "twice", "swap", "hold"])
async def test_fills_are_told_once_whatever_the_stream_does(desk: Desk, kind: str) -> None:
    """Without this, a position would be wrong: a fill told twice counts twice, one that is lost never."""
    order = ticket()
    await desk.venue.submit(order)
    fault = desk.peer.faults.add(kind, "fill")
    for qty in (3, 4):
        desk.peer.trade("AAPL", "179.50", qty)
    await desk.heard.until_filled(order.order_id, 7)
    fault.release()
    await desk.venue.cancel(order)
    await desk.heard.until_kind(order.order_id, ExecType.CANCELED)
    assert [fill.last_qty for fill in desk.heard.fills(order.order_id).values()] == [3, 4]


async def test_a_fill_that_is_told_after_the_cancel_is_booked(desk: Desk) -> None:
    """Without this, a late fill would be a position that nobody knows of."""
    order = ticket()
    await desk.venue.submit(order)
    held = desk.peer.faults.add("hold", "fill")
    desk.peer.trade("AAPL", "179.50", 4)
    await desk.venue.cancel(order)
    await desk.heard.until_kind(order.order_id, ExecType.CANCELED)
    await desk.heard.until_filled(order.order_id, 4)
    held.release()
    await asyncio.sleep(0.05)
    assert desk.heard.cum_qty(order.order_id) == 4


async def test_activities_that_lag_are_waited_for(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without this, a fill would be made up from averages, and counted again when Alpaca tells it."""
    monkeypatch.setattr(fills_module, "_FIRST_S", 0.01)
    order = ticket()
    await desk.venue.submit(order)
    desk.peer.faults.add("error", "fills", status=200, body="[]", times=3)
    desk.peer.faults.add("lose", "fill")
    desk.peer.trade("AAPL", "179.50", 3)
    assert (await desk.venue.lookup(order)).is_known is None
    desk.peer.trade("AAPL", "179.50", 4)
    await desk.heard.until_filled(order.order_id, 7)
    assert len(desk.heard.fills(order.order_id)) == 2


async def test_what_happened_while_the_stream_was_down_is_told(desk: Desk) -> None:
    """Without this, everything that a broken stream did not tell would stay unknown."""
    fills, ends, works = ticket(), ticket(), ticket(order_qty=D(1), limit_px=D(170))
    for order in (fills, ends, works):
        await desk.venue.submit(order)
    for event in ("fill", "canceled"):
        desk.peer.faults.add("lose", event)
    await desk.peer.stop()
    await desk.heard.until(lambda: not desk.heard.is_connected)
    assert (await desk.venue.submit(ticket())).status is REJECTED
    desk.peer.trade("AAPL", "179.50", 4)
    [other] = [one for one in desk.peer.account.open_orders() if one.client_order_id == ends.order_id]
    desk.peer.account.cancel(other)
    await desk.peer.start()
    await desk.heard.until_filled(fills.order_id, 4)
    await desk.heard.until_kind(ends.order_id, ExecType.CANCELED)
    await desk.heard.until(lambda: desk.heard.is_connected)
    assert (await desk.venue.cancel(works)).status is ACCEPTED


async def test_a_stream_that_lives_and_loses_is_found_out(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without this, one lost update on a sound connection would last until the next outage."""
    monkeypatch.setattr(venue_module, "_COMPARE_S", 0.01)
    await desk.stop()
    await desk.open()
    order = ticket()
    await desk.venue.submit(order)
    desk.peer.go_silent()
    desk.peer.trade("AAPL", "179.50", 10)
    await desk.heard.until_filled(order.order_id, 10)


async def test_a_restart_finds_orders_by_their_id(desk: Desk) -> None:
    """Without this, orders of before could neither be canceled nor known to be filled."""
    works, done, gone = ticket(limit_px=D(170)), ticket(), ticket(limit_px=D(171))
    for order in (works, done, gone):
        await desk.venue.submit(order)
    await desk.stop()
    desk.peer.trade("AAPL", "179.50", 3)
    desk.peer.trade("AAPL", "179.50", 7)
    [other] = [one for one in desk.peer.account.open_orders() if one.client_order_id == gone.order_id]
    desk.peer.account.cancel(other)
    await desk.open()
    for order in (works, done, gone):
        await desk.settled(order)
    assert desk.heard.kinds(works.order_id) == [ExecType.NEW]
    assert [fill.last_qty for fill in desk.heard.fills(done.order_id).values()] == [3, 7]
    assert desk.heard.kinds(gone.order_id)[-1] is ExecType.CANCELED
    desk.peer.trade("AAPL", "170", 10)
    await desk.heard.until_filled(works.order_id, 10)


async def test_an_execution_has_one_id_on_every_channel(desk: Desk) -> None:
    """Without this, a fill booked from the stream would be booked again from the activities after a restart."""
    order = ticket()
    await desk.venue.submit(order)
    for qty in (3, 4):
        desk.peer.trade("AAPL", "179.50", qty)
    await desk.heard.until_filled(order.order_id, 7)
    from_stream = set(desk.heard.fills(order.order_id))
    await desk.stop()
    await desk.open()
    await desk.settled(order)
    assert set(desk.heard.fills(order.order_id)) == from_stream


async def test_an_order_whose_time_is_over_is_taken_back(desk: Desk) -> None:
    """Without this, an order with a date would rest for ever: Alpaca knows no date."""
    soon = SystemClock().now_ns() + 50_000_000
    order = ticket(time_in_force=TimeInForce.GTD, expire_ns=soon)
    await desk.venue.submit(order)
    await desk.heard.until_kind(order.order_id, ExecType.CANCELED)


# --- budget and credentials ----------------------------------------------------------------------------


async def test_cancels_keep_a_reserve_of_the_budget(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without this, a flood of orders, or another program on the account, could keep an order from being taken back."""
    order = ticket()
    await desk.venue.submit(order)
    desk.peer._used = desk.peer.requests_per_minute - 15
    assert (await desk.venue.lookup(order)).is_known  # the answer's headers tell
    monkeypatch.setattr(client_module, "BUDGET_WAIT_S", 0.0)
    refused = await desk.venue.submit(ticket())
    assert (refused.status, "minute" in refused.text, desk.sent()) == (REJECTED, True, 1)
    assert (await desk.venue.cancel(order)).status is ACCEPTED


async def test_too_many_requests_is_a_rejection_and_a_pause(desk: Desk) -> None:
    """Without this, a 429 would be answered by more of the same, as the library does."""
    desk.peer.faults.add("error", "place", status=429, retry_after_s=30)
    assert (await desk.venue.submit(ticket())).status is REJECTED
    assert not desk.rest.budget.take()
    assert desk.rest.budget.take(is_cancel=True)
    assert desk.sent() == 1


async def test_wrong_keys_are_told(desk: Desk) -> None:
    """Without this, a wrong key would look like an outage."""
    desk.peer.refuse_credentials()
    answer = await desk.venue.submit(ticket())
    assert answer.status is REJECTED
    assert "ALPACA_API_KEY" in desk.heard.status
    await desk.heard.until(lambda: "stream unauthorized" in desk.heard.status)
    assert "refuses the keys" in (await desk.venue.submit(ticket())).text
    desk.peer.refuse_credentials(False)
    await desk.heard.until(lambda: desk.heard.is_connected)


@pytest.mark.parametrize(
    ("key", "is_paper", "base_url", "words"),
    [
        ("", True, "", "ALPACA_API_KEY is not set"),
        ("AK1", True, "", "set paper_only to false"),
        ("PK1", False, "", "set paper_only to true"),
        ("PK1", True, "https://api.alpaca.markets/", "live API"),
    ],
)
def test_keys_and_account_must_belong_together(key: str, is_paper: bool, base_url: str, words: str) -> None:
    """Without this, a slip in one place would trade with money, or fail with a word that says nothing."""
    options = {"base_url": base_url} if base_url else {}
    settings = VenueSettings(name="alpaca", adapter="alpaca", paper_only=is_paper, options=options)
    with pytest.raises(CredentialsUnfit, match=words):
        RestClient(settings, {"ALPACA_API_KEY": key, "ALPACA_SECRET_KEY": "s"}, SystemClock())


def test_paper_is_the_default_and_live_is_asked_for() -> None:
    """Without this, a settings file that says nothing could reach an account with money."""
    environ = {"ALPACA_API_KEY": "CK1", "ALPACA_SECRET_KEY": "s"}
    urls = [
        RestClient(VenueSettings(name="a", adapter="alpaca", paper_only=is_paper), environ, SystemClock()).stream_url
        for is_paper in (True, False)
    ]
    assert urls == ["wss://paper-api.alpaca.markets/stream", "wss://api.alpaca.markets/stream"]


async def test_money_is_not_traded_as_paper(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without this, an address that leads to a live account would be trusted because the settings say paper."""
    desk.peer.faults.add("error", "account", status=200, body='{"account_number": "123456789"}', times=None)
    desk.peer.hang_up()
    await desk.heard.until(lambda: "no paper account" in desk.heard.status)
    assert (await desk.venue.submit(market(ord_type=OrdType.MARKET))).status is REJECTED


async def test_the_executions_of_a_busy_account_are_read_after_a_restart() -> None:
    """Without this, an account of thousands of orders could never be compared again, and each attempt would use up the
    budget that its own orders need."""
    async with open_desk() as desk:
        await desk.stop()  # or its stream would have as much to read as the answers have
        for number in range(800):
            side = "sell" if number % 2 else "buy"
            body = {"symbol": "AAPL", "qty": "1", "side": side, "type": "market", "time_in_force": "day"}
            desk.peer.account.place(body | {"client_order_id": f"somebody-{number}"})
        await desk.open()
        assert len(await desk.venue.account.executions(0)) == 800
        assert (await desk.venue.submit(market())).status is SubmitStatus.ACCEPTED


async def test_an_update_that_cannot_be_read_costs_no_other(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without this, one odd message would end the connection, and no order could be sent until it stands again; what it
    told is found by comparing."""
    monkeypatch.setattr(venue_module, "_SETTLE_S", 0.05)
    order = ticket()
    await desk.venue.submit(order)
    at_venue = desk.peer.account.by_client_id(order.order_id)
    assert at_venue is not None
    publish = desk.peer.trade_updates._publish
    monkeypatch.setattr(
        desk.peer.trade_updates, "_publish", lambda event, data: publish(event, {**data, "qty": None, "price": "-"})
    )
    desk.peer.trade("AAPL", "179.50", 4)
    await desk.heard.until_filled(order.order_id, 4)
    assert desk.heard.downs == 0
