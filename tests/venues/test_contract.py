"""The contract of a venue, by number, for every adapter. ``tests/venues/README.md`` lists it.

A venue that cannot have a chapter says why in its driver, and proves it there: nothing is skipped in silence.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gateway.domain.capabilities import IdReuse
from gateway.domain.effects import OrderTicket
from gateway.domain.enums import ExecType, OrderClass, OrdType, SubmitStatus, TimeInForce
from tests.patience import PATIENCE_S
from tests.venues.contract import fast
from tests.venues.contract.desk import Desk
from tests.venues.contract.registry import DRIVERS, EXCUSED, WITH_CLASSES

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
D = Decimal
BRACKET, OCO = OrderClass.BRACKET, OrderClass.OCO
CLASSES = (BRACKET, OCO, OrderClass.OTO)
ACCEPTED, REJECTED, UNKNOWN = SubmitStatus.ACCEPTED, SubmitStatus.REJECTED, SubmitStatus.UNKNOWN


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Each chapter for each venue that can have it."""
    chapter = re.match(r"test_(c\d+)_", metafunc.function.__name__)
    if chapter is not None:
        number = chapter[1].upper()
        names = [name for name in DRIVERS if number not in EXCUSED.get(name, {})]
        metafunc.parametrize("name", WITH_CLASSES if number == "C17" else names)


@pytest.mark.parametrize(
    ("name", "chapter"), [(name, chapter) for name, excuses in EXCUSED.items() for chapter in excuses]
)
async def test_what_a_venue_cannot_have_it_proves(name: str, chapter: str, tmp_path: Path) -> None:
    """Without this, an excuse would be a test that was never written."""
    driver = DRIVERS[name](tmp_path)
    await driver.open_peer()
    try:
        await driver.prove(chapter)
    finally:
        await driver.close_peer()


@pytest.fixture
async def desk(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Desk]:
    """A venue that is connected."""
    driver = DRIVERS[name](tmp_path)
    fast.hurry(monkeypatch)
    getattr(fast, f"hurry_{name}", lambda patch: None)(monkeypatch)
    await driver.open_peer()
    one = Desk(driver)
    await one.open()
    try:
        yield one
    finally:
        await one.venue.close()
        await driver.close_peer()


# --- C1 to C6: orders -----------------------------------------------------------------------------------


async def test_c1_place(desk: Desk) -> None:
    """C1. Without this, nothing would trade; without the fee, P&L would be too good."""
    resting = await desk.work()
    assert desk.heard.kinds(resting.order_id) == [ExecType.NEW]
    bought = desk.driver.market_ticket()
    assert (await desk.submit(bought)).status is ACCEPTED
    await desk.heard.until_filled(bought.order_id, bought.order_qty)
    fills = list(desk.heard.fills(bought.order_id).values())
    assert {fill.last_px for fill in fills} == {D(101)}
    assert all(fill.venue_order_id and fill.transact_ns > 1_700_000_000 * 10**9 for fill in fills)
    if desk.driver.has_fees:
        await desk.heard.until(lambda: any(one.fee for one in desk.heard.reports if one.order_id == bought.order_id))
    truth = desk.truth(resting)
    assert truth is not None
    assert (truth.orders, truth.qty, truth.limit_px, truth.is_open) == (1, resting.order_qty, D(95), True)


async def test_c2_partial_fills_sum_up_and_count_once(desk: Desk) -> None:
    """C2. Without this, a position would be a fill short, or one too large: venues tell a fill on several channels."""
    unit = desk.driver.unit
    order = await desk.work()
    for units in (3, 4, 3):
        desk.driver.trade(95, units)
    await desk.heard.until_filled(order.order_id, 10 * unit)
    assert await desk.settle(order)
    assert [fill.last_qty for fill in desk.heard.fills(order.order_id).values()] == [3 * unit, 4 * unit, 3 * unit]
    assert {fill.last_px for fill in desk.heard.fills(order.order_id).values()} == {D(95)}
    assert ExecType.CANCELED not in desk.heard.kinds(order.order_id)


