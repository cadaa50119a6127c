"""Is a request for an override in order? Which rules it names, whom it is for, how far and how long it may go."""

import difflib
from collections.abc import Iterable

from gateway.core.state import GatewayState
from gateway.domain.control import Control
from gateway.domain.controls import CONTROLS, OVERRIDABLE
from gateway.domain.orders import FieldError
from gateway.domain.overrides import OverrideTerms

#: More at a time would be no exception any more.
MAX_OVERRIDES = 100
_NS = 1_000_000_000


def rules_named(words: Iterable[str]) -> tuple[tuple[str, ...], tuple[FieldError, ...]]:
    """The rule ids behind ``words``, which are rule ids or reason codes, and what is wrong with the others."""
    found: dict[str, None] = {}
    problems: list[FieldError] = []
    for word in words:
        rows = [control for control in CONTROLS if word in (control.rule_id, control.code.value)]
        liftable = [control.rule_id for control in rows if control.rule_id in OVERRIDABLE]
        if liftable:
            found.update(dict.fromkeys(liftable))
        else:
            problems.append(_not_liftable(word, rows))
    return tuple(found), tuple(problems)


def _not_liftable(word: str, rows: list[Control]) -> FieldError:
    if rows:
        return FieldError("rules", "names a rule that is never lifted", word, "see docs/controls.md for those that are")
    known = sorted({*OVERRIDABLE, *(one.code.value for one in CONTROLS if one.rule_id in OVERRIDABLE)})
    near = difflib.get_close_matches(word, known, 1)
    hint = f"did you mean {near[0]}?" if near else "see docs/controls.md"
    return FieldError("rules", "names no rule", word, hint)


def terms_problems(state: GatewayState, terms: OverrideTerms, expires_ns: int, now_ns: int) -> tuple[FieldError, ...]:
    """Everything that keeps the terms from being granted, named by the fields of the HTTP contract."""
    config, problems = state.config, []
    if not terms.rules:
        problems.append(FieldError("rules", "must name at least one", "none", "give rule ids or reason codes"))
    if not (terms.account or terms.strategy_id or terms.symbol):
        hint = "give account, strategy_id or symbol: an override is for certain orders"
        problems.append(FieldError("(body)", "must say for which orders", "none of them", hint))
    if terms.account and terms.account not in config.accounts:
        problems.append(FieldError("account", "must be configured", terms.account, "see gateway.yaml"))
    if terms.symbol and terms.symbol not in config.instruments:
        problems.append(FieldError("symbol", "must be an instrument", terms.symbol, "see instruments.yaml"))
    bounded = sorted(one.rule_id for one in CONTROLS if one.rule_id in terms.rules and not one.guards_new_risk)
    if bounded and terms.max_qty is None and terms.max_value is None:
        hint = f"{', '.join(bounded)} guards against slips of the hand: say how large the order may be at most"
        problems.append(FieldError("max_qty", "or max_value is required", "absent", hint))
    if expires_ns <= now_ns:
        problems.append(FieldError("expires_at", "must lie ahead", "in the past", "leave it out for the default"))
    elif expires_ns - now_ns > config.overrides.max_s * _NS:
        hint = "see overrides.max_s in risk.yaml"
        problems.append(FieldError("expires_at", f"must be within {config.overrides.max_s} s", "later", hint))
    if len(state.overrides) >= MAX_OVERRIDES:
        hint = "revoke some, or change the limits"
        problems.append(FieldError("(body)", f"there may be {MAX_OVERRIDES} at a time", "one more", hint))
    return tuple(problems)
