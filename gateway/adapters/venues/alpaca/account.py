"""What Alpaca says of the account: every open order, execution and position, whoever they are of."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

import aiohttp

from gateway.adapters.venues.alpaca.client import AnswerUnreadable, ApiRefused, BudgetSpent, RestClient
from gateway.adapters.venues.alpaca.exits import ExitIds, is_absence, is_exit
from gateway.adapters.venues.alpaca.listing import MOST_PAGES, list_orders
from gateway.adapters.venues.alpaca.reading import execution_id_of, filled_qty_of, moment_of, ns_of
from gateway.adapters.venues.shared.generations import order_id_of
from gateway.domain.enums import Side
from gateway.domain.venue_account import AccountUnreadable, VenueExecution, VenueOrder, VenuePosition

_PAGE = 100
#: Orders that one reading asks for by themselves, and pages of orders that it looks through: orders need the budget.
_MOST_ASKED, _MOST_PAGES = 40, 20
#: An order and its exits are made in one request.
_PLACED_TOGETHER_NS = 5_000_000_000
_UNREADABLE = (ApiRefused, AnswerUnreadable, BudgetSpent, aiohttp.ClientError, TimeoutError, OSError)
Row = Mapping[str, Any]


class AlpacaAccount:
    """Implements ``ports.venue.VenueAccount``."""

    def __init__(self, rest: RestClient, symbols: Iterable[str]) -> None:
        self._rest = rest
        #: Positions of crypto are told without the slash that orders have.
        self._symbols = {symbol.replace("/", ""): symbol for symbol in symbols}
        #: The ids that orders were sent with, by Alpaca's own. They never change, so they may be kept.
        self._client_order_ids: dict[str, str] = {}
        self._exit_ids = ExitIds()

    async def open_orders(self) -> tuple[VenueOrder, ...]:
        try:
            rows = await list_orders(self._rest, {"status": "open"})
            await self._learn_exits(rows)
            return tuple(self._order(row) for row in rows)
        except _UNREADABLE as error:
            raise AccountUnreadable(f"open orders: {error}") from error

    async def executions(self, since_ns: int) -> tuple[VenueExecution, ...]:
        try:
            rows = await self._activities(since_ns)
            ids = await self._sent_ids({row["order_id"] for row in rows})
            return tuple(self._execution(row, ids[row["order_id"]]) for row in rows)
        except _UNREADABLE as error:
            raise AccountUnreadable(f"executions: {error}") from error

    async def positions(self) -> tuple[VenuePosition, ...]:
        try:
            rows = await self._rest.request("GET", "positions")
            return tuple(self._position(row) for row in rows)
        except _UNREADABLE as error:
            raise AccountUnreadable(f"positions: {error}") from error

    # --- pages ----------------------------------------------------------------------------------------

    async def _activities(self, since_ns: int) -> list[Row]:
        """Executions, oldest first."""
        query = {"direction": "asc", "page_size": str(_PAGE), "after": moment_of(since_ns - 1_000_000_000)}
        found: list[Row] = []
        for _ in range(MOST_PAGES):
            page = await self._rest.request("GET", "account/activities/FILL", query=query)
            found.extend(page)
            if len(page) < _PAGE:
                return found
            query["page_token"] = page[-1]["id"]
        raise AnswerUnreadable(f"more than {MOST_PAGES} pages of executions")

    async def _sent_ids(self, venue_order_ids: set[str]) -> dict[str, str]:
        """An execution names Alpaca's order only: ask which of ours that is, most of them in few requests. What was
        learned is kept when the others cannot be asked for now."""
        known = {one: self._client_order_ids[one] for one in venue_order_ids if one in self._client_order_ids}
        missing = venue_order_ids - known.keys()
        rows: list[Row] = []
        if len(missing) > 1:
            pages = 1 if len(missing) <= _MOST_ASKED else _MOST_PAGES
            rows = [row for row in await list_orders(self._rest, {"status": "all"}, pages) if row["id"] in missing]
            self._client_order_ids |= {row["id"]: row["client_order_id"] for row in rows if not is_exit(row)}
        left = sorted(missing - {row["id"] for row in rows})
        for venue_order_id in left[:_MOST_ASKED]:
            try:
                row = await self._rest.request("GET", f"orders/{venue_order_id}")
            except ApiRefused as error:
                if not is_absence(error):
                    raise
                known[venue_order_id] = ""  # Alpaca has forgotten it: nobody can tell any more who sent it
                continue
            rows.append(row)
            if not is_exit(row):
                self._client_order_ids[venue_order_id] = row["client_order_id"]
        if len(left) > _MOST_ASKED:
            raise AnswerUnreadable(f"{len(left)} orders have to be asked for one by one, {_MOST_ASKED} at a time")
        await self._learn_exits(rows)
        known |= {row["id"]: self._exit_ids.of(row) for row in rows}
        self._client_order_ids = known
        return known

    async def _learn_exits(self, rows: Iterable[Row]) -> None:
        """Exits are Alpaca's own orders: those among ``rows`` are ours if the order that they go with is. It was placed
        with them, so it is among the orders of that time."""
        missing = [row for row in rows if is_exit(row) and not self._exit_ids.knows(row)]
        if not missing:
            return
        times_ns = [ns_of(row["created_at"]) for row in missing]
        query = {
            "status": "all",
            "nested": "true",
            "after": moment_of(min(times_ns) - _PLACED_TOGETHER_NS),
            "until": moment_of(max(times_ns) + _PLACED_TOGETHER_NS),
        }
        self._exit_ids.learn(await list_orders(self._rest, query))

    # --- rows -----------------------------------------------------------------------------------------

    def _order(self, row: Row) -> VenueOrder:
        return VenueOrder(
            venue_order_id=row["id"],
            # One of several legs, which somebody placed, has neither; its class stands for what it is.
            symbol=self._symbol(row["symbol"] or row["order_class"] or ""),
            side=Side(row["side"] or Side.BUY),
            # An order by value has no quantity until it is done.
            order_qty=Decimal(row["qty"] or 0) or filled_qty_of(row),
            cum_qty=filled_qty_of(row),
            order_id=self._exit_ids.of(row),
            limit_px=_price(row, "limit_price"),
            stop_px=_price(row, "stop_price"),
            text=" ".join(row[name] for name in ("order_class", "type", "time_in_force", "status") if row[name]),
        )

    def _execution(self, row: Row, client_order_id: str) -> VenueExecution:
        return VenueExecution(
            exec_id=execution_id_of(row["order_id"], Decimal(row["cum_qty"])),
            symbol=self._symbol(row["symbol"]),
            side=Side.BUY if row["side"] == "buy" else Side.SELL,  # or sell_short
            last_qty=Decimal(row["qty"]),
            last_px=Decimal(row["price"]),
            transact_ns=ns_of(row["transaction_time"]),
            order_id=order_id_of(client_order_id),
            venue_order_id=row["order_id"],
        )

    def _position(self, row: Row) -> VenuePosition:
        qty = abs(Decimal(row["qty"]))
        return VenuePosition(symbol=self._symbol(row["symbol"]), qty=-qty if row["side"] == "short" else qty)

    def _symbol(self, theirs: str) -> str:
        return self._symbols.get(theirs.replace("/", ""), theirs)


def _price(row: Row, name: str) -> Decimal | None:
    return None if row.get(name) is None else Decimal(row[name])
