"""Orders, positions and figures for readers. What is shown is durable; with a failing journal it is shown anyway."""

import msgspec

from gateway.core.state import GatewayState
from gateway.domain.orders import Order
from gateway.domain.positions import ClosedPosition, PortfolioPoint
from gateway.domain.sessions import Session
from gateway.ports.clock import Clock
from gateway.ports.intake import OrderStory
from gateway.ports.journal import ClosedPositionQuery, LedgerArchive, OrderArchive, OrderQuery, PortfolioQuery
from gateway.ports.market_data import MarketData
from gateway.ports.read_model import PortfolioView, PositionView
from gateway.service.book_views import portfolio_views, position_views
from gateway.service.engine import Engine
from gateway.service.intake import Intake
from gateway.service.views import matches, statistics_of


class Reads:
    """Implements ``ports.read_model.ReadModel``."""

    def __init__(
        self,
        engine: Engine,
        intake: Intake,
        archive: OrderArchive,
        history: LedgerArchive,
        market: MarketData,
        clock: Clock,
    ) -> None:
        self._engine = engine
        self._intake = intake
        self._archive = archive
        self._history = history
        self._market = market
        self._clock = clock

    @property
    def _state(self) -> GatewayState:
        return self._engine.state

    async def order(self, order_id: str) -> OrderStory | None:
        order = self._engine.find_order(order_id) or await self._archive.find(order_id)
        if order is None:
            return None
        story = await self._intake.story(order)
        await self._engine.settle(self._engine.last_seq)
        return story

    async def orders(self, query: OrderQuery) -> list[OrderStory]:
        """Newest first. Open orders are in memory, finished ones in the archive; neither is in both lists."""
        if query.venue is not None:
            query = msgspec.structs.replace(query, venue=query.venue.lower())
        in_memory = [order for order in self._state.orders.values() if order.is_open and not order.parent_id]
        in_memory.extend(self._engine.finished_orders())
        listed = [story for order in in_memory if (story := await self._wanted(order, query)) is not None]
        await self._engine.settle(self._engine.last_seq)
        known = {story.order.order_id for story in listed}
        for order in await self._archive.list(query):
            if order.order_id not in known:
                listed.append(await self._intake.story(order))
        listed.sort(key=lambda story: (story.order.created_ns, story.order.order_id), reverse=True)
        return listed[: query.limit]

    async def _wanted(self, order: Order, query: OrderQuery) -> OrderStory | None:
        """The order as it is shown, when that is what is asked for: a parent is where its legs are."""
        if not order.leg_ids and not matches(order, query):
            return None
        story = await self._intake.story(order)
        return story if matches(story.order, query) else None

    async def portfolio(self) -> tuple[tuple[PortfolioView, ...], tuple[PositionView, ...]]:
        views = portfolio_views(self._state, self._market, self._clock.now_ns())
        positions = position_views(self._state, self._market, self._clock.now_ns())
        await self._engine.settle(self._engine.last_seq)
        return views, positions

    async def closed_positions(self, query: ClosedPositionQuery) -> list[ClosedPosition]:
        await self._engine.settle(self._engine.last_seq)
        return await self._history.list_closed(query)

    async def portfolio_history(self, query: PortfolioQuery) -> list[tuple[int, PortfolioPoint]]:
        await self._engine.settle(self._engine.last_seq)
        return await self._history.list_portfolio(query)

    def session(self) -> Session | None:
        return self._state.session

    def statistics(self) -> dict[str, dict[str, int]]:
        return statistics_of(self._state)
