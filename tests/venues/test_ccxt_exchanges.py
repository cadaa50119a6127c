"""What the adapter makes of ccxt's own tables, for every exchange that ccxt has; nothing here goes out."""

import uuid
from decimal import Decimal
from typing import Any

import ccxt
import pytest

from gateway.adapters.clock import SystemClock
from gateway.adapters.config import rules
from gateway.adapters.venues.ccxt.capabilities import (
    OrderTooSmall,
    OrderUnsupported,
    ccxt_capabilities,
    check_tradable,
    order_forms,
)
from gateway.adapters.venues.ccxt.client import Client
from gateway.adapters.venues.ccxt.ids import client_id_of, order_id_of
from gateway.adapters.venues.ccxt.known import IdForm, known_of
from gateway.adapters.venues.ccxt.lists import Lists
from gateway.adapters.venues.ccxt.options import (
    NAMES,
    CredentialsMissing,
    OptionsInvalid,
    credential_names,
    read_options,
)
from gateway.adapters.venues.ccxt.orders import create_order_of
from gateway.adapters.venues.ccxt.outcomes import answer_of, words_of
from gateway.adapters.venues.ccxt.pacing import Purpose
from gateway.adapters.venues.ccxt.reading import Unreadable, fills_of, order_of
from gateway.adapters.venues.ccxt.trips import NotExact, SecondSend, Trip
from gateway.domain.capabilities import Holdings, IdReuse, Reach
from gateway.domain.enums import ExecType, OrdType, Side, SubmitStatus, TimeInForce
from gateway.domain.settings import VenueSettings
from tests.venues.tickets import ticket

D = Decimal
#: ccxt reads no orders or no executions of these, or cannot cancel there.
NOT_TRADABLE = frozenset(
    "bithumb btcbox bydfi cex coinspot cryptomus dydx indodax paymium zaif".split()  # as of ccxt 4.5.90
)


def settings_of(exchange: str, **options: str) -> VenueSettings:
    return VenueSettings(name="my-desk", adapter="ccxt", paper_only=False, options={"exchange": exchange} | options)


def client_of(exchange: str, environ: dict[str, str] | None = None, **options: str) -> Client:
    settings = settings_of(exchange, **options)
    return Client(settings, read_options(settings), SystemClock(), environ)


@pytest.mark.parametrize("exchange", ccxt.exchanges)
def test_configuration_alone_makes_an_adapter_of_any_exchange(exchange: str) -> None:
    """Without this, an exchange that ccxt has would need code, or be sent what it cannot take."""
    can = ccxt_capabilities(settings_of(exchange))
    assert OrdType.LIMIT in can.order_types
    assert {TimeInForce.DAY, TimeInForce.GTC, TimeInForce.GTD} <= set(can.times_in_force)
    assert (can.has_replace, can.has_trailing_amount, can.has_trailing_percent) == (False, False, False)
    is_known = known_of(exchange).absent_after_s is not None
    assert (can.lookup is Reach.ALL) is is_known, "what nobody knows proves nothing"
    needed = credential_names("my-desk", client_of(exchange).exchange.requiredCredentials)
    made = client_of(exchange, dict.fromkeys(needed.values(), "c2VjcmV0"))
    assert made.exchange.options["maxRetriesOnFailure"] == 0
    assert made.exchange.number is str
    if exchange in NOT_TRADABLE:
        with pytest.raises(OptionsInvalid, match="orders cannot go"):
            check_tradable(made.exchange, known_of(exchange))
    else:
        check_tradable(made.exchange, known_of(exchange))
        assert can.holdings is not Holdings.NONE


def test_what_is_known_of_single_exchanges() -> None:
    """Without this, a resent id could be taken for safe, or an order that is missing for one that never was."""
    coinbase, binance, kraken = (
        ccxt_capabilities(settings_of(one)) for one in ("coinbaseexchange", "binance", "kraken")
    )
    assert (coinbase.id_reuse, coinbase.lookup, coinbase.has_lookup_by_id) == (IdReuse.NEVER_REFUSED, Reach.ALL, True)
    assert coinbase.order_types == (OrdType.MARKET, OrdType.LIMIT, OrdType.STOP_LIMIT)
    assert (binance.id_reuse, binance.lookup) == (IdReuse.REFUSED_WHILE_OPEN, Reach.ALL)
    assert (kraken.id_reuse, kraken.lookup, kraken.executions) == (IdReuse.NEVER_REFUSED, Reach.NONE, Reach.CURRENT_DAY)
    assert ccxt_capabilities(settings_of("kraken", absent_after_s="60")).lookup is Reach.ALL
    assert ccxt_capabilities(settings_of("no-such")).order_types == (OrdType.MARKET, OrdType.LIMIT)