async def test_c3_a_cancel_is_what_the_venue_confirms(desk: Desk) -> None:
    """C3. Without this, an order could be believed gone that still works, or one that filled be believed canceled."""
    order = await desk.work()
    desk.driver.trade(95, 4)
    await desk.heard.until_filled(order.order_id, 4 * desk.driver.unit)
    assert (await desk.cancel(order)).status is ACCEPTED
    await desk.heard.until_kind(order.order_id, ExecType.CANCELED)
    truth = desk.truth(order)
    assert truth is None or not truth.is_open
    filled = await desk.work()
    desk.driver.trade(95, 10)
    await desk.heard.until_filled(filled.order_id, filled.order_qty)
    assert (await desk.cancel(filled)).status is not REJECTED, "what it became is told by the venue, not by this"
    assert await desk.settle(filled)
    assert ExecType.CANCELED not in desk.heard.kinds(filled.order_id)


async def test_c4_a_replace_is_one_order(desk: Desk) -> None:
    """C4. Without this, the two halves of a change would be two orders, or the old half's end would end it."""
    order = await desk.work()
    answer = await desk.replace(order, order_qty=12 * desk.driver.unit, limit_px=D(94))
    if not desk.driver.capabilities.has_replace:
        assert answer.status is REJECTED
        return
    assert answer.status is ACCEPTED, answer
    await desk.heard.until_kind(order.order_id, ExecType.REPLACED)
    [terms] = [(one.order_qty, one.limit_px) for one in desk.heard.reports if one.exec_type is ExecType.REPLACED][:1]
    assert terms == (12 * desk.driver.unit, D(94))
    truth = desk.truth(order)
    assert truth is not None
    assert (truth.orders, truth.qty, truth.limit_px, truth.is_open) == (1, 12 * desk.driver.unit, D(94), True)
    desk.driver.trade(94, 12)
    await desk.heard.until_filled(order.order_id, 12 * desk.driver.unit)
    assert not {ExecType.CANCELED, ExecType.REJECTED} & set(desk.heard.kinds(order.order_id))


async def test_c5_a_refusal_is_told_with_its_reason(desk: Desk) -> None:
    """C5. Without this, nobody would know why, or a refused order would be doubted for ever."""
    terms, words = desk.driver.refused
    order = desk.driver.ticket(**terms)
    answer = await desk.submit(order)
    reports = [one for one in desk.heard.reports if one.order_id == order.order_id]
    if answer.status is ACCEPTED:  # taken, and refused afterwards
        await desk.heard.until_kind(order.order_id, ExecType.REJECTED)
        reports = [one for one in desk.heard.reports if one.exec_type is ExecType.REJECTED]
        assert words in reports[0].text.lower()
    else:
        assert (answer.status, words in answer.text.lower()) == (REJECTED, True), answer
    truth = desk.truth(order)
    assert truth is None or (not truth.is_open and not truth.cum_qty)


async def test_c5_what_the_venue_has_not_is_refused_before_it_is_sent(desk: Desk) -> None:
    """C5. Without this, an order could be sent as something else than was asked for."""
    has = desk.driver.capabilities
    wishes: list[dict[str, Any]] = [{"execution_algorithm": "magic"}] if desk.driver.refuses_algorithms else []
    for kind in set(OrdType) - set(has.order_types):
        stop = {"stop_px": D(104)} if "stop" in kind.value else {}
        wishes.append({"ord_type": kind, **stop})
    for tif in set(TimeInForce) - set(has.times_in_force):
        wishes.append({"time_in_force": tif})
    if not has.has_trailing_amount:
        wishes.append({"ord_type": OrdType.TRAILING_STOP, "limit_px": None, "trailing_amount": D(1)})
    if not has.has_trailing_percent:
        wishes.append({"ord_type": OrdType.TRAILING_STOP, "limit_px": None, "trailing_percent": D(1)})
    tickets = [desk.driver.ticket(**wish) for wish in wishes]
    tickets += [desk.driver.grouped(kind) for kind in CLASSES if kind not in has.order_classes]
    for ticket in tickets:
        answer = await desk.submit(ticket)
        assert answer.status is REJECTED, (ticket, answer)
        assert answer.text, ticket
    assert not desk.driver.sent()


