"""Prices of Interactive Brokers over the wire of TWS: best prices, trades, depth, and all that keeps them away."""

from collections.abc import AsyncIterator
from decimal import Decimal

import pytest

from gateway.adapters.clock import SystemClock
from gateway.adapters.venues.ibkr import market as market_module
from gateway.adapters.venues.ibkr.market import IbkrMarket
from gateway.adapters.venues.ibkr.ticks import Touch
from gateway.domain.instruments import Instrument
from gateway.domain.settings import VenueSettings
from tests.fakes.clock import ManualClock
from tests.venues.prices import Watched
from tests.venues.tws.server import TwsServer

D = Decimal
AAPL = Instrument(symbol="AAPL", venue="ibkr", currency="USD")
TSLA = Instrument(symbol="TSLA", venue="ibkr", currency="USD")
NOPE = Instrument(symbol="NOPE", venue="ibkr", currency="USD")


@pytest.fixture
async def tws() -> AsyncIterator[TwsServer]:
    async with TwsServer() as server:
        server.quote("AAPL", "179.99", "180.01", 300)
        server.quote("TSLA", "250", "250.05", 100)
        yield server


def settings_of(tws: TwsServer, **options: str) -> VenueSettings:
    return VenueSettings(
        name="ibkr", adapter="ibkr", host="127.0.0.1", port=tws.port, client_id=7, timeout_s=D(1), options=options
    )


def feed_of(tws: TwsServer, **options: str) -> IbkrMarket:
    return IbkrMarket(settings_of(tws, **options), SystemClock())


async def opened(tws: TwsServer, *instruments: Instrument, **options: str) -> Watched:
    watched = Watched(feed_of(tws, **options))
    watched.feed.follow(instruments)
    await watched.feed.start()
    return watched


@pytest.fixture
async def desk(tws: TwsServer) -> AsyncIterator[Watched]:
    watched = await opened(tws, AAPL, TSLA, depth="AAPL")
    await watched.until_priced("AAPL", "179.99", "180.01")
    await watched.until(lambda: watched.feed.depth("AAPL") is not None)
    yield watched
    await watched.feed.close()


def book(watched: Watched, symbol: str = "AAPL") -> tuple[dict[Decimal, Decimal], dict[Decimal, Decimal]] | None:
    present = watched.feed.depth(symbol)
    if present is None:
        return None
    return {one.px: one.qty for one in present.bids}, {one.px: one.qty for one in present.asks}


async def test_prices_come_over_a_connection_that_cannot_trade(tws: TwsServer, desk: Watched) -> None:
    """Without this, SHADOW would need a connection able to trade to see prices."""
    quote = desk.feed.quote("AAPL")
    assert quote is not None
    assert (quote.bid_qty, quote.ask_qty, quote.is_synthetic, quote.is_delayed) == (D(300), D(300), False, False)
    tws.trade("AAPL", "180.01", 40)
    await desk.until(lambda: desk.trades("AAPL") == [(D("180.01"), D(40))])
    traded = desk.feed.quote("AAPL")
    assert traded is not None
    assert traded.last_px == D("180.01")
    assert tws.session_of(1007) is not None, "a client id of its own, or orders and prices would throw each other out"
    assert not any(hasattr(desk.feed._wire, name) for name in ("place", "cancel")), "no message that could trade"


async def test_the_book_is_what_the_rows_add_up_to(tws: TwsServer, desk: Watched) -> None:
    """Without this, the simulator would fill from levels that are not there."""
    tws.show_behind("AAPL", {"179.98": 500, "179.97": 700}, {"180.02": 100})
    await desk.until(
        lambda: (
            book(desk)
            == (
                {D("179.99"): D(300), D("179.98"): D(500), D("179.97"): D(700)},
                {D("180.01"): D(300), D("180.02"): D(100)},
            )
        )
    )
    tws.show_behind("AAPL", {"179.97": 700}, {})
    await desk.until(lambda: book(desk) == ({D("179.99"): D(300), D("179.97"): D(700)}, {D("180.01"): D(300)}))
    assert desk.books["AAPL"] == book(desk)
    assert desk.feed.depth("TSLA") is None, "nobody asked for it"


async def test_rows_that_do_not_fit_have_the_book_asked_for_again(tws: TwsServer, desk: Watched) -> None:
    """Without this, one lost row would shift all below it for ever."""
    tws.faults.lose_row = True
    tws.show_behind("AAPL", {"179.98": 500, "179.97": 700}, {})
    await desk.until(
        lambda: book(desk) == ({D("179.99"): D(300), D("179.98"): D(500), D("179.97"): D(700)}, {D("180.01"): D(300)})
    )
    tws.reset_depth()
    tws.show_behind("AAPL", {}, {})
    await desk.until(lambda: book(desk) == ({D("179.99"): D(300)}, {D("180.01"): D(300)}))


