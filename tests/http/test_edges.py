"""What once got past the edge, or stopped what is behind it."""

import asyncio
import base64
import contextlib
import json
import socket
from pathlib import Path

import msgspec
import pytest

from gateway.adapters.halt_mark import FileHaltMark
from gateway.adapters.http.paging import read_cursor
from gateway.adapters.http.reading import read_struct
from gateway.adapters.http.rollout_handlers import AlertItem, AlertmanagerNotice, _alert
from gateway.adapters.journal.codec import decode_record, encode_record
from gateway.core.checkpoint import decode_snapshot, encode_snapshot
from gateway.domain.enums import ExecType, Mode, Role, Route, ScopeKind, Side, TradingState
from gateway.domain.events import ReportsReceived
from gateway.domain.executions import ExecutionReport
from gateway.domain.facts import TradingStateChanged
from gateway.domain.marked_stop import MarkedStop
from gateway.domain.orders import Actor
from gateway.domain.records import Record
from gateway.domain.throttles import StrategyLock
from gateway.domain.venue_account import AccountReading, VenueOrder
from gateway.ports.intake import RequestInvalid
from gateway.service.foreign_text import clean_reading, clean_reports
from tests.http.desk import Desk, principal
from tests.patience import PATIENCE_S
from tests.world import D, World, trading_config

ADMIN = principal("admin", Role.ADMIN)
RISK_A = principal("riska", Role.RISK, accounts=("A",))
RISK_S = principal("risks", Role.RISK, strategies=("mine",))
HALF = "\ud800"
ALERT = {
    "status": "firing",
    "fingerprint": "f",
    "labels": {"gateway_action": "demote", "alertname": f"x{HALF}", "venue": "ibkr"},
    "annotations": {"summary": HALF},
}


def test_half_a_character_in_an_alert_becomes_none() -> None:
    """Without this, one alert would make a record that no journal can hold, and no order be taken until a restart."""
    body = json.dumps({"version": "4", "alerts": [ALERT]}).encode()
    notice = read_struct(body, AlertmanagerNotice, is_open=True)
    alert = _alert(AlertItem(**notice.alerts[0]))
    assert alert is not None
    assert alert.text.encode()


def test_half_a_character_of_a_venue_stops_no_journal() -> None:
    """Without this, the same would happen with what a venue answers: the libraries read it, and UTF-8 has none."""
    report = ExecutionReport(order_id="o", exec_type=ExecType.REJECTED, transact_ns=1, text=f"no{HALF}")
    assert clean_reports((report,))[0].text == "no?"
    record = Record(seq=1, ts_ns=1, event=ReportsReceived(ts_ns=1, reports=(report,)), facts=())
    assert decode_record(1, 1, encode_record(record)).event.reports[0].text == "no?"  # type: ignore[union-attr]


def test_half_a_character_in_an_id_of_a_venue_is_cleaned_and_ids_stay_apart() -> None:
    """Without this, memory would hold what no journal and no checkpoint can, or two fills would be taken for one."""
    told = [
        ExecutionReport(
            order_id="o",
            exec_type=ExecType.TRADE,
            transact_ns=1,
            exec_id=f"x{half}",
            venue_order_id=half,
            fee_currency=half,
        )
        for half in (HALF, "\ud801")
    ]
    cleaned = clean_reports(tuple(told))
    for report in cleaned:
        assert (report.exec_id + report.venue_order_id + report.fee_currency).encode()
    assert cleaned[0].exec_id != cleaned[1].exec_id
    whole = ExecutionReport(order_id="o", exec_type=ExecType.NEW, transact_ns=1, venue_order_id="é", text="ß")
    assert clean_reports((whole,)) == (whole,)


def test_half_a_character_in_an_account_of_a_venue_is_cleaned() -> None:
    """Without this, a foreign order with such an id would stop every checkpoint, and with them the journal."""
    order = VenueOrder(
        venue_order_id=HALF, order_id="", symbol=f"A{HALF}", side=Side.BUY, order_qty=D("1.50"), cum_qty=D(0)
    )
    reading = AccountReading(
        venue="alpha",
        begun_ns=1,
        ended_ns=2,
        executions_before=(),
        positions=(),
        open_orders=(order,),
        executions_after=(),
    )
    [cleaned] = clean_reading(reading).open_orders
    assert (cleaned.symbol, cleaned.order_qty, str(cleaned.order_qty)) == ("A?", D("1.50"), "1.50")
    plain = msgspec.structs.replace(reading, open_orders=())
    assert clean_reading(plain) is plain


def test_half_a_character_stops_no_checkpoint() -> None:
    """Without this, one text that came in by a way that nobody thought of would end the task that writes the journal:
    it is the one that takes checkpoints, and no order would be taken until a restart."""
    world = World(trading_config(Mode.LIVE))
    order = world.place(qty=10, limit=D(180))
    world.report(order, ExecType.NEW, venue_order_id=f"v{HALF}")
    data = encode_snapshot(world.state)
    restored = decode_snapshot(data)
    assert restored.orders[order.order_id].venue_order_id == "v?"
    assert encode_snapshot(restored) == data


async def test_a_key_that_is_bound_hears_no_alerts_for_all() -> None:
    """Without this, a key of one account could hold or demote every account's venue."""
    async with Desk(ADMIN, RISK_A) as desk:
        told = await desk.ask("POST", "/api/trading/alertmanager", {"version": "4", "alerts": []}, "riska")
        assert told.status == 403


async def test_a_bound_key_does_not_soften_a_halt_of_all() -> None:
    """Without this, a key of one account could let orders pass that an administrator stopped for all."""
    async with Desk(ADMIN, RISK_A) as desk:
        assert (await desk.ask("POST", "/api/trading/trading/disable", {"reason": "stop"}, "admin")).status == 200
        told = await desk.ask("POST", "/api/trading/trading/disable", {"state": "reducing"}, "riska")
        assert told.status == 403, told.json