async def test_c6_an_id_that_the_venue_has_seen(desk: Desk) -> None:
    """C6. Without this, the core would believe that a venue keeps an order from being there twice which does not, or
    take the refusal of the second for one of the first."""
    reuse = desk.driver.capabilities.id_reuse
    order = await desk.work()
    await desk.restart()  # so that nothing of this adapter remembers it
    again = await desk.submit(order)
    count = desk.driver.truths()[order.order_id].orders
    if reuse is IdReuse.NEVER_REFUSED:
        assert count == 2, "a venue that refuses it: say so in its capabilities"
        return
    assert count == 1
    assert again.status is UNKNOWN, f"the first one works: {again}"
    assert await desk.settle(order)
    desk.driver.trade(95, 10)
    await desk.until(lambda: desk.driver.truths()[order.order_id].cum_qty == order.order_qty)
    await desk.restart()
    again = await desk.submit(order)
    count = desk.driver.truths()[order.order_id].orders
    assert count == (1 if reuse is IdReuse.ALWAYS_REFUSED else 2)
    assert again.status is (UNKNOWN if count == 1 else ACCEPTED)


# --- C7 and C8: in doubt ----------------------------------------------------------------------------------

ARRIVED = ("drop_after", "silent", "error_after", "cut", "garble", "late")
NOT_ARRIVED = ("drop_before", "error")


@pytest.mark.parametrize("kind", ARRIVED)
async def test_c7_in_doubt_and_it_had_arrived(desk: Desk, kind: str) -> None:
    """C7. Without this, an order would be lost, or sent twice, or called rejected, and it works (invariant 8)."""
    desk.driver.faults.add(kind, "place", status=504)
    order = desk.driver.ticket()
    answer = await desk.submit(order)
    assert answer.status is not REJECTED, answer
    assert await desk.settle(order) is True
    await desk.heard.until_kind(order.order_id, ExecType.NEW)
    assert desk.driver.sent()[order.order_id] == 1
    assert desk.driver.truths()[order.order_id].orders == 1


@pytest.mark.parametrize("kind", NOT_ARRIVED)
async def test_c8_in_doubt_and_it_had_not(desk: Desk, kind: str) -> None:
    """C8. Without this, exposure would be held for ever for an order that is nowhere, or the order be sent again."""
    desk.driver.faults.add(kind, "place", status=504)
    order = desk.driver.ticket()
    answer = await desk.submit(order)
    assert answer.status is UNKNOWN, answer
    assert await desk.settle(order) is False
    assert desk.driver.sent().total() == 1
    assert order.order_id not in desk.driver.truths()


async def test_c8_what_is_still_under_way_is_not_called_absent(desk: Desk) -> None:
    """C8. Without this, an order believed absent could arrive after all, and trade."""
    stuck = desk.driver.faults.add("stuck", "place")
    order = desk.driver.ticket()
    submitting = asyncio.create_task(desk.venue.submit(order))
    await stuck.hit.wait()
    submitting.cancel()  # given up at once: what is under way is valid for a short time at some venues
    asking = asyncio.create_task(desk.settle(order))
    await asyncio.sleep(0.05)
    stuck.release()
    assert await asking is True
    assert desk.driver.truths()[order.order_id].orders == 1


# --- C9 to C11: what went on meanwhile --------------------------------------------------------------------


async def test_c9_a_restart_knows_its_working_orders(desk: Desk) -> None:
    """C9. Without this, a restarted gateway could neither cancel nor change what it has working."""
    works, changed = await desk.work(), await desk.work()
    if desk.driver.capabilities.has_replace:
        for px in (94, 93):  # twice: a venue may know each change as an order of its own
            assert (await desk.replace(changed, limit_px=D(px))).status is ACCEPTED
    await desk.restart()
    for order in (works, changed):
        assert await desk.settle(order) is True
        assert (await desk.cancel(order)).status is ACCEPTED
        await desk.heard.until_kind(order.order_id, ExecType.CANCELED)
        truth = desk.truth(order)
        assert truth is None or not truth.is_open


