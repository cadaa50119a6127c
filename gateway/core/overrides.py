"""Overrides: granted, found for an order that breaks limits, used, given back, revoked, expired.

An override never comes before a refusal: it is looked for only when the limits refuse an order, so an order within
its limits uses none and pays for none. It lifts limits and nothing else: no trading state, breaker, instrument rule
or policy asks it.
"""

from collections.abc import Iterable
from decimal import Decimal

import msgspec

from gateway.core.decision import NOTHING, Decision
from gateway.core.measuring import Measured
from gateway.core.risk.listing import check_all
from gateway.core.state import GatewayState
from gateway.domain.events import OverrideRequested, OverrideRevocation, OverridesDue
from gateway.domain.exception_facts import OverrideExpired, OverrideGranted, OverrideRevoked, OverrideUsed
from gateway.domain.orders import Breach, Order, OverrideUse
from gateway.domain.overrides import Override, OverrideTerms


def grant(state: GatewayState, event: OverrideRequested) -> Decision:
    """Lift the rules for the orders that the terms describe."""
    override = Override(
        override_id=event.override_id,
        terms=event.terms,
        actor=event.actor,
        reason=event.reason,
        granted_ns=event.ts_ns,
        expires_ns=event.expires_ns,
    )
    return Decision((OverrideGranted(ts_ns=event.ts_ns, override=override),))


def revoke(state: GatewayState, event: OverrideRevocation) -> Decision:
    """Take an override back. An order that passed by it stays."""
    if event.override_id not in state.overrides:
        return NOTHING
    return Decision((OverrideRevoked(ts_ns=event.ts_ns, override_id=event.override_id, actor=event.actor),))


def expire(state: GatewayState, event: OverridesDue) -> Decision:
    """Let go of those whose time is over, used or not."""
    return Decision(
        tuple(
            OverrideExpired(ts_ns=event.ts_ns, override_id=override.override_id, uses=override.uses)
            for override in state.granted_overrides()
            if override.is_over(event.ts_ns)
        )
    )


def overrides_for(state: GatewayState, order: Order, measured: Measured) -> tuple[OverrideUse, ...]:
    """The overrides by which an order passes that breaks limits: one for each rule that it breaks; empty when even one
    is lifted by none. Nobody lifts the limits of his own orders."""
    risk = measured.risk
    value = risk.order_qty * risk.unit_value
    found = [
        override
        for override in state.granted_overrides()
        if not override.is_over(order.created_ns)
        and not override.used_by
        and override.actor.name != order.actor.name
        and covers(override.terms, order, risk.order_qty, value)
    ]
    breaches: dict[str, list[Breach]] = {}
    for check in check_all(measured.path, measured.book, risk):
        if check.is_broken:
            owner = next((one for one in found if check.rule_id in one.terms.rules), None)
            if owner is None:
                return ()
            breaches.setdefault(owner.override_id, []).append(check.breach)
    return tuple(
        OverrideUse(one.override_id, one.actor.name, one.reason, tuple(breaches[one.override_id]))
        for one in found
        if one.override_id in breaches
    )


def covers(terms: OverrideTerms, order: Order, qty: Decimal, value: Decimal) -> bool:
    """Whether the terms describe an order of ``qty`` units and ``value`` in all."""
    return (
        terms.account in ("", order.account)
        and terms.strategy_id in ("", order.strategy_id)
        and terms.symbol in ("", order.symbol)
        and terms.side in (None, order.side)
        and (terms.max_qty is None or qty <= terms.max_qty)
        and (terms.max_value is None or value <= terms.max_value)
    )


def uses_of_legs(legs: Iterable[Order]) -> tuple[OverrideUse, ...]:
    """What the legs of a split order use together: each override once, with all that it lifts."""
    uses: dict[str, OverrideUse] = {}
    for use in (use for leg in legs for use in leg.overrides):
        earlier = uses.get(use.override_id)
        lifted = use.lifted if earlier is None else tuple(dict.fromkeys((*earlier.lifted, *use.lifted)))
        uses[use.override_id] = msgspec.structs.replace(use, lifted=lifted)
    return tuple(uses.values())


def used_facts(order: Order, ts_ns: int) -> tuple[OverrideUsed, ...]:
    """That a whole order, about to be held, takes its overrides."""
    return tuple(
        OverrideUsed(ts_ns=ts_ns, override_id=use.override_id, order_id=order.order_id) for use in order.overrides
    )