async def test_a_bound_key_lifts_no_lock_that_it_cannot_see() -> None:
    """Without this, what kept another strategy from running away would be taken off by somebody else."""
    lock = StrategyLock(
        lock_id="l1",
        strategy_id="theirs",
        route=Route.LIVE,
        symbol="AAPL",
        side=Side.BUY,
        executions=3,
        limit=3,
        window_s=60,
        scope=ScopeKind.STRATEGY,
        scope_id="theirs",
        since_ns=1,
    )
    async with Desk(ADMIN, RISK_S) as desk:
        desk.fake.locked = (lock,)
        assert (await desk.ask("POST", "/api/trading/locks/l1/lift", {"reason": "x"}, "risks")).status == 404
        assert desk.fake.locked == (lock,)


async def test_a_bound_key_opens_and_ends_no_session_that_keeps_others_out() -> None:
    """Without this, a key of one account could shut every other strategy out, or let them in."""
    async with Desk(ADMIN, RISK_A) as desk:
        path, wish = "/api/trading/session", {"strategies": ["s1"]}
        assert (await desk.ask("POST", f"{path}/start", wish, "riska")).status == 403
        assert (await desk.ask("POST", f"{path}/start", {}, "riska")).status == 200
        assert (await desk.ask("POST", f"{path}/end", {}, "riska")).status == 200
        assert (await desk.ask("POST", f"{path}/start", wish, "admin")).status == 200
        assert (await desk.ask("POST", f"{path}/end", {}, "riska")).status == 403


async def test_the_stream_tells_of_a_stop_who_sees_its_account() -> None:
    """Without this, the reason why another account was stopped would be told to everybody."""
    viewers = [principal(f"v{name}".lower(), Role.VIEWER, accounts=(name,)) for name in "AB"]
    stop = TradingStateChanged(
        ts_ns=1,
        state=TradingState.HALTED,
        actor=Actor("admin", Role.ADMIN),
        reason="B lost its money",
        scope=ScopeKind.ACCOUNT,
        scope_id="B",
    )
    heard: dict[str, list[str]] = {}
    async with Desk(ADMIN, *viewers) as desk:
        for key in ("va", "vb"):
            headers = {"Authorization": f"Bearer key-{key}"}
            async with desk.client.ws_connect(desk.url + "/api/trading/ws/events", headers=headers) as stream:
                assert (await stream.receive_json(timeout=PATIENCE_S))["type"] == "hello"
                await desk.fake.record(stop)
                try:
                    async with asyncio.timeout(1):
                        heard[key] = [(await stream.receive_json())["type"]]
                except TimeoutError:
                    heard[key] = []
    assert heard == {"va": [], "vb": ["trading_state"]}


def test_a_cursor_beyond_what_a_journal_holds_is_refused() -> None:
    """Without this, a made-up cursor would be answered with 500."""
    cursor = base64.urlsafe_b64encode(b"9999999999999999999:x:y").decode().rstrip("=")
    with pytest.raises(RequestInvalid):
        read_cursor(cursor, 1)


def test_a_long_reason_in_any_script_is_kept_with_the_halt(tmp_path: Path) -> None:
    """Without this, the reason of a stop would be lost at the restart that follows it."""
    mark = FileHaltMark(tmp_path)
    for reason in ("ü" * 200, "停止" * 100, f"half {HALF}", "plain"):
        mark.set((MarkedStop(state=TradingState.HALTED, reason=reason),))
        [said] = FileHaltMark(tmp_path).stops()
        assert said.reason.startswith(reason[:50].replace(HALF, "?"))


async def test_a_client_that_reads_nothing_is_not_given_memory() -> None:
    """Without this, anybody who can connect, with no key, could fill the memory that the orders need."""
    async with Desk(ADMIN) as desk:
        client = socket.create_connection(("127.0.0.1", desk.server.port))
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        client.setblocking(False)
        request = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n"
        with contextlib.suppress(TimeoutError):  # it is not read any more either
            async with asyncio.timeout(3):
                await asyncio.get_running_loop().sock_sendall(client, request * 60_000)
        answered = -1.0
        while answered != (answered := sum(desk.server.request_counts().values())):  # noqa: ASYNC110  # asking is all one can do
            await asyncio.sleep(0.5)
        runner = desk.server._runner
        assert runner is not None
        assert runner.server is not None
        unsent = sum(one.transport.get_write_buffer_size() for one in runner.server.connections if one.transport)
        client.close()
        assert unsent < 1_000_000


class HandingOver(Desk):
    hands_streams_over = True


async def test_one_failed_look_up_does_not_end_the_streams() -> None:
    """Without this, whoever watches would hear heartbeats and nothing else until the next start."""
    async with HandingOver(ADMIN) as desk:
        await desk.place("admin", client_order_id="1")
        headers = {"Authorization": "Bearer key-admin"}
        async with desk.client.ws_connect(desk.url + "/api/trading/ws/events", headers=headers) as stream:
            assert (await stream.receive_json(timeout=PATIENCE_S))["type"] == "hello"
            real, failed = desk.fake.order, list[str]()

            async def order(order_id: str) -> object:
                if failed:
                    return await real(order_id)
                failed.append(order_id)
                raise OSError("the archive cannot be read now")

            desk.fake.order = order  # type: ignore[assignment, method-assign]
            await desk.ask("DELETE", f"/api/trading/orders/{next(iter(desk.fake.stories))}", key="admin")
            told = ""
            while told != "order":
                told = (await stream.receive_json(timeout=PATIENCE_S))["type"]
            assert failed
