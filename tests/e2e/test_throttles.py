"""Throttles as a client meets them: told to wait, waiting, getting through; locked, and let go on by a person."""

import asyncio
import itertools
from collections.abc import Iterator

import pytest

from tests.e2e.orders import market, resting
from tests.e2e.process import Api, GatewayProcess, Reply, Site, run_for_module

THROTTLED = {
    "strategies": {
        "fast": {"max_messages_per_second": 20, "message_burst": 4, "cancel_reserve": 2},
        "twice": {"duplicate_window_ms": "1h"},
        "looping": {"repeated_executions": {"max": 2, "window_s": "1h"}},
    },
    "self_match_prevention": "cancel_oldest",
    "self_match_scope": "strategy",
}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    """One gateway in SHADOW for all tests of this file; each test has a strategy of its own."""
    site = Site(tmp_path_factory.mktemp("throttled") / "gateway")
    site.lift_limits()
    site.merge("risk.yaml", THROTTLED)
    yield from run_for_module(site)


async def test_a_client_that_waits_as_told_gets_every_order_through(api: Api) -> None:
    """Without this, a strategy over its rate would lose orders, or flood the venue, or wait for nothing."""
    refused: list[Reply] = []
    for number in itertools.count():  # until a machine that is busy with other work is fast enough to be refused
        if len(refused) == 3:
            break
        wish = resting("fast", f"fast-{number}")
        reply = await api.place(**wish)
        if reply.status == 429:
            refused.append(reply)
            await asyncio.sleep(float(reply.body["retry_after_s"]))
            reply = await api.place(**wish)  # the same request, under the same id
        assert reply.status == 201, reply.body
    for reply in refused:
        assert reply.headers["Retry-After"] == "1"
        assert reply.headers["Content-Type"] == "application/problem+json"
        assert reply.body["code"] == "MESSAGE_RATE_EXCEEDED"
        assert 0 < float(reply.body["retry_after_s"]) <= 0.05
        assert reply.body["context"]["scope_id"] == "fast"
        assert reply.body["context"]["max_messages_per_second"] == "20"
    mine = [one for one in await api.orders() if one["strategy_id"] == "fast"]
    assert len(mine) == number
    assert all(one["ord_status"] in ("new", "pending_new") for one in mine)
    counted = [line for line in (await api.get("/metrics")).body.splitlines() if "deferred_requests_total{" in line]
    assert counted == [
        f'gateway_deferred_requests_total{{reason="MESSAGE_RATE_EXCEEDED",scope="strategy"}} {float(len(refused))}'
    ]


async def test_a_repeated_request_and_a_cancel_are_never_told_to_wait(api: Api) -> None:
    """Without this, a client that lost an answer, or wants out, would be held up by its own rate."""
    wish = resting("fast", "again-1")
    first = await api.place(**wish)
    if first.status == 429:
        await asyncio.sleep(float(first.body["retry_after_s"]))
        first = await api.place(**wish)
    assert first.status == 201
    again = await asyncio.gather(*(api.place(**wish) for _ in range(20)))
    assert {reply.status for reply in again} == {200}
    cancels = await asyncio.gather(*(api.cancel(first.body["order_id"]) for _ in range(20)))
    assert {reply.status for reply in cancels} <= {202, 409}  # 409: it was canceled already


async def test_the_same_content_under_another_id_is_denied(api: Api) -> None:
    """Without this, a strategy that numbers its mistakes anew would get past the check of ids."""
    first = await api.place(**resting("twice", "twice-1"))
    second = await api.place(**resting("twice", "twice-2"))
    assert (first.status, second.status, second.body["code"]) == (201, 422, "DUPLICATE_ORDER")
    assert first.body["order_id"] in second.body["detail"]


async def test_the_older_order_makes_way_and_the_newer_comes_again(api: Api) -> None:
    """Without this, the newer order would be lost, or meet the older one at the venue."""
    older = await api.place(**resting("crossing", "older"))
    wish = {**resting("crossing", "newer"), "side": "sell"}
    put_off = await api.place(**wish)
    assert (put_off.status, put_off.body["code"]) == (409, "SELF_MATCH")
    assert put_off.headers["Retry-After"] == "1"
    assert put_off.body["context"]["order_id"] == older.body["order_id"]
    await api.until_order(older.body["order_id"], lambda one: one["ord_status"] == "canceled")
    assert (await api.place(**wish)).status == 201


async def test_a_locked_strategy_is_listed_and_lifted_by_a_person(api: Api) -> None:
    """RTS 6 Art. 15(3). Without this, a lock could be seen, or lifted, by nobody."""
    for number in range(2):
        done = await api.place(**market(strategy="looping", client_order_id=f"looping-{number}"))
        await api.until_order(done.body["order_id"], lambda one: one["ord_status"] == "filled")
    refused = await api.place(**market(strategy="looping", client_order_id="looping-2"))
    assert (refused.status, refused.body["code"]) == (422, "STRATEGY_LOCKED")
    (lock,) = (await api.get("/api/trading/locks")).body["locks"]
    assert (lock["strategy_id"], lock["route"], lock["executions"]) == ("looping", "shadow", 2)
    lifted = await api.post(f"/api/trading/locks/{lock['lock_id']}/lift", {"reason": "looked at it"})
    assert lifted.status == 200
    assert (await api.get("/api/trading/locks")).body["locks"] == []
    assert (await api.place(**market(strategy="looping", client_order_id="looping-3"))).status == 201
    gone = await api.post(f"/api/trading/locks/{lock['lock_id']}/lift")
    assert (gone.status, gone.body["code"]) == (404, "LOCK_NOT_FOUND")
