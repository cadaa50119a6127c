"""A whole gateway, as a process of its own, with prices of a venue: what SHADOW fills at, edits of the source."""

import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.orders import market
from tests.e2e.process import Api, Site, eventually, running
from tests.patience import PATIENCE_S
from tests.venues.binance.server import BinanceServer
from tests.venues.tws.server import TwsServer

D = Decimal


@pytest.fixture
def site(tmp_path: Path) -> Site:
    made = Site(tmp_path)
    made.lift_limits()
    return made


def point_at(site: Site, peer: BinanceServer, source: Any) -> None:
    options = {"data_url": f"{peer.url}/api", "data_stream_url": f"{peer.ws_url}/stream"}
    site.merge("gateway.yaml", {"venues": {"binance": {"options": options}}, "market_data": {"source": source}})


async def until_quoted(api: Api, symbol: str, **wanted: object) -> dict[str, Any]:
    """The quote of a symbol, once it is so."""
    quote: dict[str, Any] = {}

    async def is_so() -> bool:
        nonlocal quote
        quote = (await api.get(f"/api/trading/market-data/{symbol}")).body
        return all(quote.get(key) == value for key, value in wanted.items())

    await eventually(is_so, PATIENCE_S, lambda: f"{symbol}: {quote} is not {wanted}")
    return quote


async def connections(api: Api, kind: str = "market_data") -> dict[str, dict[str, Any]]:
    found = (await api.fetch("/api/trading/connections"))["connections"]
    return {one["name"]: one for one in found if one["kind"] == kind}


async def test_shadow_is_filled_from_the_venues_own_prices(site: Site) -> None:
    """Without this, evidence gathered in SHADOW would be of an invented market, and unlock a real one."""
    async with BinanceServer() as peer:
        peer.quote("BTCUSDT", "65000", "65001", "0.5")
        peer.quote("ETHUSDT", "2600", "2601", "30")
        point_at(site, peer, {"binance": "binance", "default": "synthetic"})
        async with running(site) as gateway:
            api = gateway.api()
            await until_quoted(api, "BTC/USDT", ask_px="65001", is_synthetic=False)
            await until_quoted(api, "AAPL", is_synthetic=True)
            bought = (await api.place(**market(symbol="BTC/USDT", quantity="0.2"))).body
            done = await api.until_order(bought["order_id"], lambda one: one["ord_status"] == "filled")
            assert (done["route"], done["avg_px"]) == ("shadow", "65001")
            assert (await connections(api))["binance"]["is_connected"]
            assert not (await connections(api, "venue"))["binance"]["is_connected"], "in SHADOW nothing could trade"
            assert {op for op, _ in peer.requests} <= {"market"}, "only prices were asked for"
            metrics = await api.get("/metrics")
            assert metrics.status == 200
            assert re.search(r'gateway_market_data_updates_total{source="binance"} [1-9]', metrics.body)
            assert 'gateway_market_data_unpriced_symbols{source="binance"} ' in metrics.body


async def test_the_source_of_prices_is_changed_by_an_edit(site: Site) -> None:
    """Without this, a change of the source would need a restart, or an order be priced by two sources at once."""
    async with BinanceServer() as peer:
        peer.quote("BTCUSDT", "65000", "65001", "0.5")
        async with running(site) as gateway:
            api = gateway.api()
            await until_quoted(api, "BTC/USDT", is_synthetic=True)
            point_at(site, peer, {"binance": "binance", "default": "synthetic"})
            await until_quoted(api, "BTC/USDT", bid_px="65000", is_synthetic=False)
            point_at(site, peer, {"binance": "alpaca-east", "default": "synthetic"})

            async def is_refused() -> bool:
                return "must be a source of prices" in str((await api.get("/health/ready")).body)

            await eventually(is_refused, PATIENCE_S)
            assert (await api.fetch("/api/trading/market-data/BTC/USDT"))["is_synthetic"] is False
            site.merge("gateway.yaml", {"market_data": {"source": "synthetic"}})
            await until_quoted(api, "BTC/USDT", is_synthetic=True)
            assert list(await connections(api)) == ["synthetic"]
            point_at(site, peer, "binance")
            await until_quoted(api, "BTC/USDT", bid_px="65000")
            assert (await api.get("/api/trading/market-data/AAPL")).status == 404


