"""Every way in which a venue can misbehave, at every moment of an order's life, through a whole gateway.

``make matrix`` prints it; ``python -m tests.venues.contract.matrix binance --only stuck`` runs a part. After each cell
an order was sent at most once by what the venue itself saw (invariant 2), its quantities are in bounds (7), what the
venue has is not called rejected (8); and the gateway's book is the venue's.
"""

import argparse
import asyncio
import itertools
import logging
import tempfile
import warnings
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from gateway.domain.enums import OrderClass, OrdStatus
from gateway.domain.orders import Order
from tests.fakes.journal import MemoryJournal
from tests.venues.contract import fast
from tests.venues.contract.drivers import Driver
from tests.venues.contract.house import House
from tests.venues.contract.registry import DRIVERS, WITH_CLASSES
from tests.venues.faults import REQUEST_KINDS, STREAM_KINDS

VENUES = tuple(name for name in DRIVERS if name != "simulator")
#: Cells that run side by side.
_AT_ONCE = 16
#: How long the books may take to agree: by themselves, and after a reconnect.
_BY_ITSELF_S, _AFTER_RECONNECT_S = 5.0, 20.0


@dataclass
class Cell:
    """One venue, one misbehaviour, one moment. ``result``: ``.`` the books agree by themselves, ``r`` after the next
    reconnect, ``x`` not at all, or an invariant is broken."""

    venue: str
    misbehaviour: str
    moment: str
    result: str = "?"
    text: str = ""


class Story:
    """One gateway and one venue, and the order whose life is disturbed."""

    def __init__(self, driver: Driver) -> None:
        self.driver = driver
        self.journal = MemoryJournal()
        self.house: House

    async def begin(self) -> None:
        await self.driver.open_peer()
        self.house = House(self.driver, self.journal)
        await self.house.open()

    async def end(self) -> None:
        await self.house.kill()
        await self.driver.close_peer()

    async def restart(self) -> None:
        """The gateway is killed, and comes back."""
        await self.house.kill()
        self.house = House(self.driver, self.journal)
        await self.house.open()

    async def work(self) -> Order:
        return await self.worked(self.house.buy)

    async def worked(self, send: Callable[[], Awaitable[Order]]) -> Order:
        """An order that the venue works. On a busy machine a hurried connection may be lost before anything is done,
        and a request given up before it was sent: that order is settled as one that never arrived."""
        while True:
            await self.house.reachable()
            order = await send()
            if order.reject is None:
                await self.house.until(partial(self._is_answered, order), 30)
                if self.order(order).is_open:
                    return order

    def _is_answered(self, order: Order) -> bool:
        return self.order(order).ord_status is not OrdStatus.PENDING_NEW

    def order(self, order: Order) -> Order:
        return self.house.engine.state.orders[order.order_id]


# --- moments: what is asked of the venue, and how it comes to that --------------------------------------------


@dataclass(frozen=True)
class Moment:
    """``op`` and ``event`` are what a fault hits there. ``before`` brings the order so far, ``act`` goes on."""

    op: str
    event: str
    before: Callable[[Story], Awaitable[Order | None]]
    act: Callable[[Story, Order | None], Awaitable[None]]
    #: Only at venues that carry out orders with exits.
    has_exits: bool = False


async def _nothing(story: Story) -> None:
    return None


async def _works(story: Story) -> Order:
    return await story.work()


async def _has_filled(story: Story) -> Order:
    order = await story.work()
    story.driver.trade(95, 10)
    await story.house.until(lambda: story.order(order).ord_status is OrdStatus.FILLED, 30)
    return order


async def _holds(story: Story) -> Order:
    """Ten units are held, and nothing works."""
    order = await _has_filled(story)
    story.driver.quote(99, 101)
    return order


async def _waits_for_its_exits(story: Story) -> Order:
    """An entry has filled, and its exits are awake."""
    entry = await story.worked(lambda: story.house.enter(OrderClass.BRACKET))
    story.driver.trade(95, 10)
    await story.house.until(lambda: story.order(entry).ord_status is OrdStatus.FILLED, 30)
    return entry


async def _place(story: Story, _: Order | None) -> None:
    await story.house.buy()


async def _place_bracket(story: Story, _: Order | None) -> None:
    entry = await story.house.enter(OrderClass.BRACKET)
    await asyncio.sleep(0.02)
    story.driver.trade(95, 4)
    await story.house.cancel(entry)


async def _place_oco(story: Story, _: Order | None) -> None:
    await story.house.enter(OrderClass.OCO)
    await asyncio.sleep(0.02)
    story.driver.quote(89, 91)
    story.driver.trade(89, 1)


