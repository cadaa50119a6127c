"""ws/market-data: what a client asks for, newest first when it cannot keep up, and nothing after it left."""

import asyncio
import json
from typing import Any

import aiohttp
import pytest

from gateway.adapters.http import market_relay, market_stream, stream_server
from gateway.adapters.http.market_stream import _QuoteStream
from gateway.adapters.http.market_views import quote_view
from gateway.adapters.http.streams import Pace, encode, frame
from gateway.domain.enums import Role
from gateway.domain.market import Quote, TradeTick
from tests.fakes.clock import ManualClock
from tests.fakes.gateway_samples import NOW_NS, D, FakeMarket
from tests.http.desk import Desk, principal
from tests.patience import PATIENCE_S

PATH = "/api/trading/ws/market-data"
Socket = aiohttp.ClientWebSocketResponse


@pytest.fixture(autouse=True, params=[False, True], ids=["here", "handed over"])
def where(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Clients notice nothing of which process serves them."""
    monkeypatch.setattr(Desk, "hands_streams_over", request.param)


async def subscribe(ws: Socket, *symbols: str, action: str = "subscribe") -> Any:
    await ws.send_json({"action": action, "symbols": list(symbols)})
    return await ws.receive_json(timeout=PATIENCE_S)


async def test_quotes_arrive_as_they_come() -> None:
    """The user's JavaScript example takes every message after its subscription for market data: anything else would
    break it."""
    async with Desk() as desk, desk.client.ws_connect(desk.url + PATH) as ws:
        desk.market.tick("AAPL", "1", "2")
        answer = await subscribe(ws, "AAPL", "MSFT")
        assert answer == {
            "symbols": ["AAPL", "MSFT"],
            "without_quote": ["MSFT"],
            "stale": [],
            "troubles": {},
            "type": "subscribed",
        }
        first = await ws.receive_json(timeout=PATIENCE_S)
        desk.market.tick("MSFT", "3.50", "4")
        second = await ws.receive_json(timeout=PATIENCE_S)
    assert (first["type"], first["symbol"], first["bid_px"]) == ("quote", "AAPL", "1")
    assert (second["symbol"], second["bid_px"], second["received_time"][:10]) == ("MSFT", "3.5", "2023-11-14")
    assert "age_ms" not in second


async def test_a_withdrawn_key_ends_its_streams_of_prices(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without this, who was shown the door would go on reading prices for as long as he stays connected."""
    monkeypatch.setattr(market_stream, "_LOOK_EVERY_S", 0.02)
    reader, other = principal("reader", Role.VIEWER), principal("other", Role.ADMIN)
    async with Desk(reader, other) as desk:
        headers = {"Authorization": "Bearer key-reader"}
        async with desk.client.ws_connect(desk.url + PATH, headers=headers) as ws:
            await subscribe(ws, "AAPL")
            desk.people = (other,)
            ended = await ws.receive(timeout=PATIENCE_S)
            while ended.type is aiohttp.WSMsgType.TEXT:
                ended = await ws.receive(timeout=PATIENCE_S)
            assert (ended.type, ws.close_code) == (aiohttp.WSMsgType.CLOSE, 1008)


async def test_unsubscribed_symbols_fall_silent() -> None:
    """Unwanted quotes would crowd out the wanted ones."""
    async with Desk() as desk, desk.client.ws_connect(desk.url + PATH) as ws:
        await subscribe(ws, "AAPL", "MSFT")
        assert (await subscribe(ws, "AAPL", action="unsubscribe"))["symbols"] == ["MSFT"]
        desk.market.tick("AAPL", "1", "2")
        desk.market.tick("MSFT", "1", "2")
        assert (await ws.receive_json(timeout=PATIENCE_S))["symbol"] == "MSFT"


async def test_the_watch_list_is_where_a_stream_starts() -> None:
    """POST market-data/subscribe would otherwise have no effect at all."""
    async with Desk() as desk:
        desk.market.tick("AAPL", "1", "2")
        await desk.ask("POST", "/api/trading/market-data/subscribe", {"symbols": ["AAPL"]})
        async with desk.client.ws_connect(desk.url + PATH) as ws:
            assert (await ws.receive_json(timeout=PATIENCE_S))["symbol"] == "AAPL"


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("nonsense", "(body)"),
        ("[]", "(body)"),
        ('{"action": "buy", "symbols": ["A"]}', "action"),
        ('{"action": "subscribe"}', "symbols"),
        ('{"action": "subscribe", "symbols": ["a b"]}', "symbols"),
    ],
)
async def test_garbage_is_answered_and_the_stream_goes_on(text: str, field: str) -> None:
    """A disconnect for a typo would cost the client its market data."""
    async with Desk() as desk, desk.client.ws_connect(desk.url + PATH) as ws:
        await ws.send_str(text)
        error = await ws.receive_json(timeout=PATIENCE_S)
        assert (error["type"], error["errors"][0]["field"]) == ("error", field)
        await ws.send_bytes(b"\x00")
        assert (await ws.receive_json(timeout=PATIENCE_S))["errors"][0]["field"] == "(message)"
        assert (await subscribe(ws, "AAPL"))["symbols"] == ["AAPL"]


async def test_a_stream_is_bounded() -> None:
    """One client must not listen to everything there is."""
    async with Desk() as desk, desk.client.ws_connect(desk.url + PATH) as ws:
        await subscribe(ws, *(f"S{number}" for number in range(500)))
        assert (await subscribe(ws, "MORE"))["errors"][0]["field"] == "symbols"


