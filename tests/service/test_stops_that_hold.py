"""A stop holds whatever else stops, refuses, restarts or is full beside it."""

import asyncio
import errno
import os
from pathlib import Path

import pytest

from gateway.adapters.halt_mark import FileHaltMark
from gateway.domain.enums import Mode, OrdStatus, Role, ScopeKind, SubmitStatus, TradingState
from gateway.domain.marked_stop import MarkedStop
from gateway.domain.orders import Actor, Order, ReplaceRequest
from gateway.domain.settings import VenueSettings
from gateway.ports.venue import Answer
from gateway.service.commands import CommandWatch
from gateway.service.disconnects import DisconnectWatch
from gateway.service.halted_orders import HaltedOrders
from tests.fakes.clock import ManualClock
from tests.fakes.venue import FakeVenue
from tests.service.desk import Desk, desk
from tests.world import ADMIN, TRADER, D

SYSTEM = Actor("system", Role.ADMIN)


def answering(venue: FakeVenue, status: SubmitStatus) -> list[str]:
    """Let the venue answer every cancel so, and do nothing; the cancels that it got."""
    got: list[str] = []

    async def cancel(ticket: object) -> Answer:
        got.append(ticket.order_id)  # type: ignore[attr-defined]
        return Answer(status, "not now")

    venue.cancel = cancel  # type: ignore[assignment, method-assign]
    return got


async def resting(one: Desk) -> Order:
    one.venue.fills = False
    order = one.order(await one.place(qty=1, limit=D(100)))
    await one.until(lambda: order.ord_status is OrdStatus.NEW)
    return order


def may_ask_again(order: Order) -> None:
    """As if the venue had refused the cancel a while ago."""
    order.cancel_refused_ns -= 5_000_000_000


async def test_a_cancel_of_the_kill_switch_that_is_refused_is_asked_for_again() -> None:
    """Without this, a venue that refuses one cancel (a clock that is off by a second) would keep an order at work while
    everybody believes that trading has stopped."""
    async with desk(Mode.LIVE) as one:
        order, halted = await resting(one), HaltedOrders(one.engine, one.clock)
        halted.tick()
        assert not order.is_cancel_requested
        really, got = one.venue.cancel, answering(one.venue, SubmitStatus.REJECTED)
        await one.controls.switch_trading(TradingState.HALTED, ADMIN, "fire")
        await one.until(lambda: bool(order.cancel_refused_ns))
        halted.tick()
        await asyncio.sleep(0.02)
        assert len(got) == 1  # not at once: the venue would refuse as fast as it is asked
        one.venue.cancel = really  # type: ignore[method-assign]
        may_ask_again(order)
        halted.tick()
        await one.until(lambda: order.ord_status is OrdStatus.CANCELED)


async def test_a_flatten_asks_a_venue_that_refuses_cancels_now_and_then() -> None:
    """Without this, each refusal would bring the next cancel 20 ms later: fifty a second for one order, out of the
    budget that other cancels need, and each with two records in the journal."""
    async with desk(Mode.LIVE) as one:
        order, got = await resting(one), answering(one.venue, SubmitStatus.REJECTED)
        flatten_id = await one.controls.flatten(ADMIN, "fire")
        await one.until(lambda: bool(order.cancel_refused_ns))
        await asyncio.sleep(0.1)
        one.flattener.pursue()
        assert len(got) == 1
        assert one.engine.state.flattens[flatten_id].is_running
        may_ask_again(order)
        one.flattener.pursue()
        await one.until(lambda: len(got) == 2)


async def test_a_venue_that_does_not_say_what_a_cancel_came_to_is_asked_ever_slower() -> None:
    """Without this, cancel and look-up would chase each other as fast as the venue answers, until it locks us out."""
    async with desk(Mode.LIVE) as one:
        order, got = await resting(one), answering(one.venue, SubmitStatus.UNKNOWN)
        await one.controls.switch_trading(TradingState.HALTED, ADMIN, "fire")
        await one.until(lambda: len(got) >= 3)
        await asyncio.sleep(0.3)
        assert len(got) <= 6
        assert len(one.venue.lookups) <= 7
        assert order.is_cancel_requested


