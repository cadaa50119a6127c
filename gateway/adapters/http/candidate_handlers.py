"""Candidates: what limits and policies that only look on would have done otherwise."""

import msgspec
from aiohttp import web

from gateway.adapters.http.auth import Caller
from gateway.adapters.http.boundary import json_response
from gateway.adapters.http.times import rfc3339
from gateway.domain.candidates import CandidatePart, CandidateReport, OrderDifference
from gateway.domain.money import plain
from gateway.domain.rollout import GateResult, Verdict, gravest
from gateway.ports.candidates import Candidates, CandidateState, CandidateStatus


class RuleCount(msgspec.Struct, frozen=True):
    """Orders in which one rule made the difference, and the value that they differ in."""

    kind: str
    rule: str
    orders: int
    notional: str


class KindCount(msgspec.Struct, frozen=True):
    """Orders that one kind of difference was found in, and the value that they differ in."""

    kind: str
    orders: int
    notional: str


class DifferenceView(msgspec.Struct, frozen=True):
    """One order, or (``is_replace``) new terms of one, that the candidate would not have treated alike."""

    seq: int
    time: str
    order_id: str
    account: str
    strategy_id: str
    venue: str
    symbol: str
    side: str
    quantity: str
    is_replace: bool
    kind: str
    notional: str
    rules: tuple[str, ...]
    enforced: str
    candidate: str


class EvidenceView(msgspec.Struct, frozen=True):
    """What it came to since ``since``, on ``days`` trading days. ``errors``, ``skipped``, ``undecided`` and ``assumed``
    are orders that say nothing for it; ``behind`` are records that it has not read yet."""

    revision: str
    since: str
    since_seq: int
    seq: int
    behind: int
    orders: int
    differences: int
    errors: int
    skipped: int
    undecided: int
    assumed: int
    last_error: str
    days: int
    by_kind: tuple[KindCount, ...]
    by_rule: tuple[RuleCount, ...]


class GateView(msgspec.Struct, frozen=True):
    """Whether it has shown enough in one respect; ``needed`` are good orders more that would pass."""

    gate: str
    verdict: Verdict
    text: str
    n: int
    needed: int | None


class CandidateView(msgspec.Struct, frozen=True):
    """One configured candidate. ``verdict`` is the gravest of its ``gates``; without a pass, what it is ``needed_for``
    (limits, policies) cannot be put in force. ``evidence`` is null until it first told;
    it and the gates are not for keys bound to accounts or strategies. ``examples`` are the last orders that differ, the
    newest first."""

    name: str
    policies: str
    limits: str
    state: CandidateState
    problems: tuple[str, ...]
    verdict: Verdict | None
    gates: tuple[GateView, ...]
    needed_for: tuple[CandidatePart, ...]
    evidence: EvidenceView | None
    examples: tuple[DifferenceView, ...]


class CandidatesReply(msgspec.Struct, frozen=True):
    candidates: tuple[CandidateView, ...]


class CandidateHandlers:
    """Candidates for readers. A key that is bound to accounts or strategies sees the examples that are its own."""

    def __init__(self, candidates: Candidates) -> None:
        self._candidates = candidates

    async def show(self, request: web.Request, caller: Caller) -> web.StreamResponse:
        return json_response(CandidatesReply(tuple(_view(one, caller) for one in self._candidates.candidates())))


def _view(one: CandidateStatus, caller: Caller) -> CandidateView:
    report = one.report
    examples = () if report is None else reversed(report.examples)
    return CandidateView(
        name=one.name,
        policies=one.policies,
        limits=one.limits,
        state=one.state,
        problems=() if caller.is_restricted else one.problems,
        verdict=None if caller.is_restricted else gravest(gate.verdict for gate in one.gates),
        gates=() if caller.is_restricted else tuple(_gate(gate) for gate in one.gates),
        needed_for=one.needed_for,
        evidence=None if report is None or caller.is_restricted else _evidence(report),
        examples=tuple(_difference(found) for found in examples if caller.sees(found.account, found.strategy_id)),
    )


def _gate(gate: GateResult) -> GateView:
    return GateView(gate.gate, gate.verdict, gate.text, gate.n, gate.needed)


def _evidence(report: CandidateReport) -> EvidenceView:
    return EvidenceView(
        revision=report.revision,
        since=rfc3339(report.since_ns),
        since_seq=report.since_seq,
        seq=report.seq,
        behind=report.head_seq - report.seq,
        orders=report.orders,
        differences=report.differences,
        errors=report.errors,
        skipped=report.skipped,
        undecided=report.undecided,
        assumed=report.assumed,
        last_error=report.last_error,
        days=report.days,
        by_kind=tuple(KindCount(kind, one.orders, plain(one.notional)) for kind, one in report.totals.items()),
        by_rule=tuple(RuleCount(one.kind, one.rule, one.orders, plain(one.notional)) for one in report.rules),
    )


def _difference(found: OrderDifference) -> DifferenceView:
    return DifferenceView(
        seq=found.seq,
        time=rfc3339(found.ts_ns),
        order_id=found.order_id,
        account=found.account,
        strategy_id=found.strategy_id,
        venue=found.venue,
        symbol=found.symbol,
        side=found.side,
        quantity=plain(found.order_qty),
        is_replace=found.is_replace,
        kind=found.kind,
        notional=plain(found.notional),
        rules=found.rules,
        enforced=found.enforced,
        candidate=found.candidate,
    )
