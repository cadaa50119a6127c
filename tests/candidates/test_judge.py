"""One order, two sets of rules: what is called a difference, of which kind, and by which rule."""

from typing import Any

import pytest

from gateway.core.candidates.overlay import Overlay, with_limits_of
from gateway.core.checkpoint import encode_snapshot, state_hash
from gateway.core.state import GatewayState
from gateway.domain.candidates import DifferenceKind, OrderDifference
from gateway.domain.config import Limits, LimitTable
from gateway.domain.enums import ExecType, Mode, Side
from gateway.domain.events import PolicyVerdict
from gateway.domain.policy_input import PolicyDocument
from gateway.domain.records import Checkpoint
from gateway.service.candidates.beginning import begin_at
from gateway.service.candidates.folded import Folded
from gateway.service.candidates.judge import Judge
from gateway.service.candidates.verdicts import Verdicts
from tests.world import ALLOW, DENY, D, World, trading_config

TIGHT = Limits(max_order_size=D(12))
BROKEN = PolicyVerdict(is_allowed=False, failure="POLICY_UNDEFINED", failure_text="undefined")


def judged(world: World, limits: Limits | None = None, verdicts: Verdicts | None = None) -> list[OrderDifference]:
    overlay = with_limits_of(trading_config(limits=limits))
    judge = Judge(GatewayState(), overlay, verdicts or Verdicts())
    heard = [judge.hear(record) for record in world.records]
    assert judge.errors == 0, judge.last_error
    return [one.difference for one in heard if one is not None and one.difference is not None]


def policy(verdict: PolicyVerdict) -> Verdicts:
    return Verdicts(lambda document: verdict, is_candidate=True)


@pytest.mark.parametrize("asks_outside", [False, True], ids=["in process", "on a server"])
@pytest.mark.parametrize(
    ("enforced", "candidate", "kind", "rules"),
    [
        (ALLOW, ALLOW, None, ()),
        (DENY, DENY, None, ()),
        (ALLOW, DENY, DifferenceKind.DENIES, ("TEST_RULE",)),
        (DENY, ALLOW, DifferenceKind.ADMITS, ("TEST_RULE",)),
        (ALLOW, BROKEN, DifferenceKind.DENIES, ("POLICY_UNDEFINED",)),
    ],
)
def test_policies_differ_alike_wherever_the_enforced_one_is_asked(
    asks_outside: bool, enforced: PolicyVerdict, candidate: PolicyVerdict, kind: Any, rules: tuple[str, ...]
) -> None:
    """Without this, a gateway that asks an OPA server would have no evidence about a candidate, or the wrong one."""
    world = World()
    world.asks_outside = asks_outside
    world.policy = lambda document: enforced
    world.place()
    found = judged(world, verdicts=policy(candidate))
    assert [(one.kind, one.rules, one.notional) for one in found] == ([] if kind is None else [(kind, rules, D(1_800))])


def test_a_replace_is_judged_by_what_it_adds() -> None:
    """Without this, an order could grow beyond what a candidate allows, and nobody would see it."""
    world = World()
    order = world.place(qty=10, limit=D("180.00"))
    world.replace(order, order_qty=D(20))
    (found,) = judged(world, TIGHT)
    assert (found.is_replace, found.kind, found.rules) == (True, DifferenceKind.DENIES, ("MAX_ORDER_SIZE",))
    assert found.notional == 10 * D("180.00")
    (asked,) = judged(world, verdicts=Verdicts(no_large, is_candidate=True))
    assert asked.is_replace


def no_large(document: PolicyDocument) -> PolicyVerdict:
    return DENY if document.order.size_e8 > 1_500_000_000 else ALLOW


def test_only_the_part_that_differs_counts() -> None:
    """Without this, an order that the candidate would admit in part would look lost as a whole."""
    world = World()
    world.fill(world.place(qty=10))
    world.place(Side.SELL, 30)
    (found,) = judged(world, Limits(max_position_size=D(15)))
    assert (found.order_qty, found.notional) == (D(30), 20 * D("180.00"))
    assert found.candidate.startswith("admitted 10 shadow; denied MAX_POSITION_SIZE")


def test_what_a_candidate_denies_is_still_there_for_the_next_order() -> None:
    """Without this, one denial would make all later ones look right: every order is judged on what really was."""
    world = World()
    for _ in range(3):
        world.fill(world.place(qty=10))
    assert len(judged(world, Limits(max_position_size=D(15)))) == 2
    assert len(judged(world, Limits(max_position_size=D(25)))) == 1


def test_a_scope_that_only_the_candidate_limits_is_measured_from_a_checkpoint_too() -> None:
    """Without this, a limit on a sector or class would be blind to all that was held before the last checkpoint."""
    world = World()
    world.fill(world.place(qty=10))
    table = LimitTable(asset_classes={"equity": Limits(max_position_value=D(2_000))})
    overlay: Overlay = with_limits_of(trading_config(table=table))
    data = encode_snapshot(world.state)
    checkpoint = Checkpoint(seq=len(world.records), ts_ns=0, state=data, state_hash=state_hash(world.state))
    state, seq = begin_at(checkpoint, overlay)
    world.place(qty=5)
    judge = Judge(state, overlay, Verdicts())
    (found,) = [judge.hear(record) for record in world.records[seq:]]
    assert found is not None
    assert found.difference is not None
    assert found.difference.rules == ("MAX_POSITION_VALUE",)


def test_a_denied_replace_lets_no_fill_beyond_the_old_terms_into_the_folded_world() -> None:
    """Without this, what a candidate kept out by denying new terms would be in its books all the same."""
    world = World(trading_config(Mode.SHADOW))
    overlay = with_limits_of(trading_config(limits=TIGHT))
    order = world.place(qty=10, limit=D("180.00"))
    world.replace(order, order_qty=D(20))
    world.report(order, ExecType.REPLACED, order_qty=D(20))
    world.fill(order)
    judge = Judge(GatewayState(), overlay, Verdicts())
    folded = Folded(GatewayState(), judge.state, overlay, Verdicts())
    for record in world.records:
        judge.hear(record)
        folded.hear(record)
    held = [position.qty for book in folded.state.books.values() for position in book.positions.values()]
    assert held == [D(10)]
    assert not folded.state.open_orders()
    assert folded.skipped == 0, folded.last_problem


@pytest.mark.parametrize("end", [ExecType.TRADE, ExecType.CANCELED, "behind"])
def test_new_terms_whose_order_ends_before_the_policy_answers_are_told_and_forgotten(end: ExecType | str) -> None:
    """Without this, each of them would stay in the candidate's memory for good and be counted nowhere: nothing is
    recorded of an answer that comes too late."""
    world = World()
    order = world.place(qty=10, limit=D("180.00"))
    world.policy = lambda document: None
    world.replace(order, order_qty=D(20))
    judge = Judge(GatewayState(), with_limits_of(trading_config(limits=TIGHT)), Verdicts())
    for record in world.records:
        judge.hear(record)
    seen = len(world.records)
    if end is ExecType.TRADE:
        world.fill(order)
    elif end is ExecType.CANCELED:
        world.report(order, ExecType.CANCELED)
    else:
        world.fill(order, 1)
    world.answer_policy(world.asked.pop(), ALLOW)
    for record in world.records[seen:]:
        judge.hear(record, is_judged=end != "behind")
    assert judge.undecided == 1
    assert not judge._open