async def test_the_file_stops_trading_beside_a_breaker_that_did() -> None:
    """Without this, KILL would do nothing while a breaker halts, and trading would go on with the end of that: a
    quarter of a second long while the file stands, and for good once it is taken away."""
    async with desk(Mode.LIVE) as one:
        watch = CommandWatch(one.files, one.controls, one.engine)
        await one.controls.shut_down(ADMIN, "smoke")
        one.files.found["KILL"] = "fire"
        await watch.look()
        await one.controls.reset_breaker("emergency_shutdown", ADMIN, "no smoke", True)
        assert one.engine.state.trading.gateway_state is TradingState.HALTED
        del one.files.found["KILL"]
        await watch.look()
        assert one.engine.state.trading.gateway_state is TradingState.HALTED


@pytest.mark.parametrize("is_reducing", [False, True])
async def test_a_halt_that_the_journal_lost_counts_after_a_restart(is_reducing: bool) -> None:
    """Without this, a kill switch that was pressed with a full disk would be forgotten where the gateway took closing
    orders only, or was halted by a breaker, when the journal could last be written."""
    async with desk(Mode.LIVE) as one:
        if is_reducing:
            await one.controls.switch_trading(TradingState.REDUCING, ADMIN, "late")
        else:
            await one.controls.shut_down(ADMIN, "smoke")
        one.journal.failure = "disk full"
        await one.controls.switch_trading(TradingState.HALTED, ADMIN, "fire")
        mark = one.halt_mark
        await one.crash()
    one.journal.failure = None
    async with desk(Mode.LIVE, journal=one.journal) as again:
        again.halt_mark.set(mark.stops())
        again.controls.resume_mark(SYSTEM)
        (stop,) = again.engine.state.trading.all_stops()
        assert (stop.state, stop.reason) == (TradingState.HALTED, "fire")


async def test_a_mark_of_closing_only_halts_nothing_at_a_restart() -> None:
    """Without this, a restart would turn what a person reduced into a halt, in which positions cannot be closed."""
    async with desk(Mode.LIVE) as one:
        await one.controls.switch_trading(TradingState.REDUCING, ADMIN, "late")
        one.controls.resume_mark(SYSTEM)
        assert one.engine.state.trading.gateway_state is TradingState.REDUCING


async def test_an_emergency_shutdown_outlives_a_journal_that_cannot_be_written() -> None:
    """Without this, the next start would trade as if nobody had pressed it."""
    async with desk(Mode.LIVE) as one:
        await one.controls.shut_down(ADMIN, "smoke")
        assert one.halt_mark.stops() == []  # the journal carries it, and its reset
        one.journal.failure = "disk full"
        await one.controls.shut_down(ADMIN, "fire")
        await one.controls.switch_trading(TradingState.HALTED, ADMIN, "smoke", ScopeKind.SYMBOL, "AAPL")
        shutdown, symbol = one.halt_mark.stops()
        assert shutdown.state is TradingState.HALTED
        assert "fire" in shutdown.reason
        assert symbol.scope_id == "AAPL"


SCOPES = [
    (ScopeKind.VENUE, "alpha"),
    (ScopeKind.ACCOUNT, "second"),
    (ScopeKind.STRATEGY, "s1"),
    (ScopeKind.SYMBOL, "AAPL"),
]