async def _take_profit(story: Story, _: Order | None) -> None:
    for units in (4, 6):
        story.driver.trade(105, units)


async def _stay(story: Story, _: Order | None) -> None:
    story.driver.trade(95, 10)


async def _fill_parts(story: Story, _: Order | None) -> None:
    for units in (4, 3):
        story.driver.trade(95, units)


async def _cancel(story: Story, order: Order | None) -> None:
    assert order is not None
    story.driver.trade(95, 2)
    await story.house.cancel(order)


async def _replace(story: Story, order: Order | None) -> None:
    assert order is not None
    await story.house.change(order, 12, 94)


async def _reconnect(story: Story, _: Order | None) -> None:
    story.driver.hang_up()
    story.driver.trade(95, 4)


MOMENTS = {
    "place": Moment("place", "ack", _nothing, _place),
    "working": Moment("*", "*", _works, _stay),
    "partial": Moment("*", "fill", _works, _fill_parts),
    "cancel": Moment("cancel", "canceled", _works, _cancel),
    "replace": Moment("replace", "replaced", _works, _replace),
    "filled": Moment("cancel", "*", _has_filled, _cancel),
    "reconnect": Moment("lookup", "*", _works, _reconnect),
    "bracket": Moment("place", "ack", _nothing, _place_bracket, has_exits=True),
    "exits": Moment("*", "fill", _waits_for_its_exits, _take_profit, has_exits=True),
    "oco": Moment("place", "*", _holds, _place_oco, has_exits=True),
}


# --- misbehaviours ----------------------------------------------------------------------------------------------


def _of_requests(kind: str) -> Callable[[Story, Moment], None]:
    return lambda story, moment: story.driver.faults.add(kind, moment.op, status=504, delay_s=0.3) and None


def _of_streams(kind: str) -> Callable[[Story, Moment], None]:
    return lambda story, moment: story.driver.faults.add(kind, moment.event, delay_s=0.3) and None


def _slow_down(story: Story, moment: Moment) -> None:
    story.driver.faults.add("error", moment.op, status=429, retry_after_s=1)


#: Those that are set before the act.
BEFORE: dict[str, Callable[[Story, Moment], None]] = {
    **{kind.value: _of_requests(kind.value) for kind in sorted(REQUEST_KINDS)},
    "429": _slow_down,
    **{kind.value: _of_streams(kind.value) for kind in sorted(STREAM_KINDS)},
    "go silent": lambda story, moment: story.driver.go_silent(),
    "roll back": lambda story, moment: story.driver.roll_back(),
}


async def _hang_up(story: Story) -> None:
    story.driver.hang_up()


async def _down(story: Story) -> None:
    """The venue is gone for a while."""
    await story.driver.close_peer()
    await asyncio.sleep(0.1)
    await story.driver.open_peer()


async def _killed(story: Story) -> None:
    await story.restart()


#: Those that come while the act is under way.
DURING: dict[str, Callable[[Story], Awaitable[None]]] = {"hang up": _hang_up, "down": _down, "killed": _killed}
MISBEHAVIOURS = (*BEFORE, *DURING)


# --- the run ----------------------------------------------------------------------------------------------------


async def run_cell(cell: Cell, folder: Path) -> None:
    driver = DRIVERS[cell.venue](folder)
    story, moment = Story(driver), MOMENTS[cell.moment]
    await story.begin()
    try:
        order = await moment.before(story)
        if cell.misbehaviour in BEFORE:
            BEFORE[cell.misbehaviour](story, moment)
            await moment.act(story, order)
            await asyncio.sleep(0.05)
        else:
            acting = asyncio.create_task(moment.act(story, order))
            await asyncio.sleep(0.002)
            await DURING[cell.misbehaviour](story)
            await asyncio.wait([acting], timeout=0.1)  # who was killed never answers
            acting.cancel()
        await _judge(cell, story)
    finally:
        async with asyncio.timeout(30):
            await story.end()


async def _judge(cell: Cell, story: Story) -> None:
    cell.result = "."
    if not await story.house.agrees(_BY_ITSELF_S):
        cell.result, cell.text = "r", "; ".join(story.house.differences())
        story.driver.faults.clear()
        story.driver.hang_up()
        if not await story.house.agrees(_AFTER_RECONNECT_S):
            cell.result, cell.text = "x", "; ".join(story.house.differences())
    story.driver.faults.clear()
    if cell.result != "x":
        await _wind_up(cell, story)
    broken = story.house.broken()
    if broken:
        cell.result, cell.text = "x", "; ".join(broken)


