"""Placing, canceling, replacing and reading orders."""

from decimal import Decimal
from functools import partial

import msgspec
from aiohttp import web
from msgspec import UNSET

from gateway.adapters.http.auth import Caller
from gateway.adapters.http.boundary import json_response, read_body
from gateway.adapters.http.fast_lane import WholeRequest
from gateway.adapters.http.paging import narrowed, read_cursor, write_cursor
from gateway.adapters.http.placing import read_order
from gateway.adapters.http.problem import HttpProblem, Problem, problem_of, problem_response, problem_type
from gateway.adapters.http.reading import read_query, read_struct
from gateway.adapters.http.shapes import OrdersQuery, ReplaceOrder
from gateway.adapters.http.views import OrderView, story_view
from gateway.domain.enums import RejectStage
from gateway.domain.money import plain
from gateway.domain.orders import NewOrderSingle, Reject, ReplaceRequest
from gateway.domain.reasons import RejectCode
from gateway.ports.clock import Clock
from gateway.ports.intake import FieldError, OrderIntake, Outcome, Reply, RequestInvalid
from gateway.ports.journal import OrderQuery
from gateway.ports.read_model import ReadModel

ORDERS_PATH = "/api/trading/orders/"
_STATUS = {Outcome.CREATED: 201, Outcome.REPEATED: 200, Outcome.REQUESTED: 202}
_REFUSALS = {
    Outcome.DENIED: (422, "The order was denied"),
    Outcome.CONFLICT: (409, "The client_order_id was used for another order"),
    Outcome.REFUSED: (409, "The order is in no state for this"),
}
_NS_PER_S = Decimal(1_000_000_000)
_CONFLICT = Reject(
    RejectStage.INTAKE, RejectCode.CLIENT_ORDER_ID_REUSED, "an order with other content has this client_order_id"
)


class OrdersPage(msgspec.Struct, frozen=True):
    """One page of orders, newest first. ``next_cursor`` null: there are no more."""

    orders: list[OrderView]
    next_cursor: str | None


class OrderHandlers:
    """The order endpoints over the intake and the read model."""

    def __init__(self, intake: OrderIntake, reads: ReadModel, clock: Clock) -> None:
        self._intake = intake
        self._reads = reads
        self._clock = clock

    async def place(self, request: web.Request, caller: Caller) -> web.StreamResponse:
        received_ns = self._clock.monotonic_ns()
        return await self._place(await read_body(request), caller, received_ns)

    async def place_whole(self, request: WholeRequest, caller: Caller) -> web.StreamResponse:
        """The same on the fast lane."""
        return await self._place(request.body, caller, self._clock.monotonic_ns())

    async def _place(self, body: bytes, caller: Caller, received_ns: int) -> web.StreamResponse:
        order = read_order(body, caller.default_account, caller.default_strategy)
        check_permitted(order, caller)
        return await self._intake.place(order, caller.actor, received_ns, partial(_answer, caller))

    async def cancel(self, request: web.Request, caller: Caller) -> web.StreamResponse:
        order_id = await self._visible_id(request, caller)
        return _answer(caller, await self._intake.cancel(order_id, caller.actor))

    async def replace(self, request: web.Request, caller: Caller) -> web.StreamResponse:
        terms = read_struct(await read_body(request), ReplaceOrder)
        if terms == ReplaceOrder():
            hint = "give quantity, limit_price or stop_price"
            raise RequestInvalid((FieldError("(body)", "must change something", "no new terms", hint),))
        order_id = await self._visible_id(request, caller)
        new = ReplaceRequest(order_qty=terms.quantity, limit_px=terms.limit_price, stop_px=terms.stop_price)
        return _answer(caller, await self._intake.replace(order_id, new, caller.actor))

    async def show(self, request: web.Request, caller: Caller) -> web.StreamResponse:
        story = await self._reads.order(request.match_info["order_id"])
        if story is None or not caller.sees_order(story.order):
            raise HttpProblem("ORDER_NOT_FOUND", "no order has this id")
        return json_response(story_view(story))

    async def list(self, request: web.Request, caller: Caller) -> web.StreamResponse:
        query = read_query(request.query.items(), OrdersQuery)
        accounts = narrowed(query.account, caller.accounts)
        strategies = narrowed(query.strategy_id, caller.strategies)
        before = None
        if query.cursor is not None:
            created_ns, (order_id,) = read_cursor(query.cursor, 1)
            before = (created_ns, order_id)
        if accounts == () or strategies == ():
            return json_response(OrdersPage([], None))
        stories = await self._reads.orders(
            OrderQuery(
                accounts=accounts,
                strategies=strategies,
                symbol=query.symbol,
                venue=query.venue,
                route=query.route,
                statuses=query.status,
                before=before,
                limit=query.limit + 1,
            )
        )
        page = stories[: query.limit]
        next_cursor = (
            write_cursor(page[-1].order.created_ns, page[-1].order.order_id) if len(stories) > query.limit else None
        )
        return json_response(OrdersPage([story_view(story) for story in page], next_cursor))

    async def _visible_id(self, request: web.Request, caller: Caller) -> str:
        """The id in the path; another's order does not exist for a restricted caller."""
        order_id = request.match_info["order_id"]
        if caller.is_restricted:
            story = await self._reads.order(order_id)
            if story is None or not caller.sees_order(story.order):
                raise HttpProblem("ORDER_NOT_FOUND", "no order has this id")
        return order_id


