"""A whole gateway, as a process of its own, held against a TWS and a Binance over their wires: what was missed while it
was killed, what bypassed it, what differs, and what people accept and settle from a terminal."""

from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.orders import market, resting
from tests.e2e.process import Api, GatewayProcess, Site, eventually, run_gateway, running
from tests.patience import PATIENCE_S
from tests.venues.binance.server import BinanceServer
from tests.venues.tws.server import TwsServer

D = Decimal
PATH = "/api/trading/reconciliation"


@pytest.fixture
def site(tmp_path: Path) -> Site:
    made = Site(tmp_path)
    made.lift_limits()
    made.merge("risk.yaml", {"reconciliation": {"every_s": 1, "grace_s": 1, "in_doubt_alert_s": 2}})
    return made


async def venue_view(api: Api, name: str) -> dict[str, Any]:
    views = (await api.fetch(PATH))["venues"]
    return next((view for view in views if view["venue"] == name), {})


async def connected(api: Api, name: str, gateway: GatewayProcess) -> None:
    async def is_read() -> bool:
        return bool((await venue_view(api, name)).get("read_at"))

    await eventually(is_read, PATIENCE_S, lambda: gateway.log)


async def until_differs(api: Api, name: str, symbol: str, gateway: GatewayProcess) -> dict[str, Any]:
    found: list[dict[str, Any]] = []

    async def differs() -> bool:
        view = await venue_view(api, name)
        found[:] = [one for one in view.get("differences", ()) if one["symbol"] == symbol]
        return bool(found)

    await eventually(differs, PATIENCE_S, lambda: gateway.log)
    return found[0]


async def until_alerted(api: Api, kinds: set[str], gateway: GatewayProcess) -> None:
    async def are_told() -> bool:
        return kinds <= {one["kind"] for one in (await api.fetch("/api/trading/alerts"))["alerts"]}

    await eventually(are_told, PATIENCE_S, lambda: gateway.log)


async def command(gateway: GatewayProcess, *words: str) -> str:
    done = await run_gateway(*words, environ={"GATEWAY_URL": gateway.url})
    assert done.status == 0, done.output
    return done.output


async def test_a_killed_gateway_is_right_again_with_interactive_brokers(site: Site) -> None:
    """Without this, what happened while the gateway was down would be lost or doubled, and what people did beside it
    would be traded on."""
    async with TwsServer() as tws:
        tws.quote("AAPL", "179.99", "180.01")
        tws.quote("TSLA", "249.99", "250.01")
        site.merge("gateway.yaml", {"venues": {"ibkr": {"port": tws.port, "timeout": 1}}})
        site.set_modes("CANARY", ibkr=("CANARY", 100))
        async with running(site) as gateway:
            api = gateway.api()
            await connected(api, "ibkr", gateway)
            fills = (await api.place(**resting("fills", limit_price="150", quantity=10))).body["order_id"]
            await api.until_order(fills, lambda one: one["ord_status"] == "new")
            tws.faults.lose_fills = True
            tws.trade("AAPL", "150", 3)  # nobody is told
            await api.until_order(fills, lambda one: one["cum_qty"] == "3", 15)
            gateway.kill()
            tws.trade("AAPL", "150", 4)
            by_hand = tws.place_by_hand("TSLA", "BUY", 5, "249")
            tws.fill(by_hand, 2, "249")
            gateway.spawn()
            await gateway.ready()
            api = gateway.api()
            await api.until_order(fills, lambda one: one["cum_qty"] == "7", 15)
            drift = await until_differs(api, "ibkr", "TSLA", gateway)
            assert (drift["difference"], drift["symbols"]) == ("2", ["TSLA"])
            view = await venue_view(api, "ibkr")
            assert [one["symbol"] for one in view["unknown_orders"]] == ["TSLA"]
            assert {one["symbol"] for one in view["differences"]} == {"TSLA"}, "AAPL agrees: each fill is booked once"
            await until_alerted(api, {"drift", "unknown_orders"}, gateway)
            opens = await api.place(**market(symbol="TSLA"))
            assert (opens.status, opens.body["code"]) == (422, "HOLDINGS_DIFFER")
            shown = await command(gateway, "reconcile", "status")
            assert "DIFFERS TSLA: venue 2, explained 0" in shown
            assert "UNKNOWN ORDER" in shown
            await command(gateway, "reconcile", "accept", "ibkr", "TSLA", "--reason", "by hand, known")
            assert (await api.place(**market(symbol="TSLA"))).status == 201
            closing = await api.place(**market("sell", strategy="fills", quantity=7))
            assert closing.body["route"] == "live"
            assert set(Counter(order.order_ref for order in tws.seen).values()) == {1}, "nothing is sent twice"


