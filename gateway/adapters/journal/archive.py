"""Finished orders, found after they left memory: in their table, or among what waits to be written there."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from gateway.adapters.journal.bloom import ClientIdFilter
from gateway.adapters.journal.codec import CodecError, decode_order, encode_order
from gateway.adapters.journal.connection import Reader
from gateway.domain.enums import Route
from gateway.domain.order_class import leg_id_of
from gateway.domain.orders import Order
from gateway.ports.journal import JournalBroken, OrderQuery

_FILL_PAGE = 20_000
#: Places in a row.
_ROUTE, _PARENT, _CREATED, _BODY = 6, 8, 9, 10
#: What the body of an order with a class holds, and no other.
_HAS_CLASS = b'"order_class":"'
#: Where an order went: one with a class, where what was sent did.
_SHOWN_ROUTE = (
    f"CASE WHEN route = 'split' AND instr(body, x'{_HAS_CLASS.hex()}')"
    " THEN coalesce((SELECT sent.route FROM orders AS sent WHERE sent.order_id = orders.order_id || '-1'), route)"
    " ELSE route END"
)

#: An order in the column order of ``schema.upsert_orders``.
OrderRow = tuple[Any, ...]


def order_row(order: Order) -> OrderRow:
    """The order as it is now."""
    return (
        order.order_id,
        order.account,
        order.cl_ord_id,
        order.strategy_id,
        order.symbol,
        order.venue,
        order.route,
        order.ord_status,
        order.parent_id,
        order.created_ns,
        encode_order(order),
    )


def is_order_row(row: OrderRow) -> bool:
    """Whether it is found under what it says itself."""
    try:
        return isinstance(row[-1], bytes) and order_row(decode_order(row[-1]))[:-1] == row[:-1]
    except (CodecError, TypeError):
        return False


class Archive:
    """Implements ``ports.journal.OrderArchive`` over the ``orders`` table.

    The methods that read raise sqlite3.Error, and JournalBroken when what is there is not an order.
    """

    def __init__(self, reader: Reader, unarchived: Callable[[], Mapping[str, OrderRow]]) -> None:
        """``unarchived`` gives rows that are durable and not in the table yet, by order id."""
        self._reader = reader
        self._unarchived = unarchived
        self._client_ids = ClientIdFilter()

    async def fill_filter(self) -> None:
        """Learn every client id in the table. Before this, ``may_hold`` means nothing."""
        account, cl_ord_id = "", ""
        while True:
            rows = await self._reader.fetch(
                "SELECT account, cl_ord_id FROM orders INDEXED BY orders_by_client_id"
                " WHERE (account, cl_ord_id) > (?, ?) AND cl_ord_id <> '' AND parent_id = ''"
                " ORDER BY account, cl_ord_id LIMIT ?",
                (account, cl_ord_id, _FILL_PAGE),
            )
            for account, cl_ord_id in rows:
                self._client_ids.add(account, cl_ord_id)
            if len(rows) < _FILL_PAGE:
                return

    def note(self, orders: Iterable[Order]) -> None:
        """These orders are about to be archived. Noting one that then is not costs a lookup, no more."""
        for order in orders:
            if not order.parent_id and order.cl_ord_id:
                self._client_ids.add(order.account, order.cl_ord_id)

    def may_hold(self, account: str, cl_ord_id: str) -> bool:
        return self._client_ids.may_hold(account, cl_ord_id)

    async def find(self, order_id: str) -> Order | None:
        waiting = self._unarchived().get(order_id)
        if waiting is not None:
            return _order(order_id, waiting[_BODY])
        rows = await self._reader.fetch("SELECT order_id, body FROM orders WHERE order_id = ?", (order_id,))
        return _order(*rows[0]) if rows else None

    async def find_by_client_id(self, account: str, cl_ord_id: str) -> Order | None:
        """The newest, should an id have been given free and used again. Legs have no client id."""
        waiting = self._unarchived()
        rows = await self._reader.fetch(
            # Named, because SQLite would rather walk all orders of the account in order of time.
            "SELECT order_id, created_ns, body FROM orders INDEXED BY orders_by_client_id"
            " WHERE account = ? AND cl_ord_id = ? AND cl_ord_id <> '' AND parent_id = ''"
            " ORDER BY created_ns DESC, order_id DESC LIMIT 1",
            (account, cl_ord_id),
        )
        found = {order_id: (created_ns, body) for order_id, created_ns, body in rows}
        for row in waiting.values():
            if cl_ord_id and row[1:3] == (account, cl_ord_id) and not row[_PARENT]:
                found[row[0]] = row[_CREATED], row[_BODY]
        if not found:
            return None
        newest = max(found, key=lambda order_id: (found[order_id][0], order_id))
        return _order(newest, found[newest][1])

    async def list_orders(self, query: OrderQuery) -> list[Order]:
        waiting = self._unarchived()
        # A row of one that waits is of before: it is left out, and what is behind it moves up.
        sql, parameters = _listing(msgspec.structs.replace(query, limit=max(query.limit, 0) + len(waiting)))
        found = [_order(*row) for row in await self._reader.fetch(sql, parameters) if row[0] not in waiting]
        for order_id, row in waiting.items():
            if _is_wanted(row, query, row[_ROUTE] if query.route is None else await self._shown_route(row, waiting)):
                found.append(_order(order_id, row[_BODY]))
        found.sort(key=lambda order: (order.created_ns, order.order_id), reverse=True)
        return found[: max(query.limit, 0)]

    async def _shown_route(self, row: OrderRow, waiting: Mapping[str, OrderRow]) -> str:
        """Where it is said to have gone: an order with a class, where what was sent did."""
        route: str = row[_ROUTE]
        if route != Route.SPLIT or _HAS_CLASS not in row[_BODY]:
            return route
        sent_id = leg_id_of(row[0], 1)
        if sent_id in waiting:
            return str(waiting[sent_id][_ROUTE])
        rows = await self._reader.fetch("SELECT route FROM orders WHERE order_id = ?", (sent_id,))
        return str(rows[0][0]) if rows else route


def _order(order_id: str, body: bytes) -> Order:
    try:
        return decode_order(body)
    except CodecError as error:
        raise JournalBroken(f"order {order_id} in the archive is unreadable: {error}") from error


def _age(row: OrderRow) -> tuple[int, str]:
    return row[_CREATED], row[0]


def _is_wanted(row: OrderRow, query: OrderQuery, route: str) -> bool:
    """The conditions of ``_listing`` for a row that is not in the table yet."""
    _, account, _, strategy, symbol, venue, _, ord_status, parent_id, *_ = row
    among = ((query.accounts, account), (query.strategies, strategy), (query.statuses, ord_status))
    equal = ((query.symbol, symbol), (query.venue, venue), (query.route, route))
    return (
        not parent_id
        and all(wanted is None or value in wanted for wanted, value in among)
        and all(wanted is None or value == wanted for wanted, value in equal)
        and (query.before is None or _age(row) < query.before)
    )


def _listing(query: OrderQuery) -> tuple[str, list[Any]]:
    """The SQL of one page, newest first."""
    conditions = ["parent_id = ''"]
    parameters: list[Any] = []
    accounts = query.accounts
    if accounts is not None and len(accounts) == 1:
        conditions.append("account = ?")
        parameters.append(accounts[0])
    elif accounts is not None:
        # The + keeps SQLite from collecting and sorting all orders of all the accounts for one page of them.
        _add_choice("+account", accounts, conditions, parameters)
    _add_choice("strategy", query.strategies, conditions, parameters)
    _add_choice("ord_status", query.statuses, conditions, parameters)
    for column, value in (("symbol", query.symbol), ("venue", query.venue), (_SHOWN_ROUTE, query.route)):
        if value is not None:
            conditions.append(f"{column} = ?")
            parameters.append(value)
    if query.before is not None:
        conditions.append("(created_ns, order_id) < (?, ?)")
        parameters.extend(query.before)
    where = " AND ".join(conditions)
    sql = f"SELECT order_id, body FROM orders WHERE {where} ORDER BY created_ns DESC, order_id DESC LIMIT ?"
    return sql, [*parameters, query.limit]


def _add_choice(column: str, values: tuple[str, ...] | None, conditions: list[str], parameters: list[Any]) -> None:
    """One of these values; an empty choice matches nothing, None is no condition."""
    if values is None:
        return
    conditions.append(f"{column} IN ({','.join('?' * len(values))})")
    parameters.extend(values)
