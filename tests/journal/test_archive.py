"""The archive: finished orders are found again, and an unused client id is known to be unused without a disk."""

import random
import sqlite3
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gateway.adapters.journal import SqliteJournal
from gateway.adapters.journal.archive import _listing
from gateway.adapters.journal.bloom import ClientIdFilter
from gateway.domain.enums import OrderClass, OrdStatus, Route
from gateway.domain.orders import Order
from gateway.domain.records import Entry
from gateway.ports.journal import JournalBroken, OrderQuery
from tests.journal.helpers import archive_as_soon_as, opened, tamper
from tests.journal.samples import note, order


@pytest.fixture(autouse=True, params=[1, 3, 1_000], ids="{} wait".format)
def most_waiting(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """What is in the table and what waits to be written there is one archive: every test here sees it in each state."""
    most: int = request.param
    archive_as_soon_as(monkeypatch, most)
    return most


async def archive(journal: SqliteJournal, *orders: Order, seq: int = 1) -> None:
    await journal.append([Entry(record=note(seq), closed_orders=orders)])


async def listed(journal: SqliteJournal, **query: Any) -> list[str]:
    return [found.order_id for found in await journal.list(OrderQuery(**query))]


async def test_an_order_is_found_by_either_id_after_a_restart(tmp_path: Path) -> None:
    """A client that asks for last week's order, or repeats its id, gets that very order."""
    done = order("o-1", account="a", cl_ord_id="c-1", cum_qty=Decimal("1.50"), ord_status=OrdStatus.FILLED)
    async with opened(tmp_path) as journal:
        await archive(journal, done)
    async with opened(tmp_path) as journal:
        assert journal.may_hold("a", "c-1")
        assert await journal.find("o-1") == done
        assert await journal.find_by_client_id("a", "c-1") == done
        assert await journal.find("o-2") is None
        assert await journal.find_by_client_id("b", "c-1") is None
        assert await journal.find_by_client_id("a", "c-2") is None


async def test_the_last_word_on_an_order_counts(tmp_path: Path) -> None:
    """A late fill after the end archives the order again; within one batch as well."""
    first, second, third = (order("o-1", cl_ord_id="c-1", cum_qty=Decimal(n)) for n in (1, 2, 3))
    async with opened(tmp_path) as journal:
        await journal.append(
            [Entry(record=note(1), closed_orders=(first,)), Entry(record=note(2), closed_orders=(second,))]
        )
        assert await journal.find("o-1") == second
        await archive(journal, third, seq=3)
        assert await journal.find("o-1") == third
        assert await listed(journal) == ["o-1"]


async def test_legs_are_found_by_their_id_only(tmp_path: Path) -> None:
    """A leg carries its parent's terms: found by a client id, it would answer for the whole order."""
    leg = order("o-1.1", account="a", cl_ord_id="c-1", parent_id="o-1")
    async with opened(tmp_path) as journal:
        await archive(journal, leg)
        assert not journal.may_hold("a", "c-1")
        assert await journal.find_by_client_id("a", "c-1") is None
        assert await listed(journal) == []
        assert await journal.find("o-1.1") == leg
        parent = order("o-1", account="a", cl_ord_id="c-1", leg_ids=("o-1.1",))
        await archive(journal, parent, seq=2)
        assert await journal.find_by_client_id("a", "c-1") == parent


async def test_orders_without_a_client_id_are_not_each_other(tmp_path: Path) -> None:
    """An empty id is no id: else the second such order would be taken for a repetition of the first."""
    async with opened(tmp_path) as journal:
        await archive(journal, order("o-1", account="a", cl_ord_id=""))
        assert await journal.find_by_client_id("a", "") is None
        assert not journal.may_hold("a", "")


async def test_a_client_id_used_again_names_the_newer_order(tmp_path: Path) -> None:
    """An id is given free when its order was withdrawn; whoever asks then means the order that came after."""
    async with opened(tmp_path) as journal:
        first = order("o-9", account="a", cl_ord_id="c", created_ns=1)
        second = order("o-1", account="a", cl_ord_id="c", created_ns=2)
        await archive(journal, first, second)
        found = await journal.find_by_client_id("a", "c")
        assert found is not None
        assert found.order_id == "o-1"


async def test_pages_follow_each_other_newest_first(tmp_path: Path) -> None:
    """Orders of one nanosecond are common (a burst, a split): none may be skipped or repeated between pages."""
    orders = [order(f"o-{i:02}", created_ns=i // 4, cl_ord_id=f"c-{i}") for i in range(30)]
    shuffled = random.Random(7).sample(orders, len(orders))
    async with opened(tmp_path) as journal:
        await archive(journal, *shuffled)
        seen: list[str] = []
        before: tuple[int, str] | None = None
        for size in (7, 7, 7, 7, 2, 0):
            page = await journal.list(OrderQuery(before=before, limit=7))
            assert len(page) == size
            seen += [found.order_id for found in page]
            before = (page[-1].created_ns, page[-1].order_id) if page else None
        assert seen == [found.order_id for found in reversed(orders)]
        assert await journal.list(OrderQuery(limit=0)) == []
        assert await journal.list(OrderQuery(limit=-1)) == []  # to SQLite, -1 would be all of them


async def test_every_filter_narrows(tmp_path: Path) -> None:
    """A trader sees the orders of his accounts and strategies, and no others; an empty choice is nothing at all."""
    plain: dict[str, Any] = {
        "account": "a",
        "strategy_id": "s",
        "symbol": "X",
        "venue": "v",
        "route": Route.LIVE,
        "ord_status": OrdStatus.FILLED,
    }
    odd: dict[str, dict[str, Any]] = {
        "o-1": {},
        "o-2": {"account": "b"},
        "o-3": {"strategy_id": "t"},
        "o-4": {"symbol": "Y"},
        "o-5": {"venue": "w"},
        "o-6": {"route": Route.SHADOW},
        "o-7": {"ord_status": OrdStatus.DENIED},
    }
    orders = [order(order_id, **plain | terms) for order_id, terms in odd.items()]
    async with opened(tmp_path) as journal:
        await archive(journal, *orders)
        every = ["o-7", "o-6", "o-5", "o-4", "o-3", "o-2", "o-1"]
        assert await listed(journal) == every
        without: dict[str, dict[str, Any]] = {
            "o-2": {"accounts": ("a",)},
            "o-3": {"strategies": ("s",)},
            "o-4": {"symbol": "X"},
            "o-5": {"venue": "v"},
            "o-6": {"route": "live"},
            "o-7": {"statuses": ("filled",)},
        }
        together: dict[str, Any] = {}
        for order_id, query in without.items():
            assert await listed(journal, **query) == [other for other in every if other != order_id]
            together |= query
        assert await listed(journal, **together) == ["o-1"]
        assert await listed(journal, accounts=("b", "c", "a")) == every
        assert await listed(journal, accounts=("b", "c")) == ["o-2"]
        assert await listed(journal, before=(orders[0].created_ns, "o-3"), accounts=("a", "b")) == [
            "o-2",
            "o-1",
        ]
        for empty in ("accounts", "strategies", "statuses"):
            assert await listed(journal, **{empty: ()}) == []


@pytest.mark.parametrize(
    "query",
    [OrderQuery(), OrderQuery(accounts=("a",)), OrderQuery(accounts=("a", "b")), OrderQuery(symbol="X")],
)
@pytest.mark.parametrize("before", [None, (5, "o-5")])
async def test_a_page_is_read_in_order_and_not_sorted(
    tmp_path: Path, query: OrderQuery, before: tuple[int, str] | None
) -> None:
    """Sorting a million orders for a page of a hundred takes seconds, and the page asks again and again."""
    sql, parameters = _listing(msgspec.structs.replace(query, before=before))
    async with opened(tmp_path):
        with closing(sqlite3.connect(tmp_path / "journal.sqlite3")) as other:
            plan = [row[3] for row in other.execute("EXPLAIN QUERY PLAN " + sql, parameters)]
    index = "orders_of_account" if query.accounts == ("a",) else "orders_newest"
    assert len(plan) == 1
    assert f"USING INDEX {index}" in plan[0]


async def test_an_archived_order_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """Not "there is none", which would let the same client id through again."""
    async with opened(tmp_path) as journal:
        await archive(journal, order("o-1", account="a", cl_ord_id="c-1"))
    tamper(tmp_path, "UPDATE orders SET body = CAST('{}' AS BLOB)")
    async with opened(tmp_path) as journal:
        with pytest.raises(JournalBroken, match="order o-1"):
            await journal.find_by_client_id("a", "c-1")


async def test_the_filter_learns_every_id_at_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An id forgotten over a restart lets an order through twice; here with ids over several pages."""
    monkeypatch.setattr("gateway.adapters.journal.archive._FILL_PAGE", 16)
    ids = [(account, f"c-{i}") for i in range(40) for account in ("a", "b", "é\0")]
    async with opened(tmp_path) as journal:
        await archive(journal, *[order(f"{a}{c}", account=a, cl_ord_id=c) for a, c in ids])
        assert all(journal.may_hold(account, cl_ord_id) for account, cl_ord_id in ids)
    async with opened(tmp_path) as journal:
        assert all(journal.may_hold(account, cl_ord_id) for account, cl_ord_id in ids)
        assert sum(journal.may_hold("a", f"other-{i}") for i in range(1_000)) < 10


def test_the_filter_seldom_says_perhaps() -> None:
    """Every "perhaps" on a new id is a read of the disk in the way of an order; "no" on a used one cannot be."""
    client_ids = ClientIdFilter()
    for i in range(100_000):
        client_ids.add("account", f"c-{i}")
    assert all(client_ids.may_hold("account", f"c-{i}") for i in range(100_000))
    assert sum(client_ids.may_hold("account", f"new-{i}") for i in range(20_000)) <= 5


async def test_an_order_with_exits_is_listed_under_the_route_that_it_is_shown_with(tmp_path: Path) -> None:
    """Whoever lists what went live would miss every bracket: it is kept as a parent, and those are split."""
    parents = {Route.LIVE: "o-1", Route.SHADOW: "o-2", Route.SPLIT: "o-3"}
    async with opened(tmp_path) as journal:
        for seq, (route, order_id) in enumerate(parents.items(), 1):
            kind = OrderClass.SIMPLE if route is Route.SPLIT else OrderClass.BRACKET
            sent = Route.LIVE if route is Route.SPLIT else route
            legs = [order(f"{order_id}-{n}", parent_id=order_id, route=sent) for n in (1, 2)]
            ids = tuple(leg.order_id for leg in legs)
            parent = order(order_id, leg_ids=ids, route=Route.SPLIT, order_class=kind, created_ns=seq)
            await archive(journal, *legs, parent, seq=seq)
        for route, order_id in parents.items():
            assert await listed(journal, route=route) == [order_id]
        assert await listed(journal) == ["o-3", "o-2", "o-1"]
