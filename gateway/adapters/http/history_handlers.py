"""Reading the past: positions that were closed, and what accounts were worth."""

import msgspec
from aiohttp import web

from gateway.adapters.http.auth import Caller
from gateway.adapters.http.boundary import json_response
from gateway.adapters.http.paging import narrowed, read_cursor, write_cursor
from gateway.adapters.http.reading import read_query
from gateway.adapters.http.shapes import ClosedPositionsQuery, PortfolioHistoryQuery
from gateway.adapters.http.times import rfc3339
from gateway.domain.money import plain
from gateway.domain.positions import ClosedPosition, PortfolioPoint
from gateway.ports.journal import ClosedPositionQuery, PortfolioQuery
from gateway.ports.read_model import PastReads


class ClosedPositionView(msgspec.Struct, frozen=True, kw_only=True):
    """One life of a position that ended. ``realized_pnl``, ``mae`` and ``mfe`` are in ``currency``; ``result`` is
    what it came to after fees, in the base currency. ``losses_in_a_row`` counts those of the strategy up to it."""

    closed_id: str
    book: str
    account: str
    strategy_id: str
    venue: str
    symbol: str
    currency: str
    life: int
    cycle: int
    side: str
    max_quantity: str
    entry_px: str
    exit_px: str
    opened_at: str
    closed_at: str
    holding_s: int
    executions: int
    realized_pnl: str
    fees_by_currency: dict[str, str]
    result: str
    mae: str
    mfe: str
    losses_in_a_row: int


class ClosedPositionsPage(msgspec.Struct, frozen=True):
    """One page of closed positions, newest first. ``next_cursor`` null: there are no more."""

    closed_positions: list[ClosedPositionView]
    next_cursor: str | None


class PortfolioPointView(msgspec.Struct, frozen=True, kw_only=True):
    """One account in one book at one moment, base currency, at the marks of then."""

    at: str
    book: str
    account: str
    equity: str
    gross_exposure: str
    net_exposure: str
    held_exposure: str
    pnl: str
    realized_pnl: str
    fees: str
    daily_pnl: str
    drawdown: str
    positions: int


class PortfolioHistoryPage(msgspec.Struct, frozen=True):
    """One page of portfolio snapshots, newest first. ``next_cursor`` null: there are no more."""

    history: list[PortfolioPointView]
    next_cursor: str | None


class HistoryHandlers:
    """The lists that reach back beyond memory."""

    def __init__(self, reads: PastReads) -> None:
        self._reads = reads

    async def closed_positions(self, request: web.Request, caller: Caller) -> web.StreamResponse:
        query = read_query(request.query.items(), ClosedPositionsQuery)
        before = None
        if query.cursor is not None:
            moment_ns, (closed_id,) = read_cursor(query.cursor, 1)
            before = (moment_ns, closed_id)
        found = await self._reads.closed_positions(
            ClosedPositionQuery(
                book=query.book,
                accounts=narrowed(query.account, caller.accounts),
                strategies=narrowed(query.strategy_id, caller.strategies),
                symbol=query.symbol,
                venue=query.venue,
                before=before,
                limit=query.limit + 1,
            )
        )
        page = found[: query.limit]
        is_last = len(found) <= query.limit
        next_cursor = None if is_last else write_cursor(page[-1].closed_ns, page[-1].closed_id)
        return json_response(ClosedPositionsPage([_closed_view(one) for one in page], next_cursor))

    async def portfolio_history(self, request: web.Request, caller: Caller) -> web.StreamResponse:
        query = read_query(request.query.items(), PortfolioHistoryQuery)
        before = None
        if query.cursor is not None:
            moment_ns, (account, book) = read_cursor(query.cursor, 2)
            before = (moment_ns, account, book)
        found = await self._reads.portfolio_history(
            PortfolioQuery(
                book=query.book,
                accounts=narrowed(query.account, caller.accounts),
                before=before,
                limit=query.limit + 1,
            )
        )
        page = found[: query.limit]
        next_cursor = None
        if len(found) > query.limit:
            ts_ns, point = page[-1]
            next_cursor = write_cursor(ts_ns, point.account, point.book)
        return json_response(PortfolioHistoryPage([point_view(*one) for one in page], next_cursor))


def _closed_view(one: ClosedPosition) -> ClosedPositionView:
    return ClosedPositionView(
        closed_id=one.closed_id,
        book=one.book,
        account=one.account,
        strategy_id=one.strategy_id,
        venue=one.venue,
        symbol=one.symbol,
        currency=one.currency,
        life=one.number,
        cycle=one.cycle,
        side="long" if one.is_long else "short",
        max_quantity=plain(one.max_qty),
        entry_px=plain(one.entry_px),
        exit_px=plain(one.exit_px),
        opened_at=rfc3339(one.opened_ns),
        closed_at=rfc3339(one.closed_ns),
        holding_s=max(one.closed_ns - one.opened_ns, 0) // 1_000_000_000,
        executions=one.executions,
        realized_pnl=plain(one.realized),
        fees_by_currency={currency: plain(fee) for currency, fee in one.fees.items() if fee},
        result=plain(one.result),
        mae=plain(one.mae),
        mfe=plain(one.mfe),
        losses_in_a_row=one.losses_in_a_row,
    )


def point_view(ts_ns: int, point: PortfolioPoint) -> PortfolioPointView:
    return PortfolioPointView(
        at=rfc3339(ts_ns),
        book=point.book,
        account=point.account,
        equity=plain(point.equity),
        gross_exposure=plain(point.gross),
        net_exposure=plain(point.net),
        held_exposure=plain(point.held),
        pnl=plain(point.pnl),
        realized_pnl=plain(point.realized),
        fees=plain(point.fees),
        daily_pnl=plain(point.day_pnl),
        drawdown=plain(point.drawdown),
        positions=point.open_positions,
    )
