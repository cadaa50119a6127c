"""One order's whole story: every public fact about it, in order, with how long each stage took."""

from collections.abc import Awaitable
from typing import Any, TypeVar

import msgspec
from aiohttp import web

from gateway.adapters.http.auth import Caller
from gateway.adapters.http.boundary import json_response
from gateway.adapters.http.check_handlers import narrowed
from gateway.adapters.http.event_words import tell
from gateway.adapters.http.problem import HttpProblem
from gateway.adapters.http.times import rfc3339
from gateway.adapters.http.views import OrderView, story_view
from gateway.domain.records import Record
from gateway.ports.page import PageBehind
from gateway.ports.stories import ExplanationFailed, OrderExplainer, OrderStories

T = TypeVar("T")


class StageView(msgspec.Struct, frozen=True):
    """How long one stage took."""

    name: str
    ns: int


class StoryReply(msgspec.Struct, frozen=True):
    """The order as it stands, the facts about it as ws/events tells them, and the time between them. ``is_whole``
    False: it works for so long already that later facts were not looked for."""

    order: OrderView
    steps: tuple[dict[str, Any], ...]
    stages: tuple[StageView, ...]
    is_whole: bool


class StoryHandlers:
    """Where people look when they ask what became of an order."""

    def __init__(self, stories: OrderStories, explainer: OrderExplainer) -> None:
        self._stories = stories
        self._explainer = explainer

    async def show(self, request: web.Request, caller: Caller) -> web.StreamResponse:
        order_id = request.match_info["order_id"]
        found = await _asked(self._stories.recorded(order_id))
        if found is None or not caller.sees_order(found.story.order):
            raise HttpProblem("ORDER_NOT_FOUND", f"no order {order_id}")
        return json_response(
            StoryReply(
                order=story_view(found.story),
                steps=tuple([step for record in found.records for step in _steps(record, order_id)]),
                stages=tuple([StageView(stage.name, stage.ns) for stage in found.stages]),
                is_whole=found.is_whole,
            )
        )

    async def checks(self, request: web.Request, caller: Caller) -> web.StreamResponse:
        """Decided again; a leg is explained with its whole, which is what was taken in."""
        order_id = request.match_info["order_id"]
        found = await _asked(self._stories.story(order_id))
        if found is None or not caller.sees_order(found.order):
            raise HttpProblem("ORDER_NOT_FOUND", f"no order {order_id}")
        try:
            view = await self._explainer.explain(found.order.parent_id or order_id)
        except ExplanationFailed as failed:
            raise HttpProblem("EXPLANATION_FAILED", str(failed)) from failed
        return json_response(narrowed(view, caller))


async def _asked(answer: Awaitable[T]) -> T:
    try:
        return await answer
    except PageBehind as behind:
        raise HttpProblem("PAGE_BEHIND", str(behind), {"Retry-After": "1"}) from None


def _steps(record: Record, order_id: str) -> list[dict[str, Any]]:
    """What a record says of this order; a record may speak of others too."""
    found = []
    for index, fact in enumerate(record.facts):
        told = tell(fact)
        if told is None or order_id not in (told.order_id, told.fields.get("order_id")):
            continue
        found.append({"seq": record.seq, "index": index, "ts": rfc3339(fact.ts_ns), "type": told.type, **told.fields})
    return found
