"""The read model of the page: follows the durable records while somebody looks, and lets go when nobody does.

Without a reader it costs nothing. With one, every record is folded a second time: after it was durable, in slices of a
fraction of a millisecond, so that orders come between. A reader sees the state as of one record, however far the
engine is by then.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import msgspec

from gateway.domain.orders import Order
from gateway.domain.positions import PortfolioPoint
from gateway.domain.records import Record
from gateway.ports.alerts import ChannelView
from gateway.ports.clock import Clock
from gateway.ports.intake import EventFeed, EventTail, OrderStory, WaitingEdit
from gateway.ports.journal import (
    History,
    JournalBroken,
    JournalUnavailable,
    LedgerArchive,
    OrderArchive,
    OrderQuery,
    PortfolioQuery,
)
from gateway.ports.market_data import MarketData
from gateway.ports.page import PageBehind, PageView
from gateway.ports.read_model import PortfolioView, PositionView
from gateway.service.book_views import portfolio_view, position_view
from gateway.service.breaker_views import BreakerReader
from gateway.service.connections import ConnectionReader
from gateway.service.page.replica import Replica
from gateway.service.recovery import restored
from gateway.service.risk_reads import RiskReader
from gateway.service.rollout_states import RolloutStates
from gateway.service.tasks import TaskGroup
from gateway.service.views import (
    active_alerts,
    flatten_views,
    locks_of,
    matches,
    modes_view,
    resolved_alerts,
    statistics_of,
    stop_views,
    story_of,
)

_log = logging.getLogger(__name__)
#: How long one slice of folding may hold the event loop.
_SLICE_NS = 500_000
#: How long to wait between looks at new records.
_LOOK_EVERY_S = 0.1
#: How long the first reader waits for the journal to be read before he is told how far it is.
_PATIENCE_S = 2.0
#: A view is shown to everybody for so long, and for ten times of what it took to make.
_FRESH_NS, _SHARE = 500_000_000, 10
_POSITIONS_PER_SLICE = 32
#: Limits on the page: more bars say nothing.
_MOST_LIMITS = 40
#: So near to the newest record is as good as at it: more keep coming.
_NEAR = 512
#: For so long after the last question the records are still followed.
_LINGER_NS = 60_000_000_000


class Outside(msgspec.Struct, frozen=True):
    """What is on the page and in no fact, and who reads the replica besides."""

    connections: ConnectionReader
    breakers: BreakerReader
    risk: RiskReader
    rollouts: RolloutStates
    channels: Callable[[], tuple[ChannelView, ...]]
    waiting: Callable[[], WaitingEdit | None]


class PageModel:
    """Implements ``ports.page.PageReads``."""

    def __init__(
        self,
        replica: Replica,
        journal: History,
        feed: EventFeed,
        archive: OrderArchive,
        ledger: LedgerArchive,
        market: MarketData,
        clock: Clock,
        tasks: TaskGroup,
        outside: Outside,
    ) -> None:
        self._replica = replica
        self._journal = journal
        self._feed = feed
        self._archive = archive
        self._ledger = ledger
        self._market = market
        self._clock = clock
        self._tasks = tasks
        self._outside = outside
        self._follower: asyncio.Task[None] | None = None
        self._is_near = asyncio.Event()
        self._failure: PageBehind | None = None
        self._asked_ns = 0
        #: Folding and reading take turns: a view is of one record.
        self._turn = asyncio.Lock()
        self._view: PageView | None = None
        self._fresh_until_ns = 0

    # --- reading ------------------------------------------------------------------------------

    async def view(self) -> PageView:
        async with self._reading():
            now_ns = self._clock.monotonic_ns()
            if self._view is None or now_ns >= self._fresh_until_ns:
                self._view = await self._make_view()
                made_ns = self._clock.monotonic_ns()
                self._fresh_until_ns = made_ns + max(_FRESH_NS, _SHARE * (made_ns - now_ns))
            return self._view

    async def _make_view(self) -> PageView:
        """As of one record: nothing is folded meanwhile, though orders go on."""
        state, outside = self._replica.state, self._outside
        limits, used, broken = await outside.risk.fullest(_MOST_LIMITS)
        accounts, positions = await self._books()
        return PageView(
            seq=self._replica.seq,
            last_seq=self._feed.last_seq,
            modes=modes_view(state),
            stops=stop_views(state),
            flattens=flatten_views(state),
            locks=locks_of(state),
            breakers=outside.breakers.views(),
            accounts=accounts,
            positions=positions,
            limits=limits,
            limits_used=used,
            limits_broken=broken,
            rollouts=tuple(outside.rollouts.states()),
            active_alerts=active_alerts(state),
            resolved_alerts=resolved_alerts(state),
            statistics=statistics_of(state),
            connections=outside.connections.connections(),
            channels=outside.channels(),
            waiting=outside.waiting(),
        )

    async def _books(self) -> tuple[tuple[PortfolioView, ...], tuple[PositionView, ...]]:
        """Every account, and what is held: most of what was ever traded is flat, and in no one's view."""
        state, market, now_ns = self._replica.state, self._market, self._clock.now_ns()
        accounts: list[PortfolioView] = []
        positions: list[PositionView] = []
        for route, book in state.books.items():
            for account in sorted(state.config.accounts):
                accounts.append(portfolio_view(state, market, route, account, now_ns))
                await asyncio.sleep(0)
            for _, position in sorted(book.positions.items()):
                if position.qty:
                    positions.append(position_view(state, market, route, position, now_ns))
                    if len(positions) % _POSITIONS_PER_SLICE == 0:
                        await asyncio.sleep(0)
        return tuple(accounts), tuple(positions)

    async def orders(self, query: OrderQuery) -> tuple[int, list[OrderStory]]:
        async with self._reading():
            seq = self._replica.seq
            found: dict[str, OrderStory] = {}
            for order in [one for one in self._replica.state.orders.values() if one.is_open and not one.parent_id]:
                # A parent is shown where its legs are.
                if order.leg_ids or matches(order, query):
                    story = await self._story(order)
                    if matches(story.order, query):
                        found[order.order_id] = story
            # What ended since that record is in the archive already, and newer there.
            for order in await self._archive.list(query):
                found[order.order_id] = await self._story(order)
        newest = sorted(found.values(), key=lambda one: (one.order.created_ns, one.order.order_id), reverse=True)
        return seq, newest[: query.limit]

    async def order(self, order_id: str) -> OrderStory | None:
        async with self._reading():
            order = await self._find(order_id)
            return None if order is None else await self._story(order)

    async def history(self, query: PortfolioQuery) -> list[tuple[int, PortfolioPoint]]:
        return await self._ledger.list_portfolio(query)

    async def _story(self, order: Order) -> OrderStory:
        legs = [leg for leg_id in order.leg_ids if (leg := await self._find(leg_id)) is not None]
        return story_of(order, legs)

    async def _find(self, order_id: str) -> Order | None:
        return self._replica.state.orders.get(order_id) or await self._archive.find(order_id)

    @asynccontextmanager
    async def _reading(self) -> AsyncIterator[None]:
        """What is read in here is of one state, or PageBehind is raised: the replica may be lost meanwhile."""
        await self._followed()
        follower = self._follower
        async with self._turn:
            yield
            if follower is not self._follower or follower is None or follower.done():
                self._view = None
                raise self._failure or PageBehind("the read model begins anew; ask again")

    # --- following ----------------------------------------------------------------------------

    async def _followed(self) -> None:
        """Somebody asks: follow the journal, and return once the replica is near its end."""
        self._asked_ns = self._clock.monotonic_ns()
        if self._follower is None or self._follower.done():
            self._is_near.clear()
            self._failure = None
            self._follower = self._tasks.spawn(self._follow(), "page model")
        try:
            async with asyncio.timeout(_PATIENCE_S):
                await self._is_near.wait()
        except TimeoutError:
            progress = f"{self._replica.seq:,} of {self._feed.last_seq:,} records"
            raise PageBehind(f"the journal is being read: {progress}") from None
        if self._failure is not None:
            raise self._failure

    async def _follow(self) -> None:
        """Until nobody has asked for a while, or the journal cannot be read: the next to ask begins anew."""
        tail: EventTail | None = None
        try:
            checkpoint = await self._journal.load_checkpoint()
            # Decoding and verifying may take a tenth of a second: beside the loop, where orders go on.
            found = None if checkpoint is None else await asyncio.to_thread(restored, checkpoint)
            if found is not None:
                self._replica.begin(*found)
            await self._read_past()
            tail = self._feed.tail(self._replica.seq)
            while self._clock.monotonic_ns() - self._asked_ns < _LINGER_NS:
                await self._fold(tail)
                self._is_near.set()
                await asyncio.sleep(_LOOK_EVERY_S)
        except (JournalUnavailable, JournalBroken) as error:
            self._failure = PageBehind(f"the journal cannot be read: {error}")
        except Exception as error:
            _log.exception("the read model of the page failed")
            self._failure = PageBehind(f"the records cannot be folded ({error!r}); the next question begins anew")
        finally:
            if tail is not None:
                tail.close()
            self._replica.forget()
            self._view = None
            self._is_near.set()

    async def _read_past(self) -> None:
        """What the journal holds behind the checkpoint, up to its end as of now: decoded and folded in slices."""
        until_ns = self._clock.monotonic_ns() + _SLICE_NS
        async for record in self._journal.read(self._replica.seq):
            self._replica.apply(record)
            if self._clock.monotonic_ns() >= until_ns:
                await asyncio.sleep(0)
                until_ns = self._clock.monotonic_ns() + _SLICE_NS

    async def _fold(self, tail: EventTail) -> None:
        """Take what there is, in slices, until next to nothing is left."""
        while True:
            records = await tail.take()
            while records:
                async with self._turn:
                    records = self._fold_slice(records)
                await asyncio.sleep(0)
            if self._feed.last_seq - self._replica.seq < _NEAR:
                return

    def _fold_slice(self, records: Sequence[Record]) -> Sequence[Record]:
        """Fold for a moment; what is left."""
        until_ns = self._clock.monotonic_ns() + _SLICE_NS
        for count, record in enumerate(records, 1):
            self._replica.apply(record)
            if self._clock.monotonic_ns() >= until_ns:
                return records[count:]
        return ()
