"""Evidence is at any time what the orders of the step say now: whatever is said of them late, in whichever order, under
a clock that is set, through edits and restarts. Told again from the journal it is the same."""

import random
from decimal import Decimal

import pytest

from gateway.core.apply import apply_record
from gateway.core.checkpoint import decode_snapshot, encode_snapshot, state_hash
from gateway.core.decide import decide
from gateway.core.decision import Decision
from gateway.core.evidence.memory import StepEvidence, Tally
from gateway.core.rollout import outcomes
from gateway.core.state import GatewayState
from gateway.domain.enums import OPEN_STATUSES, ExecType, Mode, OrdStatus, Side, SubmitStatus
from gateway.domain.events import Event, SubmitCompleted
from gateway.domain.orders import Order
from gateway.domain.rollout_events import RolloutCommand
from gateway.domain.rollout_facts import RolloutStepEntered
from tests.properties.test_determinism import written_and_read
from tests.rollouts.site import Site

D = Decimal
S = 1_000_000_000
#: What is put in and taken out again as orders change after their end.
_JUDGED = ("ended", "filled", "partial", "canceled", "fill_ratio", "slippages", "slippage")
_PAIRED = ("pairs", "hits", "twin_slippages", "twin_slippage")


class Life(Site):
    """``counted`` is in which step of alpha's rollout each order began to count, by itself and beside its twins."""

    def __init__(self) -> None:
        self.step = 0
        self.counted: dict[str, tuple[int, int]] = {}
        super().__init__(Mode.CANARY, 5_000)

    def send(self, event: Event) -> Decision:
        decision = super().send(event)
        self.step += sum(isinstance(one, RolloutStepEntered) and one.venue == "alpha" for one in decision.facts)
        for order in self.state.orders.values():
            judged, paired = self.counted.get(order.order_id, (0, 0))
            judged, paired = judged or self.step * bool(order.judged_ns), paired or self.step * bool(order.paired_ns)
            self.counted[order.order_id] = judged, paired
        return decision

    def check(self) -> None:
        evidence, afresh = self.rollout.evidence, StepEvidence()
        for order_id, (judged, paired) in self.counted.items():
            order = self.state.orders[order_id]
            if judged == self.step:
                outcomes._judge(afresh, order, 1)
            if paired == self.step:
                outcomes._pair(afresh, order, 1)
        for name in (*_JUDGED, *_PAIRED):
            assert getattr(evidence.total, name) == getattr(afresh.total, name), name
        assert evidence.slippage.cells == afresh.slippage.cells
        assert evidence.twin_slippage.cells == afresh.twin_slippage.cells
        for name in Tally.__struct_fields__:
            assert getattr(evidence.total, name) == sum(getattr(one, name) for one in evidence.strata.values()), name
        assert 0 <= evidence.total.errors <= evidence.total.orders
        assert 0 <= self.rollout.errors <= self.rollout.orders


# --- what happens -----------------------------------------------------------------------------------


def _place(site: Life, rng: random.Random) -> None:
    limit = rng.choice([None, D(rng.randint(175, 185))])
    site.place(rng.choice(list(Side)), rng.randint(1, 9), strategy=rng.choice("abc"), limit=limit)


def _answer(site: Life, rng: random.Random) -> None:
    """What the venue says of a live order, or does not say."""
    live = [order for order in site.state.open_orders() if order.twin is not None]
    if not live:
        return
    order = rng.choice(live)
    kind = rng.choice(["fill", "fill", "fill", "new", "canceled", "rejected", "doubt", "terms"])
    if kind == "fill":
        site.fill(order, rng.choice([order.leaves_qty, D(1)]), D(rng.randint(175, 185)))
    elif kind == "doubt":
        status = SubmitStatus.UNKNOWN
        site.send(SubmitCompleted(ts_ns=site.tick(), order_id=order.order_id, status=status))
    elif kind == "terms":
        site.replace(order, order_qty=order.order_qty + rng.randint(-1, 2))
        if order.pending_replace is not None:
            site.report(order, ExecType.REPLACED, order_qty=order.pending_replace.order_qty)
    else:
        site.report(order, ExecType(kind))


def _twin(site: Life, rng: random.Random) -> None:
    order, is_second = _any_live(site, rng), rng.random() < 0.5
    twin = None if order is None else (order.second_twin if is_second else order.twin)
    if order is None or twin is None or twin.ord_status not in OPEN_STATUSES:
        return
    left = (twin.order_qty or order.order_qty) - twin.cum_qty
    if rng.random() < 0.7 and left > 0:
        site.fill(order, left, D(rng.randint(175, 185)), is_twin=True, is_second_twin=is_second)
    else:
        site.report(order, ExecType.CANCELED, is_twin=True, is_second_twin=is_second)


def _late_word(site: Life, rng: random.Random) -> None:
    order, px = _any_live(site, rng), D(rng.randint(175, 185))
    if order is None or order.is_open:
        return
    if order.ord_status is OrdStatus.CANCELED and order.cum_qty + order.broken_qty < order.order_qty:
        site.fill(order, 1, px)
    elif order.fills:
        fill, kind = rng.choice(order.fills), rng.choice([ExecType.TRADE_CANCEL, ExecType.TRADE_CORRECT])
        told = {"exec_id": f"b{len(site.records)}", "exec_ref_id": fill.exec_id}
        site.report(order, kind, last_qty=fill.last_qty, last_px=px, **told)


def _any_live(site: Life, rng: random.Random) -> Order | None:
    live = [order for order in site.state.orders.values() if order.twin is not None]
    return rng.choice(live) if live else None


def _edit(site: Life, rng: random.Random) -> None:
    site.edit(site.config(rng.choice([Mode.SHADOW, Mode.CANARY, Mode.CANARY]), rng.choice([1_000, 5_000])))


def _clock(site: Life, rng: random.Random) -> None:
    site.now_ns += rng.choice([-3_600, -60, -1, 60, 3_600]) * S


def _restart(site: Life, rng: random.Random) -> None:
    site.state = decode_snapshot(encode_snapshot(site.state))


_ACTS = [_place, _place, _answer, _answer, _answer, _answer, _twin, _twin, _twin, _late_word, _late_word]
_RARE = [
    _edit,
    _edit,
    _clock,
    _restart,
    lambda site, rng: site.command(rng.choice(list(RolloutCommand))),
    lambda site, rng: site.look(wait_s=rng.choice([0, 4_000])),
    lambda site, rng: site.next_day(),
]


@pytest.mark.parametrize("first", range(0, 60, 20))
def test_evidence_is_what_its_orders_say_now(first: int) -> None:
    """Without this, what venues say late could be taken out of counts that it never was in (which breaks the state), be
    counted twice, or stay for good; and a venue could be promoted or demoted on it."""
    for seed in range(first, first + 20):
        rng, site = random.Random(seed), Life()
        for _ in range(120):
            rng.choice(_RARE if rng.random() < 0.12 else _ACTS)(site, rng)
            site.check()
        afresh = GatewayState()
        for record in written_and_read(site.records):
            assert decide(afresh, record.event).facts == record.facts
            apply_record(afresh, record.facts)
        assert state_hash(afresh) == state_hash(site.state)
