"""Listing orders: filters mean what they say, pages join without a gap, nobody sees another's."""

import pytest

from gateway.domain.enums import OrdStatus, Role, Route
from gateway.ports.journal import OrderQuery
from tests.fakes.gateway_samples import NOW_NS, new_order
from tests.http.desk import ORDERS, Desk, principal


def filled(desk: Desk, count: int) -> None:
    for number in range(count):
        order_id = f"o{number:03d}"
        desk.fake.stories[order_id] = new_order(order_id, now_ns=NOW_NS + number // 3)


async def test_pages_join_without_gap_or_repeat() -> None:
    """A client that walks all pages must see every order once, also where creation times are equal."""
    async with Desk() as desk:
        filled(desk, 20)
        seen: list[str] = []
        cursor: str | None = ""
        while cursor is not None:
            path = f"{ORDERS}?limit=6" + (f"&cursor={cursor}" if cursor else "")
            page = (await desk.ask("GET", path)).json
            seen += [order["order_id"] for order in page["orders"]]
            cursor = page["next_cursor"]
    assert seen == [f"o{number:03d}" for number in reversed(range(20))]


async def test_a_last_page_that_is_full_promises_no_more() -> None:
    """A cursor to an empty page makes every client ask once too often."""
    async with Desk() as desk:
        filled(desk, 6)
        assert (await desk.ask("GET", f"{ORDERS}?limit=6")).json["next_cursor"] is None


async def test_filters_reach_the_query() -> None:
    """A filter that is dropped on the way shows too much."""
    async with Desk() as desk:
        path = f"{ORDERS}?account=a&strategy_id=s&symbol=BTC%2FUSDT&venue=ibkr&route=live&status=open&limit=7"
        assert (await desk.ask("GET", path)).status == 200
    assert desk.fake.calls[-1] == (
        "orders",
        OrderQuery(
            accounts=("a",),
            strategies=("s",),
            symbol="BTC/USDT",
            venue="ibkr",
            route=Route.LIVE,
            statuses=("pending_new", "new", "partially_filled"),
            limit=8,
        ),
    )


@pytest.mark.parametrize(
    ("status", "shown"),
    [
        ("open", {"new"}),
        ("closed", {"filled", "denied"}),
        ("filled", {"filled"}),
        ("new,denied", {"new", "denied"}),
        ("OPEN", {"new"}),
    ],
)
async def test_status_takes_words_for_open_and_closed(status: str, shown: set[str]) -> None:
    """Listing what still works is the commonest question; it must not need eight statuses, nor a certain case, which
    no other word of a request does."""
    async with Desk() as desk:
        for order_status in (OrdStatus.NEW, OrdStatus.FILLED, OrdStatus.DENIED):
            order = new_order(order_status.value)
            order.ord_status = order_status
            desk.fake.stories[order.order_id] = order
        page = (await desk.ask("GET", f"{ORDERS}?status={status}")).json
    assert {order["ord_status"] for order in page["orders"]} == shown


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=501", "limit"),
        ("limit=-1", "limit"),
        ("limit=1.5", "limit"),
        ("acount=a", "acount"),
        ("status=pending_cancel", "status"),
        ("status=", "status"),
        ("route=up", "route"),
        ("account=a%7Cb", "account"),
        ("account=a&account=b", "account"),
        ("cursor=nonsense", "cursor"),
        ("cursor=%C3%BC", "cursor"),
        ("cursor=OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5Om8x", "cursor"),
    ],
)
async def test_a_wrong_filter_is_refused(query: str, field: str) -> None:
    """A misspelled filter that is ignored shows all orders instead of some."""
    async with Desk() as desk:
        answer = await desk.ask("GET", f"{ORDERS}?{query}")
    assert answer.status == 400
    assert [error["field"] for error in answer.json["errors"]] == [field]


async def test_a_restricted_key_lists_only_its_own() -> None:
    """Lists are narrowed in the query, so that pages stay full and nothing leaks."""
    own = principal("own", Role.VIEWER, accounts=("a", "b"), strategies=("s1",))
    async with Desk(own) as desk:
        for order_id, account, strategy in (("o1", "a", "s1"), ("o2", "a", "s2"), ("o3", "c", "s1"), ("o4", "b", "s1")):
            desk.fake.stories[order_id] = new_order(order_id, account=account, strategy_id=strategy)
        everything = (await desk.ask("GET", ORDERS, key="own")).json
        foreign = (await desk.ask("GET", f"{ORDERS}?account=c", key="own")).json
        one = (await desk.ask("GET", f"{ORDERS}?account=b", key="own")).json
    assert [order["order_id"] for order in everything["orders"]] == ["o4", "o1"]
    assert foreign == {"orders": [], "next_cursor": None}
    assert [order["order_id"] for order in one["orders"]] == ["o4"]
