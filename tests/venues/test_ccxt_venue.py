"""The adapter of ccxt against Coinbase Exchange's own wire: what it sends, what it makes of what it hears."""

import asyncio
import decimal
import json
import logging
import time
from collections.abc import AsyncIterator, Callable
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from gateway.adapters.clock import SystemClock
from gateway.adapters.venues.ccxt import account as account_module
from gateway.adapters.venues.ccxt import asking as asking_module
from gateway.adapters.venues.ccxt import lists as lists_module
from gateway.adapters.venues.ccxt import venue as venue_module
from gateway.adapters.venues.ccxt.client import Client
from gateway.adapters.venues.ccxt.ids import client_id_of
from gateway.adapters.venues.ccxt.known import IdForm
from gateway.adapters.venues.ccxt.options import CredentialsMissing, read_options
from gateway.adapters.venues.ccxt.venue import CcxtVenue
from gateway.domain.effects import OrderTicket
from gateway.domain.enums import ExecType, OrdType, Side, SubmitStatus, TimeInForce
from gateway.domain.settings import VenueSettings
from gateway.ports.venue import Lookup
from tests.patience import PATIENCE_S
from tests.venues.exchange.server import CoinbaseServer
from tests.venues.listening import Heard
from tests.venues.tickets import ticket as any_ticket

D = Decimal
ACCEPTED, REJECTED, UNKNOWN = SubmitStatus.ACCEPTED, SubmitStatus.REJECTED, SubmitStatus.UNKNOWN
#: How long, in these tests, a request may be under way; at the real exchange its signature is valid for 30 s.
UNDER_WAY_S = 1


class Desk:
    """A venue on an exchange, with what it said."""

    def __init__(self, peer: CoinbaseServer, **options: str) -> None:
        self.peer = peer
        self.options = {"absent_after_s": str(UNDER_WAY_S)} | options
        self.environ = {
            "DESK_API_KEY": peer.api_key,
            "DESK_SECRET": peer.secret,
            "DESK_PASSWORD": peer.passphrase,
        }
        self.heard = Heard()
        self.venue = self._new()

    def _new(self) -> CcxtVenue:
        clock = SystemClock()
        at = {"exchange": "coinbaseexchange", "base_url": self.peer.url, "stream_url": f"{self.peer.ws_url}/ws"}
        settings = VenueSettings(name="desk", adapter="ccxt", timeout_s=D(1), options=at | self.options)
        client = Client(settings, read_options(settings), clock, self.environ)
        client.exchange.timeout_on_exit = 0  # a quarter of a second, for encrypted sockets
        client.pacing.gap_ns = 0  # not each tenth of a second
        client.budget.set_limit(1_000_000)  # thousandths of a request: the tests poll like a hundred gateways
        return CcxtVenue(settings, client, clock, ("BTC/USD", "ETH/USD"), poll_s=0.1)

    async def open(self) -> None:
        await self.venue.start(self.heard)
        await self.heard.until(lambda: self.heard.is_connected)

    async def restart(self, meanwhile: Callable[[], object] = lambda: None) -> None:
        await self.venue.close()
        meanwhile()
        self.heard, self.venue = Heard(), self._new()
        await self.open()

    async def settled(self, order: OrderTicket) -> Lookup:
        """What the exchange answers about an order, asked as the gateway asks: until it does."""
        async with asyncio.timeout(PATIENCE_S):
            while (found := await self.venue.lookup(order)).is_known is None:  # noqa: ASYNC110  # asking is all one can do
                await asyncio.sleep(0.05)
        return found


