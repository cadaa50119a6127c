"""Limits for readers: in pages, in slices, and only those in use for the page."""

import asyncio

from gateway.core.limit_use import limit_uses
from gateway.domain.config import Limits, LimitTable
from gateway.domain.enums import Mode, Route, ScopeKind
from gateway.ports.risk_view import LimitsQuery, LimitUseView
from gateway.service.risk_reads import RiskReader
from tests.fakes.clock import ManualClock
from tests.world import D, World, trading_config

SYMBOLS = 2_000


def world() -> World:
    """Limits of the gateway, and of thousands of symbols of which one is traded."""
    names = [f"S{number}" for number in range(SYMBOLS)]
    table = LimitTable(
        gateway=Limits(max_position_size=D(1_000), max_open_orders=D(5)),
        symbols={name: Limits(max_position_size=D(20)) for name in ["AAPL", *names]},
    )
    one = World(trading_config(Mode.LIVE, table=table))
    one.fill(one.place(qty=15))
    return one


def keys(limits: tuple[LimitUseView, ...]) -> list[tuple[str, str, str]]:
    return [(one.book, one.scope_id, one.rule) for one in limits]


async def test_pages_together_are_all_limits_each_once() -> None:
    """Without this, a limit between two pages would be shown by none."""
    one = world()
    reader = RiskReader(one, ManualClock())
    found: list[tuple[str, str, str]] = []
    first: int | None = 0
    while first is not None:
        page = await reader.risk(LimitsQuery(first=first, most=700))
        assert len(page.limits) <= 700
        found += keys(page.limits)
        first = page.next_first
    assert found == [(use.book, use.scope_id, use.rule) for use in limit_uses(one.state, one.now_ns)]
    assert len(found) == len(set(found)) == 2 * (SYMBOLS + 3)
    narrow = await reader.risk(LimitsQuery(book="live", scope="symbol", scope_id="AAPL", most=1))
    assert keys(narrow.limits) == [(Route.LIVE, "AAPL", "max_position_size")]
    assert narrow.next_first is None


async def test_orders_come_between_while_limits_are_measured() -> None:
    """Without this, one look at the limits of thousands of symbols would hold every order up for as long."""
    reader = RiskReader(world(), ManualClock())
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    beside = asyncio.get_running_loop().create_task(others())
    await reader.risk(LimitsQuery(most=SYMBOLS))
    beside.cancel()
    assert turns > SYMBOLS / 50


async def test_the_page_is_shown_what_is_in_use_and_the_fullest_first() -> None:
    """Without this, the bars of the page would be those of symbols that nobody trades."""
    limits, used, broken = await RiskReader(world(), ManualClock()).fullest(3)
    assert keys(limits)[0] == (Route.LIVE, "AAPL", "max_position_size")
    assert limits[0].use == "0.75"
    assert [one.scope for one in limits[1:]] == [ScopeKind.GATEWAY] * 2
    assert (used, broken) == (5, 0)  # of the gateway two in each book, and of the one symbol that is traded