async def test_no_new_risk_is_taken_without_a_price_or_on_a_stale_one(site: Site) -> None:
    """Without this, a feed that died would go on valuing and filling orders at its last price."""
    async with BinanceServer() as peer:
        peer.quote("BTCUSDT", "65000", "65001", "0.5")
        point_at(site, peer, "binance")
        site.merge("gateway.yaml", {"market_data": {"stale_after_ms": 600}})
        async with running(site) as gateway:
            api = gateway.api()
            await until_quoted(api, "BTC/USDT", ask_px="65001", is_stale=False)
            assert (await api.place(**market(symbol="BTC/USDT", quantity="0.2"))).status == 201
            unpriced = await api.place(**market(symbol="AAPL", quantity="1"))
            assert (unpriced.status, unpriced.body["code"]) == (422, "MARKET_DATA_UNAVAILABLE")
            await peer.stop()
            await until_quoted(api, "BTC/USDT", is_stale=True)
            stale = await api.place(**market(symbol="BTC/USDT", quantity="0.2"))
            assert (stale.status, stale.body["code"]) == (422, "STALE_MARKET_DATA")
            assert re.search(r"age .*\d{3,}.*600", stale.body["detail"]), "how old the price is, and the limit"
            assert not (await connections(api))["binance"]["is_connected"]
            closing = await api.place(**market("sell", symbol="BTC/USDT", quantity="0.2"))
            assert closing.status == 201, "what only closes is never kept from it"


async def test_a_crossed_market_is_told_as_it_is_and_no_price_to_trade_at(site: Site) -> None:
    """Without this, a feed that is out of its mind would value and fill orders."""
    async with BinanceServer() as peer:
        peer.quote("BTCUSDT", "65000", "65001", "0.5")
        point_at(site, peer, {"binance": "binance", "default": "synthetic"})
        site.write("risk.yaml", "limits: {max_order_value: 1000000, deny_crossed_market: true}\n")
        async with running(site) as gateway:
            api = gateway.api()
            await until_quoted(api, "BTC/USDT", bid_px="65000")
            peer.quote("BTCUSDT", "65100", "65001", "0.5")
            await until_quoted(api, "BTC/USDT", bid_px="65100", ask_px="65001")
            denied = await api.place(**market(symbol="BTC/USDT", quantity="0.2"))
            assert (denied.status, denied.body["code"]) == (422, "CROSSED_MARKET")
            peer.quote("BTCUSDT", "65000", "65001", "0.5")
            await until_quoted(api, "BTC/USDT", bid_px="65000")
            assert (await api.place(**market(symbol="BTC/USDT", quantity="0.2"))).status == 201


async def test_shadow_at_interactive_brokers_is_filled_from_tws_over_a_connection_that_cannot_trade(site: Site) -> None:
    """Without this, SHADOW of shares would need a session able to trade, or be filled from an invented market."""
    async with TwsServer() as tws:
        tws.quote("AAPL", "179.99", "180.01", 300)
        site.write("instruments.yaml", "symbols: [{symbol: AAPL, venue: ibkr, calendar: 24/7}]\n")
        site.merge(
            "gateway.yaml", {"venues": {"ibkr": {"port": tws.port, "timeout": 1}}, "market_data": {"source": "ibkr"}}
        )
        async with running(site) as gateway:
            api = gateway.api()
            await until_quoted(api, "AAPL", bid_px="179.99", is_synthetic=False, is_delayed=False, source="ibkr")
            bought = (await api.place(**market(symbol="AAPL", quantity="100"))).body
            done = await api.until_order(bought["order_id"], lambda one: one["ord_status"] == "filled")
            assert (done["route"], done["avg_px"]) == ("shadow", "180.01")
            assert tws.seen == []
            assert (await connections(api))["ibkr"]["is_connected"]
            assert not (await connections(api, "venue"))["ibkr"]["is_connected"]
            assert tws.session_of(7) is None, "the client id of orders is free"
            site.write("instruments.yaml", "symbols: [{symbol: AAPL, venue: ibkr, calendar: XNOPE}]\n")

            async def is_refused() -> bool:
                return "must be a calendar" in str((await api.get("/health/ready")).body["warnings"])

            await eventually(is_refused, PATIENCE_S, lambda: gateway.log[-1500:])
            assert (await api.fetch("/api/trading/market-data/AAPL"))["bid_px"] == "179.99"
