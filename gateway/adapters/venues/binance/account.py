"""What Binance says of the account: open orders, trades, balances. All of it by REST, within the common budget."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import aiohttp
from binance.exceptions import BinanceAPIException, BinanceRequestException

from gateway.adapters.venues.binance.client import BudgetSpent, RestClient
from gateway.adapters.venues.binance.orders import symbol_of
from gateway.adapters.venues.shared.generations import order_id_of
from gateway.domain.enums import Side
from gateway.domain.instruments import Instrument
from gateway.domain.venue_account import AccountUnreadable, VenueExecution, VenueOrder, VenuePosition
from gateway.ports.clock import Clock

_MS = 1_000_000
_DAY_MS = 86_400_000
#: Rows of one answer at most.
_PAGE = 1_000
#: Ids of orders remembered: trades name an order by the exchange's number alone.
_REMEMBERED = 100_000
_INVALID_SYMBOL = -1121
_FAILURES = (BudgetSpent, BinanceAPIException, BinanceRequestException, aiohttp.ClientError, TimeoutError, OSError)


class _NotListed(Exception):
    """The exchange knows no such symbol: nothing can have traded in it."""


class BinanceAccount:
    """Implements ``ports.venue.VenueAccount``. ``venue`` is the configured name."""

    def __init__(self, rest: RestClient, instruments: Mapping[str, Instrument], venue: str, clock: Clock) -> None:
        self._rest = rest
        self._instruments = instruments
        self._venue = venue
        self._clock = clock
        #: The id that each order was sent with, by symbol and number.
        self._client_ids: dict[tuple[str, int], str] = {}

    async def open_orders(self) -> tuple[VenueOrder, ...]:
        names = self._names()
        return tuple(_order_of(row, names) for row in await self._ask("openOrders", 80))

    async def executions(self, since_ns: int) -> tuple[VenueExecution, ...]:
        """Trades of every configured instrument: the exchange lists them by instrument only."""
        found: list[VenueExecution] = []
        for name, symbol in self._names().items():
            try:
                trades = await self._trades(name, since_ns // _MS + self._rest.offset_ms)
            except _NotListed:
                continue
            await self._learn_ids(name, [int(row["orderId"]) for row in trades])
            found.extend(self._execution_of(row, symbol) for row in trades)
        return tuple(found)

    async def positions(self) -> tuple[VenuePosition, ...]:
        answer = await self._ask("account", 20, omitZeroBalances="true")
        held = ((row["asset"], Decimal(row["free"]) + Decimal(row["locked"])) for row in answer["balances"])
        return tuple(VenuePosition(symbol=asset, qty=qty, is_balance=True) for asset, qty in held if qty)

    def _names(self) -> dict[str, str]:
        """Our symbols by those of the exchange."""
        own = (one.symbol for one in self._instruments.values() if one.venue == self._venue)
        return {symbol_of(symbol): symbol for symbol in own}

    async def _ask(self, path: str, weight: int, **params: Any) -> Any:
        try:
            return await self._rest.request("get", path, weight, **params)
        except _FAILURES as error:
            if isinstance(error, BinanceAPIException) and error.code == _INVALID_SYMBOL:
                raise _NotListed from None
            raise AccountUnreadable(f"the account cannot be read from binance: {error!r}") from None

    async def _trades(self, name: str, since_ms: int) -> list[dict[str, Any]]:
        """Every trade of a symbol since then: in stretches of a day, the most that the exchange lists at once."""
        found: dict[int, dict[str, Any]] = {}
        begin_ms, now_ms = since_ms, self._clock.now_ns() // _MS + self._rest.offset_ms + _DAY_MS // 24
        while begin_ms <= now_ms:
            end_ms = begin_ms + _DAY_MS - 1
            rows = await self._ask("myTrades", 20, symbol=name, startTime=begin_ms, endTime=end_ms, limit=_PAGE)
            found.update((int(row["id"]), row) for row in rows)
            while len(rows) >= _PAGE:
                rows = await self._ask("myTrades", 20, symbol=name, fromId=int(rows[-1]["id"]) + 1, limit=_PAGE)
                found.update((int(row["id"]), row) for row in rows)
            begin_ms = end_ms + 1
        return [found[number] for number in sorted(found)]

    async def _learn_ids(self, name: str, numbers: list[int]) -> None:
        """Ask which ids of clients these orders have, as far as nobody asked before."""
        unknown = {number for number in numbers if (name, number) not in self._client_ids}
        while unknown:
            rows = await self._ask("allOrders", 20, symbol=name, orderId=min(unknown), limit=_PAGE)
            for row in rows:
                self._client_ids[name, int(row["orderId"])] = row["clientOrderId"]
            reached = max((int(row["orderId"]) for row in rows), default=0)
            if len(rows) < _PAGE or reached <= min(unknown):
                break
            unknown = {number for number in unknown if number > reached}
        while len(self._client_ids) > _REMEMBERED:
            del self._client_ids[next(iter(self._client_ids))]

    def _execution_of(self, row: Mapping[str, Any], symbol: str) -> VenueExecution:
        number = int(row["orderId"])
        return VenueExecution(
            exec_id=f"{row['symbol']}-{row['id']}",
            symbol=symbol,
            side=Side.BUY if row["isBuyer"] else Side.SELL,
            last_qty=Decimal(row["qty"]),
            last_px=Decimal(row["price"]),
            transact_ns=int(row["time"]) * _MS,
            order_id=order_id_of(self._client_ids.get((row["symbol"], number), "")),
            venue_order_id=str(number),
            fee=Decimal(row["commission"]),
            fee_currency=row["commissionAsset"],
            is_maker=bool(row["isMaker"]),
        )


def _order_of(row: Mapping[str, Any], names: Mapping[str, str]) -> VenueOrder:
    return VenueOrder(
        venue_order_id=str(row["orderId"]),
        symbol=names.get(row["symbol"], row["symbol"]),
        side=Side.BUY if row["side"] == "BUY" else Side.SELL,
        order_qty=Decimal(row["origQty"]),
        cum_qty=Decimal(row["executedQty"]),
        order_id=order_id_of(row["clientOrderId"]),
        limit_px=Decimal(row["price"]) or None,
        stop_px=Decimal(row.get("stopPrice") or 0) or None,
        text=f"{row['type']} {row['status']}",
    )
