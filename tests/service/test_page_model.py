"""The page's read model beside a running gateway: follows while somebody looks, and lets go."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal

import pytest

from gateway.core.checkpoint import state_hash
from gateway.core.state import GatewayState
from gateway.domain.enums import Mode, OrderClass, Route
from gateway.domain.order_class import StopLoss, TakeProfit
from gateway.domain.records import Checkpoint, Record
from gateway.ports.journal import JournalUnavailable, OrderQuery
from gateway.ports.page import PageBehind
from gateway.ports.risk_view import LimitUseView
from gateway.service.breaker_views import BreakerReader
from gateway.service.connections import ConnectionReader
from gateway.service.feed import FeedTail
from gateway.service.page.model import Outside, PageModel
from gateway.service.page.replica import Replica
from gateway.service.risk_reads import RiskReader
from gateway.service.rollout_states import RolloutStates
from gateway.service.views import statistics_of
from tests.fakes.clock import ManualClock
from tests.fakes.gateway_samples import FakeMarket
from tests.fakes.journal import MemoryJournal
from tests.fakes.outside import OpenCalendar
from tests.service.desk import Desk, desk

D = Decimal


class Page:
    """The model of a desk, and the clock by which it lets go."""

    def __init__(self, one: Desk) -> None:
        self.clock = ManualClock()
        self.replica = replica = Replica()
        outside = Outside(
            connections=ConnectionReader(replica, one.table, FakeMarket(), dict, self.clock),
            breakers=BreakerReader(replica, one.market, OpenCalendar(), self.clock),
            risk=RiskReader(replica, self.clock),
            rollouts=RolloutStates(replica, self.clock, lambda: "p1", lambda: False),
            channels=tuple,
            waiting=lambda: None,
        )
        self.model = PageModel(
            replica, one.journal, one.feed, one.journal, one.journal, one.market, self.clock, one.tasks, outside
        )


@asynccontextmanager
async def page_of(journal: MemoryJournal | None = None) -> AsyncIterator[tuple[Desk, Page]]:
    async with desk(Mode.SHADOW, journal=journal) as one:
        yield one, Page(one)


async def caught_up(one: Desk, page: Page) -> None:
    """The replica has folded all that is durable, and the next view is new."""
    await one.engine.settle(one.engine.last_seq)
    await one.until(lambda: page.replica.seq == one.engine.durable_seq)
    page.clock.advance(s=1)


async def test_the_view_is_what_the_engine_knows_once_it_is_durable() -> None:
    """Without this, the page would show another gateway than the one that trades."""
    async with page_of() as (one, page):
        first = await page.model.view()
        assert (first.seq, first.modes.trading_state) == (one.engine.durable_seq, "active")
        await one.place(qty=10, cl_ord_id="c1")
        await one.place(qty=10_000_000, cl_ord_id="c2")
        await caught_up(one, page)
        view = await page.model.view()
        assert view.seq == view.last_seq == one.engine.last_seq > first.seq
        assert view.statistics == statistics_of(one.engine.state)
        assert state_hash(page.replica.state) == state_hash(one.engine.state)
        accounts, positions = await one.reads.portfolio()
        assert {(one.book, one.account): one.positions for one in view.accounts} == {
            (one.book, one.account): one.positions for one in accounts
        }
        assert [one.symbol for one in view.positions] == [one.symbol for one in positions if one.quantity != "0"]
        seq, orders = await page.model.orders(OrderQuery())
        assert (seq, [story.order.cl_ord_id for story in orders]) == (view.seq, ["c2", "c1"])
        shown = await page.model.order(orders[1].order.order_id)
        assert shown == await one.reads.order(orders[1].order.order_id)


async def test_the_replica_shares_nothing_with_the_engine() -> None:
    """Without this, reading the page would read the engine's state, and drawing it could change an order."""
    async with page_of() as (one, page):
        placed = await one.place(qty=10)
        await page.model.view()
        await caught_up(one, page)
        order = one.order(placed)
        other = page.replica.state.orders[order.order_id]
        assert (other, other is order) == (order, False)
        assert page.replica.state is not one.engine.state


async def test_what_is_not_durable_is_not_shown() -> None:
    """Without this, the page would show an order that a power cut takes back."""
    async with page_of() as (one, page):
        before = (await page.model.view()).seq
        one.journal.failure = "the disk is full"
        asking = asyncio.get_running_loop().create_task(one.place(qty=10))
        await one.until(lambda: one.engine.failure is not None)
        page.clock.advance(s=1)
        view = await page.model.view()
        assert (view.seq, view.statistics["now"]["open_orders"]) == (before, 0)
        asking.cancel()


