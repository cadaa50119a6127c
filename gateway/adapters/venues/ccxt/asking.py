"""What became of one order, asked of the exchange over REST: its state, its fills, or that it is nowhere.

A stream only ever says that there is something to ask. So a fill has one identity, a state has one source, and what an
exchange's stream loses, repeats or tells in the wrong order changes nothing.
"""

import logging
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import ccxt
import msgspec

from gateway.adapters.venues.ccxt.client import Client
from gateway.adapters.venues.ccxt.lists import Lists
from gateway.adapters.venues.ccxt.reading import (
    OrderState,
    Unreadable,
    exec_id_of,
    fills_of,
    number_of,
    order_of,
    plain_report,
)
from gateway.adapters.venues.ccxt.sweep import Sweep
from gateway.adapters.venues.ccxt.tracking import Tracked, Tracking
from gateway.adapters.venues.shared.background import Background
from gateway.domain.enums import ExecType
from gateway.domain.executions import ExecutionReport
from gateway.domain.money import ZERO
from gateway.ports.clock import Clock

_log = logging.getLogger(__name__)
_NS = 1_000_000_000
#: Between two looks that agree that an order is nowhere; and how long one that was just placed may not be seen yet.
ABSENCE_GAP_S = 1.0
SETTLE_S = 5.0
_ABSENCE_GAP_NS = int(ABSENCE_GAP_S * _NS)
_NEVER_NS = 2**63


class Finding(msgspec.Struct, frozen=True):
    """``is_known`` as in ``ports.venue.Lookup``; ``is_over``: nothing more is to be asked of this order."""

    is_known: bool | None
    reports: tuple[ExecutionReport, ...] = ()
    is_over: bool = False