async def test_c10_fills_missed_while_connected_badly_are_booked_once(desk: Desk) -> None:
    """C10. Without this, a position would be wrong until somebody looked."""
    unit = desk.driver.unit
    order = await desk.work()
    desk.driver.trade(95, 2)
    await desk.heard.until_filled(order.order_id, 2 * unit)
    desk.driver.faults.add("lose", "fill")
    desk.driver.trade(95, 3)
    desk.driver.hang_up()
    await desk.heard.until_filled(order.order_id, 5 * unit)
    desk.driver.trade(95, 5)
    await desk.heard.until_filled(order.order_id, 10 * unit)


async def test_c10_fills_missed_while_away_are_booked_once(desk: Desk) -> None:
    """C10. The same over a restart of the gateway."""
    unit = desk.driver.unit
    order = await desk.work()
    desk.driver.trade(95, 2)
    await desk.heard.until_filled(order.order_id, 2 * unit)
    before = set(desk.heard.fills(order.order_id))
    await desk.die()
    desk.driver.trade(95, 8)
    await desk.open()
    assert await desk.settle(order) is True
    await desk.heard.until_filled(order.order_id, 10 * unit)
    assert before < set(desk.heard.fills(order.order_id)), "the same execution has the same id after a restart"


async def test_c11_a_fill_that_comes_after_the_cancel_is_told(desk: Desk) -> None:
    """C11. Without this, a position would exist that nobody knows of (invariant 7)."""
    order = await desk.work()
    late = desk.driver.faults.add("hold", "fill")
    desk.driver.trade(95, 2)
    await desk.cancel(order)
    await desk.heard.until_kind(order.order_id, ExecType.CANCELED)
    late.release()
    await desk.heard.until_filled(order.order_id, 2 * desk.driver.unit)


async def test_c11_a_fill_that_is_never_told_is_missed_by_the_end(desk: Desk) -> None:
    """C11. Without this, an order that was canceled would keep a fill from the books: nobody asks about it again."""
    order = await desk.work()
    desk.driver.faults.add("lose", "fill")
    desk.driver.trade(95, 2)
    await desk.cancel(order)
    await desk.heard.until_kind(order.order_id, ExecType.CANCELED)
    await desk.heard.until_filled(order.order_id, 2 * desk.driver.unit)


@pytest.mark.parametrize("kind", ["twice", "swap"])
async def test_c11_messages_twice_and_out_of_order(desk: Desk, kind: str) -> None:
    """C11. Without this, a fill would count twice, or a stale word bring an order back to life."""
    order = await desk.work()
    for event in ("fill", "fill", "canceled"):
        desk.driver.faults.add(kind, event)
    desk.driver.trade(95, 2)
    desk.driver.trade(95, 3)
    asking = asyncio.create_task(desk.cancel(order))
    await desk.until(lambda: not (truth := desk.truth(order)) or not truth.is_open)
    desk.driver.faults.release()
    assert (await asking).status is ACCEPTED
    await desk.heard.until_kind(order.order_id, ExecType.CANCELED)
    await desk.heard.until_filled(order.order_id, 5 * desk.driver.unit)


# --- C12 to C16: the session ------------------------------------------------------------------------------


async def test_c12_a_budget_that_is_used_up_keeps_a_reserve_for_cancels(desk: Desk) -> None:
    """C12. Without this, a flood of orders would keep others from being taken back (invariant 5)."""
    order = await desk.work()
    budget = desk.driver.budget(desk.venue)
    for cost in (1_000_000, 1_000, 1):
        while budget.take(cost):
            pass
    assert budget.remaining > 0
    refused = desk.driver.ticket()
    answer = await asyncio.wait_for(desk.venue.submit(refused), PATIENCE_S)
    assert (answer.status, "nothing was sent" in answer.text) == (REJECTED, True), answer
    assert refused.order_id not in desk.driver.sent()
    assert budget.take(budget.remaining, is_cancel=True)
    answer = await desk.cancel(order)
    assert answer.status is SubmitStatus.THROTTLED, f"nothing was sent, and it may be asked for again: {answer}"
    budget.set_limit(2_000_000_000)
    assert (await desk.cancel(order)).status is ACCEPTED
    truth = desk.truth(order)
    assert truth is None or not truth.is_open