async def _wind_up(cell: Cell, story: Story) -> None:
    """What still works is taken back: it must be possible, and leave nothing on either side."""
    await story.house.reachable()
    for order in list(story.house.orders()):
        if order.is_open:
            await story.house.cancel(order)
    try:
        await story.house.until(lambda: not any(one.is_open for one in story.driver.truths().values()), 15)
    except TimeoutError:
        cell.result, cell.text = "x", "what works cannot be taken back"
        return
    if not await story.house.agrees(_AFTER_RECONNECT_S):
        cell.result, cell.text = "x", "after all was taken back: " + "; ".join(story.house.differences())


async def run(venues: Iterable[str], misbehaviours: Iterable[str], moments: Iterable[str], folder: Path) -> list[Cell]:
    """All cells, some side by side: most of their time is waiting."""
    cells = [Cell(*names) for names in itertools.product(venues, misbehaviours, moments) if _is_there(*names)]
    gate = asyncio.Semaphore(_AT_ONCE)

    async def one(number: int, cell: Cell) -> None:
        async with gate:
            place = folder / str(number)
            place.mkdir()
            try:
                async with asyncio.timeout(90):
                    await run_cell(cell, place)
            except Exception as error:
                cell.result, cell.text = "x", f"{cell.text} {error!r}"

    await asyncio.gather(*(one(number, cell) for number, cell in enumerate(cells)))
    return cells


def _is_there(venue: str, misbehaviour: str, moment: str) -> bool:
    """Whether a venue knows the moment at all: C5 shows that orders with exits are refused by those without."""
    return not MOMENTS[moment].has_exits or venue in WITH_CLASSES


def table(cells: list[Cell]) -> str:
    """One line for each misbehaviour, one letter for each venue and moment."""
    venues = list(dict.fromkeys(cell.venue for cell in cells))
    moments = list(dict.fromkeys(cell.moment for cell in cells))
    found = {(cell.venue, cell.misbehaviour, cell.moment): cell.result for cell in cells}
    lines = ["venues: " + ", ".join(f"{number} {name}" for number, name in enumerate(venues, 1))]
    lines.append(" " * 12 + "".join(f"{moment:>10}" for moment in moments))
    for misbehaviour in dict.fromkeys(cell.misbehaviour for cell in cells):
        row = "".join(
            f"{''.join(found.get((venue, misbehaviour, moment), '-') for venue in venues):>10}" for moment in moments
        )
        lines.append(f"{misbehaviour:<12}{row}")
    lines.append(". books agree by themselves   r after the next reconnect   x not, or an invariant is broken")
    lines.append("- the venue has no orders with exits, and they are refused before sending")
    wrong = [cell for cell in cells if cell.result == "x"]
    lines += [f"{cell.venue}, {cell.misbehaviour} at {cell.moment}: {cell.text}" for cell in wrong]
    return "\n".join(lines)


def hurried() -> pytest.MonkeyPatch:
    """Every wait of every adapter shortened, until ``undo``."""
    patch = pytest.MonkeyPatch()
    fast.hurry(patch)
    for name in VENUES:
        getattr(fast, f"hurry_{name}")(patch)
    return patch


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.venues.contract.matrix", description=__doc__)
    parser.add_argument("venues", nargs="*", metavar="VENUE", help=f"of {', '.join(VENUES)}; all without")
    parser.add_argument("--only", action="append", help="a misbehaviour", choices=MISBEHAVIOURS)
    parser.add_argument("--at", action="append", help="a moment", choices=MOMENTS)
    parser.add_argument("--verbose", action="store_true", help="say what needed a reconnect")
    options = parser.parse_args()
    venues = options.venues or list(VENUES)
    unknown = set(venues) - set(VENUES)
    if unknown:
        parser.error(f"there is no venue {', '.join(sorted(unknown))}")
    warnings.simplefilter("ignore")
    logging.disable()
    patch = hurried()
    with tempfile.TemporaryDirectory() as folder:
        cells = asyncio.run(run(venues, options.only or MISBEHAVIOURS, options.at or MOMENTS, Path(folder)))
    patch.undo()
    print(table(cells))
    if options.verbose:
        for cell in cells:
            if cell.result == "r":
                print(f"{cell.venue}, {cell.misbehaviour} at {cell.moment} needed a reconnect: {cell.text}")
    return int(any(cell.result == "x" for cell in cells))


if __name__ == "__main__":
    raise SystemExit(main())
