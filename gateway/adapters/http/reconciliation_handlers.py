"""How the books agree with the venues, over HTTP; accepting a difference, settling an order in doubt by hand."""

from decimal import Decimal
from typing import Annotated

import msgspec
from aiohttp import web

from gateway.adapters.http.auth import Caller
from gateway.adapters.http.boundary import json_response, read_body
from gateway.adapters.http.kinds import Amount, Choice, Difference, Name, Text
from gateway.adapters.http.problem import HttpProblem
from gateway.adapters.http.reading import read_struct
from gateway.adapters.http.times import rfc3339
from gateway.adapters.http.views import story_view
from gateway.domain.money import plain
from gateway.domain.reconciliation import ExecutionDifference, ForeignOrder, HoldingDrift, SettleAs
from gateway.ports.read_model import AllReads
from gateway.ports.reconciling import Reconciliations, VenueReconciled

_REASON = Text("Words for the record.", 200, is_needed=True)
_AS = Choice("What became of it.", {word.value: word for word in SettleAs})


class AcceptDrift(msgspec.Struct, frozen=True):
    """Take a difference as given."""

    venue: Annotated[str, Name("The venue.")]
    symbol: Annotated[str, Name("The symbol, or the asset, as the list names it.")]
    reason: Annotated[str, _REASON]
    difference: Annotated[Decimal | None, Difference("As it was shown: another one is refused.")] = None


class SettleOrder(msgspec.Struct, frozen=True):
    """Say what became of a live order in doubt."""

    settle_as: Annotated[SettleAs, _AS]
    reason: Annotated[str, _REASON]
    quantity: Annotated[Decimal | None, Amount("Units that filled; the rest of the order is over.")] = None
    price: Annotated[Decimal | None, Amount("Average price of what filled.")] = None


class DriftView(msgspec.Struct, frozen=True):
    """A difference that waits for a person. ``symbols`` take only what reduces positions."""

    symbol: str
    venue_qty: str
    expected_qty: str
    difference: str
    symbols: tuple[str, ...]
    since: str


class ExecutionView(msgspec.Struct, frozen=True):
    """An execution that the venue tells otherwise than it is booked. ``is_corrected``: it was corrected before."""

    order_id: str
    exec_id: str
    symbol: str
    booked_qty: str
    booked_px: str
    venue_qty: str
    venue_px: str
    is_corrected: bool


class UnknownOrderView(msgspec.Struct, frozen=True):
    """An order that did not come through this gateway."""

    venue_order_id: str
    client_order_id: str
    symbol: str
    side: str
    order_qty: str
    cum_qty: str
    is_open: bool
    text: str
    since: str


class HoldingRow(msgspec.Struct, frozen=True):
    """A holding in the last reading. ``base_qty`` was accepted; ``note`` says why it could not be judged."""

    symbol: str
    venue_qty: str
    book_qty: str
    base_qty: str
    difference: str
    note: str


class VenueAgreementView(msgspec.Struct, frozen=True):
    """One venue. ``trouble`` says why it was not read the last time; ``others`` is held there and not traded here."""

    venue: str
    adapter: str
    read_at: str | None
    trouble: str
    differences: tuple[DriftView, ...]
    executions: tuple[ExecutionView, ...]
    unknown_orders: tuple[UnknownOrderView, ...]
    holdings: tuple[HoldingRow, ...]
    others: dict[str, str]


class ReconciliationReply(msgspec.Struct, frozen=True):
    """Every venue that is or was read."""

    venues: tuple[VenueAgreementView, ...]


class ReconciliationHandlers:
    """Reconciliation."""

    def __init__(self, desk: Reconciliations, reads: AllReads) -> None:
        self._desk = desk
        self._reads = reads

    async def show(self, request: web.Request, caller: Caller) -> web.StreamResponse:
        _check_sees_all(caller)
        return json_response(ReconciliationReply(tuple(_view(one) for one in self._desk.venues())))

    async def accept(self, request: web.Request, caller: Caller) -> web.StreamResponse:
        _check_sees_all(caller)
        wish = read_struct(await read_body(request), AcceptDrift)
        drift = await self._desk.accept(wish.venue.lower(), wish.symbol, wish.difference, caller.actor, wish.reason)
        return json_response(_drift_view(drift))

    async def settle(self, request: web.Request, caller: Caller) -> web.StreamResponse:
        wish = read_struct(await read_body(request), SettleOrder)
        order_id = request.match_info["order_id"]
        story = await self._reads.order(order_id)
        if story is None or not caller.sees_order(story.order):
            raise HttpProblem("ORDER_NOT_FOUND", "no order has this id")
        await self._desk.settle(order_id, wish.settle_as, wish.quantity, wish.price, caller.actor, wish.reason)
        story = await self._reads.order(order_id)
        assert story is not None, "it was there before"
        return json_response(story_view(story))


def _check_sees_all(caller: Caller) -> None:
    if caller.is_restricted:
        raise HttpProblem("ACCOUNT_NOT_PERMITTED", "holdings of every account are compared; this key is bound to some")


def _view(one: VenueReconciled) -> VenueAgreementView:
    return VenueAgreementView(
        one.venue,
        one.adapter,
        rfc3339(one.read_ns) if one.read_ns else None,
        one.trouble,
        tuple(_drift_view(drift) for drift in one.drifts),
        tuple(_execution_view(row) for row in one.differing),
        tuple(_unknown_view(order) for order in one.foreign),
        tuple(
            HoldingRow(
                row.symbol,
                plain(row.venue_qty),
                plain(row.book_qty),
                plain(row.base_qty),
                plain(row.difference),
                row.note,
            )
            for row in one.holdings
        ),
        {symbol: plain(qty) for symbol, qty in sorted(one.others.items())},
    )


def _drift_view(drift: HoldingDrift) -> DriftView:
    return DriftView(
        drift.symbol,
        plain(drift.venue_qty),
        plain(drift.expected_qty),
        plain(drift.qty),
        drift.symbols,
        rfc3339(drift.since_ns),
    )


def _execution_view(one: ExecutionDifference) -> ExecutionView:
    return ExecutionView(
        one.order_id,
        one.exec_id,
        one.symbol,
        plain(one.booked_qty),
        plain(one.booked_px),
        plain(one.venue_qty),
        plain(one.venue_px),
        one.is_corrected,
    )


def _unknown_view(order: ForeignOrder) -> UnknownOrderView:
    return UnknownOrderView(
        order.venue_order_id,
        order.order_id,
        order.symbol,
        order.side,
        plain(order.order_qty),
        plain(order.cum_qty),
        order.is_open,
        order.text,
        rfc3339(order.since_ns),
    )
