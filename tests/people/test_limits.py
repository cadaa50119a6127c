"""``gateway limits``: all pages as one answer."""

import json
from argparse import Namespace
from typing import Any

from gateway.app.people.risk import fetch_limits


class Pages:
    """A client whose gateway has three pages of limits."""

    def __init__(self) -> None:
        self.asked: list[str | None] = []

    def get(self, name: str, query: dict[str, Any]) -> str:
        assert (name, query["book"]) == ("risk", "live")
        cursor = query.get("cursor")
        self.asked.append(cursor)
        page = 0 if cursor is None else int(cursor)
        return json.dumps({"limits": [page], "currency": "USD", "next_cursor": str(page + 1) if page < 2 else None})


def test_the_most_used_limit_is_found_on_whichever_page_it_is() -> None:
    """Without this, a limit that is broken could stand on a page that nobody asked for."""
    client = Pages()
    text = fetch_limits(client, Namespace(book="live", scope=None, id=None))  # type: ignore[arg-type]
    assert json.loads(text) == {"limits": [0, 1, 2], "currency": "USD", "next_cursor": None}
    assert client.asked == [None, "1", "2"]