async def test_c12_told_to_slow_down_is_a_refusal_and_heeded(desk: Desk) -> None:
    """C12. Without this, the gateway would go on until the venue bans everybody behind its address."""
    works = await desk.work()
    desk.driver.faults.add("error", "place", status=429, retry_after_s=1)
    order = desk.driver.ticket()
    answer = await desk.submit(order)
    if answer.status is UNKNOWN:
        assert await desk.settle(order) is False
    assert order.order_id not in desk.driver.truths()
    assert (await desk.cancel(works)).status is ACCEPTED
    assert desk.driver.sent()[order.order_id] <= 1


async def test_c13_bad_credentials_are_said_in_words_and_mended(desk: Desk) -> None:
    """C13. Without this, a wrong key would look like an outage, and a new one need a restart."""
    desk.driver.refuse_credentials(True)
    answer = await desk.submit(desk.driver.ticket())
    assert answer.status is not ACCEPTED
    words = desk.driver.credential_words
    await desk.heard.until(lambda: not desk.heard.is_connected and words in desk.heard.status)
    assert (await desk.submit(desk.driver.ticket())).status is REJECTED
    desk.driver.refuse_credentials(False)
    await desk.connected()
    await desk.work()


@pytest.mark.parametrize("skew_ms", [-40_000, 40_000])
async def test_c14_a_clock_that_is_off_is_followed(desk: Desk, skew_ms: int) -> None:
    """C14. Without this, a clock that drifts would stop trading for good."""
    desk.driver.skew(skew_ms)
    for _ in range(20):
        order = desk.driver.ticket()
        answer = await desk.submit(order)
        assert answer.status is not UNKNOWN, "what is refused for its time was not taken"
        if answer.status is ACCEPTED:
            break
        assert order.order_id not in desk.driver.truths()
        await asyncio.sleep(0.05)
    assert answer.status is ACCEPTED
    await desk.heard.until_kind(order.order_id, ExecType.NEW)
    desk.driver.trade(95, 10)
    await desk.heard.until_filled(order.order_id, order.order_qty)


async def test_c15_without_a_connection_nothing_is_sent(desk: Desk) -> None:
    """C15. Without this, an order could wait in a buffer and trade when nobody expects it any more."""
    works = await desk.work()
    await desk.driver.close_peer()
    await desk.lost()
    order = desk.driver.ticket()
    assert (await desk.submit(order)).status is REJECTED
    assert (await desk.venue.lookup(order)).is_known is None, "nobody can say"
    assert (await desk.cancel(works)).status is UNKNOWN, "it may be tried again"
    state = desk.venue.connection
    assert (state.is_connected, bool(state.last_error)) == (False, True)
    await desk.until(lambda: desk.venue.connection.failed_attempts > 0)
    await desk.driver.open_peer()
    await desk.connected()
    assert order.order_id not in desk.driver.truths()
    await desk.work()


async def test_c16_a_venue_that_falls_silent_is_noticed(desk: Desk) -> None:
    """C16. Without this, a connection that is dead and does not know it would show the books of yesterday."""
    order = await desk.work()
    desk.driver.go_silent()
    desk.driver.trade(95, 10)
    await desk.heard.until_filled(order.order_id, order.order_qty)


# --- C17: orders with exits -------------------------------------------------------------------------------


async def sent_with_exits(desk: Desk, kind: OrderClass) -> OrderTicket:
    """An order of that class, which the venue works with its exits; what an OCO closes is bought before."""
    if kind is OCO:
        held = desk.driver.market_ticket()
        assert (await desk.submit(held)).status is ACCEPTED
        await desk.heard.until_filled(held.order_id, held.order_qty)
    order = desk.driver.grouped(kind)
    assert (await desk.submit(order)).status is ACCEPTED
    for one in (order, *order.exits):
        await desk.heard.until_kind(one.order_id, ExecType.NEW)
    return order


def test_who_has_order_classes_keeps_their_chapter(tmp_path: Path) -> None:
    """C17. Without this, a venue that gets order classes would not have to keep the chapter."""
    assert {name for name in DRIVERS if DRIVERS[name](tmp_path).capabilities.order_classes} == set(WITH_CLASSES)