def check_permitted(order: NewOrderSingle, caller: Caller) -> None:
    """Raises HttpProblem 403 unless the caller may trade for the order's account and strategy."""
    if caller.accounts is not None and order.account not in caller.accounts:
        raise HttpProblem("ACCOUNT_NOT_PERMITTED", f"account {order.account}")
    if caller.strategies is not None and order.strategy_id not in caller.strategies:
        raise HttpProblem("STRATEGY_NOT_PERMITTED", f"strategy {order.strategy_id}")


def _answer(caller: Caller, reply: Reply) -> web.StreamResponse:
    outcome, story = reply.outcome, reply.story
    status = _STATUS.get(outcome)
    if status is not None:
        assert story is not None, f"{outcome} comes with its order"
        location = ORDERS_PATH + story.order.order_id if status == 201 else ""
        return json_response(story_view(story), status, location)
    if outcome is Outcome.NOT_FOUND:
        return problem_response(problem_of("ORDER_NOT_FOUND", "no order has this id"))
    if outcome is Outcome.DEFERRED:
        return _deferral(reply)
    return problem_response(_refusal(reply, caller))


def _deferral(reply: Reply) -> web.Response:
    """Not now: 429 for the message rate, 409 for what has to be out of the way first."""
    reject = reply.reject
    assert reject is not None, "who has to wait is told why"
    is_rate = reject.code == RejectCode.MESSAGE_RATE_EXCEEDED
    problem = Problem(
        type=problem_type(reject.code),
        title="Too many messages" if is_rate else "One of your own open orders is in the way",
        status=429 if is_rate else 409,
        detail=reject.text,
        code=reject.code,
        stage=reject.stage,
        context=reject.context,
        retry_after_s=plain(Decimal(reply.wait_ns) / _NS_PER_S),
    )
    return problem_response(problem, {"Retry-After": str(-(-reply.wait_ns // int(_NS_PER_S)))})


def _refusal(reply: Reply, caller: Caller) -> Problem:
    status, title = _REFUSALS[reply.outcome]
    story = reply.story
    reject = reply.reject
    if reject is None:
        reject = _CONFLICT if reply.outcome is Outcome.CONFLICT else story.order.reject if story else None
    assert reject is not None, f"{reply.outcome} comes with its reason"
    # A client order id is shared by all strategies of an account: the other order may not be this caller's.
    is_shown = story is not None and caller.sees_order(story.order)
    return Problem(
        type=problem_type(reject.code),
        title=title,
        status=status,
        detail=reject.text,
        code=reject.code,
        stage=reject.stage,
        order=story_view(story) if story is not None and is_shown else UNSET,
    )
