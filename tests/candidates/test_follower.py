"""A candidate follows the journal beside the gateway, and keeps its count across restarts."""

from collections.abc import AsyncIterator

import msgspec

from gateway.core.candidates.overlay import with_limits_of
from gateway.core.candidates.tally import MAX_RULES, OTHER_RULES, Tally
from gateway.core.state import GatewayState
from gateway.domain.candidates import CandidateReport, DifferenceKind, OrderDifference
from gateway.domain.config import Limits
from gateway.domain.enums import Side
from gateway.domain.records import Record
from gateway.service.candidates.follower import Follower
from gateway.service.candidates.verdicts import Verdicts
from tests.world import ALLOW, D, World, trading_config

TIGHT = trading_config(limits=Limits(max_order_size=D(12)))
NEW = CandidateReport(revision="r1", since_seq=0, since_ns=0)


class Written:
    """Implements ``service.candidates.follower.Followed`` over the records of a world."""

    def __init__(self, records: list[Record]) -> None:
        self.records = records

    async def follow(self) -> int:
        return len(self.records)

    async def read(self, after_seq: int) -> AsyncIterator[Record]:
        for record in self.records[after_seq:]:
            yield record


def follower(world: World, report: CandidateReport = NEW, **more: int) -> Follower:
    return Follower(Written(world.records), GatewayState(), 0, with_limits_of(TIGHT), Verdicts(), report, **more)


async def last(one: Follower) -> CandidateReport:
    reports = [report async for report in one.catch_up()]
    return msgspec.json.decode(msgspec.json.encode(reports[-1]), type=CandidateReport)


async def test_every_order_is_judged_once_however_often_it_looks() -> None:
    """Without this, the evidence would depend on how busy the machine was."""
    world = World()
    one = follower(world)
    for qty in (10, 20, 30):
        world.fill(world.place(qty=qty))
        report = await last(one)
    report = await last(one)
    assert (report.orders, report.differences, report.seq) == (3, 2, len(world.records))
    (rule,) = report.rules
    assert (rule.rule, rule.orders, rule.notional) == ("MAX_ORDER_SIZE", 2, 50 * D("180.00"))


async def test_a_restart_goes_on_where_it_stopped() -> None:
    """Without this, a candidate's evidence would be gone, or counted twice, after each restart of the gateway."""
    world = World()
    world.place(qty=20)
    before = await last(follower(world))
    world.place(qty=30)
    after = await last(follower(world, before))
    whole = await last(follower(world))
    assert after == whole
    assert (after.orders, after.differences) == (2, 2)


async def test_what_waited_for_its_policy_at_a_restart_is_counted_as_undecided() -> None:
    """Without this, orders in flight when a candidate restarts are counted nowhere: neither judged nor not."""
    world = World()
    world.asks_outside, world.policy = True, lambda _: None
    for qty in (20, 30):
        world.place(qty=qty)
    before = await last(follower(world))
    assert (before.orders, before.undecided, before.waiting) == (0, 0, 2)
    while world.asked:
        world.answer_policy(world.asked.pop(), ALLOW)
    whole, after = await last(follower(world)), await last(follower(world, before))
    assert (whole.orders, whole.undecided, whole.waiting) == (2, 0, 0)
    assert (after.orders, after.undecided, after.waiting) == (0, 2, 0)


async def test_what_is_too_far_behind_passes_unjudged_and_is_counted() -> None:
    """Without this, a slow candidate would be ever further behind, and its evidence ever older, unseen."""
    world = World()
    for _ in range(30):
        world.place(qty=20)
    report = await last(follower(world, max_behind=10))
    assert report.skipped > 0
    assert report.orders + report.skipped == 30
    assert report.seq == report.head_seq == len(world.records)


def test_rules_without_end_are_counted_under_one_word() -> None:
    """Without this, a policy that makes up names would fill the memory, and Prometheus with it."""
    tally = Tally(kept=3)
    for number in range(MAX_RULES + 20):
        tally.add(
            OrderDifference(
                kind=DifferenceKind.DENIES,
                seq=number,
                ts_ns=0,
                order_id="o1",
                account="a",
                strategy_id="s",
                venue="v",
                symbol="AAPL",
                side=Side.BUY,
                order_qty=D(1),
                notional=D(1),
                rules=(f"RULE_{number}",),
                enforced="",
                candidate="",
            )
        )
    assert len(tally.rules) == MAX_RULES + 1
    assert tally.rules[(DifferenceKind.DENIES, OTHER_RULES)].orders == 20
    assert len(tally.examples) == 3
