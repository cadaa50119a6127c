"""Quotes on request and the watch list."""

import pytest
import yarl

from gateway.domain.enums import Role
from gateway.domain.market import DepthUpdate, PriceLevel
from tests.fakes.gateway_samples import D
from tests.http.desk import Desk, principal

MARKET = "/api/trading/market-data"


@pytest.mark.parametrize(
    ("path", "symbol"), [("AAPL", "AAPL"), ("BTC/USDT", "BTC/USDT"), ("BTC%2FUSDT", "BTC/USDT"), ("A%2BB", "A+B")]
)
async def test_a_quote_is_found_by_its_symbol_however_it_is_written(path: str, symbol: str) -> None:
    """Crypto symbols hold a slash; clients encode it or do not."""
    async with Desk() as desk:
        desk.market.tick(symbol, "1.10", "1.20")
        desk.clock.advance(ms=1500)
        async with desk.client.get(yarl.URL(f"{desk.url}{MARKET}/{path}", encoded=True)) as reply:
            quote = await reply.json()
    assert (quote["symbol"], quote["bid_px"], quote["ask_px"], quote["last_px"]) == (symbol, "1.1", "1.2", None)
    assert quote["age_ms"] == 1500
    assert quote["event_time"] is None
    assert quote["is_synthetic"] is False


async def test_no_quote_is_404() -> None:
    """An empty quote would look like a market without prices; without the reason, nobody would know what to mend."""
    async with Desk() as desk:
        desk.market.troubles["NOPE"] = "this login has no subscription for live prices of it"
        answer = await desk.ask("GET", f"{MARKET}/NOPE")
        quiet = await desk.ask("GET", f"{MARKET}/QUIET")
    assert (answer.status, answer.json["code"]) == (404, "QUOTE_NOT_FOUND")
    assert "no subscription" in answer.json["detail"]
    assert "not told one yet" in quiet.json["detail"]


async def test_a_quote_says_where_it_is_from_how_fresh_it_is_and_what_stands_behind_it() -> None:
    """Without this, a price that stood still for an hour would look like one of now."""
    level = PriceLevel(D("1.10"), D(5))
    async with Desk() as desk:
        desk.market.tick("BTC/USDT", "1.10", "1.20")
        fresh = (await desk.ask("GET", f"{MARKET}/BTC/USDT")).json
        desk.market.depths["BTC/USDT"] = DepthUpdate("BTC/USDT", (level,) * 30, (), 0, 0, is_snapshot=True)
        desk.clock.advance(ms=5_001)
        stale = (await desk.ask("GET", f"{MARKET}/BTC/USDT")).json
    assert (fresh["is_stale"], fresh["source"], fresh["depth"], fresh["is_delayed"]) == (False, "binance", None, False)
    assert (stale["is_stale"], stale["age_ms"]) == (True, 5_001)
    assert stale["depth"] == {"bids": [["1.1", "5"]] * 10, "asks": []}


async def test_a_watch_list_grows_and_shrinks() -> None:
    """Subscribing over HTTP says what later streams start with."""
    async with Desk() as desk:
        desk.market.tick("AAPL", "1", "2")
        desk.market.troubles["BTC/USDT"] = "Binance has no symbol BTCUSDT"
        added = await desk.ask("POST", f"{MARKET}/subscribe", {"symbols": ["AAPL", "BTC/USDT", "AAPL"]})
        desk.clock.advance(ms=6_000)
        removed = await desk.ask("DELETE", f"{MARKET}/subscribe/BTC/USDT")
        again = await desk.ask("DELETE", f"{MARKET}/subscribe/BTC/USDT")
    assert added.json == {
        "symbols": ["AAPL", "BTC/USDT"],
        "without_quote": ["BTC/USDT"],
        "stale": [],
        "troubles": {"BTC/USDT": "Binance has no symbol BTCUSDT"},
    }
    assert removed.json == {"symbols": ["AAPL"], "without_quote": [], "stale": ["AAPL"], "troubles": {}}
    assert (again.status, again.json["code"]) == (404, "SUBSCRIPTION_NOT_FOUND")


async def test_watch_lists_are_kept_apart_and_bounded() -> None:
    """One key's list must not fill another's streams, or the memory."""
    async with Desk(principal("a", Role.VIEWER), principal("b", Role.VIEWER)) as desk:
        first = await desk.ask("POST", f"{MARKET}/subscribe", {"symbols": [f"S{n}" for n in range(500)]}, "a")
        over = await desk.ask("POST", f"{MARKET}/subscribe", {"symbols": ["MORE"]}, "a")
        other = await desk.ask("POST", f"{MARKET}/subscribe", {"symbols": ["MORE"]}, "b")
    assert (first.status, over.status, over.json["code"]) == (200, 409, "SUBSCRIPTION_FULL")
    assert other.json["symbols"] == ["MORE"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"symbols": {}},
        {"symbols": {"AAPL": 1}},
        {"symbols": []},
        {"symbols": "AAPL"},
        {"symbols": [1]},
        {"symbols": ["a b"]},
    ],
)
async def test_a_subscription_names_symbols(body: object) -> None:
    """A wrong list is refused, not half taken."""
    async with Desk() as desk:
        answer = await desk.ask("POST", f"{MARKET}/subscribe", body)
    assert (answer.status, answer.json["errors"][0]["field"]) == (400, "symbols")
