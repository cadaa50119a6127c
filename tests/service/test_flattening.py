"""The kill switch and the way out, with everything around them broken on purpose."""

import asyncio
from typing import Any

import pytest

from gateway.adapters.command_files import CommandFiles
from gateway.core.state import GatewayState
from gateway.domain.enums import Mode, OrdStatus, Route, SubmitStatus, TradingState
from gateway.domain.events import PolicyVerdict
from gateway.domain.reasons import RejectCode
from gateway.ports.intake import ControlRefused
from gateway.ports.venue import Answer
from gateway.service.commands import CommandWatch
from tests.fakes.venue import FakeVenue
from tests.service.desk import Desk, desk
from tests.world import ADMIN, D


def position(one: Desk, route: Route = Route.LIVE) -> Any:
    held = one.engine.state.books[route].positions
    return sum((position.qty for position in held.values()), D(0))


def break_policy(one: Desk) -> None:
    one.policy.verdict = PolicyVerdict(is_allowed=False, failure=RejectCode.POLICY_UNAVAILABLE, revision="")


def break_market(one: Desk) -> None:
    def quote(symbol: str) -> Any:
        raise RuntimeError("the feed is gone")

    one.market.quote = quote  # type: ignore[method-assign]


def break_metrics(one: Desk) -> None:
    def on_record(record: Any) -> None:
        raise RuntimeError("the metrics are gone")

    one.telemetry.on_record = on_record  # type: ignore[method-assign]


def break_feed(one: Desk) -> None:
    def publish(record: Any) -> None:
        raise RuntimeError("nobody can be told")

    one.feed.publish = publish  # type: ignore[method-assign]


def break_pnl(one: Desk) -> None:
    """Every figure that P&L is read from raises; what fills do to positions is not one of them."""
    one.engine.state.__class__ = _WithoutPnl


class _WithoutPnl(GatewayState):
    __slots__ = ()

    def equity(self, route: Route, account: str) -> Any:
        raise RuntimeError("no equity")

    def drawdown(self, route: Route, account: str | None) -> Any:
        raise RuntimeError("no drawdown")


@pytest.mark.parametrize("break_it", [break_policy, break_market, break_metrics, break_feed, break_pnl])
async def test_the_way_out_works_while_something_else_is_broken(break_it: Any) -> None:
    """Without this, the failure that makes somebody want out would be what keeps him in."""
    async with desk(Mode.LIVE) as one:
        await one.place(qty=10)
        await one.until(lambda: position(one) == 10)
        one.venue.fills = False
        resting = one.order(await one.place(qty=1, strategy="s2", limit=D(100)))
        await one.until(lambda: resting.ord_status is OrdStatus.NEW)
        one.venue.fills = True
        break_it(one)
        flatten_id = await one.controls.flatten(ADMIN, "fire", limit_offset_bps=D(10))
        await one.until(lambda: not one.engine.state.flattens[flatten_id].is_running)
        assert one.engine.state.flattens[flatten_id].is_flat
        assert resting.ord_status is OrdStatus.CANCELED
        assert position(one) == 0
        assert one.engine.state.trading.gateway_state is TradingState.HALTED


async def test_the_log_says_how_it_ended(caplog: pytest.LogCaptureFixture) -> None:
    """Without this, the log says that a flatten began, and never whether it came to be flat."""
    async with desk(Mode.LIVE) as one:
        await one.place(qty=10)
        await one.until(lambda: position(one) == 10)
        flatten_id = await one.controls.flatten(ADMIN, "fire")
        await one.until(lambda: not one.engine.state.flattens[flatten_id].is_running)
        one.venue.fills = False
        await one.controls.switch_trading(TradingState.ACTIVE, ADMIN, "")
        await one.place(qty=10, limit=D(100))
        called_off = await one.controls.flatten(ADMIN, "fire")
        await one.controls.switch_trading(TradingState.ACTIVE, ADMIN, "no fire")
    assert f"flatten {flatten_id} ended: flat, with 1 order(s)" in caplog.text
    assert f"flatten {called_off} ended: NOT flat, with 0 order(s): " in caplog.text


async def test_it_waits_for_the_journal_and_sends_nothing_that_is_not_recorded() -> None:
    """Invariant 1: without this, closing orders would be at the venue and, after a crash, nowhere else."""
    async with desk(Mode.LIVE) as one:
        await one.place(qty=10)
        await one.until(lambda: position(one) == 10)
        sends = len(one.venue.sends)
        one.journal.failure = "disk full"
        flatten_id = await one.controls.flatten(ADMIN, "fire")
        for _ in range(3):
            one.flattener.pursue()
            await asyncio.sleep(0)
        assert len(one.venue.sends) == sends
        one.journal.failure = None
        await one.until(lambda: one.engine.failure is None)
        one.flattener.pursue()
        await one.until(lambda: one.engine.state.flattens[flatten_id].is_flat)
        assert position(one) == 0