@pytest.mark.parametrize(
    ("code", "text", "told"),
    [
        (354, "Requested market data is not subscribed.", "no subscription"),
        (10197, "No market data during competing live session", "another session"),
        (101, "Max number of tickers has been reached", "lines are in use"),
        (
            10186,
            "Requested market data is not subscribed. Delayed market data is not enabled",
            "delayed prices are not",
        ),
    ],
)
async def test_a_symbol_without_permission_says_why_and_the_others_go_on(
    tws: TwsServer, code: int, text: str, told: str
) -> None:
    """Without this, a missing subscription would look like a quiet market."""
    tws.faults.no_prices["AAPL"] = (code, text)
    desk = await opened(tws, AAPL, TSLA)
    await desk.until_priced("TSLA", "250", "250.05")
    await desk.until(lambda: "AAPL" in desk.feed.state().troubles)
    assert told in desk.feed.trouble("AAPL")
    assert f"[{code}]" in desk.feed.trouble("AAPL")
    assert desk.feed.quote("AAPL") is None
    await desk.feed.close()


async def test_prices_taken_by_another_session_are_withdrawn_and_come_back(tws: TwsServer, desk: Watched) -> None:
    """Without this, the last price before the other login would stand there as if it were one of now."""
    tws.refuse_prices("AAPL", 10197, "No market data during competing live session")
    await desk.until(lambda: desk.withdrawn("AAPL"))
    assert desk.feed.quote("AAPL") is None
    tws.quote("AAPL", "181", "181.02", 100)
    await desk.until_priced("AAPL", "181", "181.02")
    assert desk.feed.trouble("AAPL") == ""


async def test_delayed_prices_are_refused_unless_they_are_wanted(tws: TwsServer) -> None:
    """Without this, orders would be checked against prices of a quarter of an hour ago, and nobody would know."""
    tws.faults.is_delayed = True
    desk = await opened(tws, AAPL)
    await desk.until(lambda: "AAPL" in desk.feed.state().troubles)
    tws.quote("AAPL", "170", "170.02")
    await desk.until(lambda: "delayed" in desk.feed.trouble("AAPL"))
    assert desk.feed.quote("AAPL") is None
    await desk.feed.close()
    wanted = await opened(tws, AAPL, market_data_type="delayed")
    await wanted.until_priced("AAPL", "170", "170.02")
    quote = wanted.feed.quote("AAPL")
    assert quote is not None
    assert quote.is_delayed
    assert wanted.feed.state().connection.text == "delayed prices"
    await wanted.feed.close()


async def test_a_symbol_that_tws_does_not_know_says_so(tws: TwsServer) -> None:
    """Without this, a slip in a symbol would look like a quiet market."""
    desk = await opened(tws, AAPL, NOPE)
    await desk.until_priced("AAPL", "179.99", "180.01")
    await desk.until(lambda: "NOPE" in desk.feed.state().troubles)
    assert "no contract" in desk.feed.trouble("NOPE")
    await desk.feed.close()


async def test_depth_that_is_not_permitted_leaves_the_prices(tws: TwsServer) -> None:
    """Without this, asking for depth could cost the best prices."""
    tws.faults.no_depth["AAPL"] = (309, "Max number (3) of market depth requests has been reached")
    desk = await opened(tws, AAPL, TSLA, depth="true")
    await desk.until(lambda: desk.feed.depth("TSLA") is not None)
    await desk.until_priced("AAPL", "179.99", "180.01")
    assert desk.feed.depth("AAPL") is None
    await desk.feed.close()


@pytest.mark.parametrize("data_lost", [True, False])
async def test_prices_come_back_after_tws_had_lost_its_servers(tws: TwsServer, desk: Watched, data_lost: bool) -> None:
    """Without this, 1101 would leave every symbol without prices while the connection looks well."""
    tws.lose_servers()
    await desk.until(lambda: not desk.feed.state().connection.is_connected)
    assert desk.feed.depth("AAPL") is None
    assert desk.prices("AAPL") == (D("179.99"), D("180.01")), "a quote ages, and the limits on age decide"
    tws.find_servers(data_lost=data_lost)
    await desk.until(lambda: desk.feed.state().connection.is_connected)
    await desk.until(lambda: not data_lost or desk.feed.state().reconnects == 1)
    for bid in ("181", "182"):  # whatever was told while it subscribed anew
        tws.quote("AAPL", bid, str(D(bid) + 1), 100)
        await desk.until_priced("AAPL", bid, str(D(bid) + 1))
    await desk.until(lambda: book(desk) == ({D(182): D(100)}, {D(183): D(100)}))