def texts_of(frames: bytes) -> list[bytes]:
    """The messages in what a server wrote, each longer than 125 bytes and shorter than 64 KiB."""
    found, at = [], 0
    while at < len(frames):
        assert frames[at : at + 2] == bytes((0x81, 126))
        end = at + 4 + int.from_bytes(frames[at + 2 : at + 4], "big")
        found.append(frames[at + 4 : end])
        at = end
    return found


def encoded(quote: Quote) -> tuple[bytes, bytes]:
    message = encode(quote_view(quote))
    return message, frame(message)


async def test_a_slow_client_gets_the_latest_of_each_symbol() -> None:
    """A queue of stale quotes is worse than none, and grows without bound."""
    market = FakeMarket()
    stream = _QuoteStream(market, ManualClock(), Pace(), encoded)
    sent: list[dict[str, Any]] = []
    is_ready, is_done = asyncio.Event(), asyncio.Event()

    class SlowConnection:
        def send_frames(self, frames: bytes) -> int:
            sent.extend(json.loads(text) for text in texts_of(frames))
            if len(sent) == 4:
                is_done.set()
            return 0

        async def kept_up(self) -> None:
            await is_ready.wait()

    async def talk() -> None:
        talkers, _ = stream.begin(SlowConnection())  # type: ignore[arg-type]
        await talkers[0]()

    talking = asyncio.create_task(talk())
    await asyncio.sleep(0)
    stream.subscribe(["A", "B"])
    for price in range(1, 1_001):
        market.tick("A", str(price), str(price + 1))
        market.tick("B", str(price), str(price + 1))
        if price == 1:
            for _ in range(3):
                await asyncio.sleep(0)
    is_ready.set()
    await asyncio.wait_for(is_done.wait(), PATIENCE_S)
    talking.cancel()
    told = [(quote["symbol"], quote["bid_px"], quote.get("conflated")) for quote in sent]
    assert told == [("A", "1", None), ("B", "1", None), ("A", "1000", 998), ("B", "1000", 998)]


async def test_a_symbol_that_falls_silent_is_told_and_that_it_is_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Silence of a symbol would otherwise look like a price that stands."""
    monkeypatch.setattr(market_stream, "_LOOK_EVERY_S", 0.01)
    async with Desk() as desk, desk.client.ws_connect(desk.url + PATH) as ws:
        desk.market.tick("AAPL", "1", "2", desk.clock.now_ns())
        assert (await subscribe(ws, "AAPL"))["stale"] == []
        assert (await ws.receive_json(timeout=PATIENCE_S))["type"] == "quote"
        desk.market.troubles["AAPL"] = "TWS has lost the servers of IB"
        await subscribe(ws, "MSFT")  # so that the trouble is known wherever the stream is served
        desk.clock.advance(ms=5_001)
        silent = await ws.receive_json(timeout=PATIENCE_S)
        desk.market.tick("AAPL", "1", "2", desk.clock.now_ns())
        back = [await ws.receive_json(timeout=PATIENCE_S) for _ in range(2)]
    assert silent == {
        "symbol": "AAPL",
        "is_stale": True,
        "trouble": "TWS has lost the servers of IB",
        "type": "freshness",
    }
    assert {"symbol": "AAPL", "is_stale": False, "trouble": "", "type": "freshness"} in back


async def test_only_quotes_are_sent() -> None:
    """Trades and depth come through the same listener; this stream is level 1."""
    async with Desk() as desk, desk.client.ws_connect(desk.url + PATH) as ws:
        await subscribe(ws, "AAPL")
        desk.market.tell("AAPL", TradeTick("AAPL", D(1), D(1), 0, NOW_NS, False))
        desk.market.tick("AAPL", "1", "2")
        assert (await ws.receive_json(timeout=PATIENCE_S))["type"] == "quote"


async def test_a_client_that_left_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """Listeners of dead connections would slow every tick for ever."""
    monkeypatch.setattr(market_relay, "_KEPT_S", 0.0)
    monkeypatch.setattr(stream_server, "_TIDY_EVERY_S", 0.01)
    async with Desk() as desk:
        async with desk.client.ws_connect(desk.url + PATH) as ws:
            await subscribe(ws, "AAPL")
            assert len(desk.market.listeners["AAPL"]) == 1
        async with asyncio.timeout(PATIENCE_S):
            while desk.market.listeners["AAPL"] or desk.server.open_streams()["market-data",]:  # noqa: ASYNC110
                await asyncio.sleep(0.005)


async def test_a_browser_may_offer_its_key_as_a_protocol() -> None:
    """Browsers cannot set Authorization on a WebSocket; without this the page could not stream."""
    async with Desk(principal("viewer", Role.VIEWER)) as desk:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await desk.client.ws_connect(desk.url + PATH)
        protocols = ("gateway.v1", "bearer.key-viewer")
        async with desk.client.ws_connect(desk.url + PATH, protocols=protocols) as ws:
            assert ws.protocol == "gateway.v1"
            assert (await subscribe(ws, "A"))["symbols"] == ["A"]
    assert refused.value.status == 401


async def test_a_plain_request_is_told_to_upgrade() -> None:
    """A person who opens the path in a browser should read what it is."""
    async with Desk() as desk:
        answer = await desk.ask("GET", PATH)
    assert (answer.status, answer.json["code"], answer.headers["Upgrade"]) == (426, "UPGRADE_REQUIRED", "websocket")
