"""The fate of one order under one set of rules, and how two of them differ."""

from collections.abc import Iterable
from decimal import Decimal

import msgspec

from gateway.core.decision import Decision
from gateway.domain.candidates import DifferenceKind
from gateway.domain.enums import RejectStage, Route
from gateway.domain.facts import (
    Fact,
    OrderAdmitted,
    OrderDenied,
    OrderHeld,
    ReplaceAdmitted,
    ReplaceDenied,
    ReplaceHeld,
)
from gateway.domain.money import ZERO, plain, share_of
from gateway.domain.orders import Order, Reject
from gateway.domain.throttle_facts import OrderDeferred

_SPLIT = Route.SPLIT  # named once: see domain.orders


class Part(msgspec.Struct, frozen=True, gc=False):
    """An order, or one leg of a split one, as far as it is admitted. ``notional`` is at its worst price."""

    order_id: str
    qty: Decimal
    route: Route
    reason: str
    is_closing: bool
    notional: Decimal


class Fate(msgspec.Struct, frozen=True, gc=False):
    """What became of a request. ``waiting`` are the parts that are held and that the policy has not spoken on."""

    parts: tuple[Part, ...] = ()
    rejects: tuple[Reject, ...] = ()
    waiting: tuple[Part, ...] = ()


class Gap(msgspec.Struct, frozen=True, gc=False):
    """How the candidate's fate of a request differs from the enforced one."""

    kind: DifferenceKind
    rules: tuple[str, ...]
    notional: Decimal


def part_of(order: Order) -> Part:
    return Part(
        order.order_id,
        order.order_qty,
        order.route,
        order.route_reason.value,
        order.is_closing,
        order.order_qty * order.held_unit,
    )


def fate_of_order(decision: Decision) -> Fate:
    """What the decision on a new order comes to. One that is put off is refused for now."""
    waiting: dict[str, Part] = {}
    parts: list[Part] = []
    rejects: list[Reject] = []
    for fact in decision.facts:
        if isinstance(fact, OrderHeld):
            if fact.order.route is not _SPLIT:
                waiting[fact.order.order_id] = part_of(fact.order)
        elif isinstance(fact, OrderAdmitted):
            parts.append(waiting.pop(fact.order_id))
        elif isinstance(fact, OrderDenied | OrderDeferred):
            waiting.pop(fact.order_id, None)
            rejects.append(fact.reject)
    if not rejects and decision.refusal is not None:
        rejects.append(decision.refusal)
    return Fate(tuple(parts), tuple(rejects), tuple(waiting.values()))


def held_parts(facts: Iterable[Fact]) -> dict[str, Part]:
    """The parts that a decision holds, in the order in which the policy is asked about them."""
    parts = (part_of(fact.order) for fact in facts if isinstance(fact, OrderHeld) and fact.order.route is not _SPLIT)
    return {part.order_id: part for part in parts}


def fate_of_replace(order: Order, facts: Iterable[Fact], refusal: Reject | None = None) -> Fate:
    """The same of new terms for an open order; the part is what may fill under them, worth what they add to it."""
    part: Part | None = None
    for fact in facts:
        if isinstance(fact, ReplaceDenied):
            return Fate(rejects=(fact.reject,))
        if isinstance(fact, ReplaceAdmitted) and part is not None:
            return Fate(parts=(part,))
        if isinstance(fact, ReplaceHeld):
            qty, unit = fact.pending.order_qty - order.cum_qty, fact.pending.held_unit
            added = max(qty * unit - order.held_value, ZERO)
            part = Part(order.order_id, qty, order.route, order.route_reason.value, order.is_closing, added)
    if part is not None:
        return Fate(waiting=(part,))
    return Fate(rejects=() if refusal is None else (refusal,))


def gap_between(enforced: Fate, candidate: Fate) -> Gap | None:
    """What differs; None when the same quantity goes the same way. Waiting parts count for nothing."""
    if enforced.parts == candidate.parts:
        return None
    mine, theirs = _qty(enforced.parts), _qty(candidate.parts)
    if theirs < mine:
        notional = share_of(_value(enforced.parts), mine - theirs, mine)
        return Gap(DifferenceKind.DENIES, rules_of(candidate.rejects), notional)
    if theirs > mine:
        notional = share_of(_value(candidate.parts), theirs - mine, theirs)
        return Gap(DifferenceKind.ADMITS, rules_of(enforced.rejects), notional)
    here, there = _by_route(enforced.parts), _by_route(candidate.parts)
    if here == there:
        return None
    moved = sum((max(qty - here.get(route, ZERO), ZERO) for route, qty in there.items()), ZERO)
    reasons = {part.reason for part in candidate.parts if here.get(part.route) != there[part.route]}
    return Gap(DifferenceKind.ROUTES, tuple(sorted(reasons)), share_of(_value(candidate.parts), moved, theirs))


def rules_of(rejects: Iterable[Reject]) -> tuple[str, ...]:
    """The codes by which something was refused: those of the policy's rules, of the limits broken, or the one code."""
    found: dict[str, None] = {}
    for reject in rejects:
        if reject.stage is RejectStage.POLICY and (rules := reject.context.get("rules")):
            found.update(dict.fromkeys(rules.split(", ")))
        elif reject.breaches:
            found.update(dict.fromkeys(breach.code.value for breach in reject.breaches))
        else:
            found[str(reject.code)] = None
    return tuple(found)


def in_words(fate: Fate) -> str:
    """A fate for people: ``admitted 10 live`` or ``denied MAX_ORDER_SIZE: ...``."""
    admitted = " and ".join(f"{plain(qty)} {route.value}" for route, qty in sorted(_by_route(fate.parts).items()))
    denied = "; ".join(f"{reject.code}: {reject.text}" for reject in fate.rejects)
    return "; ".join(filter(None, (admitted and f"admitted {admitted}", denied and f"denied {denied}"))) or "undecided"


def _qty(parts: Iterable[Part]) -> Decimal:
    return sum((part.qty for part in parts), ZERO)


def _value(parts: Iterable[Part]) -> Decimal:
    return sum((part.notional for part in parts), ZERO)


def _by_route(parts: Iterable[Part]) -> dict[Route, Decimal]:
    found: dict[Route, Decimal] = {}
    for part in parts:
        found[part.route] = found.get(part.route, ZERO) + part.qty
    return found