@pytest.mark.parametrize(("scope", "scope_id"), SCOPES)
@pytest.mark.parametrize("is_flatten", [False, True])
async def test_a_halt_of_one_scope_that_the_journal_lost_counts_after_a_restart(
    scope: ScopeKind, scope_id: str, is_flatten: bool
) -> None:
    """Without this, a strategy that was halted because it runs away would trade on after a crash on a full disk."""
    async with desk(Mode.LIVE) as one:
        await one.controls.switch_trading(TradingState.HALTED, ADMIN, "old", ScopeKind.SYMBOL, "TSLA")
        one.journal.failure = "disk full"
        if is_flatten:
            await one.controls.flatten(ADMIN, "fire", scope=scope, scope_id=scope_id)
        else:
            await one.controls.switch_trading(TradingState.HALTED, ADMIN, "fire", scope, scope_id)
        mark = one.halt_mark
        await one.crash()
    one.journal.failure = None
    async with desk(Mode.LIVE, journal=one.journal) as again:
        again.halt_mark.set(mark.stops())
        records = again.engine.last_seq
        again.controls.resume_mark(SYSTEM)
        stop = again.engine.state.trading.stop_of((scope, scope_id))
        assert stop is not None
        assert (stop.state, stop.reason) == (TradingState.HALTED, "fire")
        assert len(again.engine.state.trading.all_stops()) == 2
        assert again.engine.last_seq == records + 1, "what the journal holds is not told again"
        await again.controls.switch_trading(TradingState.ACTIVE, ADMIN, "out", scope, scope_id)
        assert [stop.scope_id for stop in again.halt_mark.stops()] == ["TSLA"]  # or the next start halted it again


def test_the_mark_says_how_trading_was_stopped(tmp_path: Path) -> None:
    """Without this, what was reduced would come back halted; a mark of an earlier version means what it meant then."""
    mark = FileHaltMark(tmp_path)
    assert mark.stops() == []
    symbol = MarkedStop(scope=ScopeKind.SYMBOL, scope_id="AAPL", state=TradingState.HALTED, reason="smoke")
    for state in (TradingState.REDUCING, TradingState.HALTED):
        wanted = [MarkedStop(state=state, reason="fire"), symbol]
        mark.set(wanted)
        assert FileHaltMark(tmp_path).stops() == wanted
    mark.set(())
    assert FileHaltMark(tmp_path).stops() == []
    odd = '{"halted": false, "reason": "", "scopes": [{"scope": "symbol", "id": "AAPL", "state": "odd", "reason": ""}]}'
    for text in ('{"halted": true, "reason": "fire"}', '{"halted": true, "state": "odd", "reason": "fire"}', "{", odd):
        (tmp_path / "halt_mark.json").write_text(text)
        [stop] = mark.stops()
        assert (stop.scope, stop.state) == (ScopeKind.GATEWAY, TradingState.HALTED)


def test_the_mark_takes_no_more_room_than_it_had(tmp_path: Path) -> None:
    """Without this, a halt on a full disk would need space that is not there; that of an earlier version is given room
    while there is some."""
    path = tmp_path / "halt_mark.json"
    path.write_text('{"halted": true, "state": "reducing", "reason": "late"}'.ljust(512))
    mark = FileHaltMark(tmp_path)
    room = path.stat().st_size
    assert [stop.state for stop in mark.stops()] == [TradingState.REDUCING]
    many = [
        MarkedStop(scope=ScopeKind.STRATEGY, scope_id=f"s{number}", state=TradingState.HALTED, reason="ü" * 300)
        for number in range(1_000)
    ]
    left_out = mark.set(many)
    assert path.stat().st_size == room
    assert [stop.scope_id for stop in mark.stops()] == [f"s{number}" for number in range(1_000 - left_out)]
    assert left_out < 900


async def test_a_file_flatten_is_not_forgotten_while_its_file_stands() -> None:
    """Without this, twenty flattens later the file that still stands would be carried out again, under order ids that
    were used before."""
    async with desk(Mode.LIVE) as one:
        watch = CommandWatch(one.files, one.controls, one.engine)
        one.files.found["FLATTEN"] = "out"
        await watch.look()
        state = one.engine.state
        (first,) = state.flattens
        for number in range(25):
            await one.controls.flatten(ADMIN, "again", flatten_id=f"g{number}")
            await one.until(lambda: not state.running_flattens())
        started = state.flattens[first].started_ns
        await watch.look()
        assert state.flattens[first].started_ns == started
        assert len(state.flattens) <= 22


