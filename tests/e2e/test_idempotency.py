"""The same order asked for many times, at once, differently written, by clients that vanish: one order, or a 409."""

import asyncio
import json
from typing import Any

import pytest

from tests.e2e.orders import market, order, resting
from tests.e2e.process import Api, GatewayProcess

PLACE = "/api/trading/orders/place"


async def raw_place(api: Api, body: str) -> Any:
    return await api.ask("POST", PLACE, data=body.encode(), headers={"Content-Type": "application/json"})


async def with_id(api: Api, client_order_id: str) -> list[dict[str, Any]]:
    return [one for one in await api.orders() if one["client_order_id"] == client_order_id]


async def test_fifty_at_once_make_one_order(api: Api) -> None:
    """Without this, a client that repeats itself under load could buy twice."""
    fields = market(strategy="fifty", client_order_id="fifty-1")
    replies = await asyncio.gather(*(api.place(**fields) for _ in range(50)))
    assert sorted(reply.status for reply in replies) == [200] * 49 + [201]
    assert len({reply.body["order_id"] for reply in replies}) == 1
    order_id = replies[0].body["order_id"]
    done = await api.until_order(order_id, lambda one: one["ord_status"] == "filled")
    assert len(done["fills"]) == 1
    held = [p["quantity"] for p in await api.positions() if p["strategy_id"] == "fifty"]
    assert held == ["1"]


async def test_fifty_at_once_with_other_content_make_one_order(api: Api) -> None:
    """Without this, two different orders could share one client_order_id, or one could silently stand for the other."""
    wishes = [resting("fifty-others", "others-1", quantity=1 + number % 5) for number in range(50)]
    replies = await asyncio.gather(*(api.place(**wish) for wish in wishes))
    assert sorted(reply.status for reply in replies) == [200] * 9 + [201] + [409] * 40
    for reply in replies:
        if reply.status == 409:
            assert reply.body["code"] == "CLIENT_ORDER_ID_REUSED"
            assert reply.headers["Content-Type"] == "application/problem+json"
    assert len(await with_id(api, "others-1")) == 1


SPELLINGS = (
    '{"quantity": "10"}',
    '{"quantity": 10.0}',
    '{"quantity": 1e1}',
    '{"quantity": "10.000"}',
    '{"side": "BUY", "order_type": "Limit"}',
    '{"account": "default"}',
    '{"account": null, "stop_price": null, "time_in_force": "GTC"}',
    '{"limit_price": "100.00"}',
)


@pytest.mark.parametrize("body", SPELLINGS)
async def test_the_same_content_written_otherwise_is_the_same_order(api: Api, body: str) -> None:
    """Without this, a client library that writes 10.0 today and "10" tomorrow would get 409 for its own repeat."""
    fields = resting("spelling", f"spelling-{SPELLINGS.index(body)}", quantity=10)
    first = await api.place(**fields)
    assert first.status == 201, first
    again = await raw_place(api, _with(fields, body))
    assert (again.status, again.body["order_id"]) == (200, first.body["order_id"]), again


def _with(fields: dict[str, Any], body: str) -> str:
    """``fields`` as JSON text, with the members of ``body`` written exactly as they stand there."""
    own = {name: value for name, value in fields.items() if f'"{name}"' not in body}
    return json.dumps(own)[:-1] + ", " + body[1:]


@pytest.mark.parametrize(
    "change",
    [
        {"quantity": 11},
        {"quantity": "10.5"},
        {"side": "sell"},
        {"limit_price": "100.01"},
        {"order_type": "market", "limit_price": None},
        {"time_in_force": "day"},
        {"strategy_id": "another"},
        {"symbol": "TSLA"},
        {"execution_algorithm": "vwap"},
    ],
)
async def test_any_other_content_is_a_conflict(api: Api, change: dict[str, Any]) -> None:
    """Without this, a reused client_order_id would be answered with an order that is not the one asked for."""
    mark = f"conflict-{'-'.join(change)}-{len(str(change))}"
    fields = resting("conflict", mark, quantity=10)
    assert (await api.place(**fields)).status == 201
    conflict = await api.place(**{**fields, **change})
    assert (conflict.status, conflict.body["code"]) == (409, "CLIENT_ORDER_ID_REUSED"), conflict
    assert len(await with_id(api, mark)) == 1


