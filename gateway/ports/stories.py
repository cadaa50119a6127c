"""One order's whole story, from the journal: what was recorded of it, and how long each stage took."""

from typing import Protocol

import msgspec

from gateway.domain.records import Record
from gateway.ports.checking import OrderCheckView
from gateway.ports.intake import OrderStory


class Stage(msgspec.Struct, frozen=True):
    """How long one stage of an order took. ``name`` is words for people."""

    name: str
    ns: int


class RecordedStory(msgspec.Struct, frozen=True):
    """The order as it stands with the records that speak of it. ``is_whole`` False: it goes on beyond them."""

    story: OrderStory
    records: tuple[Record, ...]
    stages: tuple[Stage, ...]
    is_whole: bool


class OrderStories(Protocol):
    async def story(self, order_id: str) -> OrderStory | None:
        """The order as it stands."""
        ...

    async def recorded(self, order_id: str) -> RecordedStory | None:
        """None when no order has this id. Raises JournalUnavailable, JournalBroken."""
        ...


class ExplanationFailed(Exception):
    """The order cannot be decided again here; says why and what to do."""


class OrderExplainer(Protocol):
    async def explain(self, order_id: str) -> OrderCheckView:
        """Every check of an order of the past, as it was. Raises ExplanationFailed."""
        ...
