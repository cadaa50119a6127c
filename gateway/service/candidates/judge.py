"""A candidate's opinion of every order, each on the very state that the order was really decided in.

The judge folds the recorded facts, so that its state is the recorded one, under the candidate's configuration. Before
an order's facts are applied, the order is decided once more there, with the candidate's limits and policies, and
thrown away. What the candidate would have denied stays in the state: every order is judged by itself.
"""

from collections.abc import Iterable

import msgspec

from gateway.core.admission import settle
from gateway.core.candidates.fates import (
    Fate,
    Part,
    fate_of_order,
    fate_of_replace,
    gap_between,
    held_parts,
    in_words,
)
from gateway.core.candidates.overlay import Overlay
from gateway.core.decide import decide
from gateway.core.decision import Decision
from gateway.core.policy import denial_of
from gateway.core.state import GatewayState
from gateway.domain.candidates import OrderDifference, Subject
from gateway.domain.effects import EvaluatePolicy
from gateway.domain.enums import OPEN_STATUSES
from gateway.domain.events import OrderReceived, PolicyEvaluated, PolicyVerdict, ReplaceReceived
from gateway.domain.facts import (
    ConfigChanged,
    Fact,
    HoldReleased,
    OrderDenied,
    OrderEnded,
    OrderExecuted,
    OrderWithdrawn,
    ReplaceDenied,
)
from gateway.domain.orders import Order
from gateway.domain.records import Record
from gateway.domain.throttle_facts import OrderDeferred
from gateway.service.candidates.verdicts import Verdicts
from gateway.service.recovery import fold

_REFUSALS = (OrderDenied, OrderDeferred, ReplaceDenied)
_LEAVING = (HoldReleased, OrderDenied, OrderEnded, OrderWithdrawn)


class Judged(msgspec.Struct, frozen=True, gc=False):
    """One request for ``venue`` that both sides decided; ``difference`` None: alike."""

    venue: str
    difference: OrderDifference | None


class _Open(msgspec.Struct):
    """A request whose policy was asked outside: held when recorded, and decided later, part by part."""

    subject: Subject
    enforced: Fate
    candidate: Fate
    #: What the candidate's policies say, by order id; empty where the recorded answers count.
    told: dict[str, PolicyVerdict]
    waits: set[str]
    #: Those of the waiting parts that the candidate cuts like that too.
    alike: set[str]


def under(overlay: Overlay, facts: tuple[Fact, ...]) -> tuple[Fact, ...]:
    """The facts with every configuration as the candidate has it."""
    if not any(type(fact) is ConfigChanged for fact in facts):
        return facts
    return tuple(
        msgspec.structs.replace(fact, config=overlay(fact.config)) if isinstance(fact, ConfigChanged) else fact
        for fact in facts
    )


