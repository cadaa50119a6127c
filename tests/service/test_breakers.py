"""Circuit breakers around the engine: looked at on the timers and at once after fills, whatever else is broken."""

from typing import Any

import msgspec
import pytest

from gateway.domain.breakers import BREAKER_DEFAULTS, BreakerKind
from gateway.domain.config import TradingConfig
from gateway.domain.enums import Mode, OrdStatus, Side, SubmitStatus, TradingState
from gateway.ports.intake import ControlRefused
from gateway.ports.venue import Answer
from gateway.service.breakers import BreakerWatch
from tests.fakes.clock import ManualClock
from tests.fakes.outside import OpenCalendar
from tests.fakes.venue import FakeVenue
from tests.service.desk import Desk, desk
from tests.world import ADMIN, D, trading_config


def config(*kinds: BreakerKind, **change: Any) -> TradingConfig:
    breakers = {kind.value: msgspec.structs.replace(BREAKER_DEFAULTS[kind], **change) for kind in kinds}
    return trading_config(Mode.LIVE, circuit_breakers=breakers)


def tripped(one: Desk) -> set[str]:
    return set(one.engine.state.breakers.trips)


async def test_a_loss_halts_in_the_moment_of_the_fill() -> None:
    """Without this, orders would pass for up to a second after the loss was there."""
    venue = FakeVenue(px=D(180))
    async with desk(config=config(BreakerKind.DAILY_LOSS), venue=venue) as one:
        await one.place(qty=200)
        await one.until(lambda: len(venue.book) == 1)
        venue.px = D(100)
        await one.place(Side.SELL, 200)
        await one.until(lambda: tripped(one) == {"daily_loss:live"})
        denied = await one.place(qty=1)
        assert denied.reject is not None
        assert denied.reject.code == "CIRCUIT_BREAKER"


async def test_rejections_slow_down_and_a_manual_clock_lets_go_after_half_an_hour() -> None:
    """Without this, time-based resets would need somebody who waits, in tests and at the desk."""
    clock = ManualClock()
    kinds = config(BreakerKind.REJECTION_RATE, min_count=4)
    async with desk(config=kinds, clock=clock) as one:
        one.venue.answer = lambda ticket: Answer(SubmitStatus.REJECTED, "no")
        for number in range(4):
            order = one.order(await one.place(strategy=f"s{number}"))
            await one.until(lambda order=order: order.ord_status is OrdStatus.REJECTED)
        assert tripped(one) == {"rejection_rate:live"}
        (row,) = [view for view in one.breakers.views() if view.state == "tripped"]
        assert (row.threshold, row.does) == ("0.2", "limits on size are times 0.5")
        assert row.resets == "after 1800 s or by hand"
        assert row.since_ns is not None
        assert row.resets_ns == row.since_ns + 1_800 * 1_000_000_000
        clock.advance(s=1_799)
        one.breakers.check()
        assert tripped(one) == {"rejection_rate:live"}
        clock.advance(s=1)
        one.breakers.check()
        assert tripped(one) == set()


async def test_a_market_that_raises_is_a_gap_and_stops_no_other_breaker() -> None:
    """Without this, the failure that a breaker is for would be what keeps it from tripping."""
    clock = ManualClock()
    async with desk(config=config(BreakerKind.MARKET_DATA_GAP), clock=clock) as one:
        await one.place(qty=1)
        await one.until(lambda: len(one.venue.book) == 1)

        def quote(symbol: str) -> Any:
            raise RuntimeError("the feed is gone")

        one.market.quote = quote  # type: ignore[method-assign]
        clock.advance(s=31)
        one.breakers.check()
        assert tripped(one) == {"market_data_gap:AAPL"}


async def test_a_gap_of_prices_is_not_over_by_a_restart() -> None:
    """Without this, every restart would open a symbol without prices again, for as long as the threshold takes."""
    clock = ManualClock()
    async with desk(config=config(BreakerKind.MARKET_DATA_GAP), clock=clock) as one:
        await one.place(qty=1)
        await one.until(lambda: len(one.venue.book) == 1)
        told = one.market.quote("AAPL")
        assert told is not None
        one.market.quote = lambda symbol: None  # type: ignore[method-assign]
        clock.advance(s=31)
        one.breakers.check()
        assert tripped(one) == {"market_data_gap:AAPL"}
        clock.advance(s=60)
        restarted = BreakerWatch(one.engine, one.market, OpenCalendar(), clock)
        restarted.check()
        assert tripped(one) == {"market_data_gap:AAPL"}
        fresh = msgspec.structs.replace(told, received_ns=clock.now_ns())
        one.market.quote = lambda symbol: fresh  # type: ignore[method-assign]
        restarted.check()
        assert tripped(one) == set()


async def test_the_emergency_shutdown_cancels_halts_and_latches_until_it_is_reset() -> None:
    """Without this, the button for everything would leave something at work, or come undone by a restart."""
    venue = FakeVenue(fills=False)
    async with desk(config=config(BreakerKind.EMERGENCY_SHUTDOWN), venue=venue) as one:
        order = one.order(await one.place(limit=D(100)))
        await one.until(lambda: order.ord_status is OrdStatus.NEW)
        await one.controls.shut_down(ADMIN, "all of it")
        await one.until(lambda: order.ord_status is OrdStatus.CANCELED)
        assert one.engine.state.trading.gateway_state is TradingState.HALTED
        await one.controls.switch_trading(TradingState.ACTIVE, ADMIN, "")
        assert one.engine.state.trading.gateway_state is TradingState.HALTED  # a person's stop is another
        await one.engine.durable(one.engine.last_seq)
        await one.crash()
    async with desk(config=config(BreakerKind.EMERGENCY_SHUTDOWN), venue=venue, journal=one.journal) as again:
        assert tripped(again) == {"emergency_shutdown"}
        await again.controls.reset_breaker("emergency_shutdown", ADMIN, "looked into it", is_forced=False)
        assert again.engine.state.trading.gateway_state is TradingState.ACTIVE
        with pytest.raises(ControlRefused) as refused:
            await again.controls.reset_breaker("emergency_shutdown", ADMIN, "", is_forced=False)
        assert refused.value.code == "BREAKER_NOT_TRIPPED"


async def test_the_list_shows_armed_breakers_with_what_is_nearest_to_a_trip() -> None:
    """Without this, nobody would see a breaker coming."""
    async with desk(config=config(BreakerKind.CONCENTRATION, BreakerKind.DRAWDOWN)) as one:
        await one.place(qty=100)
        await one.until(lambda: len(one.venue.book) == 1)
        rows = {view.breaker: view for view in one.breakers.views()}
        assert set(rows) == {"concentration", "drawdown"}
        assert (rows["concentration"].state, rows["concentration"].scope_id) == ("armed", "default|AAPL")
        assert rows["concentration"].value == "0.1"


async def test_a_breaker_that_fails_keeps_no_fill_from_being_booked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without this, a fault in what guards the books would leave them wrong."""
    looks = []
    async with desk(config=config(BreakerKind.DAILY_LOSS)) as one:

        def fail(is_full: bool = True) -> None:
            looks.append(is_full)
            raise RuntimeError("a breaker is broken")

        monkeypatch.setattr(one.breakers, "check", fail)
        order = one.order(await one.place(qty=3))
        await one.until(lambda: order.ord_status is OrdStatus.FILLED)
        await one.until(lambda: bool(looks))
