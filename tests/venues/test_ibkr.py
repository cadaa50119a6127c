"""The adapter of Interactive Brokers against a TWS on a socket: what it sends, what it makes of what it hears."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import pytest

from gateway.adapters.clock import SystemClock
from gateway.adapters.venues.ibkr import connection as connection_module
from gateway.adapters.venues.ibkr.ids import OrderIds
from gateway.adapters.venues.ibkr.venue import IbkrVenue
from gateway.domain.effects import OrderTicket
from gateway.domain.enums import ExecType, OrdType, Side, SubmitStatus, TimeInForce
from gateway.domain.instruments import Instrument
from gateway.domain.settings import VenueSettings
from tests.venues.booking import booked
from tests.venues.listening import Heard
from tests.venues.tickets import ticket as any_ticket
from tests.venues.tws import messages
from tests.venues.tws.server import TwsServer

D = Decimal
ACCEPTED, REJECTED, UNKNOWN = SubmitStatus.ACCEPTED, SubmitStatus.REJECTED, SubmitStatus.UNKNOWN
INSTRUMENTS = {
    "AAPL": Instrument(symbol="AAPL", venue="ibkr", currency="USD", exchange="SMART"),
    "ES": Instrument(
        symbol="ES",
        venue="ibkr",
        currency="USD",
        exchange="CME",
        asset_class="future",
        expiry="202612",
        multiplier=D(50),
        tick_size=D("0.25"),
    ),
    "AAPL261218C00200000": Instrument(
        symbol="AAPL261218C00200000",
        venue="ibkr",
        currency="USD",
        exchange="SMART",
        asset_class="option",
        multiplier=D(100),
    ),
    "EUR/USD": Instrument(
        symbol="EUR/USD", venue="ibkr", currency="USD", exchange="IDEALPRO", asset_class="forex", tick_size=D("0.00005")
    ),
    "NOPE": Instrument(symbol="NOPE", venue="ibkr", currency="USD", exchange="SMART"),
}


class Desk:
    """A venue on a TWS, with what it said."""

    def __init__(self, tws: TwsServer, folder: Path, **settings: object) -> None:
        self.tws = tws
        self.folder = folder
        self.settings = VenueSettings(
            **{
                "name": "ibkr",
                "adapter": "ibkr",
                "host": "127.0.0.1",
                "port": tws.port,
                "client_id": 7,
                "timeout_s": D(1),
                **settings,  # type: ignore[arg-type]
            }
        )
        self.heard = Heard()
        self.venue = self._new()

    def _new(self) -> IbkrVenue:
        return IbkrVenue(self.settings, INSTRUMENTS, OrderIds(self.folder / "ibkr.ids"), SystemClock())

    async def open(self) -> None:
        await self.venue.start(self.heard)
        await self.heard.until(lambda: self.heard.is_connected)

    async def restart(self) -> None:
        """The gateway dies and comes back: nothing is left but what is on disk."""
        await self.venue.close()
        self.heard = Heard()
        self.venue = self._new()
        await self.open()


@pytest.fixture
async def tws() -> AsyncIterator[TwsServer]:
    async with TwsServer() as server:
        server.quote("AAPL", "179.99", "180.01")
        yield server


@pytest.fixture
async def desk(tws: TwsServer, tmp_path: Path) -> AsyncIterator[Desk]:
    made = Desk(tws, tmp_path)
    await made.open()
    yield made
    await made.venue.close()


def ticket(**more: object) -> OrderTicket:
    day = {"venue": "ibkr", "symbol": "AAPL", "time_in_force": TimeInForce.DAY}
    return any_ticket(**(day | {"order_qty": D(10), "limit_px": D("179.50")} | more))


def market(**more: object) -> OrderTicket:
    return ticket(ord_type=OrdType.MARKET, limit_px=None, **more)


# --- orders -------------------------------------------------------------------------------------------


async def test_a_change_is_told_when_the_venue_works_it(desk: Desk) -> None:
    """Without this, a replace would be believed or doubted at random."""
    order = ticket()
    await desk.venue.submit(order)
    assert (await desk.venue.replace(order, D(12), D("179.25"), None)).status is ACCEPTED
    [change] = [report for report in desk.heard.reports if report.exec_type is ExecType.REPLACED]
    assert (change.order_qty, change.limit_px) == (D(12), D("179.25"))
    desk.tws.faults.refuse_modify_code = 201
    answer = await desk.venue.replace(order, D(13), D("179.25"), None)
    assert answer.status is REJECTED
    assert ExecType.CANCELED not in desk.heard.kinds(order.order_id), "a refused change leaves the order working"


TYPES = [
    (dict(ord_type=OrdType.MARKET, limit_px=None), ("MKT", "DAY", None, None)),
    (dict(time_in_force=TimeInForce.GTC), ("LMT", "GTC", D("179.50"), None)),
    (dict(ord_type=OrdType.STOP, limit_px=None, stop_px=D("181.25")), ("STP", "DAY", None, D("181.25"))),
    (
        dict(ord_type=OrdType.STOP_LIMIT, limit_px=D("182.10"), stop_px=D("181.25")),
        ("STP LMT", "DAY", D("182.10"), D("181.25")),
    ),
    (
        dict(ord_type=OrdType.TRAILING_STOP, limit_px=None, trailing_amount=D("1.50"), side=Side.SELL),
        ("TRAIL", "DAY", None, D("1.50")),
    ),
    (
        dict(ord_type=OrdType.TRAILING_STOP, limit_px=None, trailing_percent=D("2.5"), side=Side.SELL),
        ("TRAIL", "DAY", None, None),
    ),
    (dict(ord_type=OrdType.MARKET_ON_CLOSE, limit_px=None), ("MOC", "DAY", None, None)),
    (dict(ord_type=OrdType.LIMIT_ON_CLOSE), ("LOC", "DAY", D("179.50"), None)),
    (dict(ord_type=OrdType.MARKET, limit_px=None, time_in_force=TimeInForce.AT_THE_CLOSE), ("MOC", "DAY", None, None)),
    (dict(time_in_force=TimeInForce.AT_THE_OPENING), ("LMT", "OPG", D("179.50"), None)),
    (dict(time_in_force=TimeInForce.IOC), ("LMT", "IOC", D("179.50"), None)),
    (dict(time_in_force=TimeInForce.FOK), ("LMT", "FOK", D("179.50"), None)),
    (dict(time_in_force=TimeInForce.GTD, expire_ns=1_798_761_600_000_000_000), ("LMT", "GTD", D("179.50"), None)),
]


@pytest.mark.parametrize(("fields", "expected"), TYPES, ids=lambda value: str(value[0]) if type(value) is tuple else "")
async def test_every_type_and_time_in_force(
    desk: Desk, fields: dict[str, object], expected: tuple[object, ...]
) -> None:
    """Without this, an order could be sent as something else than was asked for."""
    order = ticket(**fields)
    assert (await desk.venue.submit(order)).status is ACCEPTED
    [seen] = desk.tws.seen
    assert (seen.order_type, seen.tif, seen.limit_px, seen.aux_px) == expected
    assert (seen.action, seen.qty, seen.order_ref, seen.account) == (
        order.side.value.upper(),
        D(10),
        order.order_id,
        "DU123456",
    )
    assert seen.trailing_percent == order.trailing_percent
    if order.expire_ns:
        assert seen.good_till == "20270101-00:00:00"


ALGORITHMS = [
    ("vwap", ("Vwap", {"allowPastEndTime": "0", "noTakeLiq": "0"}, None)),
    ("twap", ("Twap", {"allowPastEndTime": "0"}, None)),
    ("adaptive:patient", ("Adaptive", {"adaptivePriority": "Patient"}, None)),
    ("iceberg:3", ("", {}, D(3))),
]


@pytest.mark.parametrize(("wish", "expected"), ALGORITHMS)
async def test_execution_algorithms(desk: Desk, wish: str, expected: tuple[object, ...]) -> None:
    """Without this, an algorithm would be dropped and the whole order shown at once."""
    assert (await desk.venue.submit(ticket(execution_algorithm=wish))).status is ACCEPTED
    [seen] = desk.tws.seen
    assert (seen.algo, seen.algo_params, seen.display_size or None) == expected


@pytest.mark.parametrize("wish", ["magic", "iceberg", "iceberg:x", "iceberg:10", "adaptive:soon"])
async def test_an_algorithm_that_is_not_there_is_refused_before_sending(desk: Desk, wish: str) -> None:
    """Without this, a slip in its name would trade without the algorithm."""
    answer = await desk.venue.submit(ticket(execution_algorithm=wish))
    assert (answer.status, desk.tws.seen) == (REJECTED, [])
    assert wish.partition(":")[0] in answer.text


@pytest.mark.parametrize("symbol", ["ES", "AAPL261218C00200000", "EUR/USD"])
async def test_every_kind_of_contract(desk: Desk, symbol: str) -> None:
    """Without this, futures, options and currencies would be another contract, or none."""
    order = ticket(symbol=symbol, limit_px=D("0.25"), order_qty=D(1))
    assert (await desk.venue.submit(order)).status is ACCEPTED
    [order_at_venue] = desk.tws.market.orders.values()
    assert order_at_venue.listing.sec_type == {"ES": "FUT", "EUR/USD": "CASH"}.get(symbol, "OPT")


@pytest.mark.parametrize("status", ["Inactive", "Cancelled"])
async def test_an_order_that_worked_and_is_refused_is_over(desk: Desk, status: str) -> None:
    """Without this, an order that waited for the market to open and was refused then (no margin) would work on here,
    its exposure held, until somebody looks it up."""
    order = ticket()
    await desk.venue.submit(order)
    [at_venue] = desk.tws.market.orders.values()
    session = desk.tws.session_of(7)
    assert session is not None
    session._send_error(at_venue.order_id, 201, "Order rejected - reason:no margin")
    await asyncio.sleep(0.05)
    assert desk.heard.kinds(order.order_id) == [ExecType.NEW], "the error alone may be about anything"
    desk.tws.end(at_venue, status)
    await desk.heard.until_kind(order.order_id, ExecType.REJECTED)
    assert "no margin" in desk.heard.reports[-1].text


async def test_what_the_venue_refuses_is_rejected_with_its_words(desk: Desk) -> None:
    """Without this, nobody would know why, or the order would be doubted for ever."""
    unknown = await desk.venue.submit(ticket(symbol="NOPE"))
    assert unknown.status is REJECTED
    assert "instruments.yaml" in unknown.text
    desk.tws.faults.reject_next = "insufficient funds"
    answer = await desk.venue.submit(ticket())
    assert answer.status is REJECTED
    assert "insufficient funds" in answer.text
    off_tick = await desk.venue.submit(ticket(limit_px=D("179.503")))
    assert (off_tick.status, len(desk.tws.market.orders)) == (REJECTED, 1)


# --- doubt --------------------------------------------------------------------------------------------


async def test_an_order_of_the_time_without_servers_is_no_absent_order(desk: Desk) -> None:
    """Without this, an order that TWS keeps back (1100) would be believed never sent, and then fill."""
    desk.tws.lose_servers()
    await desk.heard.until(lambda: not desk.heard.is_connected)
    order = ticket()
    assert (await desk.venue.submit(order)).status is REJECTED
    assert not desk.tws.seen, "nothing is sent into the dark"
    assert "1100" in desk.heard.status


async def test_a_link_that_is_broken_when_we_connect_is_no_link(
    tws: TwsServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without this, orders would go to a TWS that keeps them until it finds its servers: 2110 is how it says so to a
    client that connects meanwhile. Nor may the gateway wait for ever for a word that it did find them."""
    monkeypatch.setattr(connection_module, "HEARTBEAT_S", 0.05)
    monkeypatch.setattr(connection_module, "_BROKEN_MAX_S", 0.2)
    desk = Desk(tws, tmp_path)
    await desk.open()
    broken = "Connectivity between Trader Workstation and server is broken. It will be restored automatically."
    desk.tws._tell_system(2110, broken)
    await desk.heard.until(lambda: not desk.heard.is_connected)
    answer = await desk.venue.submit(ticket())
    assert (answer.status, "2110" in answer.text, desk.tws.seen) == (REJECTED, True, [])
    desk.tws.find_servers()
    await desk.heard.until(lambda: desk.heard.is_connected)
    desk.tws._tell_system(2110, broken)
    await desk.heard.until(lambda: not desk.heard.is_connected)
    await desk.heard.until(lambda: desk.heard.is_connected)
    await desk.venue.close()