@pytest.mark.parametrize("form", [IdForm.UUID, IdForm.HEX, IdForm.HEX0X, IdForm.TEXT])
def test_an_id_is_made_again_and_read_back(form: IdForm) -> None:
    """Without this, a restart would not know its own orders at the exchange."""
    for order_id in ("o1-1", "o19aa3b2c4d1-1f4-2b", "x19aa3b2c4d1-1f4f-2bcd", "o19aa3b2c4d1-1f4-2b.1"):
        made = client_id_of(order_id, form)
        assert made == client_id_of(order_id, form)
        assert order_id_of(made, form) == order_id
    long = "a-name-much-longer-than-twenty-three"
    assert client_id_of(long, form) == client_id_of(long, form)
    if form is not IdForm.TEXT:
        made = uuid.UUID(client_id_of("o19aa3b2c4d1-1f4-2b", form).removeprefix("0x"))
        assert (made.version, made.variant) == (4, uuid.RFC_4122)
        assert order_id_of("11111111-2222-4333-8444-555555555555", form) == "11111111-2222-4333-8444-555555555555"


def test_options_are_strict() -> None:
    """Without this, a slip would be ignored, or an option undo what the adapter promises."""
    for options, words in (
        ({"exchnge": "kraken"}, "did you mean `exchange`"),
        ({"client_order_id": "random"}, "uuid, hex, 0x, text, none"),
        ({"exact_wire": "perhaps"}, "yes or no"),
        ({"absent_after_s": "-1"}, "whole seconds"),
        ({"ccxt.maxRetriesOnFailure": "3"}, "nothing is ever sent twice"),
        ({"ccxt.createMarketBuyOrderRequiresPrice": "false"}, "amount of money"),
    ):
        with pytest.raises(OptionsInvalid, match=words):
            read_options(settings_of("kraken", **options))
    with pytest.raises(OptionsInvalid, match="no such option in ccxt"):
        client_of("kraken", **{"ccxt.defaultTyp": "spot"})
    for more in ({"ccxt.recvWindow": "60000"}, {"absent_after_s": "5"}):
        with pytest.raises(OptionsInvalid, match="recvWindow of binance"):
            client_of("binance", **more)
    assert client_of("bybit", **{"ccxt.defaultType": "spot"}).exchange.options["defaultType"] == "spot"
    with pytest.raises(OptionsInvalid, match="kraken"):
        client_of("krakn")
    assert rules._CCXT_OPTIONS == NAMES, "a configuration is judged by the names that the adapter reads"


def test_paper_only_is_kept_or_refused() -> None:
    """Without this, what is meant for paper would reach real money."""
    environ = {f"MY_DESK_{name}": "c2VjcmV0" for name in ("API_KEY", "SECRET", "PASSWORD")}
    for exchange, is_there in (("coinbaseexchange", True), ("kraken", False)):
        settings = VenueSettings(name="my-desk", adapter="ccxt", options={"exchange": exchange})
        if is_there:
            made = Client(settings, read_options(settings), SystemClock(), environ)
            assert "sandbox" in made.exchange.urls["api"]["private"]
            assert "sandbox" in made.exchange.urls["api"]["ws"]
        else:
            with pytest.raises(OptionsInvalid, match="paper_only: false"):
                Client(settings, read_options(settings), SystemClock(), environ)
    at_kraken = {"exchange": "kraken", "base_url": "https://api.kraken.com"}
    settings = VenueSettings(name="my-desk", adapter="ccxt", options=at_kraken)
    with pytest.raises(OptionsInvalid, match="is the real kraken, and paper_only is true"):
        Client(settings, read_options(settings), SystemClock(), environ)
    prices = Client(settings, read_options(settings), SystemClock())
    assert prices.exchange.apiKey is None, "who reads prices holds no key"
    with pytest.raises(CredentialsMissing, match="MY_DESK_API_KEY, MY_DESK_SECRET"):
        client_of("kraken", {})