async def test_it_begins_at_the_checkpoint_and_ends_where_the_journal_does() -> None:
    """Without this, opening the page would fold the whole journal from its first day."""
    journal = MemoryJournal()
    async with page_of(journal) as (one, page):
        await one.place(qty=10)
        await one.engine.checkpoint()
        await one.until(lambda: bool(journal.checkpoints))
        await one.place(qty=20)
        begun: list[int] = []
        begin = page.replica.begin

        def noted(state: GatewayState, seq: int) -> None:
            begun.append(seq)
            begin(state, seq)

        page.replica.begin = noted  # type: ignore[method-assign]
        await page.model.view()
        await caught_up(one, page)
        assert state_hash(page.replica.state) == state_hash(one.engine.state)
        assert begun == [journal.checkpoints[-1].seq]
        assert begun[0] > 1


async def test_when_nobody_looks_it_lets_go_and_the_next_look_begins_anew() -> None:
    """Without this, a page opened once would cost every order from then on."""
    async with page_of() as (one, page):
        await page.model.view()
        page.clock.advance(s=61)
        await one.until(lambda: page.replica.seq == 0)
        await one.place(qty=10)
        assert page.replica.seq == 0
        await page.model.view()
        await caught_up(one, page)
        assert (await page.model.view()).statistics["orders"]["received"] == 1


async def test_a_journal_that_cannot_be_read_is_told_and_asked_again() -> None:
    """Without this, the page would stay empty after one trouble with the disk, and nobody would know why."""
    async with page_of() as (one, page):
        load = one.journal.load_checkpoint

        async def broken() -> Checkpoint | None:
            raise JournalUnavailable("input/output error")

        one.journal.load_checkpoint = broken  # type: ignore[method-assign]
        with pytest.raises(PageBehind, match="input/output error"):
            await page.model.view()
        one.journal.load_checkpoint = load  # type: ignore[method-assign]
        assert (await page.model.view()).seq == one.engine.durable_seq


def test_a_record_out_of_turn_is_refused() -> None:
    """Without this, a gap would go unseen, and the page would be wrong from there on."""
    replica = Replica()
    with pytest.raises(ValueError, match="record 2 does not follow 0"):
        replica.apply(Record(seq=2, ts_ns=1, event=None, facts=()))  # type: ignore[arg-type]


async def test_a_model_that_breaks_while_it_is_read_shows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without this, a page that is drawn in the moment in which the records cannot be read any more would show a
    gateway without a position and without a stop, as if all were well."""
    async with page_of() as (one, page):
        await one.place(qty=10)
        await page.model.view()
        await caught_up(one, page)
        gate, entered = asyncio.Event(), asyncio.Event()

        async def slowly(reader: RiskReader, most: int) -> tuple[tuple[LimitUseView, ...], int, int]:
            entered.set()
            await gate.wait()
            return (), 0, 0

        monkeypatch.setattr(RiskReader, "fullest", slowly)
        asking = asyncio.create_task(page.model.view())
        await entered.wait()

        async def broken(tail: FeedTail) -> list[Record]:
            raise JournalUnavailable("the disk is gone")

        monkeypatch.setattr(FeedTail, "take", broken)
        await one.until(lambda: page.replica.seq == 0)
        gate.set()
        with pytest.raises(PageBehind, match="the disk is gone"):
            await asking
        monkeypatch.undo()
        assert (await page.model.view()).seq == one.engine.durable_seq


async def test_an_order_with_exits_is_listed_under_the_route_that_it_is_shown_with() -> None:
    """Without this, the page would leave brackets out where it lists one route."""
    exits = {"take_profit": TakeProfit(D(200)), "stop_loss": StopLoss(D(100))}
    async with page_of() as (one, page):
        one.simulator.fills = False
        reply = await one.place(limit=D(150), order_class=OrderClass.BRACKET, **exits)
        assert reply.story is not None
        await page.model.view()
        await caught_up(one, page)
        for route, found in ((Route.SHADOW, [reply.story.order.order_id]), (Route.SPLIT, [])):
            _, stories = await page.model.orders(OrderQuery(route=route))
            assert [story.order.order_id for story in stories] == found