async def test_a_denied_order_is_denied_once(api: Api) -> None:
    """Without this, repeating a denied order would record it again and again, or let it through the second time."""
    fields = resting("denied", "denied-1", quantity=5_000_000)
    first = await api.place(**fields)
    assert first.status == 422, first
    again = await api.place(**fields)
    assert again.status in (200, 422), again
    view = again.body if again.status == 200 else again.body["order"]
    assert view["order_id"] == first.body["order"]["order_id"]
    assert view["ord_status"] == "denied"
    assert len(await with_id(api, "denied-1")) == 1


async def test_accounts_do_not_share_client_order_ids(api: Api) -> None:
    """Without this, one account's id would shadow another's; an unknown account is denied and says so."""
    mine = await api.place(**resting("accounts", "accounts-1"))
    other = await api.place(**resting("accounts", "accounts-1", account="nobody"))
    assert (mine.status, other.status) == (201, 422), other
    assert other.body["code"] == "ACCOUNT_UNKNOWN"


async def test_a_venue_is_the_same_in_any_case(api: Api) -> None:
    """Without this, `venue: IBKR`, as the configuration itself writes it, would be denied as another venue."""
    reply = await api.place(**resting("venues", "venues-1", venue="IBKR"))
    assert reply.status == 201, reply
    assert reply.body["venue"] == "ibkr"
    assert (await api.place(**resting("venues", "venues-1", venue="ibkr"))).status == 200


async def test_clients_that_vanish_lose_nothing(api: Api, shared: GatewayProcess) -> None:
    """Without this, a client that hangs up after sending its order could leave a half-made one, or find on its return
    that the order it sent was never made and its id is burnt."""
    host, _, port = shared.url.removeprefix("http://").partition(":")

    async def send_and_leave(number: int) -> None:
        body = json.dumps(resting("vanish", f"vanish-{number}")).encode()
        head = f"POST {PLACE} HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Type: application/json\r\n"
        _, writer = await asyncio.open_connection(host, int(port))
        writer.write(head.encode() + f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
        await writer.drain()
        if number % 2:
            await asyncio.sleep(0.001 * (number % 7))
        writer.transport.abort()

    await asyncio.gather(*(send_and_leave(number) for number in range(60)))
    await asyncio.sleep(0.2)
    before = {one["client_order_id"] for one in await api.orders("&strategy_id=vanish")}
    for number in range(60):
        reply = await api.place(**resting("vanish", f"vanish-{number}"))
        assert reply.status == (200 if f"vanish-{number}" in before else 201), reply
    made = [one["client_order_id"] for one in await api.orders("&strategy_id=vanish")]
    assert sorted(made) == sorted(f"vanish-{number}" for number in range(60))
    assert before, "not one order arrived: the test tests nothing"


async def test_cancels_and_replaces_at_once_leave_one_end(api: Api) -> None:
    """Without this, changes that cross could leave an order with an exposure nobody holds, or a status that lies."""
    made = await api.place(**order("crossing", "", order_type="limit", limit_price="100", quantity=2))
    order_id = made.body["order_id"]
    await api.until_order(order_id, lambda one: one["ord_status"] == "new")
    changes = [api.replace(order_id, quantity=3 + number) for number in range(10)]
    replies = await asyncio.gather(*changes, *(api.cancel(order_id) for _ in range(10)))
    assert {reply.status for reply in replies} <= {202, 409}, replies
    done = await api.until_order(order_id, lambda one: one["leaves_qty"] == "0")
    assert done["ord_status"] == "canceled"
