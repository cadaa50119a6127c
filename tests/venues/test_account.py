"""Reading the account of Interactive Brokers and of Binance on their wires: whose orders, fills and holdings."""

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import pytest

from gateway.adapters.clock import SystemClock
from gateway.adapters.venues.binance import account as binance_account
from gateway.adapters.venues.binance.client import RestClient
from gateway.adapters.venues.binance.venue import BinanceVenue
from gateway.adapters.venues.ibkr.ids import OrderIds
from gateway.adapters.venues.ibkr.venue import IbkrVenue
from gateway.adapters.venues.shared import link
from gateway.adapters.venues.simulator.venue import SimulatorVenue
from gateway.domain.enums import OrdType, Side, TimeInForce
from gateway.domain.instruments import Instrument
from gateway.domain.settings import SimulatorSettings, VenueSettings
from gateway.domain.venue_account import AccountUnreadable, VenuePosition
from gateway.ports.venue import ReadsAccount
from tests.fakes.outside import FixedMarket
from tests.venues.binance.server import BinanceServer
from tests.venues.listening import Heard
from tests.venues.tickets import ticket as any_ticket
from tests.venues.tws.server import TwsServer

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
D = Decimal
DAY_NS = 86_400_000_000_000
IBKR = {
    "AAPL": Instrument(symbol="AAPL", venue="ibkr", currency="USD", exchange="SMART"),
    "ES": Instrument(
        symbol="ES",
        venue="ibkr",
        currency="USD",
        exchange="CME",
        asset_class="future",
        expiry="202612",
        multiplier=D(50),
    ),
}
BINANCE = {"BTC/USDT": Instrument(symbol="BTC/USDT", venue="binance", currency="USDT", asset_class="crypto")}


@pytest.fixture
async def tws() -> AsyncIterator[TwsServer]:
    async with TwsServer() as server:
        server.quote("AAPL", "179.99", "180.01")
        server.quote("TSLA", "249.99", "250.01")
        server.quote("ES", "4999.75", "5000.00")
        yield server


async def connected(tws: TwsServer, folder: Path, client_id: int, timeout_s: str = "1") -> tuple[IbkrVenue, Heard]:
    settings = VenueSettings(
        name="ibkr", adapter="ibkr", host="127.0.0.1", port=tws.port, client_id=client_id, timeout_s=D(timeout_s)
    )
    heard, venue = Heard(), IbkrVenue(settings, IBKR, OrderIds(folder / f"{client_id}.ids"), SystemClock())
    await venue.start(heard)
    await heard.until(lambda: heard.is_connected)
    return venue, heard


async def test_tws_tells_of_everybody(tws: TwsServer, tmp_path: Path) -> None:
    """Without this, orders and fills that bypass the gateway on the same account would never be seen."""
    ours, heard = await connected(tws, tmp_path, 7)
    other, _ = await connected(tws, tmp_path, 8)
    day = {"venue": "ibkr", "time_in_force": TimeInForce.DAY}
    mine = any_ticket(**day, symbol="AAPL", order_qty=D(10), limit_px=D(150))
    theirs = any_ticket(**day, symbol="ES", order_qty=D(2), limit_px=D(4000))
    taken = any_ticket(**day, symbol="ES", order_qty=D(3), limit_px=None, ord_type=OrdType.MARKET, side=Side.SELL)
    for venue, ticket in ((ours, mine), (other, taken), (other, theirs)):
        await venue.submit(ticket)
    tws.trade("AAPL", "150", 4)
    await heard.until_filled(mine.order_id, "4")
    found = {one.order_id: one for one in await ours.account.open_orders()}
    assert set(found) == {mine.order_id, theirs.order_id}
    shown = found[mine.order_id]
    assert (shown.symbol, shown.side, shown.order_qty, shown.cum_qty) == ("AAPL", Side.BUY, D(10), D(4))
    assert (found[theirs.order_id].symbol, found[theirs.order_id].limit_px) == ("ES", D(4000))
    fills = {one.order_id: one for one in await ours.account.executions(0)}
    assert (fills[taken.order_id].symbol, fills[taken.order_id].side) == ("ES", Side.SELL)
    assert fills[mine.order_id].exec_id in heard.fills(mine.order_id), "one fill has one id, on every channel"
    assert fills[mine.order_id].fee == heard.fills(mine.order_id)[fills[mine.order_id].exec_id].fee
    assert set(await ours.account.positions()) == {
        VenuePosition(symbol="AAPL", qty=D(4)),
        VenuePosition(symbol="ES", qty=D(-3)),
    }
    again = any_ticket(**day, symbol="AAPL", order_qty=D(1), limit_px=D(150))
    await ours.submit(again)
    assert tws.seen[-1].order_id > max(one.order_id for one in tws.seen[:-1]), "ids stay above those of others"
    await ours.close()
    await other.close()