class Judge:
    """Hears every record in turn. ``errors`` counts requests on which the candidate's decision itself failed."""

    def __init__(self, state: GatewayState, overlay: Overlay, verdicts: Verdicts) -> None:
        self.state = state
        self.errors = 0
        self.last_error = ""
        #: Requests that left before their policy had answered.
        self.undecided = 0
        self._overlay = overlay
        self._verdicts = verdicts
        self._open: dict[tuple[str, bool], _Open] = {}

    @property
    def waiting(self) -> int:
        """Requests whose policy has not answered yet; one in parts is one."""
        return len({id(one) for one in self._open.values()})

    def hear(self, record: Record, *, is_judged: bool = True) -> Judged | None:
        """Judge what the record decided, then apply it. ``is_judged`` False: only keep up."""
        judged: Judged | None = None
        if not is_judged:
            self._leave(*self._open)
        else:
            try:
                judged = self._judge(record)
            except Exception as error:
                self.errors += 1
                self.last_error = f"record {record.seq}: {error!r}"
        fold(self.state, record.seq, under(self._overlay, record.facts))
        return judged

    def _judge(self, record: Record) -> Judged | None:
        event = record.event
        kind = type(event)
        if kind is OrderReceived:
            self._forget(record.facts)  # an order that is decided again was released before
            return self._judge_order(record, event)  # type: ignore[arg-type]
        if kind is ReplaceReceived:
            return self._judge_replace(record, event)  # type: ignore[arg-type]
        if self._open:
            if kind is PolicyEvaluated:
                return self._conclude(record, event)  # type: ignore[arg-type]
            self._forget(record.facts)
        return None

    def _judge_order(self, record: Record, event: OrderReceived) -> Judged | None:
        bare = msgspec.structs.replace(event, verdicts=()) if event.verdicts else event
        decision = decide(self.state, bare)
        asked = [effect for effect in decision.effects if type(effect) is EvaluatePolicy]
        told = told_of(asked, self._verdicts)
        if is_alike(self.state, event, record.facts, decision, asked, told):
            return Judged(_venue_of(event, self.state), None)
        enforced = fate_of_order(Decision(record.facts))
        subject = _subject(record, event, self.state)
        if enforced.waiting:
            self._wait(subject, enforced, fate_of_order(decision), told)
            return None
        if asked:
            known = told or _recorded(event, record.facts, held_parts(decision.facts))
            verdicts = tuple(known.get(one.order_id) or self._verdicts.of(one.document, None) for one in asked)
            decision = settle(self.state, decision, msgspec.structs.replace(event, verdicts=verdicts))
        return _judged(subject, enforced, fate_of_order(decision))

    def _judge_replace(self, record: Record, event: ReplaceReceived) -> Judged | None:
        order = self.state.orders[event.order_id]
        subject = _subject_of_replace(record, event, order)
        enforced = fate_of_replace(order, record.facts)
        decision = decide(self.state, event)
        candidate = fate_of_replace(order, decision.facts, decision.refusal)
        asked = next((effect for effect in decision.effects if type(effect) is EvaluatePolicy), None)
        if enforced.waiting:
            told = {}
            if asked is not None and self._verdicts.is_candidate:
                told[order.order_id] = self._verdicts.of(asked.document, None)
            self._wait(subject, enforced, candidate, told)
            return None
        if asked is not None:
            candidate = _settled(candidate, {order.order_id: self._verdicts.of(asked.document, None)}, None)
        return _judged(subject, enforced, candidate)

    def _wait(self, subject: Subject, enforced: Fate, candidate: Fate, told: dict[str, PolicyVerdict]) -> None:
        ids = {part.order_id for part in enforced.waiting}
        theirs = {(part.order_id, part.qty, part.is_closing) for part in candidate.waiting}
        alike = {part.order_id for part in enforced.waiting if (part.order_id, part.qty, part.is_closing) in theirs}
        waiting = _Open(subject, enforced, candidate, told, set(ids), alike)
        for order_id in ids:
            self._open[(order_id, subject.is_replace)] = waiting

    def _conclude(self, record: Record, event: PolicyEvaluated) -> Judged | None:
        """The policy answered on one part; the last answer decides the request."""
        waiting = self._open.pop((event.order_id, event.is_replace), None)
        if waiting is None:
            return None
        if any(isinstance(fact, HoldReleased) for fact in record.facts):
            self._drop(waiting)  # it is decided again, and judged then
            return None
        order = self.state.orders[event.order_id]
        waiting.enforced = _heard(waiting.enforced, order, record.facts)
        waiting.waits.discard(event.order_id)
        if event.order_id in waiting.alike:
            verdict = waiting.told.get(event.order_id, event.verdict)
            decision = decide(self.state, msgspec.structs.replace(event, verdict=verdict))
            waiting.candidate = _heard(waiting.candidate, order, decision.facts)
        if waiting.waits:
            return None
        candidate = _settled(waiting.candidate, waiting.told, event.verdict)
        return _judged(waiting.subject, waiting.enforced, candidate)

    def _forget(self, facts: Iterable[Fact]) -> None:
        """Let go of requests that ended before their policy answered: an order, or new terms for one."""
        for fact in facts:
            if isinstance(fact, _LEAVING):
                self._leave((fact.order_id, False), (fact.order_id, True))
            elif isinstance(fact, ReplaceDenied) or (
                isinstance(fact, OrderExecuted) and fact.ord_status not in OPEN_STATUSES
            ):
                self._leave((fact.order_id, True))

    def _leave(self, *keys: tuple[str, bool]) -> None:
        for key in keys:
            if (waiting := self._open.get(key)) is not None:
                self._drop(waiting)
                self.undecided += 1

    def _drop(self, waiting: _Open) -> None:
        for order_id in waiting.waits:
            self._open.pop((order_id, waiting.subject.is_replace), None)