class Asker:
    def __init__(self, client: Client, tracking: Tracking, background: Background, clock: Clock) -> None:
        self._client = client
        self._background = background
        self._tracking = tracking
        self._clock = clock
        self._lists = Lists(client)
        #: The last ones of each symbol that were begun for orders in doubt: where they are likely, and everywhere.
        self._sweeps: dict[tuple[str, bool], Sweep] = {}
        self._known = client.options.known

    async def ask(self, one: Tracked, *, is_full: bool = False) -> Finding:
        """What is news, or (``is_full``) all there is to tell. Raises what the client raises when the exchange cannot
        be asked: that proves nothing."""
        state, as_of_ns = await self._find(one)
        if state is None:
            return await self._absent(one, as_of_ns)
        one.absences = 0
        if one.venue_order_id != state.venue_order_id:
            self._tracking.name(one, state.venue_order_id)
        if state.created_ms:
            one.since_ms = one.likely_ms = state.created_ms - 1_000
        return await self._told(one, state, is_full)

    async def open_orders(self, symbol: str) -> list[OrderState]:
        """Some of them, at a busy exchange: one that is not among them must be asked for. One that somebody placed and
        ccxt cannot tell in exact figures keeps no other from being read."""
        found: list[OrderState] = []
        for row in await self._client.call("fetch_open_orders", symbol):
            try:
                found.append(order_of(row))
            except Unreadable as error:
                _log.warning("%s: open order %s is left out: %s", self._client.exchange.id, row.get("id"), error)
        return found

    # --- the order ------------------------------------------------------------------------------------

    async def _find(self, one: Tracked) -> tuple[OrderState | None, int]:
        """Its state now; None: it was nowhere at the (monotonic) time."""
        symbol, has, now_ns = one.ticket.symbol, self._client.has, self._clock.monotonic_ns()
        if one.venue_order_id and has.get("fetchOrder"):
            state = await self._fetch(one.venue_order_id, symbol, {})
            if state is not None or (one.is_cancel_taken and self._known.forgets_unfilled):
                return state, now_ns  # it does not forget what has filled, and is asked twice: no list knows more
        elif not one.venue_order_id and self._known.finds_by_id and one.client_id:
            state = await self._fetch(None, symbol, {"clientOrderId": one.client_id})
            if state is not None and state.client_id == one.client_id:
                return state, now_ns
        return await self._search(one)

    async def _fetch(self, venue_order_id: str | None, symbol: str, params: dict[str, str]) -> OrderState | None:
        try:
            return order_of(await self._client.call("fetch_order", venue_order_id, symbol, params))
        except ccxt.OrderNotFound:
            return None

    async def _search(self, one: Tracked) -> tuple[OrderState | None, int]:
        """Through every list that the exchange has: first where it is likely, in short lists, then wherever it may be.
        Raises Unreadable when a list was not seen to its end."""
        is_far = one.since_ms < one.likely_ms
        sweep = self._sweep(one, is_everywhere=is_far and one.absences > 0)  # it was not where it was likely
        state = await sweep.find(one)
        if state is None and is_far and not one.absences:
            sweep = self._sweep(one, is_everywhere=True)
            state = await sweep.find(one)
        if state is not None and not one.venue_order_id and self._client.has.get("fetchOrder"):
            # The list may be some seconds old.
            state = await self._fetch(state.venue_order_id, one.ticket.symbol, {}) or state
        return state, sweep.began_ns

    def _sweep(self, one: Tracked, *, is_everywhere: bool) -> Sweep:
        """Shared by all orders whose ids at the exchange nobody knows, reaching back to the first of them: begun after
        this one was sent, and when its absence counts, if that is now."""
        symbol = one.ticket.symbol
        sharing = [one] if one.venue_order_id else [one, *self._tracking.nameless(symbol)]
        since_ms = min(other.since_ms if is_everywhere else other.likely_ms for other in sharing)
        if one.venue_order_id:
            return Sweep(self._client, self._background, self._clock, symbol, since_ms)
        now_ns, after_ns, proves_ns = self._clock.monotonic_ns(), one.sent_ns, self._proves_absence_ns(one)
        for counts_ns in (proves_ns, one.absent_ns + _ABSENCE_GAP_NS if one.absences else 0):
            if counts_ns <= now_ns:
                after_ns = max(after_ns, counts_ns)
        sweep = self._sweeps.get((symbol, is_everywhere))
        if sweep is None or not sweep.serves(since_ms, after_ns, is_final=proves_ns <= now_ns):
            sweep = Sweep(self._client, self._background, self._clock, symbol, since_ms)
            self._sweeps[symbol, is_everywhere] = sweep
        return sweep

    def _proves_absence_ns(self, one: Tracked) -> int:
        """From when (monotonic) it counts that an order is nowhere; never, where it proves nothing."""
        after_s: float | None = self._client.options.absent_after_s
        if one.venue_order_id:
            after_s = 0.0 if one.is_cancel_taken else SETTLE_S if self._known.forgets_unfilled else None
        return _NEVER_NS if after_s is None else one.sent_ns + int(after_s * _NS)

    async def _absent(self, one: Tracked, as_of_ns: int) -> Finding:
        """It was in no list. Only two looks that agree, when nothing can be under way any more, say anything."""
        one.missed_ns = self._clock.monotonic_ns()
        if as_of_ns < self._proves_absence_ns(one):
            return Finding(None)
        if one.absences and as_of_ns - one.absent_ns < _ABSENCE_GAP_NS:
            return Finding(None)
        one.absences, one.absent_ns = one.absences + 1, as_of_ns
        if one.absences < 2:
            return Finding(None)
        if not one.venue_order_id:
            return Finding(False, is_over=True)
        return await self._gone(one)

    async def _gone(self, one: Tracked) -> Finding:
        """The exchange had it, and has it no more: it ended, and what it filled is among the trades."""
        fills = await self._fills(one, None, ())
        now_ns = self._clock.now_ns()
        if sum((fill.last_qty for fill in fills), ZERO) < one.ticket.order_qty:
            text = "the exchange has it no more"
            fills.append(plain_report(one.order_id, ExecType.CANCELED, now_ns, one.venue_order_id, text))
        return Finding(True, tuple(fills), is_over=True)

    # --- its fills ------------------------------------------------------------------------------------

    async def _told(self, one: Tracked, state: OrderState, is_full: bool) -> Finding:
        now_ns = self._clock.now_ns()
        reports = [plain_report(one.order_id, ExecType.NEW, now_ns, state.venue_order_id)]
        if state.end is ExecType.REJECTED:
            reports.clear()
        expected = state.filled
        if expected is None and state.is_done and state.end is None:
            expected = one.ticket.order_qty  # filled, and not said how much
        if expected is None or expected > one.told_qty or (is_full and expected):
            fills = await self._fills(one, expected, state.trades)
            one.told_qty = sum((fill.last_qty for fill in fills), ZERO)
            reports += fills
        is_whole = expected is None or one.told_qty >= expected
        if state.end is not None and is_whole:
            reports.append(plain_report(one.order_id, state.end, now_ns, state.venue_order_id))
        return Finding(True, tuple(reports), is_over=state.is_done and is_whole)

    async def _fills(
        self, one: Tracked, expected: Decimal | None, told_with_order: Sequence[Mapping[str, Any]]
    ) -> list[ExecutionReport]:
        """All fills of the order, as far as the exchange tells them yet: its lists may lag behind the order."""
        has, symbol = self._client.has, one.ticket.symbol
        found: dict[str, Mapping[str, Any]] = {}
        if has.get("fetchOrderTrades") is True:
            _collect(found, await self._client.call("fetch_order_trades", one.venue_order_id, symbol), one)
        elif not has.get("fetchMyTrades"):
            _collect(found, told_with_order, one)
        if has.get("fetchMyTrades") and (not found or _is_short(found, expected)):
            listed = await self._lists.read("fetchMyTrades", symbol, one.since_ms)
            if expected is None and not listed.is_whole:
                raise Unreadable("fetchMyTrades tells more trades than could be read, and not how much was filled")
            _collect(found, [trade for trade in listed.rows if trade.get("order")], one)
        return fills_of(one.order_id, found.values())


def _collect(found: dict[str, Mapping[str, Any]], trades: Sequence[Mapping[str, Any]], one: Tracked) -> None:
    """The trades that are of this order; those told with the order itself need not name it."""
    for trade in trades:
        mine = {**trade, "order": trade.get("order") or one.venue_order_id}
        if str(mine["order"]) == one.venue_order_id:
            found[exec_id_of(mine)] = mine


def _is_short(found: Mapping[str, Mapping[str, Any]], expected: Decimal | None) -> bool:
    total = sum((number_of(trade, "amount") or ZERO for trade in found.values()), ZERO)
    return expected is not None and total < expected
