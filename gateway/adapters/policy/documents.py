"""What goes into a policy engine and what comes out of it, checked on both sides.

Measured: regorus reads integers exactly from -2^63 to 2^64-1 and as floats beyond; OPA compares integers of any
size exactly, but both round the results of arithmetic beyond 2^63. A document outside +-(2^63 - 1) is therefore
not decided at all: a comparison that is sometimes wrong is worse than a denial that says so.
"""

from collections.abc import Iterable
from typing import Annotated, Any

import msgspec

from gateway.domain.events import PolicyVerdict
from gateway.domain.policy_input import PolicyDocument, PolicyInput
from gateway.domain.reasons import RejectCode

#: The largest magnitude that both engines read, compare and add exactly (before overflow).
MAX_EXACT = 2**63 - 1

_MAX_TEXT = 500
#: Types of which every value is exact.
_plain: set[type] = {str, bool, type(None)}


class Refusal(msgspec.Struct, frozen=True):
    """One reason of a denial. The code is a stable word: it ends up in replies, metrics and reports."""

    code: Annotated[str, msgspec.Meta(pattern=r"^[A-Z][A-Z0-9_]{0,63}$")]
    text: Annotated[str, msgspec.Meta(max_length=_MAX_TEXT)]


class Decision(msgspec.Struct, frozen=True):
    """``data.trading.decision``, strictly: any other shape is no decision."""

    allow: bool
    deny: list[Refusal]


def inexact_input(document: PolicyInput) -> str | None:
    """Why ``document`` cannot be given to a policy without changing it on the way, or None when it can."""
    if type(document) is not PolicyDocument:
        return exactness_problem(document, "input")
    # Its types leave only the size of its amounts open. Everything else in it is no number, or a small one.
    order = document.order
    amounts = (
        order.size_e8,
        order.notional_cents,
        order.limit_price_e8 or 0,
        order.stop_price_e8 or 0,
        document.market.reference_price_e8 or 0,
        document.position.size_e8,
    )
    if -MAX_EXACT <= min(amounts) and max(amounts) <= MAX_EXACT:
        return None
    return exactness_problem(msgspec.to_builtins(document), "input")


def exactness_problem(value: Any, path: str) -> str | None:
    """Why ``value`` cannot be given to a policy without changing it on the way, or None when it can.

    Only what JSON and Rego both hold exactly passes: text, booleans, null, integers within +-(2^63 - 1), and
    lists and objects of those. A float is refused whatever its value: amounts are scaled integers here.
    """
    kind = type(value)
    if kind is dict:
        return None if _are_exact(value.values()) else _first_problem(value.items(), path)
    if kind is list or kind is tuple:
        return None if _are_exact(value) else _first_problem(enumerate(value), path)
    if _are_exact((value,)):
        return None
    if kind is int:
        return f"{path} is {value}, beyond the +-{MAX_EXACT} that policies compare exactly"
    return f"{path} is a {kind.__name__}; policies take text, whole numbers, booleans, null, lists and objects"


def _are_exact(values: Iterable[Any]) -> bool:
    """The same without words: this runs over every field of every order."""
    for value in values:
        kind = type(value)
        if kind in _plain:
            continue
        if kind is int:
            if -MAX_EXACT <= value <= MAX_EXACT:
                continue
        elif kind is dict:
            if _are_exact(value.values()):
                continue
        elif kind is list or kind is tuple:
            if _are_exact(value):
                continue
        elif isinstance(value, str):
            _plain.add(kind)  # an enumeration of words: known from now on
            continue
        return False
    return True


def _first_problem(parts: Iterable[tuple[Any, Any]], path: str) -> str | None:
    problems = (exactness_problem(part, f"{path}.{name}") for name, part in parts)
    return next((problem for problem in problems if problem is not None), None)


def failed(code: RejectCode, text: str, revision: str) -> PolicyVerdict:
    """No decision: a denial that says why there is none."""
    return PolicyVerdict(is_allowed=False, failure=code, failure_text=text[:_MAX_TEXT], revision=revision)


def verdict_of(decision: Decision, revision: str) -> PolicyVerdict:
    """The meaning of a well-formed decision. One that allows and gives reasons against is neither."""
    if decision.allow and decision.deny:
        text = "the policy allowed and denied at once: " + ", ".join(refusal.code for refusal in decision.deny)
        return failed(RejectCode.POLICY_MALFORMED, text, revision)
    denies = tuple((refusal.code, refusal.text) for refusal in decision.deny)
    return PolicyVerdict(is_allowed=decision.allow, denies=denies, revision=revision)


def read_decision(raw: Any, revision: str) -> PolicyVerdict:
    """The verdict in a decision that came as parsed JSON."""
    try:
        decision = msgspec.convert(raw, Decision)
    except (msgspec.ValidationError, RecursionError) as error:
        return failed(RejectCode.POLICY_MALFORMED, f"the decision is not of its form: {error}", revision)
    return verdict_of(decision, revision)
