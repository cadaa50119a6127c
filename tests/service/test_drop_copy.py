"""A drop copy against the live book: what is acted on, when, and what is left alone."""

from typing import Any

import msgspec
import pytest

from gateway.domain.enums import Mode, OrdStatus, Route, ScopeKind, Side, TradingState
from gateway.domain.facts import TradingStateChanged
from gateway.domain.orders import Order
from gateway.ports.drop_copy import CopiedExecution, DropCopyVerdict
from gateway.ports.intake import RequestInvalid
from gateway.service.drop_copy import DropCopyDesk
from tests.fakes.clock import ManualClock
from tests.service.desk import Desk, desk
from tests.world import RITA, D, trading_config

AAPL = (ScopeKind.SYMBOL, "AAPL")
LOST = CopiedExecution(exec_id="lost", symbol="AAPL", side=Side.BUY, quantity=D(7), price=D(150))


class Copies:
    """The service under test, as a person with role risk uses it."""

    def __init__(self, one: Desk) -> None:
        self.desk = one
        self.service = DropCopyDesk(one.engine, one.journal, one.controls, one.clock)

    async def send(self, *executions: CopiedExecution) -> tuple[DropCopyVerdict, ...]:
        return await self.service.compare("alpha", executions, RITA)

    async def result(self, execution: CopiedExecution) -> str:
        (verdict,) = await self.send(execution)
        return verdict.result.value

    @property
    def state(self) -> TradingState | None:
        stop = self.desk.engine.state.trading.stop_of(AAPL)
        return None if stop is None else stop.state

    @property
    def switches(self) -> int:
        records = self.desk.journal.records
        return sum(isinstance(fact, TradingStateChanged) for record in records for fact in record.facts)


async def filled(one: Desk, qty: int = 10, **fields: Any) -> Order:
    order = one.order(await one.place(Side.BUY, qty, **fields))
    await one.until(lambda: order.ord_status is OrdStatus.FILLED)
    assert order.route is Route.LIVE
    await one.engine.durable(one.engine.last_seq)
    return order


def copy_of(order: Order, **changes: Any) -> CopiedExecution:
    (fill,) = order.fills
    told = CopiedExecution(
        exec_id=fill.exec_id, symbol=order.symbol, side=order.side, quantity=fill.last_qty, price=fill.last_px
    )
    return msgspec.structs.replace(told, **changes)


async def test_what_is_booked_as_told_matches() -> None:
    """Without this, every good fill would stop its symbol."""
    async with desk(Mode.LIVE, clock=ManualClock()) as one:
        copies, order = Copies(one), await filled(one)
        assert await copies.result(copy_of(order)) == "matched"
        assert await copies.result(copy_of(order, order_id=order.order_id)) == "matched"
        assert copies.state is None
        counts = copies.service.counts()
        assert (counts["alpha", "matched"], counts["beta", "missing"]) == (2, 0)


async def test_what_stays_missing_reduces_its_symbol_once() -> None:
    """Without this, a fill that never came would let the gateway trade on a wrong position; or one that a person has
    explained would stop the symbol again with every submission."""
    clock = ManualClock()
    async with desk(Mode.LIVE, clock=clock) as one:
        copies = Copies(one)
        assert await copies.result(LOST) == "pending"
        clock.advance(s=9)
        assert await copies.result(LOST) == "pending"
        assert copies.state is None
        clock.advance(s=1)
        (verdict,) = await copies.send(LOST)
        assert (verdict.result, verdict.stopped) == ("missing", ("AAPL",))
        stop = one.engine.state.trading.stop_of(AAPL)
        assert stop is not None
        assert (stop.state, stop.actor) == (TradingState.REDUCING, RITA)
        assert stop.reason == "drop copy of alpha: execution lost is not booked: buy 7 at 150"
        await one.controls.switch_trading(TradingState.ACTIVE, RITA, "explained", *AAPL)
        switches = copies.switches
        (verdict,) = await copies.send(LOST)
        assert (verdict.result, verdict.stopped, copies.state) == ("missing", (), None)
        assert copies.switches == switches