def test_addresses_move_with_their_paths() -> None:
    """Without this, a proxy or a server of tests would be passed by, by one kind of request."""
    made = client_of("binance", base_url="http://127.0.0.1:1/", stream_url="ws://127.0.0.1:2")
    api = made.exchange.urls["api"]
    assert api["private"] == "http://127.0.0.1:1/api/v3"
    assert api["ws"]["spot"].startswith("ws://127.0.0.1:2/")
    assert not any("binance.com" in str(url) for url in api.values())


EXACT_MARKET = {
    "id": "BTCUSDT",
    "symbol": "BTC/USDT",
    "base": "BTC",
    "quote": "USDT",
    "baseId": "BTC",
    "quoteId": "USDT",
    "type": "spot",
    "spot": True,
    "active": True,
    "precision": {"amount": "0.00000001", "price": "0.00000001"},
    "limits": {},
    "info": {"orderTypes": ["LIMIT", "MARKET"]},
}
MARKET = {
    "symbol": "BTC/USD",
    "active": True,
    "precision": {"amount": "0.001", "price": "0.05"},
    "limits": {"amount": {"min": "0.01", "max": "5"}, "price": {"min": "1"}, "cost": {"min": "10", "max": "100000"}},
}


@pytest.mark.parametrize(
    ("change", "market", "mode", "words"),
    [
        ({"order_qty": D("0.0105")}, {}, 4, "quantity 0.0105 is not a multiple of 0.001"),
        ({"order_qty": D("0.009")}, {}, 4, "below 0.01"),
        ({"order_qty": D("0.0009")}, {}, 4, "0.0009 is not a multiple of 0.001"),
        ({"order_qty": D("5.001")}, {}, 4, "above 5"),
        ({"limit_px": D("1000.01")}, {}, 4, "limit_price 1000.01 is not a multiple of 0.05"),
        ({"limit_px": D("500")}, {}, 4, "value 5 is below 10"),
        ({"limit_px": D("50000"), "order_qty": D(4)}, {}, 4, "value 200000 is above 100000"),
        ({"limit_px": D("1000.5")}, {"precision": {"price": 0}}, 2, "not a multiple of 1"),
        ({"limit_px": D("1234.56")}, {"precision": {"price": 5}}, 3, "more than 5 significant digits"),
        ({}, {"active": False}, 4, "not active"),
        ({"order_qty": D(6)}, {"limits": {"amount": {"max": "5"}, "cost": {"max": "0", "min": 0}}}, 4, "above 5"),
        ({}, {"contract": True, "contractSize": "0.01"}, 4, "contracts of one"),
    ],
)
def test_the_rules_of_a_market_are_kept(change: dict[str, Any], market: dict[str, Any], mode: int, words: str) -> None:
    """Without this, ccxt would round the order into another one, or the exchange refuse it with a number."""
    exchange = Client.unconnected(read_options(settings_of("coinbaseexchange")))
    known = known_of("coinbaseexchange")
    order = ticket(
        **(
            {"venue": "x", "symbol": "BTC/USD", "time_in_force": TimeInForce.GTC}
            | {"order_qty": D("0.01"), "limit_px": D(1000)}
            | change
        )
    )
    forms = order_forms(exchange, known)
    with pytest.raises(OrderUnsupported, match=words) as refused:
        create_order_of(order, "id", MARKET | market, forms, known, mode)
    # Or a flatten would try what is too little again for ever.
    assert isinstance(refused.value, OrderTooSmall) is ("below" in words or "0.0009" in words)


def test_a_quantity_is_never_taken_for_an_amount_of_money() -> None:
    """Without this, buying 1 BTC at market would at some exchanges buy for 1 USDT."""
    forms = order_forms(Client.unconnected(read_options(settings_of("htx"))), known_of("htx"))
    order = ticket(venue="x", symbol="BTC/USDT", ord_type=OrdType.MARKET, time_in_force=TimeInForce.DAY, order_qty=D(1))
    with pytest.raises(OrderUnsupported, match="amount of money"):
        forms.check(order)
    sell = ticket(
        venue="x",
        symbol="BTC/USDT",
        ord_type=OrdType.MARKET,
        time_in_force=TimeInForce.DAY,
        order_qty=D(1),
        side=Side.SELL,
    )
    forms.check(sell)


