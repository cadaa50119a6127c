"""The gate: every limit that binds an order, all of them run, every breach listed.

It can only say RiskApproved or RiskRefused; nothing may be sent without the first. The way of an order that breaks
nothing is a row of measurements and comparisons (``is_within``); only one that breaks something pays for words.
"""

from collections.abc import Set

import msgspec

from gateway.core.risk.exposure import Book, ScopeUse
from gateway.core.risk.listing import check_all
from gateway.core.risk.order_risk import NO_SCOPE_AFTER, NO_SCOPE_USE, OrderRisk, scope_after
from gateway.core.risk.plan import OrderPath, Steps
from gateway.core.risk.standing import gap_at, is_taken, sells_short
from gateway.domain.orders import Breach

NOTHING_LIFTED: frozenset[str] = frozenset()


class RiskApproved(msgspec.Struct, frozen=True):
    """Within every limit, but for those that an override lifted."""

    lifted: tuple[Breach, ...] = ()


class RiskRefused(msgspec.Struct, frozen=True):
    """Beyond at least one; ``breaches`` is never empty."""

    breaches: tuple[Breach, ...]


_APPROVED = RiskApproved()


def assess(
    path: OrderPath, book: Book, risk: OrderRisk, lifted: Set[str] = NOTHING_LIFTED
) -> RiskApproved | RiskRefused:
    """Compare one order with the limits of all its scopes in the book of its route.

    An order that only closes a position is exempt from what guards new risk, never from the fat-finger rules.
    ``lifted`` are the ids of rules that an override takes out of force for it.
    """
    if is_within(path, book, risk):
        return _APPROVED
    broken = [check for check in check_all(path, book, risk) if check.is_broken]
    breaches = tuple(check.breach for check in broken if check.rule_id not in lifted)
    if breaches:
        return RiskRefused(breaches)
    return RiskApproved(tuple(check.breach for check in broken))


def is_within(path: OrderPath, book: Book, risk: OrderRisk) -> bool:
    """Whether an order breaks none of the limits that bind it."""
    if risk.is_closing:
        return _order_is_within(path.closing_steps, risk)
    if not _order_is_within(path.order_steps, risk) or not _gateway_is_within(path, book, risk):
        return False
    for scope in path.scope_steps:
        if not _scope_is_within(scope.steps, risk, scope.scopes(book).get(scope.name, NO_SCOPE_USE)):
            return False
    return _is_free(path, risk)


def _order_is_within(steps: Steps, risk: OrderRisk) -> bool:
    for measure, limit in steps.amounts:
        if measure(risk, NO_SCOPE_AFTER) > limit:
            return False
    for measure, limit, base in steps.shares:
        if measure(risk, NO_SCOPE_AFTER) > limit * base(risk):
            return False
    for measure, breaks, limit, own_base in steps.others:
        if breaks(measure(risk, NO_SCOPE_AFTER), limit if own_base is None else limit * own_base(risk)):
            return False
    return True


def _gateway_is_within(path: OrderPath, book: Book, risk: OrderRisk) -> bool:
    accounts = book.accounts
    if not accounts or (len(accounts) == 1 and risk.account is not NO_SCOPE_USE):  # what it holds is all there is
        return _scope_is_within(path.gateway_steps, risk, book.gateway)
    return _scope_is_within(path.shared_steps, risk, book.gateway) and _scope_is_within(
        path.account_steps, risk, risk.account
    )


def _scope_is_within(steps: Steps, risk: OrderRisk, use: ScopeUse) -> bool:
    after = scope_after(risk, use)
    for place, limit in steps.amounts:
        if after[place] > limit:
            return False
    for place, limit, base in steps.shares:
        if after[place] > limit * base(risk):
            return False
    for place, breaks, limit, own_base in steps.others:
        if breaks(after[place], limit if own_base is None else limit * own_base(risk)):
            return False
    return True


def _is_free(path: OrderPath, risk: OrderRisk) -> bool:
    """Whether no list, window or closed market stands in the way."""
    if path.standing or (path.short_rules and sells_short(risk)):
        return False
    if path.hours and not is_taken(risk.view.phase, risk.ord_type, risk.time_in_force):
        return False
    return not path.gaps or gap_at(path.gaps, risk.ts_ns) is None