def is_alike(
    state: GatewayState,
    event: OrderReceived,
    recorded: tuple[Fact, ...],
    decision: Decision,
    asked: list[EvaluatePolicy],
    told: dict[str, PolicyVerdict],
) -> bool:
    """Whether a request plainly becomes what it became: the same facts up to the policy's word, and the same word.

    What nearly every order comes to, found without spelling out either fate. False: it takes a closer look.
    """
    facts = decision.facts
    if not asked:
        return facts == recorded
    if len(event.verdicts) != len(asked) or state.throttle.prices is not None or recorded[: len(facts)] != facts:
        return False
    if not told:
        return True
    return not any(isinstance(fact, _REFUSALS) for fact in recorded) and not any(map(denial_of, told.values()))


def told_of(asked: list[EvaluatePolicy], verdicts: Verdicts) -> dict[str, PolicyVerdict]:
    """What the candidate's own policies say, by order id; empty where it has none and the recorded answers count."""
    return {one.order_id: verdicts.of(one.document, None) for one in asked} if verdicts.is_candidate else {}


def _judged(subject: Subject, enforced: Fate, candidate: Fate) -> Judged:
    gap = gap_between(enforced, candidate)
    if gap is None:
        return Judged(subject.venue, None)
    difference = OrderDifference(
        **msgspec.structs.asdict(subject),
        kind=gap.kind,
        notional=gap.notional,
        rules=gap.rules,
        enforced=in_words(enforced),
        candidate=in_words(candidate),
    )
    return Judged(subject.venue, difference)


def _recorded(event: OrderReceived, facts: tuple[Fact, ...], candidate: dict[str, Part]) -> dict[str, PolicyVerdict]:
    """The recorded verdicts, as far as the candidate's policy would be asked about the very same parts."""
    parts = held_parts(facts)
    pairs = zip(parts.items(), event.verdicts, strict=False)
    return {order_id: verdict for (order_id, part), verdict in pairs if candidate.get(order_id) == part}


def _heard(fate: Fate, order: Order, facts: Iterable[Fact]) -> Fate:
    """A fate once the policy has spoken on one of its parts."""
    part = next((one for one in fate.waiting if one.order_id == order.order_id), None)
    if part is None:
        return fate
    waiting = tuple(one for one in fate.waiting if one is not part)
    reject = next(
        (fact.reject for fact in facts if isinstance(fact, OrderDenied | OrderDeferred | ReplaceDenied)), None
    )
    if reject is not None:
        return Fate(fate.parts, (*fate.rejects, reject), waiting)
    return Fate((*fate.parts, part), fate.rejects, waiting)


def _settled(fate: Fate, told: dict[str, PolicyVerdict], otherwise: PolicyVerdict | None) -> Fate:
    """A fate with what verdicts make of the parts that still wait."""
    parts, rejects = list(fate.parts), list(fate.rejects)
    for part in fate.waiting:
        verdict = told.get(part.order_id, otherwise)
        reject = None if verdict is None else denial_of(verdict)
        if reject is None:
            parts.append(part)
        else:
            rejects.append(reject)
    return Fate(tuple(parts), tuple(rejects))


def _subject(record: Record, event: OrderReceived, state: GatewayState) -> Subject:
    request = event.request
    return Subject(
        seq=record.seq,
        ts_ns=record.ts_ns,
        order_id=event.order_id,
        account=request.account,
        strategy_id=request.strategy_id,
        venue=_venue_of(event, state),
        symbol=request.symbol,
        side=request.side,
        order_qty=request.order_qty,
    )


def _venue_of(event: OrderReceived, state: GatewayState) -> str:
    instrument = state.config.instruments.get(event.request.symbol)
    return event.request.venue or ("" if instrument is None else instrument.venue)


def _subject_of_replace(record: Record, event: ReplaceReceived, order: Order) -> Subject:
    return Subject(
        seq=record.seq,
        ts_ns=record.ts_ns,
        order_id=order.order_id,
        account=order.account,
        strategy_id=order.strategy_id,
        venue=order.venue,
        symbol=order.symbol,
        side=order.side,
        order_qty=order.order_qty if event.request.order_qty is None else event.request.order_qty,
        is_replace=True,
    )
