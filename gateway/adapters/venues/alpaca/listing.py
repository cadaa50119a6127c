"""Lists of orders at Alpaca, all their pages."""

from collections.abc import Mapping
from typing import Any

from gateway.adapters.venues.alpaca.client import AnswerUnreadable, RestClient
from gateway.adapters.venues.alpaca.reading import moment_of, ns_of

_PAGE = 500
#: More pages than any account fills are a mistake in the reading, or in what is read.
MOST_PAGES = 200
Row = Mapping[str, Any]


async def list_orders(rest: RestClient, query: Mapping[str, str], pages: int = MOST_PAGES) -> list[Row]:
    """Orders, newest first. Pages are told apart by time only: each begins again at the time where the one before
    it ended, and what comes twice counts once."""
    found: dict[str, Row] = {}
    until: dict[str, str] = {}
    for _ in range(pages):
        page = await rest.request(
            "GET",
            "orders",
            query={"nested": "false", **query, **until, "limit": str(_PAGE), "direction": "desc"},
        )
        count = len(found)
        found.update((row["id"], row) for row in page)
        if len(page) < _PAGE:
            return list(found.values())
        if len(found) == count:
            raise AnswerUnreadable(f"more than {_PAGE} orders of one moment cannot be told apart")
        until = {"until": moment_of(ns_of(page[-1]["submitted_at"] or page[-1]["created_at"]) + 1_000_000)}
    if pages == MOST_PAGES:
        raise AnswerUnreadable(f"more than {MOST_PAGES} pages of orders")
    return list(found.values())