async def test_a_fill_that_comes_after_the_end_is_closed_without_being_asked() -> None:
    """Without this, the end of a flatten would be the end of looking, and a position would stay for the night."""
    async with desk(Mode.LIVE) as one:
        one.venue.fills = False
        reply = await one.place(qty=4, limit=D(100))
        await one.until(lambda: one.order(reply).ord_status is OrdStatus.NEW)
        one.venue.fills = True
        flatten_id = await one.controls.flatten(ADMIN, "fire")
        await one.until(lambda: one.engine.state.flattens[flatten_id].is_flat)
        one.venue.fill(one.order(reply).order_id)
        await one.until(lambda: len(one.venue.sends) == 2)
        await one.until(lambda: position(one) == 0)
        await one.until(lambda: all(flatten.is_flat for flatten in one.engine.state.flattens.values()))
        assert len(one.engine.state.flattens) == 2


async def test_a_crash_half_way_closes_the_rest_and_nothing_twice() -> None:
    """Without this, a restart in the worst minute would leave positions, or turn them over."""
    venue = FakeVenue()
    async with desk(Mode.LIVE, venue=venue) as one:
        await one.place(qty=10)
        await one.place(qty=4, symbol="TSLA")
        await one.until(lambda: position(one) == 14)
        venue.fills = False
        flatten_id = await one.controls.flatten(ADMIN, "fire")
        await one.until(lambda: len(venue.sends) == 4)
        venue.fill(venue.sends[2], D(3))
        await one.until(lambda: position(one) == 11)
        await one.engine.durable(one.engine.last_seq)
        await one.crash()
    async with desk(Mode.LIVE, venue=venue, journal=one.journal) as again:
        await asyncio.sleep(0)
        again.flattener.pursue()
        assert len(venue.sends) == 4
        venue.fill(venue.sends[2], venue.book[venue.sends[2]].order_qty - 3)
        venue.fill(venue.sends[3])
        await again.until(lambda: again.engine.state.flattens[flatten_id].is_flat)
        assert position(again) == 0
        assert len(venue.sends) == len(set(venue.sends)) == 4


async def test_what_the_venue_refuses_is_told_and_the_halt_stands() -> None:
    """Without this, a venue that takes nothing would look like a flatten that has nothing to do."""
    async with desk(Mode.LIVE) as one:
        await one.place(qty=10)
        await one.until(lambda: position(one) == 10)
        one.venue.answer = lambda ticket: Answer(SubmitStatus.REJECTED, "market closed")
        flatten_id = await one.controls.flatten(ADMIN, "fire")
        await one.until(lambda: any("market closed" in text for text in one.engine.state.flattens[flatten_id].waits))
        assert one.engine.state.flattens[flatten_id].is_running


async def test_a_file_stops_trading_until_it_is_gone_and_somebody_enables() -> None:
    """Without this, there would be no way to stop a gateway whose HTTP is dead, or nobody would know how to go on."""
    async with desk(Mode.LIVE) as one:
        watch = CommandWatch(one.files, one.controls, one.engine)
        await watch.look()
        assert one.engine.state.trading.gateway_state is TradingState.ACTIVE
        one.files.found["KILL"] = "prices look wrong"
        await watch.look()
        stop = one.engine.state.trading.all_stops()[0]
        assert (stop.state, stop.actor.name, stop.reason) == (TradingState.HALTED, "file:KILL", "prices look wrong")
        records = one.engine.last_seq
        await watch.look()
        assert one.engine.last_seq == records
        with pytest.raises(ControlRefused, match="KILL"):
            await one.controls.switch_trading(TradingState.ACTIVE, ADMIN, "")
        del one.files.found["KILL"]
        await watch.look()
        assert one.engine.state.trading.gateway_state is TradingState.HALTED
        await one.controls.switch_trading(TradingState.ACTIVE, ADMIN, "")
        await watch.look()
        assert one.engine.state.trading.gateway_state is TradingState.ACTIVE


async def test_the_file_flatten_closes_once_each_time_it_is_written() -> None:
    """Without this, it would be sent again with every look, or after a restart that finds it still there."""
    async with desk(Mode.LIVE) as one:
        await one.place(qty=10)
        await one.until(lambda: position(one) == 10)
        watch = CommandWatch(one.files, one.controls, one.engine)
        one.files.found["FLATTEN"] = "out"
        await watch.look()
        await watch.look()
        await one.until(lambda: position(one) == 0)
        assert len(one.engine.state.flattens) == 1
        one.files.written = 2
        await watch.look()
        assert len(one.engine.state.flattens) == 2


def test_files_are_read_as_a_person_in_a_hurry_writes_them(tmp_path: Any) -> None:
    """Without this, an empty file, or one with odd bytes, would stop nothing."""
    files = CommandFiles(tmp_path)
    assert (files.reason("KILL"), files.made_ns("KILL")) == (None, 0)
    (tmp_path / "KILL").touch()
    assert files.reason("KILL") == "the file KILL"
    (tmp_path / "KILL").write_bytes(b"\xff out \n now\x1b[31m" + b"x" * 500)
    reason = files.reason("KILL")
    assert reason is not None
    assert reason.startswith("� out now")
    assert len(reason) <= 200
    (tmp_path / "FLATTEN").mkdir()
    assert files.reason("FLATTEN") == "the file FLATTEN"