async def test_servers_found_while_there_is_no_room_for_lists(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without this, a link that came back while the messages of the moment were used up would stay down for ever."""
    desk.tws.lose_servers()
    await desk.heard.until(lambda: not desk.heard.is_connected)

    async def read_lists() -> object:
        monkeypatch.undo()
        raise ConnectionError("too many messages are under way")

    monkeypatch.setattr(desk.venue._connection, "_read_lists", read_lists)
    desk.tws.find_servers()
    await desk.heard.until(lambda: desk.heard.is_connected)


async def test_an_order_that_waits_while_the_servers_are_lost_is_not_sent(desk: Desk) -> None:
    """Without this, TWS would keep it and send it on when it finds its servers, at whatever price there is then."""
    await desk.venue.submit(ticket())  # the contract is known
    while desk.venue._budget.take():
        pass
    waiting = asyncio.create_task(desk.venue.submit(ticket()))
    await asyncio.sleep(0)
    desk.tws.lose_servers()
    await desk.heard.until(lambda: not desk.heard.is_connected)
    answer = await waiting
    assert (answer.status, "1100" in answer.text, len(desk.tws.seen)) == (REJECTED, True, 1)


async def test_an_order_whose_message_cannot_be_read_is_not_absent(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without this, an order in doubt that TWS lists in a way that the library cannot read (somebody attached a
    condition to it) would be called never sent while it works."""
    monkeypatch.setattr(connection_module, "_SETTLE_S", 0.05)
    order, gone = ticket(), ticket()
    desk.tws.faults.mute = True
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await desk.venue.submit(order)
    desk.tws.faults.mute = False
    plain = messages.open_order
    monkeypatch.setattr(messages, "open_order", lambda *asked: [*plain(*asked)[:60], "odd", *plain(*asked)[61:]])
    for _ in range(2):
        assert (await desk.venue.lookup(order)).is_known is None
        absent = await desk.venue.lookup(gone)
        await asyncio.sleep(0.06)
    assert absent.is_known is False, "it hides no other"


async def test_servers_lost_right_after_the_send(desk: Desk) -> None:
    """Without this, a lookup while TWS is cut off would say that an order is not there which comes later."""
    desk.tws.faults.is_cut_off = True  # lost, and nobody was told yet
    order = ticket()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await desk.venue.submit(order)
    desk.tws.lose_servers()
    await desk.heard.until(lambda: not desk.heard.is_connected)
    assert (await desk.venue.lookup(order)).is_known is None
    desk.tws.find_servers()
    await desk.heard.until_kind(order.order_id, ExecType.NEW)


# --- what went on meanwhile ---------------------------------------------------------------------------


async def test_a_fill_that_only_the_status_tells_of_is_asked_for(desk: Desk) -> None:
    """Without this, a stream that drops single fills would leave an order open for ever."""
    order = ticket()
    await desk.venue.submit(order)
    desk.tws.faults.lose_fills = True
    desk.tws.trade("AAPL", "179.50", 10)
    desk.tws.faults.lose_fills = False
    [at_venue] = desk.tws.market.orders.values()
    desk.tws.tell_status(at_venue)
    await desk.heard.until_filled(order.order_id, 10)


async def test_a_change_that_nobody_answered_for_is_found_at_the_venue(desk: Desk) -> None:
    """Without this, a gateway that was killed during a change would work with terms that are not the venue's."""
    order = ticket()
    await desk.venue.submit(order)
    desk.tws.faults.mute = True
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await desk.venue.replace(order, D(12), D("179.25"), None)
    desk.tws.faults.mute = False
    await desk.restart()
    assert (await desk.venue.lookup(order)).is_known is True
    [change] = [report for report in desk.heard.reports if report.exec_type is ExecType.REPLACED]
    assert (change.order_qty, change.limit_px) == (D(12), D("179.25"))


async def test_a_change_that_the_fill_of_the_order_overtook_is_not_told_as_taken(desk: Desk) -> None:
    """Without this, nothing would ever tell how the change ended, and an order that filled whole by its old quantity
    would stay open for the rest of the new one."""
    order = ticket()
    await desk.venue.submit(order)
    desk.tws.faults.is_deaf_to_changes = True
    change = asyncio.create_task(desk.venue.replace(order, D(20), D("179.50"), None))
    await asyncio.sleep(0.05)
    [at_venue] = desk.tws.market.orders.values()
    desk.tws.fill(at_venue, 10, "179.50")
    assert (await change).status is UNKNOWN
    assert (await desk.venue.lookup(order)).is_known is True
    assert ExecType.REPLACED not in desk.heard.kinds(order.order_id)


async def test_a_change_without_an_answer_is_waited_for(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without this, a change that TWS shows late would be given up at the first look-up: nothing is held for the new
    quantity while it may come into force any moment, and nobody is told when it does."""
    monkeypatch.setattr(connection_module, "CHANGE_MAX_S", 0.3)
    order = ticket()
    await desk.venue.submit(order)
    desk.tws.faults.is_deaf_to_changes = True
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await desk.venue.replace(order, D(20), D("179.50"), None)
    assert (await desk.venue.lookup(order)).is_known is None
    await asyncio.sleep(0.3)
    assert (await desk.venue.lookup(order)).is_known is True
    [at_venue] = desk.tws.market.orders.values()
    at_venue.terms = desk.tws.seen[-1]
    desk.tws.tell_status(at_venue)
    await desk.heard.until_kind(order.order_id, ExecType.REPLACED)


async def test_a_change_that_nobody_answered_for_and_that_filled_is_found_at_the_venue(desk: Desk) -> None:
    """Without this, an order that was made smaller and then filled would wait for the rest of its old quantity:
    it is in no list of open orders any more."""
    order = ticket()
    await desk.venue.submit(order)
    desk.tws.faults.mute = True
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await desk.venue.replace(order, D(4), D("179.50"), None)
    desk.tws.trade("AAPL", "179.50", 10)
    desk.tws.faults.mute = False
    await desk.restart()
    assert (await desk.venue.lookup(order)).is_known is True
    await desk.heard.until_filled(order.order_id, 4)
    [change] = [report for report in desk.heard.reports if report.exec_type is ExecType.REPLACED]
    assert change.order_qty == D(4)


async def test_ids_rolled_back_are_not_used_again(desk: Desk) -> None:
    """Without this, the first order after TWS restarted could change an old one instead (its ids went back)."""
    first = ticket()
    await desk.venue.submit(first)
    desk.tws.roll_ids_back(7, 1)
    await desk.restart()
    second = ticket(order_qty=D(3))
    assert (await desk.venue.submit(second)).status is ACCEPTED
    assert [order.terms.qty for order in desk.tws.market.orders.values()] == [D(10), D(3)]
    assert desk.tws.seen[1].order_id > desk.tws.seen[0].order_id


async def test_a_second_order_under_the_same_tag_is_not_taken_for_the_first(desk: Desk) -> None:
    """Without this, cancels would go to whichever was listed last, and the end of the one would end the other."""
    order = ticket()
    await desk.venue.submit(order)
    [first] = desk.tws.market.orders.values()
    terms = dataclasses.replace(first.terms, order_id=first.terms.order_id + 500)
    second = desk.tws.market.enter(7, terms, first.listing)
    desk.tws.market.work(second)
    await desk.venue.lookup(order)  # its lists tell of both
    await desk.venue.lookup(order)
    open_orders = await desk.venue.account.open_orders()
    assert [one.order_id for one in open_orders] == [order.order_id] * 2, "reconciliation hears of both"
    second.status = "Cancelled"
    await desk.venue.lookup(order)
    assert all(report.exec_type is ExecType.NEW for report in desk.heard.reports)
    assert (await desk.venue.cancel(order)).status is ACCEPTED
    assert first.status == "Cancelled"


async def test_messages_twice_late_and_stale_change_nothing(desk: Desk) -> None:
    """Without this, a stale Submitted after Filled would bring an order back to life."""
    desk.tws.faults.doubled = desk.tws.faults.stale_status = True
    order = market()
    await desk.venue.submit(order)
    await desk.heard.until_filled(order.order_id, 10)
    kinds = desk.heard.kinds(order.order_id)
    assert sorted(kinds) == [ExecType.NEW, ExecType.TRADE]


async def test_a_correction_changes_the_fill_and_adds_none(desk: Desk) -> None:
    """Without this, a corrected price would be a second fill: correction ids differ only after the last dot; or one
    that waits for an execution that never comes, while the symbol is compared with the account no more."""
    order = market()
    await desk.venue.submit(order)
    await desk.heard.until_filled(order.order_id, 10)
    [execution] = desk.tws.market.executions
    desk.tws.correct(execution, 10, "180.05")
    await desk.heard.until_kind(order.order_id, ExecType.TRADE_CORRECT)
    assert [(fill.last_qty, fill.last_px) for fill in booked(desk.heard.reports).fills] == [(D(10), D("180.05"))]
    desk.tws.correct(desk.tws.market.executions[-1], 0, "180.05")
    await desk.heard.until(lambda: not booked(desk.heard.reports).cum_qty)
    [fill] = desk.heard.fills(order.order_id)
    assert [one.exec_id for one in booked(desk.heard.reports).busted] == [fill]


async def test_a_cancel_that_is_too_late_asks_what_became_of_the_order(desk: Desk) -> None:
    """Without this, "cannot be cancelled, state: Filled" would be taken for a working order."""
    order = ticket()
    await desk.venue.submit(order)
    desk.tws.faults.lose_fills = True
    desk.tws.trade("AAPL", "179.50", 10)
    assert (await desk.venue.cancel(order)).status is UNKNOWN
    desk.tws.faults.lose_fills = False
    assert (await desk.venue.lookup(order)).is_known is True
    await desk.heard.until_filled(order.order_id, 10)


# --- the connection -----------------------------------------------------------------------------------


async def test_what_is_wrong_with_the_connection_is_said_in_words(tws: TwsServer, tmp_path: Path) -> None:
    """Without this, a person would read a stack trace instead of what to do."""
    taken = Desk(tws, tmp_path)
    await taken.open()
    cases = [
        (Desk(tws, tmp_path), "client_id"),
        (Desk(tws, tmp_path, client_id=8, options={"account": "U1"}), "U1 is not among"),
        (Desk(tws, tmp_path, client_id=9, port=1), "nothing listens"),
    ]
    for desk, words in cases:
        await desk.venue.start(desk.heard)
        await desk.heard.until(lambda desk=desk, words=words: words in desk.heard.status)  # type: ignore[misc]
        answer = await desk.venue.submit(ticket())
        assert (answer.status, words in answer.text) == (REJECTED, True)
        await desk.venue.close()
    await taken.venue.close()


async def test_paper_only_refuses_an_account_with_real_money(tws: TwsServer, tmp_path: Path) -> None:
    """Without this, a slip in a port number would trade for real."""
    tws.market.accounts = ["U7654321"]
    desk = Desk(tws, tmp_path)
    await desk.venue.start(desk.heard)
    await desk.heard.until(lambda: "real money" in desk.heard.status)
    assert (await desk.venue.submit(ticket())).status is REJECTED
    await desk.venue.close()


@pytest.mark.parametrize("typed", ["", "yes", "trade real money on U1111111"])
async def test_real_money_needs_the_words_for_this_account(tws: TwsServer, tmp_path: Path, typed: str) -> None:
    """Without this, a copied configuration would trade another account's money."""
    tws.market.accounts = ["U7654321"]
    desk = Desk(tws, tmp_path, paper_only=False, live_confirmation=typed)
    await desk.venue.start(desk.heard)
    await desk.heard.until(lambda: "live_confirmation: 'trade real money on U7654321'" in desk.heard.status)
    assert (await desk.venue.submit(ticket())).status is REJECTED
    assert not tws.seen
    await desk.venue.close()


async def test_real_money_with_the_words_is_traded(tws: TwsServer, tmp_path: Path) -> None:
    """Without this, the words would be of no use."""
    tws.market.accounts = ["U7654321"]
    desk = Desk(tws, tmp_path, paper_only=False, live_confirmation="Trade real money on U7654321")
    await desk.open()
    assert (await desk.venue.submit(ticket())).status is ACCEPTED
    await desk.venue.close()


async def test_a_read_only_api_says_how_to_change_that(desk: Desk) -> None:
    """Without this, every order would be refused by a number."""
    desk.tws.faults.read_only = True
    answer = await desk.venue.submit(ticket())
    assert answer.status is REJECTED
    assert "untick Read-Only API" in answer.text
    await desk.heard.until(lambda: "untick Read-Only API" in desk.heard.status)
    desk.tws.faults.read_only = False
    await desk.heard.until(lambda: desk.heard.is_connected)


async def test_a_flood_stays_within_what_tws_takes_and_cancels_keep_their_share(desk: Desk) -> None:
    """Without this, TWS would end the session after three violations, with orders working."""
    orders = [ticket(order_qty=D(1)) for _ in range(40)]
    answers = await asyncio.gather(*(desk.venue.submit(order) for order in orders))
    assert {answer.status for answer in answers} == {ACCEPTED}
    cancels = await asyncio.gather(*(desk.venue.cancel(order) for order in orders[:8]))
    assert {answer.status for answer in cancels} == {ACCEPTED}
    assert desk.heard.is_connected