@pytest.mark.parametrize(
    ("error", "status", "is_sent", "outcome"),
    [
        (ccxt.InvalidOrder("x"), 400, True, SubmitStatus.REJECTED),
        (ccxt.InsufficientFunds("x"), 200, True, SubmitStatus.REJECTED),
        (ccxt.BadSymbol("x"), 400, True, SubmitStatus.REJECTED),
        (ccxt.AuthenticationError("x"), 401, True, SubmitStatus.REJECTED),
        (ccxt.InvalidNonce("x"), 400, True, SubmitStatus.REJECTED),
        (ccxt.RateLimitExceeded("x"), 429, True, SubmitStatus.REJECTED),
        (ccxt.DDoSProtection("x"), 418, True, SubmitStatus.REJECTED),
        (ccxt.ExchangeError("x"), 400, True, SubmitStatus.REJECTED),
        (ccxt.ExchangeNotAvailable("x"), 403, True, SubmitStatus.REJECTED),
        (ccxt.ExchangeError("no word of ccxt for this"), 200, True, SubmitStatus.UNKNOWN),
        (ccxt.ExchangeError("cut off"), None, True, SubmitStatus.UNKNOWN),
        (ccxt.InvalidOrder("told with 503"), 503, True, SubmitStatus.UNKNOWN),
        (ccxt.DDoSProtection("x"), 520, True, SubmitStatus.UNKNOWN),
        (ccxt.DuplicateOrderId("x"), 400, True, SubmitStatus.UNKNOWN),
        (ccxt.InvalidOrder("Duplicate order sent."), 400, True, SubmitStatus.UNKNOWN),
        (ccxt.OrderNotFound("x"), 200, True, SubmitStatus.UNKNOWN),
        (ccxt.RequestTimeout("x"), None, True, SubmitStatus.UNKNOWN),
        (ccxt.RequestTimeout("x"), 408, True, SubmitStatus.UNKNOWN),
        (ccxt.ExchangeNotAvailable("x"), None, True, SubmitStatus.UNKNOWN),
        (ccxt.OnMaintenance("x"), 503, True, SubmitStatus.UNKNOWN),
        (ccxt.OperationFailed("-1006"), 200, True, SubmitStatus.UNKNOWN),
        (ccxt.BadResponse("x"), 200, True, SubmitStatus.UNKNOWN),
        (ccxt.NullResponse("x"), 200, True, SubmitStatus.UNKNOWN),
        (Unreadable("a page"), 200, True, SubmitStatus.UNKNOWN),
        (KeyError("a mistake in reading"), 200, True, SubmitStatus.UNKNOWN),
        (KeyError("a mistake before sending"), None, False, SubmitStatus.REJECTED),
        (ccxt.ExchangeNotAvailable("x"), None, False, SubmitStatus.REJECTED),
    ],
)
def test_what_an_exception_proves(error: Exception, status: int | None, is_sent: bool, outcome: SubmitStatus) -> None:
    """Without this, an order that is there would count as rejected, or one that was refused be doubted for ever."""
    trip = Trip(is_sent=is_sent, status=status)
    assert answer_of(error, trip).status is outcome


def test_what_is_told_of_an_error_is_short_and_holds_no_signature() -> None:
    """Without this, what an exchange signs in its addresses would stand in the journal."""
    error = ccxt.ExchangeNotAvailable(
        "binance GET https://host/api/v3/order?symbol=X&signature=abc 503 <html>\n</html>"
    )
    assert words_of(error) == "binance GET https://host/api/v3/order?… 503 <html> </html>"
    assert len(words_of(ccxt.ExchangeError("x" * 1_000))) == 300


def test_a_request_with_other_figures_does_not_leave() -> None:
    """Without this, whatever ccxt did to a figure would be found out by the exchange."""
    for body, is_fine in (
        ('{"size":"0.01","price":"99000.5"}', True),
        ('{"size":0.01,"price":99000.50}', True),
        ("symbol=BTCUSD&quantity=1e-2&price=99000.5", True),
        ('{"size":"0.01","price":"99000.51"}', False),
        ('{"size":"0.010000001","price":"99000.5"}', False),
        ('{"size":"x0.01","price":"99000.5"}', False),
    ):
        trip = Trip(figures=(D("0.01"), D("99000.5")))
        if is_fine:
            trip.on_leaving("https://host/orders", "POST", body)
            assert trip.is_sent
        else:
            with pytest.raises(NotExact):
                trip.on_leaving("https://host/orders", "POST", body)
            assert not trip.is_sent
    nameless = Trip(figures=(D("0.01"),), client_id="o1-1")
    with pytest.raises(NotExact, match="our id"):
        nameless.on_leaving("https://host/orders", "POST", '{"size":"0.01"}')
    asked_before = Trip(figures=(D("0.01"),))
    asked_before.on_leaving("https://host/accounts?limit=100", "GET", None)
    assert not asked_before.is_sent


