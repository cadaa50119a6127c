"""Closed positions and portfolio history over HTTP: pages, filters, and what a restricted key may see."""

import msgspec

from gateway.domain.positions import ClosedPosition, PortfolioPoint
from tests.http.desk import Desk
from tests.journal.samples import specimen

CLOSED = "/api/trading/positions/closed"
HISTORY = "/api/trading/portfolio/history"


async def test_a_page_says_where_the_next_one_begins() -> None:
    """Without this, a client could not read beyond the first page, or would read one position twice."""
    one = msgspec.structs.replace(specimen(ClosedPosition), book="live", position_key="a|s|v|BTC/USDT", closed_ns=7)
    async with Desk() as desk:
        desk.fake.closed = [one, one]
        first = (await desk.ask("GET", f"{CLOSED}?limit=1&book=live")).json
        assert len(first["closed_positions"]) == 1
        last = (await desk.ask("GET", f"{CLOSED}?limit=2&cursor={first['next_cursor']}")).json
        assert last["next_cursor"] is None
        assert desk.fake.calls[-1][1].before == (7, one.closed_id)
        assert (await desk.ask("GET", f"{CLOSED}?cursor=nonsense")).status == 400


async def test_portfolio_history_is_paged_by_moment_account_and_book() -> None:
    """Without this, two accounts in one snapshot could not be told apart by a cursor."""
    point = msgspec.structs.replace(specimen(PortfolioPoint), account="a", book="live")
    async with Desk() as desk:
        desk.fake.history = [(9, point), (9, point)]
        first = (await desk.ask("GET", f"{HISTORY}?limit=1&account=a")).json
        assert first["history"][0]["at"] == "1970-01-01T00:00:00.000000Z"
        await desk.ask("GET", f"{HISTORY}?cursor={first['next_cursor']}")
        assert desk.fake.calls[-1][1].before == (9, "a", "live")
        assert (await desk.ask("GET", f"{HISTORY}?book=paper")).status == 400