async def test_orders_of_another_client_never_pass_for_ours(tws: TwsServer, tmp_path: Path) -> None:
    """Without this, an order of another program with the same number would cancel or fill one of ours in our books."""
    ours, heard = await connected(tws, tmp_path, 7)
    other, _ = await connected(tws, tmp_path, 8)
    day = {"venue": "ibkr", "time_in_force": TimeInForce.DAY, "limit_px": D(150), "order_qty": D(1)}
    theirs, mine = any_ticket(**day, symbol="AAPL"), any_ticket(**day, symbol="AAPL")
    await other.submit(theirs)
    await ours.submit(mine)
    await ours.account.open_orders()
    assert (await other.cancel(theirs)).status == "accepted"
    assert (await ours.cancel(mine)).status == "accepted"
    assert {report.order_id for report in heard.reports} == {mine.order_id}
    await ours.close()
    await other.close()


async def test_a_correction_is_told_with_its_present_terms(tws: TwsServer, tmp_path: Path) -> None:
    """Without this, a corrected fill would differ from the books for ever, or count twice."""
    venue, heard = await connected(tws, tmp_path, 7)
    ticket = any_ticket(
        venue="ibkr",
        symbol="AAPL",
        order_qty=D(5),
        limit_px=None,
        ord_type=OrdType.MARKET,
        time_in_force=TimeInForce.DAY,
    )
    await venue.submit(ticket)
    await heard.until_filled(ticket.order_id, "5")
    [order] = tws.market.orders.values()
    tws.correct(order.executions[0], 5, "179.00")
    [told] = await venue.account.executions(0)
    assert (told.last_px, told.last_qty) == (D("179.00"), D(5))
    await venue.close()


async def test_an_account_that_cannot_be_read_whole_is_not_read(tws: TwsServer, tmp_path: Path) -> None:
    """Without this, a connection that breaks would look like an account without orders: everything would be drift."""
    venue, heard = await connected(tws, tmp_path, 7)
    tws.lose_servers()
    await heard.until(lambda: not heard.is_connected)
    with pytest.raises(AccountUnreadable):
        await venue.account.open_orders()
    await tws.stop()
    with pytest.raises(AccountUnreadable):
        await venue.account.positions()
    await venue.close()