async def test_orders_are_taken_back_although_the_venue_was_away_before_the_restart() -> None:
    """Without this, a gateway that restarts twice before its venue is back would leave the orders of before at work,
    for it heard of no loss."""
    venue = FakeVenue()
    settings = {"alpha": VenueSettings(name="alpha", adapter="fake", cancel_on_disconnect=True)}
    async with desk(Mode.LIVE, venue=venue) as one:
        order_id = (await resting(one)).order_id
        one.executor.on_status("alpha", False, "not connected yet")
        await one.engine.durable(one.engine.last_seq)
        await one.crash()
    async with desk(Mode.LIVE, venue=venue, journal=one.journal) as again:
        watch = DisconnectWatch(again.engine, lambda: settings, again.clock)
        again.executor.on_connection = watch.on_connection
        again.executor.on_status("alpha", False, "not connected yet")
        again.executor.on_status("alpha", True, "")
        await again.until(lambda: again.engine.state.orders[order_id].ord_status is OrdStatus.CANCELED)
        assert order_id in venue.cancels


@pytest.mark.parametrize("step_s", [-7_200, 7_200])
async def test_a_clock_that_is_set_while_a_venue_is_away_takes_back_what_was_there_and_no_more(step_s: int) -> None:
    """Without this, orders of before a step back would pass for newer than the connection and work on; or the first of
    the new ones would be taken back with them."""
    clock, settings = ManualClock(), {"alpha": VenueSettings(name="alpha", adapter="fake", cancel_on_disconnect=True)}
    async with desk(Mode.LIVE, clock=clock) as one:
        watch = DisconnectWatch(one.engine, lambda: settings, clock)
        one.executor.on_status("alpha", True, "")
        one.executor.on_connection = watch.on_connection
        order = await resting(one)
        one.executor.on_status("alpha", False, "lost")
        clock.set_wall(clock.now_ns() + step_s * 1_000_000_000)
        one.executor.on_status("alpha", True, "")
        clock.set_wall(clock.now_ns() - 3_600_000_000_000)
        later = one.order(await one.place(qty=1, limit=D(100)))
        await one.until(lambda: order.ord_status is OrdStatus.CANCELED)
        await one.until(lambda: later.ord_status is OrdStatus.NEW)
        assert one.venue.cancels == [order.order_id]


@pytest.mark.parametrize("is_change", [False, True])
async def test_what_is_asked_of_an_order_is_settled_although_the_venue_did_not_find_it_once(is_change: bool) -> None:
    """Without this, an exchange whose lists lag for a moment would leave an order ``pending_cancel`` and at work, or a
    change open, for good: nobody would ask again, a flatten would wait for it for ever."""
    async with desk(Mode.LIVE) as one:
        order = await resting(one)
        really = one.venue.cancel

        async def lost(*args: object) -> Answer:
            return Answer(SubmitStatus.UNKNOWN, "no answer")

        one.venue.cancel = one.venue.replace = lost  # type: ignore[assignment, method-assign]
        known = one.venue.book.pop(order.order_id)
        if is_change:
            await one.intake.replace(order.order_id, ReplaceRequest(order_qty=D(2)), TRADER)
        else:
            await one.intake.cancel(order.order_id, TRADER)
        await one.until(lambda: bool(one.venue.lookups))
        await asyncio.sleep(0.01)
        one.venue.book[order.order_id], one.venue.cancel = known, really  # type: ignore[method-assign]
        if is_change:
            await one.until(lambda: order.pending_replace is None)
        else:
            await one.until(lambda: order.ord_status is OrdStatus.CANCELED)


def test_a_first_start_on_a_full_disk_halts_no_later_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without this, a start that failed before anything was there leaves an empty mark: once there is room, the
    gateway starts halted, although nobody stopped anything."""

    def full(descriptor: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        with pytest.raises(OSError, match="No space left"):
            FileHaltMark(tmp_path)
    assert FileHaltMark(tmp_path).stops() == []
    assert [path.name for path in tmp_path.iterdir()] == ["halt_mark.json"]
