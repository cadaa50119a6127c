"""ws/events: every public fact once and in order, for those whom it concerns, from wherever they left off."""

import asyncio
from collections.abc import Sequence
from typing import Any, get_args

import aiohttp
import pytest

from gateway.adapters.http.event_words import PUBLIC_FACTS, tell
from gateway.adapters.http.shapes import EVENT_TYPES
from gateway.domain.config import TradingConfig, VenueMode
from gateway.domain.enums import ExecType, Mode, OrdStatus, RejectStage, Role, Route, TradingState
from gateway.domain.executions import ExecutionReport
from gateway.domain.facts import (
    ConfigChanged,
    CycleOpened,
    DayRolled,
    Fact,
    FiguresMoved,
    MarksMoved,
    OrderEnded,
    OrderRestored,
    OrderWithdrawn,
    PortfolioRecorded,
    ReportUnmatched,
    TradingStateChanged,
    VenueStatusRecorded,
)
from gateway.domain.orders import Reject
from gateway.domain.reasons import RejectCode
from gateway.domain.records import Record
from gateway.domain.throttle_facts import ClockSteppedBack
from tests.fakes.gateway import FakeTail
from tests.fakes.gateway_samples import NOW_NS, TRADER, D, new_order
from tests.http.desk import Desk, principal
from tests.patience import PATIENCE_S

PATH = "/api/trading/ws/events"
Socket = aiohttp.ClientWebSocketResponse


