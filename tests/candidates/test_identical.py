"""A candidate that is what is enforced never disagrees, and its folded world is the one that was."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from gateway.core.candidates.overlay import as_it_was, overlay_of
from gateway.core.checkpoint import decode_snapshot, encode_snapshot, state_hash
from gateway.core.state import GatewayState
from gateway.domain.config import Limits, LimitTable
from gateway.domain.enums import Mode, SelfMatchPrevention
from gateway.domain.events import PolicyVerdict
from gateway.domain.policy_input import PolicyDocument
from gateway.domain.throttles import Executions, RepeatedExecutions, Throttles, ThrottleTable
from gateway.service.candidates import folded as folded_module
from gateway.service.candidates import judge as judge_module
from gateway.service.candidates.folded import Folded
from gateway.service.candidates.judge import Judge
from gateway.service.candidates.verdicts import Verdicts
from gateway.service.candidates.whatif import Question, what_if
from tests.naive import assert_books_add_up
from tests.properties.streams import Step, live_through, operations
from tests.properties.test_determinism import stream, written_and_read
from tests.world import ALLOW, DENY, D, World, trading_config

LIMITS = Limits(max_order_size=D(25), max_position_size=D(40), max_open_orders=D(6))
#: What remembers earlier orders, and decides by more than the order and the books.
THROTTLES = ThrottleTable(
    gateway=Throttles(duplicate_window_ms=40, max_duplicates=1, executions=Executions(max_executed_qty=D(60))),
    strategies={"s1": Throttles(repeated_executions=RepeatedExecutions(max=3, window_s=1))},
    self_match_prevention=SelfMatchPrevention.CANCEL_NEWEST,
)


def some_sizes_denied(size_e8: int) -> PolicyVerdict:
    return DENY if size_e8 // 100_000_000 % 5 == 3 else ALLOW


def asked(document: PolicyDocument) -> PolicyVerdict:
    return some_sizes_denied(document.order.size_e8)


def lived(steps: list[Step], *, asks_outside: bool = False) -> World:
    world = World(trading_config(Mode.CANARY, limits=LIMITS, throttles=THROTTLES))
    world.asks_outside = asks_outside
    world.policy = lambda document: some_sizes_denied(document["order"]["size_e8"])
    live_through(world, steps)
    return world


@given(steps=operations(), asks_outside=st.booleans(), is_asked=st.booleans())
async def test_the_enforced_rules_find_no_difference_on_any_journal(
    steps: list[Step], asks_outside: bool, is_asked: bool
) -> None:
    """Without this, a difference could be an error of the comparison and nobody would trust one."""
    world = lived(steps, asks_outside=asks_outside)
    same = overlay_of(world.state.config, world.state.config)
    verdicts = [Verdicts(asked, is_candidate=is_asked) for _ in range(2)]
    found = await what_if(stream(written_and_read(world.records)), GatewayState(), Question(same, *verdicts))
    assert (found.tally.differences, found.failed, found.folded_problem) == (0, 0, "")
    assert (found.positions, found.folded_denied, found.unplaced, found.skipped) == ((), (), 0, 0)
    assert all(change.recorded == change.candidate for change in found.books)
    assert found.policy_errors == found.assumed == 0


@given(steps=operations(), cut=st.integers(0, 60))
def test_identical_limits_never_disagree_from_any_checkpoint_on(steps: list[Step], cut: int) -> None:
    """Without this, a candidate would look stricter or looser for having been started later."""
    world = lived(steps)
    before = Judge(GatewayState(), as_it_was, Verdicts(asked, is_candidate=True))
    for record in world.records[:cut]:
        before.hear(record, is_judged=False)
    judge = Judge(decode_snapshot(encode_snapshot(before.state)), as_it_was, Verdicts(asked, is_candidate=True))
    judged = [judge.hear(record) for record in world.records[cut:]]
    assert [one.difference for one in judged if one is not None and one.difference is not None] == []
    assert judge.errors == 0
    assert state_hash(judge.state) == state_hash(world.state)


@given(steps=operations(), asks_outside=st.booleans(), is_asked=st.booleans(), most=st.sampled_from([8, 15, 30]))
async def test_other_rules_never_break_the_comparison_whatever_happened(
    steps: list[Step], asks_outside: bool, is_asked: bool, most: int
) -> None:
    """Without this, an odd past (splits, replaces, doubts, late fills) would end the comparison half way.

    What the folded world holds for open orders is what its open orders may still do, as in any gateway.
    """
    world = lived(steps, asks_outside=asks_outside)
    now = world.state.config
    tight = replace(now, limits=LimitTable(gateway=Limits(max_order_size=D(most), max_position_size=D(most))))
    verdicts = [Verdicts(lambda document: ALLOW, is_candidate=is_asked) for _ in range(2)]
    judge = Judge(GatewayState(), overlay_of(now, tight), verdicts[0])
    folded = Folded(GatewayState(), judge.state, overlay_of(now, tight), verdicts[1])
    for record in written_and_read(world.records):
        judge.hear(record)
        folded.hear(record)
    assert (judge.errors, judge.last_error) == (0, "")
    assert (folded.skipped, folded.last_problem) == (0, "")
    assert_books_add_up(folded.state, list(folded.state.orders.values()))
    assert state_hash(decode_snapshot(encode_snapshot(folded.state))) == state_hash(folded.state)
    for order in folded.state.orders.values():
        larger = order.order_qty if order.pending_replace is None else order.pending_replace.order_qty
        assert order.cum_qty <= max(order.order_qty, larger), "a fill may come before the answer to a larger quantity"


@settings(max_examples=20)
@given(steps=operations(), asks_outside=st.booleans(), is_asked=st.booleans())
async def test_the_short_way_to_alike_changes_no_answer(steps: list[Step], asks_outside: bool, is_asked: bool) -> None:
    """Without this, what saves most of the time could save it by overlooking differences."""
    world = lived(steps, asks_outside=asks_outside)
    now = world.state.config
    tight = overlay_of(now, replace(now, limits=LimitTable(gateway=Limits(max_position_size=D(15)))))
    records = written_and_read(world.records)

    async def answer() -> bytes:
        verdicts = [Verdicts(asked, is_candidate=is_asked) for _ in range(2)]
        found = await what_if(stream(records), GatewayState(), Question(tight, *verdicts))
        tally = (found.tally.orders, found.tally.totals, found.tally.by_rule(), tuple(found.tally.examples))
        return msgspec.json.encode((tally, replace(found, tally=None)))  # type: ignore[type-var]

    short = await answer()
    with pytest.MonkeyPatch.context() as patch:
        for module in (judge_module, folded_module):
            patch.setattr(module, "is_alike", lambda *_: False)
        assert await answer() == short