@pytest.mark.parametrize("kind", CLASSES)
async def test_c17_an_order_and_its_exits_are_one_and_close_once(desk: Desk, kind: OrderClass) -> None:
    """C17. Without this, an entry could fill with no stop behind it, or both exits sell what was bought once."""
    order = await sent_with_exits(desk, kind)
    if kind is not OCO:
        desk.driver.trade(105, 10)  # exits sleep
        desk.driver.trade(95, 4)
        await desk.heard.until_filled(order.order_id, 4)
        desk.driver.trade(105, 10)
        desk.driver.trade(95, 6)
        await desk.heard.until_filled(order.order_id, 10)
    profit, *others = order.exits if kind is not OCO else (order, *order.exits)
    desk.driver.trade(105, 10)
    await desk.heard.until_filled(profit.order_id, 10)
    for other in others:
        await desk.heard.until_kind(other.order_id, ExecType.CANCELED)
    desk.driver.quote(80, 82)
    assert [desk.heard.cum_qty(one.order_id) for one in others] == [0] * len(others)
    known = {one.order_id for one in (order, *order.exits)}
    assert all(one.order_id in known for one in desk.heard.reports if "-1" in one.order_id[3:])
    assert not any(one.is_open for one in desk.driver.truths().values())


@pytest.mark.parametrize("kind", [BRACKET, OCO])
async def test_c17_a_stop_that_triggers_ends_the_profit(desk: Desk, kind: OrderClass) -> None:
    """C17. Without this, a position that was stopped out would be sold a second time."""
    order = await sent_with_exits(desk, kind)
    if kind is not OCO:
        desk.driver.trade(95, 10)
        await desk.heard.until_filled(order.order_id, 10)
    profit, loss = order.exits if kind is not OCO else (order, *order.exits)
    desk.driver.quote(89, 91)
    desk.driver.trade(89, 1)
    await desk.heard.until_filled(loss.order_id, 10)
    await desk.heard.until_kind(profit.order_id, ExecType.CANCELED)
    assert desk.heard.cum_qty(profit.order_id) == 0


async def test_c17_an_entry_takes_its_exits_with_it_and_an_exit_the_other(desk: Desk) -> None:
    """C17. Without this, exits of a position that never came would wait at the venue, and open one."""
    for which in (0, 1, 2):
        order = await sent_with_exits(desk, BRACKET)
        target = (order, *order.exits)[which]
        assert (await desk.cancel(target)).status is ACCEPTED
        for one in {target, *order.exits}:
            await desk.heard.until_kind(one.order_id, ExecType.CANCELED)
        if which:
            assert (await desk.cancel(order)).status is ACCEPTED
        await desk.heard.until_kind(order.order_id, ExecType.CANCELED)


async def test_c17_a_restart_knows_orders_with_their_exits(desk: Desk) -> None:
    """C17. Without this, a stop that triggers while the gateway is down would leave a position here for ever."""
    order = await sent_with_exits(desk, BRACKET)
    desk.driver.trade(95, 10)
    await desk.heard.until_filled(order.order_id, 10)
    awake = [msgspec.structs.replace(one, is_armed=True) for one in order.exits]
    await desk.restart()
    for one in awake:
        assert await desk.settle(one) is True
    desk.driver.trade(106, 10)  # through its price: whoever begins anew is last in the queue
    await desk.heard.until_filled(awake[0].order_id, 10)
    await desk.heard.until_kind(awake[1].order_id, ExecType.CANCELED)


@pytest.mark.parametrize("kind", ["drop_after", "drop_before"])
async def test_c17_in_doubt_with_its_exits(desk: Desk, kind: str) -> None:
    """C17. Without this, exits of an order whose answer was lost would be nobody's, or be asked about for ever."""
    if desk.driver.name == "simulator":
        assert "C7" in EXCUSED["simulator"], "a request to it is answered before it returns"
        return
    desk.driver.faults.add(kind, "place")
    order = desk.driver.grouped(BRACKET)
    assert (await desk.submit(order)).status is UNKNOWN
    for one in (order, *order.exits):
        assert await desk.settle(one) is (kind == "drop_after")
    assert desk.driver.sent().total() == 1
    assert len(desk.driver.truths()) == (3 if kind == "drop_after" else 0)
