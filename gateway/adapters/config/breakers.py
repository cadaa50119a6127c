"""``circuit_breakers`` of risk.yaml: every breaker, with what the file says laid over its own figures."""

from typing import Any

import msgspec

from gateway.adapters.config.documents import Documents
from gateway.adapters.config.tables import RISK
from gateway.domain.breakers import ALWAYS_ON, BREAKER_DEFAULTS, SIZE_LIMITS, BreakerAction, BreakerConfig, BreakerKind
from gateway.domain.enums import Route, ScopeKind
from gateway.domain.money import ONE, plain

_SECTION = "circuit_breakers"
_SHARES = (BreakerKind.DAILY_LOSS, BreakerKind.REJECTION_RATE, BreakerKind.CONCENTRATION, BreakerKind.DRAWDOWN)
_SCOPED = (BreakerKind.DAILY_LOSS, BreakerKind.DRAWDOWN)
#: Figures that only some measure by.
_USED_BY = {
    "window": (BreakerKind.REJECTION_RATE,),
    "min_count": (BreakerKind.REJECTION_RATE, BreakerKind.VOLATILITY, BreakerKind.ORDER_RATE),
    "books": (*_SHARES, BreakerKind.CONSECUTIVE_LOSSES, BreakerKind.EMERGENCY_SHUTDOWN),
}
#: Figures that only one action needs.
_USED_FOR = {"size_factor": BreakerAction.REDUCE_SIZE, "reduce_ratio": BreakerAction.REDUCE_POSITIONS}
_LONGEST_WINDOW_S = 3_600


def check_breakers(documents: Documents) -> None:
    """What one value alone cannot show: a reset above its threshold, a share above 1, an action without its figure."""
    risk, problems = documents[RISK], documents.problems
    for kind, values in risk.get(_SECTION, default={}).items():
        config, path = _breaker(kind, values), (_SECTION, kind)
        if kind in _SHARES and config.threshold > ONE:
            problems.add(
                risk.place(*path, "threshold"), "must be at most 1", plain(config.threshold), "5 percent is 0.05 or 5%"
            )
        if config.reset_below is not None and config.reset_below > config.threshold:
            rule = f"must be at most the threshold, {plain(config.threshold)}"
            problems.add(risk.place(*path, "reset_below"), rule, plain(config.reset_below))
        if "scope" in values and kind not in _SCOPED:
            known = " and ".join(one.value for one in _SCOPED)
            problems.add(risk.place(*path, "scope"), f"cannot be chosen: only {known} have one")
        if config.window_s > _LONGEST_WINDOW_S:
            problems.add(risk.place(*path, "window"), f"must be at most {_LONGEST_WINDOW_S} s", str(config.window_s))
        if config.action is BreakerAction.REDUCE_SIZE and config.size_factor == ONE:
            problems.add(risk.place(*path, "action"), "needs a size_factor below 1", hint="0.5 halves sizes")
        if config.action is BreakerAction.REDUCE_POSITIONS and kind not in _SCOPED:
            known = " and ".join(one.value for one in _SCOPED)
            problems.add(risk.place(*path, "action"), f"cannot be reduce_positions: only {known} may")
        elif config.action is BreakerAction.REDUCE_POSITIONS and not config.reduce_ratio:
            problems.add(risk.place(*path, "action"), "needs a reduce_ratio", hint="0.5 closes half of each position")
        if values.get("books") == [] and not risk.is_written(*path, "books", 0):
            hint = "`enabled: false` switches it off"
            problems.add(risk.place(*path, "books"), "must name a book: it would measure nothing", "[]", hint)
        _warn_of_idle_figures(documents, kind, values, config)
    _warn_of_no_sizes(documents)


def _warn_of_idle_figures(documents: Documents, kind: BreakerKind, values: dict[str, Any], own: BreakerConfig) -> None:
    """A figure that this breaker has no use for changes nothing, and should not look as if it did."""
    idle = [key for key, kinds in _USED_BY.items() if key in values and kind not in kinds]
    idle += [key for key, action in _USED_FOR.items() if key in values and own.action is not action]
    for key in idle:
        what = f"action {own.action}" if key in _USED_FOR else "this breaker"
        documents.problems.warn(
            documents[RISK].place(_SECTION, kind, key), f"has no effect: {what} does not look at it"
        )


def _warn_of_no_sizes(documents: Documents) -> None:
    risk = documents[RISK]
    overall, given = risk.get("limits"), risk.get(_SECTION, default={})
    slows = any(_breaker(kind, values).action is BreakerAction.REDUCE_SIZE for kind, values in given.items())
    if overall is not None and slows and not any(key in overall for key in SIZE_LIMITS):
        text = "has no limit on size, so a circuit breaker that makes sizes smaller has nothing to work on here"
        documents.problems.warn(risk.place("limits"), text)


def build_breakers(documents: Documents) -> dict[str, BreakerConfig]:
    """Every kind, in force or not, from values that passed every check."""
    given = documents[RISK].get(_SECTION, default={})
    return {
        kind.value: _breaker(kind, given[kind])
        if kind in given
        else msgspec.structs.replace(BREAKER_DEFAULTS[kind], enabled=kind in ALWAYS_ON)
        for kind in BreakerKind
    }


def _breaker(kind: BreakerKind, values: dict[str, Any]) -> BreakerConfig:
    known = dict(values)
    for key in ("reset_after", "window"):
        if key in known:
            known[f"{key}_s"] = known.pop(key)
    if "scope" in known:
        known["scope"] = ScopeKind(known["scope"])
    if "books" in known:
        known["books"] = tuple(route for route in (Route.LIVE, Route.SHADOW) if route.value in known["books"])
    return msgspec.structs.replace(BREAKER_DEFAULTS[kind], **known)
