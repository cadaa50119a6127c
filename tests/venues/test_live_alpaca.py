"""A whole gateway, as a process of its own, on Alpaca: what goes live, a change, doubt, a kill and a restart."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.e2e.orders import market, resting
from tests.e2e.process import Api, Site, eventually, running
from tests.patience import PATIENCE_S
from tests.venues.alpaca.server import AlpacaServer


@pytest.fixture
def site(tmp_path: Path) -> Site:
    made = Site(tmp_path)
    made.lift_limits()
    symbols = yaml.safe_load(made.read("instruments.yaml"))["symbols"]
    for one in symbols["equities"]:
        one["venue"] = "alpaca"
    symbols["crypto"].append({"symbol": "BTC/USD", "venue": "alpaca", "lot_size": "0.0001"})
    made.merge("instruments.yaml", {"symbols": symbols})
    return made


def point_at(site: Site, peer: AlpacaServer, pct: float) -> dict[str, str]:
    """Trade ``pct`` percent there; returns the environment with the keys."""
    site.merge("gateway.yaml", {"venues": {"alpaca": {"timeout": 2, "options": {"base_url": peer.url}}}})
    site.set_modes("CANARY", alpaca=("CANARY", pct))
    return {"ALPACA_API_KEY": peer.api_key, "ALPACA_SECRET_KEY": peer.secret}


async def connected(api: Api) -> None:
    async def is_connected() -> bool:
        views = (await api.fetch("/api/trading/connections"))["connections"]
        return any(view["name"] == "alpaca" and view["is_connected"] for view in views)

    await eventually(is_connected, PATIENCE_S)


def is_status(word: str) -> Any:
    return lambda order: order["ord_status"] == word


async def test_a_canary_at_alpaca(site: Site) -> None:
    """Without this, all parts could be right and the whole wrong: what the gateway says went live must be what Alpaca
    has, each with its twin, and closing must follow the position."""
    async with AlpacaServer() as peer:
        peer.quote("AAPL", "179.99", "180.01")
        async with running(site, environ=point_at(site, peer, 30)) as gateway:
            api = gateway.api()
            await connected(api)
            replies = [await api.place(**market(strategy=f"s{n}")) for n in range(30)]
            assert {reply.status for reply in replies} == {201}
            orders = [await api.until_order(reply.body["order_id"], is_status("filled")) for reply in replies]
            routes = Counter(order["route"] for order in orders)
            live = {order["order_id"] for order in orders if order["route"] == "live"}
            assert 0 < routes["live"] < 30
            assert {row["client_order_id"] for row in peer.orders()} == live
            assert all(order["twin"] is not None for order in orders if order["order_id"] in live)
            site.set_modes("CANARY", alpaca=("SHADOW", 0))  # what is live can still be closed, live
            closing = [await api.place(**market("sell", strategy=order["strategy_id"])) for order in orders]
            assert Counter(reply.body["route"] for reply in closing) == routes
            for reply in closing:
                await api.until_order(reply.body["order_id"], is_status("filled"))
            assert peer.account.positions == {}


async def test_a_killed_gateway_finds_its_orders_at_alpaca_again(site: Site) -> None:
    """Without this, a crash would leave orders at Alpaca that nobody can cancel, and fills that nobody books, under
    changed terms and in doubt."""
    async with AlpacaServer() as peer:
        peer.quote("AAPL", "179.99", "180.01")
        async with running(site, environ=point_at(site, peer, 100)) as gateway:
            api = gateway.api()
            await connected(api)
            works = (await api.place(**resting("works"))).body["order_id"]
            fills = (await api.place(**resting("fills", limit_price="150"))).body["order_id"]
            for order_id in (works, fills):
                await api.until_order(order_id, is_status("new"))
            assert (await api.replace(works, quantity="3", limit_price="101")).status == 202
            await api.until_order(works, lambda order: order["order_qty"] == "3")
            fault = peer.faults.add("drop_after", "place")
            doubted = (await api.place(**resting("doubted"))).body["order_id"]
            await fault.hit.wait()
            gateway.kill()
            peer.trade("AAPL", "150", 10)
            gateway.spawn()
            await gateway.ready()
            api = gateway.api()
            assert (await api.until_order(fills, is_status("filled")))["avg_px"] == "150"
            await api.until_order(doubted, is_status("new"))
            await connected(api)
            assert (await api.order(works)).body["limit_price"] == "101"
            for order_id in (works, doubted):
                assert (await api.cancel(order_id)).status == 202
                await api.until_order(order_id, is_status("canceled"))
            sent = Counter(body["client_order_id"] for op, body in peer.requests if op == "place")
            assert sent == Counter([works, f"{works}_r1", fills, doubted]), "nothing is sent twice"
            positions = (await api.fetch("/api/trading/positions?book=live"))["positions"]
            assert {one["quantity"] for one in positions if one["strategy_id"] == "fills"} == {"1"}


async def test_shadow_is_filled_from_alpacas_own_prices(site: Site) -> None:
    """Without this, evidence gathered in SHADOW would be of an invented market, and unlock a real one."""
    async with AlpacaServer() as peer:
        peer.quote("BTC/USD", "90000", "90001.5", 50)  # never closed, whenever the test runs
        options = {"data_url": peer.url, "data_stream_url": peer.ws_url}
        source = {"alpaca": "alpaca", "default": "synthetic"}
        site.merge("gateway.yaml", {"venues": {"alpaca": {"options": options}}, "market_data": {"source": source}})
        keys = {"ALPACA_API_KEY": peer.api_key, "ALPACA_SECRET_KEY": peer.secret}
        async with running(site, environ=keys) as gateway:
            api = gateway.api()

            async def is_quoted() -> bool:
                return bool((await api.get("/api/trading/market-data/BTC/USD")).body.get("ask_px") == "90001.5")

            await eventually(is_quoted, PATIENCE_S)
            bought = (await api.place(**market(symbol="BTC/USD", quantity="0.01"))).body
            done = await api.until_order(bought["order_id"], is_status("filled"))
            assert (done["route"], done["avg_px"]) == ("shadow", "90001.5")
            assert {op for op, _ in peer.requests} <= {"market"}, "only prices were asked for"


async def test_a_bracket_at_alpaca_outlives_its_gateway(site: Site) -> None:
    """Without this, a crash would leave a stop at Alpaca that nobody knows, and a position open here that it closed."""
    async with AlpacaServer() as peer:
        peer.quote("AAPL", "179.99", "180.01")
        async with running(site, environ=point_at(site, peer, 100)) as gateway:
            api = gateway.api()
            await connected(api)
            exits = {"take_profit": {"limit_price": "190"}, "stop_loss": {"stop_price": "170"}}
            placed = await api.place(**resting(limit_price="179.5", order_class="bracket", **exits))
            assert placed.status == 201
            whole = placed.body["order_id"]
            entry, profit, loss = (leg["order_id"] for leg in placed.body["legs"])
            for order_id in (entry, profit, loss):
                await api.until_order(order_id, is_status("new"))
            peer.trade("AAPL", "179.50", 1)
            filled = await api.until_order(whole, is_status("filled"))
            assert (filled["route"], filled["cum_qty"], filled["order_class"]) == ("live", "1", "bracket")
            gateway.kill()
            peer.quote("AAPL", "169.99", "170.01")
            peer.trade("AAPL", "169.99", 1)
            gateway.spawn()
            await gateway.ready()
            api = gateway.api()
            stopped = await api.until_order(loss, is_status("filled"))
            assert len(stopped["fills"]) == 1
            await api.until_order(profit, is_status("canceled"))
            assert [body["order_class"] for op, body in peer.requests if op == "place"] == ["bracket"]
            positions = (await api.fetch("/api/trading/positions?book=live"))["positions"]
            assert not [one for one in positions if one["quantity"] != "0"]
            assert peer.account.positions == {}
            fresh = (
                await api.place(
                    **resting(
                        limit_price="165",
                        order_class="bracket",
                        **{"take_profit": {"limit_price": "190"}, "stop_loss": {"stop_price": "150"}},
                    )
                )
            ).body
            assert (await api.cancel(fresh["order_id"])).status == 202
            for leg in fresh["legs"]:
                await api.until_order(leg["order_id"], is_status("canceled"))


async def test_a_bracket_in_shadow_is_played_by_the_simulator(site: Site) -> None:
    """Without this, SHADOW would show nothing of what the class does live."""
    async with AlpacaServer() as peer:
        site.set_modes("SHADOW", alpaca=("SHADOW", 0))
        async with running(site) as gateway:
            api = gateway.api()
            terms = {"take_profit": {"limit_price": "900"}, "stop_loss": {"stop_price": "1"}}
            placed = (await api.place(**market(order_class="bracket", **terms))).body
            await api.until_order(placed["order_id"], is_status("filled"))
            entry, profit, loss = (leg["order_id"] for leg in placed["legs"])
            for order_id in (profit, loss):
                await api.until_order(order_id, is_status("new"))
            assert (await api.replace(profit, limit_price="800")).status == 409
            assert (await api.cancel(profit)).status == 202
            for order_id in (profit, loss):
                await api.until_order(order_id, is_status("canceled"))
            assert (await api.order(entry)).body["ord_status"] == "filled"
            refused = await api.place(**market(symbol="AAPL", order_class="oco", **terms))
            assert refused.status == 400
            assert not peer.requests
