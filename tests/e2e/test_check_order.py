"""``gateway check-order``: the same verdict from a running gateway and from its journal, and no trace of asking."""

import json

from tests.e2e.orders import market, resting
from tests.e2e.process import Site, run_gateway, running

ORDERS = """\
- {symbol: AAPL, side: buy, quantity: 1, order_type: limit, limit_price: 100.00, strategy_id: s1}
- {symbol: AAPL, side: buy, quantity: 600, order_type: limit, limit_price: 100.00, strategy_id: s1}
- {symbol: AAPL, side: buy, quantity: 1, order_type: limit, strategy_id: s1}
"""


async def test_a_running_gateway_and_its_journal_agree(site: Site) -> None:
    """Without this, what was checked offline would not hold on the gateway, or asking would leave orders behind."""
    path = site.root / "orders.yaml"
    path.write_text(ORDERS)
    async with running(site) as gateway:
        api = gateway.api()
        held = await api.place(**resting(quantity=3))
        filled = await api.place(**market(symbol="TSLA"))
        await api.until_order(filled.body["order_id"], lambda one: one["ord_status"] == "filled")
        before = await api.statistics()
        environ = {"GATEWAY_URL": gateway.url}
        online = await run_gateway("check-order", path, "--json", environ=environ)
        offline = await run_gateway("check-order", path, "--json", "--data", site.data)
        assert (online.status, offline.status) == (1, 1)
        asked, read = json.loads(online.output), json.loads(offline.output)
        assert [one["would_be"] for one in asked] == ["admitted", "denied", "denied"]
        assert asked[1]["refusal"]["code"] == "MAX_ORDER_VALUE"
        assert [one["field"] for one in asked[2]["problems"]] == ["limit_price"]
        for one, other in zip(asked, read, strict=True):
            assert one["would_be"] == other["would_be"]
            assert one["held_exposure"] == other["held_exposure"]
        sizes = {one["rule"]: one for one in read[0]["legs"][0]["checks"]}
        assert sizes["max_position_size"]["value"] == "4"  # what rests on the running gateway is seen

        good = site.root / "good.json"
        good.write_text(json.dumps(resting()))
        table = await run_gateway("check-order", good, environ=environ)
        assert table.status == 0, table.output
        assert "would be admitted" in table.output
        assert "max_order_value" in table.output
        assert await api.statistics() == before
        assert {one["order_id"] for one in await api.orders()} == {held.body["order_id"], filled.body["order_id"]}
        # An edit is tried before it is made.
        site.change("risk.yaml", "max_order_value: 50000", "max_order_value: 50")
        tried = await run_gateway("check-order", good, "--data", site.data, "--config", site.config)
        assert tried.status == 1
        assert "MAX_ORDER_VALUE" in tried.output


async def test_what_cannot_be_read_is_told(site: Site) -> None:
    """Without this, a slip in a file would look like a verdict."""
    path = site.root / "orders.yaml"
    for text, words in (
        ("[]", "one order"),
        ("- {symbol: AAPL, qty: 1}", "did you mean quantity?"),
        ("{symbol: [", "neither JSON nor YAML"),
        ("{symbol: AAPL, side: buy, quantity: 1e99, order_type: market}", "quantity"),
    ):
        path.write_text(text)
        told = await run_gateway("check-order", path, "--config", site.config)
        assert told.status == 1
        assert words in told.output, (text, told.output)
    unreachable = await run_gateway("check-order", path, environ={"GATEWAY_URL": "http://127.0.0.1:1"})
    assert unreachable.status == 1