@pytest.mark.parametrize(
    "exchange", "binance bitget bitstamp coinbase cryptocom deribit gate kraken mexc okx whitebit woo".split()
)
async def test_other_exchanges_are_sent_exact_figures_too(exchange: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without this, what holds at the exchange of the tests could be wrong elsewhere: these have a quantity of more
    digits than a float holds, and a price that a float writes with an exponent, in a request of each exchange's own."""
    needed = credential_names("my-desk", client_of(exchange).exchange.requiredCredentials)
    made = client_of(exchange, dict.fromkeys(needed.values(), "c2VjcmV0c2VjcmV0"), base_url="http://127.0.0.1:9")
    made.exchange.set_markets([EXACT_MARKET])
    order = ticket(
        order_id="o19aa3b2c4d1-1f4-2b",
        venue="x",
        symbol="BTC/USDT",
        time_in_force=TimeInForce.GTC,
        order_qty=D("123456789.12345678"),
        limit_px=D("0.00001234"),
    )
    known, market = known_of(exchange), made.exchange.market("BTC/USDT")
    client_id = client_id_of(order.order_id, known.id_form)
    request = create_order_of(order, client_id, market, order_forms(made.exchange, known), known, 4)
    left: list[str] = []

    async def stay_here(url: str, method: str, headers: Any, body: Any) -> Any:
        left.append(f"{url} {body}")
        raise ccxt.ExchangeNotAvailable("nothing goes out")

    monkeypatch.setattr(type(made.exchange).__mro__[2], "fetch", lambda self, *args: stay_here(*args))
    trip = Trip(request.figures, client_id, purpose=Purpose.ORDER)
    args = (request.symbol, request.type, request.side, request.amount, request.price, request.params)
    with pytest.raises(ccxt.ExchangeNotAvailable):
        await made.call("create_order", *args, trip=trip)
    await made.close()
    assert trip.is_sent
    assert (client_id in left[-1], "123456789.12345678" in left[-1]) == (True, True)


def test_the_same_request_does_not_leave_twice_in_one_call() -> None:
    """Without this, a library that tries again by itself would place a second order."""
    trip = Trip(figures=(D("0.01"),), purpose=Purpose.ORDER)
    trip.on_leaving("https://host/orders?nonce=1", "POST", '{"size":"0.01"}')
    with pytest.raises(SecondSend) as caught:
        trip.on_leaving("https://host/orders?nonce=2", "POST", '{"size":"0.01"}')
    assert answer_of(caught.value, trip).status is SubmitStatus.UNKNOWN, "the first may be there"
    reading = Trip()
    for _ in range(2):  # some exchanges are read by POST, page after page
        reading.on_leaving("https://host/info", "POST", "{}")


class Pages:
    """An exchange with 250 rows, one each millisecond, of which it tells 100 at a time."""

    def __init__(self, style: str) -> None:
        self.exchange = Client.unconnected(read_options(settings_of("coinbaseexchange")))
        self.style = style
        self.rows = [{"id": str(number), "timestamp": 1_000 + number} for number in range(250)]

    async def call(self, method: str, symbol: str, since: int | None, limit: int, params: dict[str, int]) -> Any:
        assert (method, limit) == ("fetch_my_trades", 100)
        until = params.get("until", 10**15) if "until" in self.style else 10**15
        rows = [row for row in self.rows if (since or 0) <= row["timestamp"] <= until]
        return rows[:100] if "oldest" in self.style else rows[-100:]


@pytest.mark.parametrize(
    ("style", "count"),
    [("newest, until", 250), ("oldest, until", 250), ("oldest", 250), ("newest", 100)],
)
async def test_lists_are_read_to_their_ends_or_told_not_to_be(style: str, count: int) -> None:
    """Without this, what is on the second page would count as missing: an order as never sent, a fill as never made."""
    listed = await Lists(Pages(style)).read("fetchMyTrades", "BTC/USD", 1_000)  # type: ignore[arg-type]
    assert (len(listed.rows), listed.is_whole) == (count, count == 250)
    short = Pages(style)
    short.rows = short.rows[:99]
    assert (await Lists(short).read("fetchMyTrades", "BTC/USD", 1_000)).is_whole  # type: ignore[arg-type]


async def test_what_comes_while_a_list_is_read_proves_nothing_about_its_beginning() -> None:
    """Without this, a busy exchange that tells the newest only would seem to have told all: an order of an hour ago
    would count as never sent."""
    pages = Pages("newest")
    told = pages.call

    async def busy(*how: Any) -> Any:
        pages.rows.append({"id": str(len(pages.rows)), "timestamp": pages.exchange.milliseconds()})
        return await told(*how)

    pages.call = busy  # type: ignore[method-assign]
    listed = await Lists(pages).read("fetchMyTrades", "BTC/USD", 1_000)  # type: ignore[arg-type]
    assert len(listed.rows) > 100, "what came meanwhile is told"
    assert not listed.is_whole


async def test_an_old_order_that_ends_while_a_list_is_read_proves_nothing_about_its_beginning() -> None:
    """Without this, an order that is new among the closed ones, with a time of before the reading, would make a list of
    the newest seem to have told all."""
    pages = Pages("newest")
    told = pages.call

    async def busy(method: str, symbol: str, since: int | None, limit: int, params: dict[str, int]) -> Any:
        if since != 1_000:  # what is newer than the first page is asked for
            pages.rows.append({"id": "ended", "timestamp": pages.exchange.milliseconds() - 60_000})
        return await told(method, symbol, since, limit, params)

    pages.call = busy  # type: ignore[method-assign]
    listed = await Lists(pages).read("fetchMyTrades", "BTC/USD", 1_000)  # type: ignore[arg-type]
    assert len(listed.rows) < 250
    assert not listed.is_whole


async def test_rows_of_one_millisecond_at_the_edge_of_a_page_are_not_lost() -> None:
    """Without this, a trade would be missing at an exchange of microseconds: ccxt tells .123456 as .123, and up to .123
    leaves out what happened in between."""
    pages = Pages("newest, until")
    rows = [{"id": str(number), "timestamp": 10_000 + number // 3} for number in range(250)]
    micros = {row["id"]: 1_000 * int(row["timestamp"]) + 100 * (number % 3) + 1 for number, row in enumerate(rows)}

    async def tell(method: str, symbol: str, since: int | None, limit: int, params: dict[str, int]) -> Any:
        first, last = 1_000 * (since or 0), 1_000 * params.get("until", 10**15)
        return [row for row in rows if first <= micros[str(row["id"])] <= last][-100:]

    pages.call = tell  # type: ignore[method-assign]
    listed = await Lists(pages).read("fetchMyTrades", "BTC/USD", 1_000)  # type: ignore[arg-type]
    assert (len(listed.rows), listed.is_whole) == (250, True)


def test_figures_are_read_exactly_or_not_at_all() -> None:
    """Without this, a float of ccxt's making would become money, or two fills one."""
    row = {"id": "1", "amount": "0.10000000000000000001", "filled": "0", "status": "open"}
    assert order_of(row).order_qty == D("0.10000000000000000001")
    with pytest.raises(Unreadable, match="float"):
        order_of(row | {"filled": 0.1})
    with pytest.raises(Unreadable, match="no order"):
        order_of({"id": None})
    assert order_of(row | {"status": "closed", "filled": "0.05"}).end is ExecType.CANCELED
    trade = {
        "id": "7",
        "order": "1",
        "amount": "0.1",
        "price": "5",
        "timestamp": 2,
        "fee": {"cost": "0.01", "currency": "USD"},
    }
    [first, second] = fills_of("o1", [trade, trade | {"id": "8", "timestamp": 1}])
    assert (first.exec_id, second.exec_id, second.fee) == ("1-8", "1-7", D("0.01"))
    for broken in ({"id": None}, {"order": None}, {"amount": None}, {"price": 5.0}):
        with pytest.raises(Unreadable):
            fills_of("o1", [trade | broken])