async def test_an_order_that_no_venue_answers_for_is_settled_from_a_terminal(site: Site) -> None:
    """Without this, exposure would be held until the venue is back; and what the person said would outlive the venue's
    own word."""
    async with TwsServer() as tws:
        tws.quote("AAPL", "179.99", "180.01")
        site.merge("gateway.yaml", {"venues": {"ibkr": {"port": tws.port, "timeout": 1}}})
        site.set_modes("CANARY", ibkr=("CANARY", 100))
        async with running(site) as gateway:
            api = gateway.api()
            await connected(api, "ibkr", gateway)

            async def doubted() -> str:
                """An order that arrives, and TWS is gone before it says so."""
                tws.faults.drop_after_place = True
                order_id: str = (await api.place(**resting())).body["order_id"]
                await api.until_order(order_id, lambda one: bool(one["is_in_doubt"]))
                await tws.stop()
                return order_id

            filled = await doubted()
            settled = await command(gateway, "settle", filled, "--as", "filled", "1@99.5", "--reason", "phoned")
            assert "is filled, filled 1 of 1" in settled
            wrong = await run_gateway(
                *("settle", filled, "--as", "never-sent", "--reason", "again"), environ={"GATEWAY_URL": gateway.url}
            )
            assert wrong.status == 1
            assert "ORDER_NOT_IN_DOUBT" in wrong.output
            [order] = tws.market.orders.values()
            tws.fill(order, 1, "99")  # it did fill, at another price
            await tws.start()
            await api.until_order(filled, lambda one: one["avg_px"] == "99", 20)
            assert (await api.order(filled)).body["cum_qty"] == "1"
            canceled = await doubted()
            await command(gateway, "settle", canceled, "--as", "canceled", "--reason", "phoned")
            await tws.start()
            order = list(tws.market.orders.values())[-1]

            async def is_canceled() -> bool:
                return order.status == "Cancelled"

            # over in the books, so it must not work on there
            await eventually(is_canceled, PATIENCE_S, lambda: gateway.log)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
async def test_a_killed_gateway_is_right_again_with_binance(site: Site) -> None:
    """Without this, coins that were there before would stop trading for ever, or fees and missed fills would."""
    async with BinanceServer() as peer:
        peer.quote("BTCUSDT", "61799", "61801")
        options = {"base_url": f"{peer.url}/api", "stream_url": f"{peer.ws_url}/ws-api/v3"}
        site.merge("gateway.yaml", {"venues": {"binance": {"adapter": "binance", "timeout": 2, "options": options}}})
        site.set_modes("CANARY", binance=("CANARY", 100))
        keys = {"BINANCE_API_KEY": peer.api_key, "BINANCE_SECRET": peer.secret}
        btc = {"symbol": "BTC/USDT", "quantity": "0.01"}
        async with running(site, environ=keys) as gateway:
            api = gateway.api()
            await connected(api, "binance", gateway)
            before = await until_differs(api, "binance", "BTC", gateway)
            assert before["symbols"] == ["BTC/USDT"]
            await command(gateway, "reconcile", "accept", "binance", "BTC", "--reason", "held before")
            for one in (await venue_view(api, "binance"))["differences"]:
                await command(gateway, "reconcile", "accept", "binance", one["symbol"], "--reason", "held before")
            bought = (await api.place(**market(**btc))).body["order_id"]
            rests = (await api.place(**resting(limit_price="60000", **btc))).body["order_id"]
            await api.until_order(bought, lambda one: one["ord_status"] == "filled")
            await api.until_order(rests, lambda one: one["ord_status"] == "new")
            gateway.kill()
            peer.trade("BTCUSDT", "60000", "0.004")
            gateway.spawn()
            await gateway.ready()
            api = gateway.api()
            await api.until_order(rests, lambda one: one["cum_qty"] == "0.004", 20)

            async def agrees() -> bool:
                view = await venue_view(api, "binance")
                held = {one["symbol"]: one for one in view.get("holdings", ())}
                return "BTC" in held and held["BTC"]["difference"] == "0" and not held["BTC"]["note"]

            await eventually(agrees, PATIENCE_S, lambda: gateway.log)
            assert (await venue_view(api, "binance"))["differences"] == []
            assert (await api.cancel(rests)).status == 202
