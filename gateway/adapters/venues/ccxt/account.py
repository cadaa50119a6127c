"""What the exchange says of the account: open orders, executions and holdings, whoever they are of."""

from collections.abc import Mapping
from typing import Any

import ccxt

from gateway.adapters.venues.ccxt.capabilities import features_of, market_type
from gateway.adapters.venues.ccxt.client import Client
from gateway.adapters.venues.ccxt.ids import order_id_of
from gateway.adapters.venues.ccxt.known import IdForm
from gateway.adapters.venues.ccxt.lists import Lists, Row
from gateway.adapters.venues.ccxt.outcomes import words_of
from gateway.adapters.venues.ccxt.reading import Unreadable, exec_id_of, fee_of, number_of, order_of
from gateway.adapters.venues.ccxt.tracking import Tracking
from gateway.domain.enums import Side
from gateway.domain.money import ZERO
from gateway.domain.venue_account import AccountUnreadable, VenueExecution, VenueOrder, VenuePosition

_MS = 1_000_000
#: Where orders can be found many at a time; up to how many are rather asked for one by one, and how many at most in one
#: reading.
_ORDER_LISTS = ("fetchOrders", "fetchOpenOrders", "fetchClosedOrders")
_FEW, _MOST_ASKED = 5, 50


class CcxtAccount:
    """Implements ``ports.venue.VenueAccount``."""

    def __init__(self, client: Client, tracking: Tracking, symbols: tuple[str, ...]) -> None:
        self._client = client
        self._lists = Lists(client)
        self._tracking = tracking
        self._symbols = symbols

    async def open_orders(self) -> tuple[VenueOrder, ...]:
        if not self._client.has.get("fetchOpenOrders"):
            raise AccountUnreadable(f"{self._client.exchange.id} has no list of open orders in ccxt")
        scopes: tuple[str | None, ...] = self._markets() if self._needs_symbol("fetchOpenOrders") else (None,)
        found = [self._order(row) for scope in scopes for row in await self._whole("fetchOpenOrders", scope, None)]
        return tuple({one.venue_order_id: one for one in found}.values())

    async def executions(self, since_ns: int) -> tuple[VenueExecution, ...]:
        """By instrument, as most exchanges list them."""
        if not self._client.has.get("fetchMyTrades"):
            raise AccountUnreadable(f"{self._client.exchange.id} has no list of executions in ccxt")
        found: list[VenueExecution] = []
        since_ms = since_ns // _MS + self._client.offset_ms
        for symbol in self._markets():
            rows = await self._whole("fetchMyTrades", symbol, since_ms)
            await self._learn_owners(symbol, {str(row["order"]) for row in rows if row.get("order")}, since_ms)
            found.extend(self._execution(row, symbol) for row in rows)
        return tuple(found)

    async def positions(self) -> tuple[VenuePosition, ...]:
        exchange, has = self._client.exchange, self._client.has
        if market_type(exchange) in ("swap", "future", "option") or not has.get("spot", True):
            if has.get("fetchPositions") is not True:
                return ()
            return tuple(_position(row) for row in await self._read("fetch_positions"))
        if has.get("fetchBalance") is not True:
            return ()
        totals = (await self._read("fetch_balance")).get("total") or {}
        return tuple(
            VenuePosition(symbol=asset, qty=qty, is_balance=True)
            for asset in totals
            if (qty := number_of(totals, asset)) is not None and qty
        )

    def _markets(self) -> tuple[str, ...]:
        """Our instruments that the exchange lists: of one that left it nothing can be asked, nor trade."""
        listed = self._client.exchange.markets
        return tuple(one for one in self._symbols if not listed or one in listed)

    async def _read(self, method: str) -> Any:
        try:
            return await self._client.call(method)
        except Exception as error:
            raise AccountUnreadable(f"{self._client.exchange.id}: {words_of(error)}") from error

    async def _whole(self, call: str, symbol: str | None, since_ms: int | None) -> tuple[Row, ...]:
        try:
            listed = await self._lists.read(call, symbol, since_ms)
        except Exception as error:
            raise AccountUnreadable(f"{self._client.exchange.id}: {words_of(error)}") from error
        if not listed.is_whole:
            raise AccountUnreadable(f"{self._client.exchange.id} tells more by {call} than could be read")
        return listed.rows

    async def _learn_owners(self, symbol: str, venue_order_ids: set[str], since_ms: int) -> None:
        """Trades name the exchange's order only: ask which ids these orders were sent with, as far as nobody asked
        before. An order of ours whose answer was lost, or that left memory, would pass for somebody else's."""
        unknown = self._unowned(symbol, venue_order_ids)
        if self._client.options.id_form is IdForm.NONE:
            return
        for call in _ORDER_LISTS:
            if len(unknown) > _FEW and self._client.has.get(call) is True:
                self._note_owners(symbol, await self._listed(call, symbol, since_ms))
                unknown = self._unowned(symbol, unknown)
        for venue_order_id in sorted(unknown)[:_MOST_ASKED]:
            await self._ask_owner(venue_order_id, symbol)
        if len(unknown) > _MOST_ASKED:
            left = len(unknown) - _MOST_ASKED
            raise AccountUnreadable(f"of {left} more orders it has yet to be asked whose they are")

    def _unowned(self, symbol: str, venue_order_ids: set[str]) -> set[str]:
        return {one for one in venue_order_ids if self._tracking.owner_of(symbol, one) is None}

    async def _listed(self, call: str, symbol: str, since_ms: int) -> tuple[Row, ...]:
        """What a list tells, whole or not."""
        try:
            return (await self._lists.read(call, symbol, since_ms)).rows
        except Exception as error:
            raise AccountUnreadable(f"{self._client.exchange.id}: {words_of(error)}") from error

    async def _ask_owner(self, venue_order_id: str, symbol: str) -> None:
        rows: tuple[Row, ...] = ()
        if self._client.has.get("fetchOrder"):
            try:
                rows = (await self._client.call("fetch_order", venue_order_id, symbol),)
            except ccxt.OrderNotFound:
                pass
            except Exception as error:
                raise AccountUnreadable(f"{self._client.exchange.id}: {words_of(error)}") from error
        self._note_owners(symbol, rows)
        if self._tracking.owner_of(symbol, venue_order_id) is None:
            self._tracking.note_owner(symbol, venue_order_id, "")

    def _note_owners(self, symbol: str, rows: tuple[Row, ...]) -> None:
        for row in rows:
            if row.get("id") and self._tracking.owner_of(symbol, str(row["id"])) is None:
                order_id = self._order_id(symbol, str(row["id"]), str(row.get("clientOrderId") or ""))
                self._tracking.note_owner(symbol, str(row["id"]), order_id)

    def _needs_symbol(self, call: str) -> bool:
        return bool(features_of(self._client.exchange, call).get("symbolRequired", True))

    def _order(self, row: Mapping[str, Any]) -> VenueOrder:
        try:
            state = order_of(row)
        except Unreadable as error:
            raise AccountUnreadable(str(error)) from error
        return VenueOrder(
            venue_order_id=state.venue_order_id,
            symbol=state.symbol,
            side=Side(state.side),
            order_qty=state.order_qty or ZERO,
            cum_qty=state.filled or ZERO,
            order_id=self._order_id(state.symbol, state.venue_order_id, state.client_id),
            limit_px=state.limit_px,
            stop_px=state.stop_px,
        )

    def _execution(self, row: Mapping[str, Any], symbol: str) -> VenueExecution:
        try:
            exec_id, qty, px = exec_id_of(row), number_of(row, "amount"), number_of(row, "price")
        except Unreadable as error:
            raise AccountUnreadable(str(error)) from error
        if qty is None or px is None:
            raise AccountUnreadable(f"trade {exec_id} has no quantity or price")
        fee, currency = fee_of(row)
        return VenueExecution(
            exec_id=exec_id,
            symbol=str(row["symbol"]),
            side=Side(str(row["side"])),
            last_qty=qty,
            last_px=px,
            transact_ns=int(row.get("timestamp") or 0) * _MS,
            order_id=self._tracking.owner_of(symbol, str(row["order"])) or "",
            venue_order_id=str(row["order"]),
            fee=fee,
            fee_currency=currency,
            is_maker=row.get("takerOrMaker") == "maker",
        )

    def _order_id(self, symbol: str, venue_order_id: str, client_id: str) -> str:
        """Ours, where it can be told, or what its sender called it."""
        one = self._tracking.find(symbol, venue_order_id, client_id)
        return one.order_id if one is not None else order_id_of(client_id, self._client.options.id_form)


def _position(row: Mapping[str, Any]) -> VenuePosition:
    qty = number_of(row, "contracts") or ZERO
    return VenuePosition(symbol=str(row["symbol"]), qty=-qty if row.get("side") == "short" else qty)