@pytest.fixture(autouse=True, params=[False, True], ids=["here", "handed over"])
def where(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Clients notice nothing of which process serves them."""
    monkeypatch.setattr(Desk, "hands_streams_over", request.param)


async def receive(ws: Socket, count: int) -> list[dict[str, Any]]:
    return [await ws.receive_json(timeout=PATIENCE_S) for _ in range(count)]


async def test_an_orders_life_is_told_in_order() -> None:
    """Strategies keep their books from this stream; a fact lost, doubled or swapped corrupts them."""
    async with Desk() as desk, desk.client.ws_connect(desk.url + PATH) as ws:
        assert await receive(ws, 1) == [{"seq": 0, "last_seq": 0, "type": "hello"}]
        order_id = (await desk.place(client_order_id="c-1")).json["order_id"]
        await desk.fake.fill(order_id, D(100), D("150.10"))
        held, admitted, fill = await receive(ws, 3)
    assert (held["seq"], held["index"], held["type"], held["event"]) == (1, 0, "order", "held")
    assert (held["order_qty"], held["limit_price"], held["route"]) == ("100", "150.25", "shadow")
    assert (admitted["seq"], admitted["index"], admitted["event"]) == (1, 1, "admitted")
    assert (fill["seq"], fill["type"], fill["ord_status"], fill["avg_px"]) == (2, "fill", "filled", "150.1")
    for message in (held, admitted, fill):
        assert message["order_id"] == order_id
        assert message["client_order_id"] == "c-1"
        assert (message["account"], message["strategy_id"]) == ("default", "strategy_001")
        assert message["ts"] == "2023-11-14T22:13:20.000000Z"


async def test_a_stream_resumes_where_it_left_off() -> None:
    """After a lost connection a client must get exactly what it missed."""
    async with Desk() as desk:
        for _ in range(3):
            await desk.place()
        async with desk.client.ws_connect(f"{desk.url}{PATH}?after=1") as ws:
            hello, *missed = await receive(ws, 5)
            await desk.place()
            (live,) = await receive(ws, 1)
    assert hello == {"seq": 1, "last_seq": 3, "type": "hello"}
    assert [(message["seq"], message["index"]) for message in missed] == [(2, 0), (2, 1), (3, 0), (3, 1)]
    assert live["seq"] == 4


async def test_without_after_only_what_is_new_is_told() -> None:
    """A page that opens must not download the whole history."""
    async with Desk() as desk:
        await desk.place()
        async with desk.client.ws_connect(desk.url + PATH) as ws:
            assert (await receive(ws, 1))[0]["seq"] == 1
            await desk.fake.switch_trading(TradingState.HALTED, TRADER, "drill")
            (message,) = await receive(ws, 1)
    assert (message["seq"], message["type"], message["trading_state"]) == (2, "trading_state", "halted")
    assert (message["reason"], message["by"]) == ("drill", "desk")


@pytest.mark.parametrize("query", ["after=9", "after=-1", "after=x", "types=orders", "types=", "type=fill"])
async def test_a_wrong_start_is_refused(query: str) -> None:
    """`after` beyond the end means another journal: waiting silently would lose all that is in between."""
    async with Desk() as desk:
        answer = await desk.ask("GET", f"{PATH}?{query}")
    assert (answer.status, answer.json["code"]) == (400, "REQUEST_INVALID")


async def test_types_filter_but_the_position_moves_on() -> None:
    """A client that filters must still be able to resume past what it did not want."""
    async with Desk(heartbeat_s=0.05) as desk, desk.client.ws_connect(f"{desk.url}{PATH}?types=fill,session") as ws:
        await receive(ws, 1)
        order_id = (await desk.place()).json["order_id"]
        beat = await ws.receive_json(timeout=PATIENCE_S)
        while beat["seq"] < 1:
            beat = await ws.receive_json(timeout=PATIENCE_S)
        await desk.fake.fill(order_id, D(1), D(1))
        message = await ws.receive_json(timeout=PATIENCE_S)
        while message["type"] == "heartbeat":
            message = await ws.receive_json(timeout=PATIENCE_S)
    assert beat == {"seq": 1, "last_seq": 1, "type": "heartbeat"}
    assert message["type"] == "fill"


async def test_a_heartbeat_never_runs_ahead_of_what_was_sent() -> None:
    """Resuming after a position that was not served yet would skip facts for ever."""
    async with Desk() as desk:
        await desk.place()
        is_free = asyncio.Event()
        real_tail = desk.fake.tail

        def held_back(after_seq: int) -> FakeTail:
            tail = real_tail(after_seq)
            real_take = tail.take

            async def take() -> Sequence[Record]:
                await is_free.wait()
                return await real_take()

            tail.take = take  # type: ignore[method-assign]
            return tail

        desk.fake.tail = held_back  # type: ignore[method-assign]
        async with desk.client.ws_connect(f"{desk.url}{PATH}?after=0") as ws:
            await receive(ws, 1)
            await ws.send_json({"action": "ping"})
            assert await receive(ws, 1) == [{"seq": 0, "last_seq": 1, "type": "heartbeat"}]
            is_free.set()
            assert [message["seq"] for message in await receive(ws, 2)] == [1, 1]


async def test_a_restricted_key_hears_of_its_own_only() -> None:
    """Fills of another desk are the last thing that may leak."""
    own = principal("own", Role.VIEWER, accounts=("a",))
    async with Desk(own, principal("all", Role.ADMIN)) as desk:
        for order_id, account in (("o1", "a"), ("o2", "b")):
            desk.fake.stories[order_id] = new_order(order_id, account=account)
            await desk.fake.fill(order_id, D(1), D(1))
        await desk.fake.record(cycle("a"), cycle("b"), OrderWithdrawn(ts_ns=NOW_NS, order_id="gone"), unmatched())
        await desk.fake.record(VenueStatusRecorded(ts_ns=NOW_NS, venue="ibkr", is_connected=False, text="timeout"))
        headers = {"Authorization": "Bearer key-own"}
        async with desk.client.ws_connect(f"{desk.url}{PATH}?after=0", headers=headers) as ws:
            _, fill, opened, venue = await receive(ws, 4)
        headers = {"Authorization": "Bearer key-all"}
        async with desk.client.ws_connect(f"{desk.url}{PATH}?after=0", headers=headers) as ws:
            everything = (await receive(ws, 8))[1:]
    assert (fill["type"], fill["order_id"], fill["account"]) == ("fill", "o1", "a")
    assert (opened["type"], opened["account"]) == ("cycle", "a")
    assert (venue["type"], venue["event"], venue["text"]) == ("venue", "disconnected", "timeout")
    assert len(everything) == 7


async def test_garbage_is_answered_and_the_stream_goes_on() -> None:
    """A disconnect for a typo would cost the client its place."""
    async with Desk() as desk, desk.client.ws_connect(desk.url + PATH) as ws:
        await receive(ws, 1)
        for text in ("?", "{}", '{"action": "dance"}'):
            await ws.send_str(text)
            assert (await receive(ws, 1))[0]["type"] == "error"
        await desk.place()
        assert (await receive(ws, 1))[0]["type"] == "order"


async def test_a_withdrawn_key_ends_its_streams() -> None:
    """A stream lives for days; its key may not."""
    async with Desk(principal("own", Role.VIEWER), heartbeat_s=0.02) as desk:
        headers = {"Authorization": "Bearer key-own"}
        async with desk.client.ws_connect(desk.url + PATH, headers=headers) as ws:
            await receive(ws, 2)
            desk.people = (principal("other", Role.VIEWER),)
            while (message := await ws.receive(timeout=PATIENCE_S)).type is aiohttp.WSMsgType.TEXT:
                pass
            assert (message.type, message.data) == (aiohttp.WSMsgType.CLOSE, 1008)


async def test_a_feed_that_breaks_ends_the_stream_with_an_incident(caplog: pytest.LogCaptureFixture) -> None:
    """A stream that falls silent looks like a quiet market."""
    async with Desk() as desk:

        def broken(after_seq: int) -> FakeTail:
            raise RuntimeError("journal page 7 is torn")

        desk.fake.tail = broken  # type: ignore[method-assign]
        async with desk.client.ws_connect(desk.url + PATH) as ws:
            await receive(ws, 1)
            message = await ws.receive(timeout=PATIENCE_S)
    assert (message.type, message.data) == (aiohttp.WSMsgType.CLOSE, 1011)
    assert message.extra is not None
    assert message.extra.startswith("incident ")
    assert message.extra in caplog.text
    assert "torn" in caplog.text


def test_every_fact_is_public_or_meant_not_to_be() -> None:
    """A new fact that nobody decided about would be silently missing from the stream."""
    assert set(get_args(Fact)) - PUBLIC_FACTS == {
        MarksMoved,
        FiguresMoved,
        PortfolioRecorded,
        DayRolled,
        OrderRestored,
        ClockSteppedBack,
    }


def test_words_of_the_rarer_facts() -> None:
    """These are what people look for when something went wrong."""
    reject = Reject(RejectStage.VENUE, RejectCode.VENUE_REJECTED, "no margin")
    ended = tell(OrderEnded(ts_ns=1, order_id="o1", ord_status=OrdStatus.REJECTED, reject=reject, text="no margin"))
    assert ended is not None
    assert (ended.type, ended.fields["event"], ended.fields["reject"].code) == ("order", "rejected", "VENUE_REJECTED")
    venues = {"ibkr": VenueMode(mode=Mode.CANARY, canary_weight_bp=500)}
    config = TradingConfig(revision="c2", global_mode=Mode.LIVE, venues=venues)
    changed = tell(ConfigChanged(ts_ns=1, config=config, actor=TRADER, difference=("ibkr: SHADOW -> CANARY",)))
    assert changed is not None
    assert changed.type == "config"
    assert changed.fields["venues"]["ibkr"] == {"mode": "CANARY", "effective_mode": "CANARY", "weight_bp": 500}
    assert changed.fields["difference"] == ("ibkr: SHADOW -> CANARY",)
    state = tell(TradingStateChanged(ts_ns=1, state=TradingState.REDUCING, actor=TRADER, reason=""))
    assert state is not None
    assert state.type in EVENT_TYPES


def cycle(account: str) -> CycleOpened:
    return CycleOpened(
        ts_ns=NOW_NS,
        position_key=f"{account}|s1|ibkr|AAPL",
        venue="ibkr",
        cycle=1,
        route=Route.SHADOW,
        bucket=5_000,
        weight_bp=100,
        order_id="o1",
    )


def unmatched() -> ReportUnmatched:
    report = ExecutionReport(order_id="strange", exec_type=ExecType.TRADE, transact_ns=NOW_NS)
    return ReportUnmatched(ts_ns=NOW_NS, report=report)
