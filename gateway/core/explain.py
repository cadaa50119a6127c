"""What would become of an order, and why: the same decision as an order gets, whose facts nobody applies.

``explain`` asks every stage instead of stopping at the first that refuses; ``foresee`` decides, with the verdicts
that the policy gave on the very documents it would be asked about. Neither writes anything: placing the order in
the same state gives what ``foresee`` says.
"""

from collections.abc import Mapping

import msgspec

from gateway.core.admission import receive
from gateway.core.cutting import Candidate, candidates, refusal_of_exits
from gateway.core.policy import policy_document
from gateway.core.refusal import refusals
from gateway.core.risk.listing import Check, check_all
from gateway.core.state import GatewayState
from gateway.domain.effects import EvaluatePolicy
from gateway.domain.events import OrderReceived, PolicyVerdict
from gateway.domain.facts import OrderAdmitted, OrderDenied
from gateway.domain.orders import Order, Reject
from gateway.domain.policy_input import PolicyDocument


class LegExplained(msgspec.Struct, frozen=True):
    """One order, or one leg of a split one: every refusal, every limit, and what the policy is asked."""

    candidate: Candidate
    refusals: tuple[Reject, ...]
    checks: tuple[Check, ...]
    document: PolicyDocument

    @property
    def order(self) -> Order:
        return self.candidate.order


class Explained(msgspec.Struct, frozen=True):
    """``instrument`` is what keeps a request from being an order of its instrument; there are no legs then."""

    instrument: Reject | None
    legs: tuple[LegExplained, ...] = ()


class Foreseen(msgspec.Struct, frozen=True):
    """What placing it gives. ``rejects`` by order id, for legs that are denied while others pass; ``reject`` when the
    whole is not admitted. ``wait_ns`` above 0: it is put off, and may pass after that time."""

    is_admitted: bool
    reject: Reject | None
    wait_ns: int = 0
    rejects: dict[str, Reject] = {}


def explain(state: GatewayState, event: OrderReceived) -> Explained:
    """Every stage's opinion of the order, whether or not an earlier one refuses it."""
    found = candidates(state, event)
    if isinstance(found, Reject):
        return Explained(found)
    return Explained(None, tuple(_explain_leg(state, event, one) for one in found))


def _explain_leg(state: GatewayState, event: OrderReceived, one: Candidate) -> LegExplained:
    measured = one.measured
    of_exits = refusal_of_exits(one.exits)
    return LegExplained(
        candidate=one,
        refusals=(*refusals(state, one.order, measured), *(() if of_exits is None else (of_exits,))),
        checks=tuple(check_all(measured.path, measured.book, measured.risk)),
        document=policy_document(state, one.order, event.view, event.ts_ns),
    )


def foresee(state: GatewayState, event: OrderReceived, verdicts: Mapping[str, PolicyVerdict]) -> Foreseen:
    """Decide the order with these verdicts (by order id), and forget it."""
    decision = receive(state, event)
    asked = [effect.order_id for effect in decision.effects if isinstance(effect, EvaluatePolicy)]
    if asked:
        told = tuple(verdicts[order_id] for order_id in asked)
        decision = receive(state, msgspec.structs.replace(event, verdicts=told))
    rejects = {fact.order_id: fact.reject for fact in decision.facts if isinstance(fact, OrderDenied)}
    if any(isinstance(fact, OrderAdmitted) for fact in decision.facts):
        return Foreseen(True, None, 0, rejects)
    reject = decision.refusal or rejects.get(event.order_id) or rejects.get(f"{event.order_id}-1")
    return Foreseen(False, reject, decision.wait_ns, rejects)
