"""The page for people: its files, and the read model behind it."""

from collections.abc import Mapping
from typing import Protocol

import msgspec

from gateway.domain.alerts import Alert
from gateway.domain.positions import PortfolioPoint
from gateway.domain.throttles import StrategyLock
from gateway.ports.alerts import ChannelView
from gateway.ports.intake import OrderStory, WaitingEdit
from gateway.ports.journal import OrderQuery, PortfolioQuery
from gateway.ports.read_model import (
    BreakerView,
    ConnectionView,
    FlattenView,
    ModesView,
    PortfolioView,
    PositionView,
    StopView,
)
from gateway.ports.risk_view import LimitUseView
from gateway.ports.rollouts import RolloutState
from gateway.ports.stories import OrderStories


class PageFile(msgspec.Struct, frozen=True):
    content_type: str
    body: bytes


#: By name, ``index.html`` among them.
PageFiles = Mapping[str, PageFile]


class Page(msgspec.Struct, frozen=True):
    """What the server needs to show it. ``stories`` are those of ``reads``."""

    files: PageFiles
    reads: "PageReads"
    stories: OrderStories


class PageBehind(Exception):
    """The read model is not there (yet): says why, and how far it is. Ask again in a second."""


class PageView(msgspec.Struct, frozen=True, kw_only=True):
    """Everything on the page but orders, as of record ``seq`` and the prices of now. ``last_seq`` is the newest record
    that is durable.

    ``positions`` are those that are held. ``limits`` are the fullest of the ``limits_used`` that are in use, of which
    ``limits_broken`` are exceeded. Of the outside, not of facts: ``connections``, ``channels``, the ``waiting`` edit,
    prices.
    """

    seq: int
    last_seq: int
    modes: ModesView
    stops: tuple[StopView, ...]
    flattens: tuple[FlattenView, ...]
    locks: tuple[StrategyLock, ...]
    breakers: tuple[BreakerView, ...]
    accounts: tuple[PortfolioView, ...]
    positions: tuple[PositionView, ...]
    limits: tuple[LimitUseView, ...]
    limits_used: int
    limits_broken: int
    rollouts: tuple[RolloutState, ...]
    active_alerts: tuple[Alert, ...]
    resolved_alerts: tuple[Alert, ...]
    statistics: dict[str, dict[str, int]]
    connections: tuple[ConnectionView, ...]
    channels: tuple[ChannelView, ...]
    waiting: WaitingEdit | None


class PageReads(Protocol):
    """A read model folded from facts: the first to ask waits until it has been read. Every method raises PageBehind."""

    async def view(self) -> PageView: ...

    async def orders(self, query: OrderQuery) -> tuple[int, list[OrderStory]]:
        """Newest first, and a record that they are not older than."""
        ...

    async def order(self, order_id: str) -> OrderStory | None: ...

    async def history(self, query: PortfolioQuery) -> list[tuple[int, PortfolioPoint]]:
        """What accounts were worth, newest first, with the moment of each."""
        ...