async def test_a_connection_that_only_looks_alive_is_found_out(tws: TwsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without this, a frozen TWS would freeze prices while all looks well."""
    monkeypatch.setattr(market_module, "_HEARTBEAT_S", 0.05)
    desk = Watched(feed_of(tws))
    desk.feed._timeout_s = 0.2
    desk.feed.follow([AAPL])
    await desk.feed.start()
    await desk.until_priced("AAPL", "179.99", "180.01")
    tws.faults.silent = True
    await desk.until(lambda: desk.feed.state().connection.last_error != "")
    assert "no answer" in desk.feed.state().connection.last_error
    tws.faults.silent = False
    tws.quote("AAPL", "185", "186")
    await desk.until_priced("AAPL", "185", "186")
    await desk.feed.close()


async def test_a_broken_connection_comes_back_with_all_it_had(tws: TwsServer, desk: Watched) -> None:
    """Without this, TWS's daily restart would end all prices."""
    await tws.stop()
    await desk.until(lambda: not desk.feed.state().connection.is_connected)
    tws.quote("TSLA", "260", "261")
    await tws.start()
    await desk.until_priced("TSLA", "260", "261")
    await desk.until(lambda: desk.feed.depth("AAPL") is not None)
    assert desk.feed.state().reconnects == 1


async def test_a_client_id_that_is_taken_is_told(tws: TwsServer, desk: Watched) -> None:
    """Without this, two gateways on one TWS would throw each other out, and neither say why."""
    second = await opened(tws, AAPL)
    await second.until(lambda: "client id is already in use" in second.feed.state().connection.text)
    assert desk.feed.state().connection.is_connected
    await second.feed.close()


async def test_symbols_come_and_go_on_a_standing_connection(tws: TwsServer, desk: Watched) -> None:
    """Without this, an edit of the symbols would interrupt the prices of all others."""
    spy = Instrument(symbol="SPY", venue="ibkr", currency="USD")
    tws.quote("SPY", "500", "500.01")
    desk.feed.follow([TSLA, spy])
    assert desk.withdrawn("AAPL")
    assert desk.feed.depth("AAPL") is None
    await desk.until_priced("SPY", "500", "500.01")
    tws.quote("AAPL", "1", "2")
    tws.quote("TSLA", "270", "271")
    await desk.until_priced("TSLA", "270", "271")
    assert desk.feed.quote("AAPL") is None
    assert desk.feed.state().reconnects == 0


@pytest.mark.parametrize(
    ("tick", "bid"),
    [
        ([1, 6, 0, 1, "-1", 0, 0], None),  # nobody bids
        ([1, 6, 0, 1, "nan", 5, 0], None),
        ([1, 6, 0, 1, "word", 5, 0], D("179.99")),
        ([1, 6, 0, 99, "5", 5, 0], D("179.99")),
        ([2, 6, 0, 0], D("179.99")),
        ([46, 6, 0, 48, ";;;;;"], D("179.99")),
        ([46, 6, 0, 48, "x;y;1770123456789;1;1;true"], D("179.99")),
        ([12, 1, 0, 99, 7, 9, "1", "1"], D("179.99")),
        ([777, 1, 2], D("179.99")),
    ],
)
async def test_garbage_and_absent_prices_are_no_prices(
    tws: TwsServer, desk: Watched, tick: list[object], bid: Decimal | None
) -> None:
    """Without this, a -1 that says nobody is there would be a price to trade at."""
    tws.say_of("AAPL", lambda number: [*tick[:2], number, *tick[3:]] if tick[0] != 777 else tick)
    tws.quote("TSLA", "280", "281")
    await desk.until_priced("TSLA", "280", "281")
    assert desk.prices("AAPL")[0] == bid


async def test_rows_that_do_not_fit_again_and_again_leave_one_book(tws: TwsServer, desk: Watched) -> None:
    """Without this, each bad row of a burst would ask for a book of its own, of the three that TWS permits."""
    feed = desk.feed
    assert isinstance(feed, IbkrMarket)
    number = next(iter(feed._rows))
    for _ in range(3):
        feed.on_depth(number, 99, 1, 1, 5.0, 1.0)
        feed.on_processed()
    assert desk.feed.depth("AAPL") is None
    await desk.until(lambda: book(desk) == ({D("179.99"): D(300)}, {D("180.01"): D(300)}))
    assert len(feed._rows) == len(feed._depth_contracts) == 1


async def test_a_price_of_one_side_waits_for_the_other(tws: TwsServer) -> None:
    """TWS tells one price at a time, also after a lost connection and when another session gives prices back. Told as
    a quote, the first would say that nobody stands on the other side, and put our orders there first in their queues;
    with the other price of before, it would be a market of two times."""
    clock = ManualClock()
    desk = Watched(IbkrMarket(settings_of(tws), clock))
    feed = desk.feed
    assert isinstance(feed, IbkrMarket)
    feed.follow([AAPL])
    feed._touches[1] = Touch("AAPL")

    def tick(tick_type: int, px: float) -> None:
        feed.on_price(1, tick_type, px, 300)
        feed.on_processed()

    tick(1, 179.99)
    assert desk.prices("AAPL") == (None, None)
    tick(2, 180.01)
    assert desk.prices("AAPL") == (D("179.99"), D("180.01"))
    feed.on_error(1, 10197, "No market data during competing live session")
    tick(1, 170.5)
    assert desk.prices("AAPL") == (None, None)
    tick(2, -1)
    assert desk.prices("AAPL") == (D("170.5"), None), "told that nobody asks"
    feed.on_error(1, 10197, "No market data during competing live session")
    tick(4, 171)
    assert feed.quote("AAPL") is None
    clock.advance(s=1)
    feed.on_processed()
    quote = feed.quote("AAPL")
    assert quote is not None, "a symbol that has no sides is not waited for"
    assert quote.last_px == D(171)