async def test_one_late_look_is_not_enough() -> None:
    """Without this, one stale file sent long after a start would stop a symbol."""
    clock = ManualClock()
    async with desk(Mode.LIVE, clock=clock) as one:
        clock.advance(s=3600)
        assert await Copies(one).result(LOST) == "pending"


async def test_a_fill_that_comes_within_the_grace_is_forgotten() -> None:
    """Without this, the delay of a first fill would be counted against a later one."""
    clock = ManualClock()
    async with desk(Mode.LIVE, clock=clock) as one:
        copies, order = Copies(one), await filled(one)
        wrong = copy_of(order, price=D(1))
        assert await copies.result(wrong) == "pending"
        assert await copies.result(copy_of(order)) == "matched"
        clock.advance(s=60)
        assert await copies.result(wrong) == "pending"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"quantity": D(11)}, "quantity"),
        ({"price": D(1)}, "price"),
        ({"side": Side.SELL}, "side"),
        ({"symbol": "MSFT"}, "symbol"),
    ],
)
async def test_what_differs_is_told_with_both_values_and_reduces(change: dict[str, Any], field: str) -> None:
    """Without this, an execution booked with another size, price, side or symbol would pass as booked."""
    clock = ManualClock()
    async with desk(Mode.LIVE, clock=clock) as one:
        copies, order = Copies(one), await filled(one)
        told = copy_of(order, **change)
        assert await copies.result(told) == "pending"
        clock.advance(s=10)
        (verdict,) = await copies.send(told)
        (difference,) = verdict.differences
        assert (verdict.result, difference.field) == ("differs", field)
        assert difference.theirs != difference.ours
        assert copies.state is TradingState.REDUCING


async def test_a_halt_stays_a_halt_and_drift_that_outlasts_it_acts() -> None:
    """Without this, drift would loosen a halt; or lifting the halt would leave the symbol open on a wrong book."""
    clock = ManualClock()
    async with desk(Mode.LIVE, clock=clock) as one:
        copies = Copies(one)
        await copies.send(LOST)
        clock.advance(s=10)
        await one.controls.switch_trading(TradingState.HALTED, RITA, "looking", *AAPL)
        (verdict,) = await copies.send(LOST)
        assert (verdict.result, verdict.stopped, copies.state) == ("missing", (), TradingState.HALTED)
        await one.controls.switch_trading(TradingState.ACTIVE, RITA, "looked", *AAPL)
        await copies.send(LOST)
        assert copies.state is TradingState.REDUCING


async def test_an_archived_order_is_found_by_its_id_and_what_is_older_than_memory_is_left_alone() -> None:
    """Without this, old executions would stop their symbols because memory has let go of them."""
    config = trading_config(Mode.LIVE, retained_closed_orders=0, retained_executions=1)
    clock = ManualClock()
    async with desk(config=config, clock=clock) as one:
        order = await filled(one)
        clock.advance(s=60)
        await filled(one, strategy="other")
        await one.until(lambda: order.order_id not in one.engine.state.orders)
        copies = Copies(one)
        old = copy_of(order, executed_ns=clock.now_ns() - 60_000_000_000)
        assert await copies.result(msgspec.structs.replace(old, order_id=order.order_id)) == "matched"
        assert await copies.result(old) == "too_old"
        nothing = msgspec.structs.replace(old, order_id=order.order_id, exec_id="never")
        assert await copies.result(nothing) == "pending"


async def test_a_venue_that_nobody_configured_is_an_error() -> None:
    """Without this, a misspelled venue would make every execution look missing, and stop every symbol."""
    async with desk(Mode.LIVE, clock=ManualClock()) as one:
        with pytest.raises(RequestInvalid, match="configured venue"):
            await Copies(one).service.compare("alfa", (LOST,), RITA)