async def test_a_list_that_never_ends_costs_the_connection_and_not_the_account(
    tws: TwsServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without this, one answer that TWS forgot would keep the account from being read for as long as the connection
    stands: what came of that list later would be taken for the next one."""
    monkeypatch.setattr(link, "FIRST_WAIT_S", 0.02)
    venue, heard = await connected(tws, tmp_path, 7, timeout_s="0.2")
    tws.plan.add("silent", "other")  # of the requests that come, the one for positions
    with pytest.raises(AccountUnreadable, match="no answer in time"):
        await venue.account.positions()
    with pytest.raises(AccountUnreadable, match="has not finished an earlier list"):
        await venue.account.positions()
    assert heard.is_connected, "late, so far, and it may still come"
    await asyncio.sleep(0.5)
    with pytest.raises(AccountUnreadable, match="has not finished an earlier list"):
        await venue.account.positions()
    await heard.until(lambda: not heard.is_connected)
    await heard.until(lambda: heard.is_connected)
    assert await venue.account.positions() == ()
    await venue.close()


@pytest.fixture
async def binance() -> AsyncIterator[BinanceServer]:
    async with BinanceServer() as server:
        server.quote("BTCUSDT", "99999", "100001")
        yield server


async def exchange_at(peer: BinanceServer) -> tuple[BinanceVenue, Heard]:
    clock, heard = SystemClock(), Heard()
    settings = VenueSettings(
        name="binance",
        adapter="binance",
        timeout_s=D(1),
        options={"base_url": f"{peer.url}/api", "stream_url": f"{peer.ws_url}/ws-api/v3"},
    )
    rest = RestClient(settings, {"BINANCE_API_KEY": peer.api_key, "BINANCE_SECRET": peer.secret}, clock)
    venue = BinanceVenue(settings, rest, clock, BINANCE)
    await venue.start(heard)
    await heard.until(lambda: heard.is_connected)
    return venue, heard


async def test_binance_tells_orders_trades_and_balances(binance: BinanceServer) -> None:
    """Without this, what is at the exchange could not be compared with the books at all."""
    venue, heard = await exchange_at(binance)
    before = {one.symbol: one.qty for one in await venue.account.positions()}
    crypto = {"venue": "binance", "symbol": "BTC/USDT", "time_in_force": TimeInForce.GTC, "order_qty": D("0.01")}
    rests, fills = any_ticket(**crypto, limit_px=D(99000)), any_ticket(**crypto, limit_px=D(100002))
    for ticket in (rests, fills):
        await venue.submit(ticket)
    await heard.until_filled(fills.order_id, "0.01")
    [shown] = await venue.account.open_orders()
    assert (shown.order_id, shown.symbol, shown.order_qty) == (rests.order_id, "BTC/USDT", D("0.01"))
    [told] = await venue.account.executions(SystemClock().now_ns() - 2 * DAY_NS)
    [[exec_id, report]] = heard.fills(fills.order_id).items()
    assert (told.exec_id, told.order_id, told.venue_order_id) == (exec_id, fills.order_id, report.venue_order_id)
    assert (told.last_qty, told.last_px, told.fee, told.fee_currency) == (
        report.last_qty,
        report.last_px,
        report.fee,
        report.fee_currency,
    )
    after = {one.symbol: one.qty for one in await venue.account.positions()}
    assert after["BTC"] - before.get("BTC", D(0)) == D("0.01") - report.fee
    await venue.close()


async def test_trades_of_many_pages_are_all_told(binance: BinanceServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without this, a busy day would be read in part, and the rest of it be drift."""
    monkeypatch.setattr(binance_account, "_PAGE", 2)
    venue, heard = await exchange_at(binance)
    crypto = {"venue": "binance", "symbol": "BTC/USDT", "time_in_force": TimeInForce.GTC, "order_qty": D("0.001")}
    tickets = [any_ticket(**crypto, limit_px=D(100002)) for _ in range(7)]
    for ticket in tickets:
        await venue.submit(ticket)
    for ticket in tickets:
        await heard.until_filled(ticket.order_id, "0.001")
    told = await venue.account.executions(SystemClock().now_ns() - DAY_NS)
    assert sorted(one.order_id for one in told) == sorted(ticket.order_id for ticket in tickets)
    await venue.close()


@pytest.mark.parametrize("kind", ["error", "cut", "garble"])
async def test_a_broken_answer_of_binance_is_no_empty_account(binance: BinanceServer, kind: str) -> None:
    """Without this, a 502 would look like an account in which everything is gone."""
    venue, _ = await exchange_at(binance)
    binance.faults.add(kind, "open_orders", status=502)
    with pytest.raises(AccountUnreadable):
        await venue.account.open_orders()
    assert await venue.account.open_orders() == ()
    await venue.close()


async def test_the_simulator_tells_what_rests_in_it() -> None:
    """Without this, a gateway on paper could not be reconciled, and the path would be tried for real first."""
    instruments = {"AAPL": Instrument(symbol="AAPL", venue="paper", currency="USD")}
    venue = SimulatorVenue(
        instruments,
        SimulatorSettings(order_latency_ms=D(0)),
        FixedMarket({"AAPL": D(180)}),
        SystemClock(),
        name="paper",
    )
    heard = Heard()
    await venue.start(heard)
    assert isinstance(venue, ReadsAccount)
    ticket = any_ticket(venue="paper", symbol="AAPL", order_qty=D(5), limit_px=D(150), time_in_force=TimeInForce.GTC)
    await venue.submit(ticket)
    await heard.until(lambda: bool(heard.reports))
    [told] = await venue.account.open_orders()
    assert (told.order_id, told.order_qty, told.limit_px) == (ticket.order_id, D(5), D(150))
    await venue.close()
