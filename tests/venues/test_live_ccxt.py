"""A whole gateway, as a process of its own, on an exchange of ccxt: a canary at its prices, doubt, a kill."""

from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.adapters.venues.ccxt.ids import client_id_of, order_id_of
from gateway.adapters.venues.ccxt.known import IdForm
from tests.e2e.orders import market, resting
from tests.e2e.process import Api, Site, eventually, running
from tests.patience import PATIENCE_S
from tests.venues.exchange.server import CoinbaseServer

D = Decimal
BTC = {"symbol": "BTC/USD", "quantity": "0.01"}


@pytest.fixture
def site(tmp_path: Path) -> Site:
    made = Site(tmp_path)
    made.lift_limits()
    symbols = yaml.safe_load(made.read("instruments.yaml"))["symbols"]
    symbols["crypto"].append({"symbol": "BTC/USD", "venue": "coinbase-desk", "lot_size": "0.00000001"})
    made.merge("instruments.yaml", {"symbols": symbols})
    return made


def point_at(site: Site, peer: CoinbaseServer, pct: float, timeout_s: int = 2) -> dict[str, str]:
    """Trade ``pct`` percent there, at its prices; returns the environment with the keys."""
    options = {"exchange": "coinbaseexchange", "base_url": peer.url, "stream_url": f"{peer.ws_url}/ws"}
    venue = {"adapter": "ccxt", "timeout": timeout_s, "options": options | {"absent_after_s": 2}}
    source = {"coinbase-desk": "coinbase-desk", "default": "synthetic"}
    site.merge(
        "gateway.yaml",
        {"venues": {"coinbase-desk": venue}, "market_data": {"source": source}, "refresh_interval": 1},
    )
    set_mode(site, "CANARY", pct)
    names = {"API_KEY": peer.api_key, "SECRET": peer.secret, "PASSWORD": peer.passphrase}
    return {f"COINBASE_DESK_{name}": value for name, value in names.items()}


def set_mode(site: Site, mode: str, pct: float) -> None:
    site.set_modes("CANARY", **{"coinbase-desk": (mode, pct)})


async def connected(api: Api) -> None:
    async def is_connected() -> bool:
        views = (await api.fetch("/api/trading/connections"))["connections"]
        mine = [view for view in views if view["name"] == "coinbase-desk"]
        return len(mine) == 2 and all(view["is_connected"] for view in mine)

    await eventually(is_connected, PATIENCE_S)

    async def is_priced() -> bool:
        return bool((await api.get("/api/trading/market-data/BTC/USD")).body.get("ask_px") == "100001")

    await eventually(is_priced, PATIENCE_S)


def is_status(word: str) -> Any:
    return lambda order: order["ord_status"] == word


async def test_a_canary_at_an_exchange_of_ccxt(site: Site) -> None:
    """Without this, all parts could be right and the whole wrong: what the gateway says went live must be what the
    exchange has, each with its twin at the same prices, and closing must follow the position."""
    async with CoinbaseServer() as peer:
        peer.quote("BTC-USD", "99999", "100001")
        # A burst waits for the exchange's rate limit, half of this at most.
        async with running(site, environ=point_at(site, peer, 30, timeout_s=30)) as gateway:
            api = gateway.api()
            await connected(api)
            replies = [await api.place(**market(strategy=f"s{n}", **BTC)) for n in range(20)]
            assert {reply.status for reply in replies} == {201}, replies[0]
            orders = [await api.until_order(reply.body["order_id"], is_status("filled"), 30) for reply in replies]
            routes = Counter(order["route"] for order in orders)
            live = {order["order_id"] for order in orders if order["route"] == "live"}
            assert 0 < routes["live"] < 20
            assert {order_id_of(row["client_oid"], IdForm.UUID) for row in peer.orders()} == live
            assert {order["avg_px"] for order in orders} == {"100001"}
            assert all(order["twin"] is not None for order in orders if order["order_id"] in live)
            set_mode(site, "SHADOW", 0)  # what is live can still be closed, live
            closing = [await api.place(**market("sell", strategy=one["strategy_id"], **BTC)) for one in orders]
            assert Counter(reply.body["route"] for reply in closing) == routes
            for reply in closing:
                await api.until_order(reply.body["order_id"], is_status("filled"), 30)
            assert peer.exchange.free["BTC"] == D(10)


async def test_a_killed_gateway_finds_its_orders_at_the_exchange_again(site: Site) -> None:
    """Without this, a crash would leave orders at an exchange that nobody can cancel, and fills that nobody books."""
    async with CoinbaseServer() as peer:
        peer.quote("BTC-USD", "99999", "100001")
        async with running(site, environ=point_at(site, peer, 100, timeout_s=10)) as gateway:
            api = gateway.api()
            await connected(api)
            works = (await api.place(**resting("works", limit_price="90000", **BTC))).body["order_id"]
            fills = (await api.place(**resting("fills", limit_price="95000", **BTC))).body["order_id"]
            for order_id in (works, fills):
                await api.until_order(order_id, is_status("new"))
            peer.faults.add("drop_after", "place")
            doubted = (await api.place(**resting("doubted", limit_price="90000", **BTC))).body["order_id"]
            peer.faults.add("drop_before", "place")
            lost = (await api.place(**resting("lost", limit_price="90000", **BTC))).body["order_id"]

            async def has_arrived() -> bool:
                return len(peer.faults.log) == 2

            await eventually(has_arrived, PATIENCE_S)
            gateway.kill()
            peer.trade("BTC-USD", "95000", "0.01")
            gateway.spawn()
            await gateway.ready()
            api = gateway.api()
            assert (await api.until_order(fills, is_status("filled")))["avg_px"] == "95000"
            await api.until_order(doubted, is_status("new"))
            ended = await api.until_order(lost, is_status("canceled"))
            assert "never" in ended["reject"]["text"]
            for order_id in (works, doubted):
                assert (await api.cancel(order_id)).status == 202
                await api.until_order(order_id, is_status("canceled"))
            sent = Counter(body["client_oid"] for op, body in peer.requests if op == "place")
            assert set(sent.values()) == {1}, "nothing is sent twice"
            assert client_id_of(lost, IdForm.UUID) not in sent