@pytest.fixture
async def peer(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[CoinbaseServer]:
    monkeypatch.setattr(asking_module, "ABSENCE_GAP_S", 0.05)
    monkeypatch.setattr(asking_module, "SETTLE_S", 0.1)
    monkeypatch.setattr(venue_module, "_ASK_GAP_S", 0.02)
    monkeypatch.setattr(venue_module, "_MISSED_GAP_S", 0.1)
    async with CoinbaseServer() as server:
        server.quote("BTC-USD", "99999", "100001")
        yield server


@pytest.fixture
async def desk(peer: CoinbaseServer) -> AsyncIterator[Desk]:
    made = Desk(peer)
    await made.open()
    yield made
    await made.venue.close()


def ticket(**more: object) -> OrderTicket:
    good = {"venue": "desk", "symbol": "BTC/USD", "time_in_force": TimeInForce.GTC}
    return any_ticket(**(good | {"order_qty": D("0.01"), "limit_px": D(99000)} | more))


def market(**more: object) -> OrderTicket:
    return ticket(ord_type=OrdType.MARKET, limit_px=None, time_in_force=TimeInForce.DAY, **more)


def count_sent(peer: CoinbaseServer) -> int:
    """Orders that reached the exchange's door, those included that a fault kept out."""
    kept_out = sum(1 for kind, op in peer.faults.log if op == "place" and kind in ("drop_before", "error"))
    return kept_out + sum(1 for op, _ in peer.requests if op == "place")


async def test_an_order_rests_fills_in_parts_and_is_canceled(desk: Desk) -> None:
    """Without this, nothing would trade, or fills would count twice: the stream and polling both lead to them."""
    order = ticket()
    assert (await desk.venue.submit(order)).status is ACCEPTED
    desk.peer.trade("BTC-USD", "99000", "0.004")
    await desk.heard.until_filled(order.order_id, "0.004")
    assert (await desk.venue.cancel(order)).status is ACCEPTED
    await desk.heard.until_kind(order.order_id, ExecType.CANCELED)
    bought = market()
    assert (await desk.venue.submit(bought)).status is ACCEPTED
    await desk.heard.until_filled(bought.order_id, "0.01")
    [fill] = desk.heard.fills(bought.order_id).values()
    assert (fill.last_px, fill.fee, fill.fee_currency, fill.is_maker) == (D(100001), D("1.00001"), "USD", False)
    sold = ticket(side=Side.SELL, limit_px=D(99999), time_in_force=TimeInForce.IOC, order_qty=D("0.5"))
    desk.peer.quote("BTC-USD", "99999", "100001", "0.2")
    assert (await desk.venue.submit(sold)).status is ACCEPTED
    await desk.heard.until_kind(sold.order_id, ExecType.CANCELED)
    assert desk.heard.cum_qty(sold.order_id) == D("0.2")
    assert desk.heard.cum_qty(order.order_id) == D("0.004")


async def test_figures_reach_the_wire_exactly(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without this, a float or ccxt's silent rounding would trade another price or quantity than was asked for: each
    of these has more digits than a float holds, or is written by floats in another way."""
    for qty, px in (("9.87654321", "98765.43"), ("0.00010001", "12345.67"), ("123456789.12345678", "0.03")):
        order = ticket(order_qty=D(qty), limit_px=D(px), side=Side.BUY)
        await desk.venue.submit(order)
        sent = [body for op, body in desk.peer.requests if op == "place"][-1]
        assert (sent["size"], sent["price"]) == (qty, px)
        assert sent["client_oid"] == client_id_of(order.order_id, IdForm.UUID)
    exchange = desk.venue._client.exchange
    before = count_sent(desk.peer)
    for name in ("amount_to_precision", "price_to_precision"):
        with monkeypatch.context() as patch:
            patch.setattr(exchange, name, lambda symbol, value: f"{float(value) * 1.0001:.6f}")
            answer = await desk.venue.submit(ticket())
            assert (answer.status, "exactly" in answer.text) == (REJECTED, True), answer
    assert count_sent(desk.peer) == before


async def test_ccxt_leaves_the_rounding_of_money_alone(desk: Desk) -> None:
    """Without this, one order at an exchange would change how the whole process rounds money: ccxt sets the rounding
    mode of the decimal context it finds."""
    order = ticket()
    await desk.venue.submit(order)
    await desk.venue.cancel(order)
    await desk.heard.until_kind(order.order_id, ExecType.CANCELED)
    await desk.venue.account.positions()
    context = decimal.getcontext()
    assert (context.rounding, context.traps[decimal.Underflow]) == (decimal.ROUND_HALF_EVEN, False)


@pytest.mark.parametrize("kind", ["drop_before", "drop_after", "error", "error_after", "cut", "garble", "silent"])
async def test_a_broken_answer_is_doubt_and_the_exchange_settles_it(desk: Desk, kind: str) -> None:
    """Without this, a broken answer would lose an order or send it twice (invariant 8)."""
    desk.peer.faults.add(kind, "place", status=504)
    order = ticket()
    assert (await desk.venue.submit(order)).status is UNKNOWN
    arrived = kind not in ("drop_before", "error")
    found = await desk.settled(order)
    assert found.is_known is arrived
    assert len(desk.peer.orders()) == arrived
    assert count_sent(desk.peer) == 1
    if arrived:
        assert (await desk.venue.cancel(order)).status is ACCEPTED
        await desk.heard.until_kind(order.order_id, ExecType.CANCELED)


async def test_a_request_that_is_still_under_way_is_not_called_absent(peer: CoinbaseServer) -> None:
    """Without this, an order believed absent could arrive after all."""
    desk = Desk(peer, absent_after_s="30")
    await desk.open()
    stuck = desk.peer.faults.add("stuck", "place")
    order = ticket()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await desk.venue.submit(order)
    for _ in range(3):
        assert (await desk.venue.lookup(order)).is_known is None
    stuck.release()
    assert (await desk.settled(order)).is_known is True
    await desk.venue.close()


async def test_many_orders_in_doubt_are_looked_for_together(desk: Desk) -> None:
    """Without this, an exchange that takes ten requests a second would need minutes to settle what a crash left in
    doubt: each order would be looked for in all the lists, twice."""
    minute_ns = 60 * 10**9
    orders = [ticket(created_ns=time.time_ns() - (20 - number) * minute_ns) for number in range(20)]
    for number, order in enumerate(orders):
        desk.peer.faults.add("drop_after" if number % 2 else "drop_before", "place")
        assert (await desk.venue.submit(order)).status is UNKNOWN
    await desk.restart()
    asked = len(desk.peer.requests)
    found = await asyncio.gather(*(desk.settled(order) for order in orders))
    assert [one.is_known for one in found] == [False, True] * 10
    lists = sum(1 for op, how in list(desk.peer.requests)[asked:] if op == "open_orders" and how.get("status") == "all")
    assert 2 <= lists < 20, lists  # two looks for all together, and some that came too early
    assert count_sent(desk.peer) == 20


async def test_a_busy_past_does_not_hide_an_order_in_doubt(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without this, an account of thousands of orders a week would leave what a crash left in doubt to a person: its
    lists would be read from a week back, and not to their ends."""
    monkeypatch.setattr(lists_module, "_MOST_PAGES", 2)
    for _ in range(700):
        await foreign_order(desk)
    for hours, order in enumerate(reversed(desk.peer.exchange.orders.values())):
        order.created_ms -= int((27 + hours / 10) * 3_600_000)
        order.status = "canceled"
    arrived, lost = ticket(), ticket()
    for kind, order in (("drop_after", arrived), ("drop_before", lost)):
        desk.peer.faults.add(kind, "place")
        assert (await desk.venue.submit(order)).status is UNKNOWN
    await desk.restart()
    assert (await desk.settled(arrived)).is_known is True
    assert (await desk.settled(lost)).is_known is False


async def test_what_may_be_in_a_list_that_was_not_read_to_its_end_is_not_called_absent(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without this, an order made by a clock that was hours off would be called absent, and be there all the same."""
    monkeypatch.setattr(lists_module, "_MOST_PAGES", 2)
    order = ticket(created_ns=time.time_ns() + 12 * 3_600_000_000_000)
    desk.peer.faults.add("drop_after", "place")
    assert (await desk.venue.submit(order)).status is UNKNOWN
    for _ in range(700):
        await foreign_order(desk)
    for one in desk.peer.exchange.orders.values():
        one.status = "canceled"
    await desk.restart()
    asker = desk.venue._asker
    asker._known = msgspec.structs.replace(asker._known, finds_by_id=False)
    for _ in range(8):
        assert (await desk.venue.lookup(order)).is_known is None
        await asyncio.sleep(UNDER_WAY_S / 2)


async def test_of_an_exchange_that_nobody_knows_absence_proves_nothing(peer: CoinbaseServer) -> None:
    """Without this, an order that an exchange lists late would be called absent, and be there all the same."""
    desk = Desk(peer)
    made = desk.venue._client
    unknown = read_options(VenueSettings(name="x", adapter="ccxt", options={"exchange": "someexchange"}))
    assert unknown.absent_after_s is None
    made.options = type(made.options)(
        exchange="coinbaseexchange", known=unknown.known, id_form=IdForm.UUID, absent_after_s=None
    )
    desk.venue = CcxtVenue(desk.venue._settings, made, SystemClock(), ("BTC/USD",), poll_s=0.1)
    await desk.open()
    peer.faults.add("drop_before", "place")
    order = ticket()
    assert (await desk.venue.submit(order)).status is UNKNOWN
    for _ in range(5):
        assert (await desk.venue.lookup(order)).is_known is None
        await asyncio.sleep(0.02)
    peer.faults.add("drop_after", "place")
    arrived = ticket()
    assert (await desk.venue.submit(arrived)).status is UNKNOWN
    assert (await desk.settled(arrived)).is_known is True, "found in the lists, by our id"
    assert count_sent(peer) == 2
    await desk.venue.close()


async def test_what_cannot_be_is_refused_before_sending(desk: Desk) -> None:
    """Without this, every mistake would cost a request, or be rounded into another order."""
    for change, words in (
        ({"order_qty": D("0.000000001")}, "multiple of 0.00000001"),
        ({"limit_px": D("99000.005")}, "multiple of 0.01"),
        ({"order_qty": D("0.000001"), "limit_px": D(1)}, "value"),
        ({"time_in_force": TimeInForce.AT_THE_OPENING}, "day, gtc, gtd, ioc, fok"),
        ({"ord_type": OrdType.MARKET_ON_CLOSE}, "market, limit, stop_limit"),
        ({"ord_type": OrdType.STOP, "limit_px": None, "stop_px": D(99000)}, "market, limit, stop_limit"),
        ({"execution_algorithm": "vwap"}, "execution_algorithm"),
        ({"symbol": "NO/SUCH"}, "no market"),
    ):
        answer = await desk.venue.submit(ticket(**change))
        assert (answer.status, words in answer.text) == (REJECTED, True), answer
    assert count_sent(desk.peer) == 0
    answer = await desk.venue.replace(ticket(), D(1), None, None)
    assert (answer.status, "cancel, then place" in answer.text) == (REJECTED, True)
    desk.venue._client.exchange.markets["BTC/USD"]["active"] = False
    answer = await desk.venue.submit(ticket())
    assert (answer.status, "not active" in answer.text) == (REJECTED, True)


async def test_what_the_exchange_refuses_is_rejected(desk: Desk) -> None:
    """Without this, a refusal would be doubted for ever, or a doubt taken for a refusal."""
    answer = await desk.venue.submit(ticket(order_qty=D(100)))
    assert (answer.status, "Insufficient funds" in answer.text) == (REJECTED, True)
    desk.peer.faults.add("error", "place", status=429, retry_after_s=1)
    assert (await desk.venue.submit(ticket())).status is REJECTED
    answer = await desk.venue.submit(ticket())
    assert (answer.status, "nothing was sent" in answer.text) == (REJECTED, True), "told to wait: only cancels leave"
    assert desk.peer.orders() == []


async def test_a_stop_says_on_which_side_it_stands(desk: Desk) -> None:
    """Without this, a stop would be an order at once, or trigger on the wrong side of the market."""
    order = ticket(ord_type=OrdType.STOP_LIMIT, stop_px=D(100400), limit_px=D(100500))
    assert (await desk.venue.submit(order)).status is ACCEPTED
    sent = [body for op, body in desk.peer.requests if op == "place"][-1]
    assert (sent["stop"], sent["stop_price"], sent["price"]) == ("entry", "100400", "100500")
    desk.peer.quote("BTC-USD", "100398", "100401")
    await desk.heard.until_filled(order.order_id, "0.01")


@pytest.mark.parametrize("stream", ["yes", "no"])
async def test_fills_that_no_stream_told_are_found(peer: CoinbaseServer, stream: str) -> None:
    """Without this, a position would be wrong until somebody looked: streams lose, repeat, break and fall silent."""
    desk = Desk(peer, stream=stream)
    await desk.open()
    order = ticket(order_qty=D("0.05"))
    await desk.venue.submit(order)
    peer.faults.add("lose", "fill")
    peer.trade("BTC-USD", "99000", "0.01")
    await desk.heard.until_filled(order.order_id, "0.01")
    peer.faults.add("twice", "fill")
    peer.trade("BTC-USD", "99000", "0.01")
    await desk.heard.until_filled(order.order_id, "0.02")
    peer.hang_up()
    peer.trade("BTC-USD", "99000", "0.01")
    await desk.heard.until_filled(order.order_id, "0.03")
    peer.go_silent()
    peer.trade("BTC-USD", "99000", "0.02")
    await desk.heard.until_filled(order.order_id, "0.05")
    await desk.venue.close()


async def test_an_order_ends_only_with_all_its_fills(desk: Desk) -> None:
    """Without this, fills that the exchange lists late would never be booked: the order would be over before."""
    order = ticket()
    await desk.venue.submit(order)
    desk.peer.faults.add("error", "fills", times=3, status=200, body="[]")
    desk.peer.trade("BTC-USD", "99000", "0.004")
    await desk.venue.cancel(order)
    await desk.heard.until_kind(order.order_id, ExecType.CANCELED)
    assert desk.heard.cum_qty(order.order_id) == D("0.004")
    kinds = desk.heard.kinds(order.order_id)
    assert kinds.index(ExecType.TRADE) < kinds.index(ExecType.CANCELED)


async def test_an_order_that_the_exchange_ended_and_forgot_is_over(desk: Desk) -> None:
    """Without this, an order that somebody canceled on the exchange's page would stay open here for ever."""
    order = ticket()
    await desk.venue.submit(order)
    desk.peer.desk.cancel(desk.peer.exchange.open_orders()[0])
    assert desk.peer.orders() == []
    await desk.heard.until_kind(order.order_id, ExecType.CANCELED)
    assert desk.heard.cum_qty(order.order_id) == 0


async def test_one_stale_answer_ends_no_order(desk: Desk) -> None:
    """Without this, an exchange that is behind for a moment would make a working order a canceled one, and whoever
    replaced it would have two."""
    order = ticket()
    await desk.venue.submit(order)
    await asyncio.sleep(0.15)  # longer than an order that was just placed may not be seen
    desk.peer.faults.add("error", "lookup", status=404, body='{"message":"NotFound"}')
    desk.peer.faults.add("error", "open_orders", times=3, status=200, body="[]")
    async with asyncio.timeout(PATIENCE_S):
        while desk.peer.faults.waiting:  # noqa: ASYNC110  # polling meets them
            await asyncio.sleep(0.02)
    await asyncio.sleep(0.2)
    assert ExecType.CANCELED not in desk.heard.kinds(order.order_id)
    desk.peer.trade("BTC-USD", "99000", "0.01")
    await desk.heard.until_filled(order.order_id, "0.01")


async def test_what_a_person_settled_is_asked_for_no_more_until_the_exchange_speaks_of_it(desk: Desk) -> None:
    """Without this, each order settled by hand would cost requests until the next restart; or what the exchange has to
    say of it after all would be lost."""
    order = ticket()
    await desk.venue.submit(order)
    await desk.heard.until_kind(order.order_id, ExecType.NEW)
    desk.venue.release(order.order_id)
    await asyncio.sleep(0.15)  # what was under way ends
    asked = len(desk.peer.requests)
    await asyncio.sleep(0.25)  # two polls and more
    assert len(desk.peer.requests) == asked
    assert [one.order_id for one in await desk.venue.account.open_orders()] == [order.order_id]
    desk.peer.trade("BTC-USD", "98000", "1")
    await desk.heard.until_filled(order.order_id, "0.01")


async def test_a_restart_finds_orders_by_their_id(desk: Desk) -> None:
    """Without this, orders of before could neither be canceled nor known to be filled."""
    works, done = ticket(), ticket(limit_px=D(99500))
    for order in (works, done):
        await desk.venue.submit(order)
    await desk.restart(lambda: desk.peer.trade("BTC-USD", "99500", "0.01"))
    found = await desk.settled(done)
    assert [report.exec_type for report in found.reports] == [ExecType.NEW, ExecType.TRADE]
    assert (await desk.venue.cancel(works)).status is ACCEPTED
    await desk.heard.until_kind(works.order_id, ExecType.CANCELED)


async def test_an_order_ends_at_its_time(desk: Desk) -> None:
    """Without this, a GTD order would rest for ever: the adapter asks for GTC and ends it itself."""
    order = ticket(time_in_force=TimeInForce.GTD, expire_ns=SystemClock().now_ns() + 200_000_000)
    await desk.venue.submit(order)
    await desk.heard.until_kind(order.order_id, ExecType.CANCELED)
    assert desk.peer.orders() == []


async def test_cancels_have_a_reserve_of_the_budget(desk: Desk) -> None:
    """Without this, a flood of orders would keep one from being taken back (invariant 5)."""
    order = ticket()
    await desk.venue.submit(order)
    while desk.venue._client.budget.take(1_000):
        pass
    answer = await desk.venue.submit(ticket())
    assert (answer.status, "rate limit" in answer.text) == (REJECTED, True)
    assert (await desk.venue.cancel(order)).status is ACCEPTED
    assert count_sent(desk.peer) == 1


async def test_an_order_leaves_before_the_questions_that_wait(desk: Desk) -> None:
    """Without this, an order would wait behind all that is read, and be in doubt although it never left."""
    desk.venue._client.pacing.gap_ns = 100_000  # a request costs 1,000 units: ten in a second
    reads = [asyncio.create_task(desk.venue.account.positions()) for _ in range(50)]
    await asyncio.sleep(0)
    async with asyncio.timeout(1):  # what the gateway gives it
        assert (await desk.venue.submit(ticket())).status is ACCEPTED
    assert not reads[-1].done()
    for read in reads:
        read.cancel()
    await asyncio.gather(*reads, return_exceptions=True)


async def test_an_order_that_has_not_left_when_its_time_is_over_is_rejected(desk: Desk) -> None:
    """Without this, orders that never left this machine would be in doubt, and hold their exposure."""
    desk.venue._client.pacing.gap_ns = 500_000  # a request each half second
    async with asyncio.timeout(1):  # what the gateway gives them: then it must call them unknown
        answers = await asyncio.gather(*(desk.venue.submit(ticket()) for _ in range(8)))
    rejected = [one for one in answers if one.status is REJECTED]
    assert len(rejected) == len(answers) - count_sent(desk.peer) >= 5
    assert all("rate limit" in one.text and "nothing was sent" in one.text for one in rejected)


async def test_a_flood_of_orders_does_not_starve_look_ups(desk: Desk) -> None:
    """Without this, orders in doubt would stay so for as long as others keep coming."""
    lost = ticket()
    desk.peer.faults.add("drop_after", "place")
    assert (await desk.venue.submit(lost)).status is UNKNOWN
    desk.venue._client.pacing.gap_ns = 50_000  # twenty requests in a second
    flood = [asyncio.create_task(desk.venue.submit(ticket())) for _ in range(50)]
    await asyncio.sleep(0)
    async with asyncio.timeout(1):  # what the gateway gives it
        assert (await desk.venue.lookup(lost)).is_known
    assert not all(order.done() for order in flood)
    await asyncio.gather(*flood)


async def test_a_clock_that_is_off_is_set_and_a_wrong_key_is_told(desk: Desk) -> None:
    """Without this, a drifting clock would stop trading for good, and a wrong key look like an outage."""
    desk.peer.skew(60_000)
    assert (await desk.venue.submit(ticket())).status is REJECTED
    async with asyncio.timeout(PATIENCE_S):
        while (await desk.venue.submit(ticket())).status is REJECTED:  # noqa: ASYNC110  # trying is all one can do
            await asyncio.sleep(0.05)
    assert len(desk.peer.orders()) == 1
    desk.peer.refuse_credentials()
    assert (await desk.venue.submit(ticket())).status is REJECTED
    await desk.heard.until(lambda: "DESK_API_KEY, DESK_SECRET, DESK_PASSWORD" in desk.heard.status)
    assert not desk.heard.is_connected
    desk.environ.pop("DESK_SECRET")
    with pytest.raises(CredentialsMissing, match="DESK_SECRET"):
        desk._new()


async def test_an_outage_is_told_and_ends(desk: Desk) -> None:
    """Without this, orders would go to an exchange that is down, or none ever again."""
    order = ticket()
    await desk.venue.submit(order)
    await desk.peer.stop()
    await desk.heard.until(lambda: not desk.heard.is_connected)
    answer = await desk.venue.submit(ticket())
    assert answer.status is REJECTED
    await desk.peer.start()
    await desk.heard.until(lambda: desk.heard.is_connected)
    desk.peer.trade("BTC-USD", "99000", "0.01")
    await desk.heard.until_filled(order.order_id, "0.01")


async def test_the_account_is_told_whole(desk: Desk) -> None:
    """Without this, reconciliation would compare with a part, or with other ids than reports have."""
    mine = ticket(order_qty=D("0.02"))
    await desk.venue.submit(mine)
    await foreign_order(desk)
    desk.peer.trade("BTC-USD", "99000", "0.004")
    await desk.heard.until_filled(mine.order_id, "0.004")
    account = desk.venue.account
    [one, other] = sorted(await account.open_orders(), key=lambda order: order.order_qty)
    assert (one.order_qty, one.order_id) == (D("0.005"), "11111111-2222-4333-8444-555555555555")
    assert (other.order_id, other.symbol, other.cum_qty, other.limit_px) == (
        mine.order_id,
        "BTC/USD",
        D("0.004"),
        D(99000),
    )
    [execution] = await account.executions(0)
    assert {execution.exec_id} == set(desk.heard.fills(mine.order_id))
    assert (execution.order_id, execution.last_qty, execution.fee) == (mine.order_id, D("0.004"), D("0.396"))
    held = {one.symbol: one.qty for one in await account.positions()}
    assert (held["BTC"], held["ETH"]) == (D("10.004"), D(100))
    await desk.restart()
    assert mine.order_id in {one.order_id for one in await desk.venue.account.open_orders()}, "read from the UUID"


@pytest.mark.parametrize("few", [0, 5])
async def test_executions_are_told_with_the_ids_that_their_orders_were_sent_with(
    desk: Desk, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without this, a fill of an order whose answer was lost, or that was done before a restart, would be shown as
    somebody else's: a trade names the exchange's order only. Many are found in lists, a few one by one."""
    monkeypatch.setattr(account_module, "_FEW", few)
    desk.peer.faults.add("drop_after", "place")
    lost, done = ticket(), ticket()
    assert (await desk.venue.submit(lost)).status is UNKNOWN
    await desk.venue.submit(done)
    desk.peer.trade("BTC-USD", "99000", "0.02")
    await desk.heard.until_filled(done.order_id, "0.01")
    await foreign_order(desk)
    desk.peer.trade("BTC-USD", "98000", "0.005")
    for _ in range(2):
        told = await desk.venue.account.executions(0)
        assert [one.order_id for one in told if one.last_qty == D("0.01")] == [lost.order_id, done.order_id]
        assert [one.order_id for one in told if one.last_qty == D("0.005")] == ["11111111-2222-4333-8444-555555555555"]
        asked = len(desk.peer.requests)
        assert await desk.venue.account.executions(0) == told
        assert not {"lookup", "all_orders"} & {op for op, _ in list(desk.peer.requests)[asked:]}, "it is asked once"
        await desk.restart()


async def test_executions_are_asked_for_by_the_clock_of_the_exchange(desk: Desk) -> None:
    """Without this, a gateway whose clock is ahead would never hear of the fills that it missed."""
    desk.peer.skew(-20 * 60_000)
    await desk.restart()
    order = market()
    assert (await desk.venue.submit(order)).status is ACCEPTED
    await desk.heard.until_filled(order.order_id, "0.01")
    told = await desk.venue.account.executions(time.time_ns() - 660 * 10**9)
    assert [one.order_id for one in told] == [order.order_id]


async def test_a_redirect_is_not_followed_with_an_order(desk: Desk) -> None:
    """Without this, an order would be sent once more, to wherever a front end points."""
    order = ticket()
    desk.peer.faults.add("error", "place", status=307, body="", location=f"{desk.peer.url}/orders")
    assert (await desk.venue.submit(order)).status is UNKNOWN
    assert not desk.peer.exchange.orders


async def test_no_secret_is_logged(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    """Without this, a log at DEBUG would hold the key: ccxt writes the headers of every request into it."""
    caplog.set_level(logging.DEBUG)
    desk.peer.refuse_credentials()
    answer = await desk.venue.submit(ticket())
    await desk.heard.until(lambda: not desk.heard.is_connected)
    said = caplog.text + answer.text + desk.heard.status
    assert not [secret for secret in desk.environ.values() if secret in said]


async def test_lists_of_many_pages_are_read_whole(desk: Desk) -> None:
    """Without this, an order of many fills would stay short for ever, and the rest of the account be unseen."""
    order = ticket(order_qty=D("1.3"))
    await desk.venue.submit(order)
    for _ in range(130):
        desk.peer.trade("BTC-USD", "99000", "0.01")
        await asyncio.sleep(0.001)  # an exchange stamps its fills at different times
    await desk.heard.until_filled(order.order_id, "1.3")
    assert len(desk.heard.fills(order.order_id)) == 130
    for _ in range(120):
        await foreign_order(desk)
        await asyncio.sleep(0.001)
    account = desk.venue.account
    assert len(await account.executions(0)) == 130
    assert len(await account.open_orders()) == 120


async def foreign_order(desk: Desk) -> None:
    """Somebody else places an order on the same account."""
    raw: dict[str, Any] = {"product_id": "BTC-USD", "side": "buy", "price": "98000", "size": "0.005"}
    raw["client_oid"] = "11111111-2222-4333-8444-555555555555"
    desk.peer.desk.place(json.loads(json.dumps(raw)))


async def test_who_is_banned_sends_no_cancel_that_makes_it_longer(desk: Desk) -> None:
    """Without this, the cancels of a halt, repeated every few seconds, would make a ban of minutes one of days."""
    order = ticket()
    assert (await desk.venue.submit(order)).status is ACCEPTED
    desk.peer.faults.add("error", "cancel", status=418, retry_after_s=2)
    assert (await desk.venue.cancel(order)).status is SubmitStatus.THROTTLED
    came = sum(1 for op, _ in desk.peer.door if op == "cancel")
    assert (await desk.venue.cancel(order)).status is SubmitStatus.THROTTLED
    assert sum(1 for op, _ in desk.peer.door if op == "cancel") == came
    async with asyncio.timeout(PATIENCE_S):
        while (await desk.venue.cancel(order)).status is not ACCEPTED:  # noqa: ASYNC110  # asking is all one can do
            await asyncio.sleep(0.05)


async def test_an_order_that_ccxt_cannot_tell_exactly_takes_no_other_with_it(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without this, one order that a person enters, whose quantity ccxt works out as a float, would fail each poll: the
    connection would go down and up for as long as it is open, and nothing could be sent."""
    order = ticket()
    await desk.venue.submit(order)
    exchange = desk.venue._client.exchange
    fetch = exchange.fetch_open_orders

    async def with_theirs(*asked: object) -> list:
        return [{"id": "by-hand", "symbol": "BTC/USD", "side": "buy", "amount": 0.1}, *await fetch(*asked)]

    monkeypatch.setattr(exchange, "fetch_open_orders", with_theirs)
    for _ in range(2):
        await desk.venue._poll()
    desk.peer.trade("BTC-USD", "99000", "0.01")
    await desk.heard.until_filled(order.order_id, "0.01")
    assert desk.heard.is_connected


async def test_a_market_that_was_delisted_takes_no_other_with_it(desk: Desk) -> None:
    """Without this, one open order in a market that the exchange gave up would keep the connection down for ever, and
    one configured symbol the account from being read."""
    desk.peer.quote("ETH-USD", "3999", "4001")
    order, gone = ticket(), ticket(symbol="ETH/USD", limit_px=D(3000), order_qty=D(1))
    for one in (order, gone):
        assert (await desk.venue.submit(one)).status is ACCEPTED
    exchange = desk.peer.exchange
    [there] = exchange.open_orders("ETH-USD")
    exchange.cancel(there)
    exchange.forget(there)
    del exchange.markets["ETH-USD"]
    await desk.venue._renew()  # by the clock, or with the next connection
    assert "ETH/USD" not in desk.venue._client.exchange.markets
    desk.peer.trade("BTC-USD", "99000", "0.01")
    await desk.heard.until_filled(order.order_id, "0.01")
    assert [one.order_id for one in await desk.venue.account.executions(0)] == [order.order_id]
    assert await desk.venue.account.open_orders() == ()
    assert (await desk.venue.submit(ticket())).status is ACCEPTED
    assert desk.heard.is_connected
    assert (await desk.venue.lookup(gone)).is_known is None, "reconciliation, and then a person, tell of it"
