"""Which executions an order has, from the account's activities: what the stream did not tell is read here."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from gateway.adapters.venues.alpaca.client import RestClient
from gateway.adapters.venues.alpaca.exits import ExitIds
from gateway.adapters.venues.alpaca.reading import fill_report, filled_qty_of, ns_of
from gateway.domain.executions import ExecutionReport

_PAGE = 100
_MOST_PAGES = 50
#: A fill's time and its order's come from different clocks of Alpaca.
_SLACK_NS = 5_000_000_000


class ExecutionsMissing(Exception):
    """An order has filled more than the activities tell so far: ask again."""


async def executions_of(rows: Sequence[Mapping[str, Any]], rest: RestClient, ids: ExitIds) -> list[ExecutionReport]:
    """Every execution of these orders, oldest first within each.

    Reads the newest activities first and stops as soon as the filled quantity of each order is accounted for. Raises
    ExecutionsMissing when that does not come about: quantities are never made up.
    """
    wanted = {row["id"]: row for row in rows if filled_qty_of(row)}
    found: dict[str, dict[Decimal, Mapping[str, Any]]] = {venue_id: {} for venue_id in wanted}
    if not wanted:
        return []
    oldest_ns = min(ns_of(row["created_at"]) for row in wanted.values()) - _SLACK_NS
    token = ""
    for _ in range(_MOST_PAGES):
        query = {"direction": "desc", "page_size": str(_PAGE)} | ({"page_token": token} if token else {})
        page = await rest.request("GET", "account/activities/FILL", query=query)
        for activity in page:
            if activity["order_id"] in found:
                found[activity["order_id"]][Decimal(activity["cum_qty"])] = activity
        if all(_is_whole(found[venue_id], row) for venue_id, row in wanted.items()):
            return [fill for venue_id, row in wanted.items() for fill in _reports(ids.of(row), row, found[venue_id])]
        if len(page) < _PAGE or ns_of(page[-1]["transaction_time"]) < oldest_ns:
            break
        token = page[-1]["id"]
    missing = [row["client_order_id"] for venue_id, row in wanted.items() if not _is_whole(found[venue_id], row)]
    raise ExecutionsMissing(f"the activities of alpaca do not tell yet how {', '.join(missing)} filled")


def _is_whole(found: Mapping[Decimal, Mapping[str, Any]], row: Mapping[str, Any]) -> bool:
    return sum((Decimal(one["qty"]) for one in found.values()), Decimal(0)) >= filled_qty_of(row)


def _reports(
    order_id: str, row: Mapping[str, Any], found: Mapping[Decimal, Mapping[str, Any]]
) -> list[ExecutionReport]:
    return [
        fill_report(order_id, row["id"], cum_qty, Decimal(one["qty"]), Decimal(one["price"]), one["transaction_time"])
        for cum_qty, one in sorted(found.items())
    ]
