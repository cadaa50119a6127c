"""The throttles of risk.yaml: rules that look at several keys, and the table that the values make."""

from collections.abc import Iterator
from typing import Any

from gateway.adapters.config.documents import Document, Documents
from gateway.adapters.config.problems import Path
from gateway.adapters.config.tables import RISK
from gateway.adapters.config.throttle_table import MESSAGE_THROTTLES, RATE_STEP, SCOPE_THROTTLES, SELF_MATCH
from gateway.domain.throttles import Executions, RepeatedExecutions, Throttles, ThrottleTable


def check_throttles(documents: Documents) -> None:
    """A throttle that says half of what it needs, or that nothing could ever pass, is an error."""
    risk, problems = documents[RISK], documents.problems
    for path, values in _scopes(risk):
        for problem in _half_said(values):
            problems.add(risk.place(*path, problem[0]), *problem[1:])


def _half_said(values: dict[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    """Key, rule, value and hint of each problem of one scope."""
    rate, burst, reserve = (values.get(key) for key in MESSAGE_THROTTLES)
    for key in ("message_burst", "cancel_reserve"):
        if rate is None and values.get(key) is not None:
            yield key, "has no rate to go with", str(values[key]), "add max_messages_per_second"
    if rate is not None and rate % RATE_STEP:
        yield "max_messages_per_second", "must have at most 3 decimals", str(rate), ""
    if burst is not None and reserve is not None and reserve >= burst:
        hint = "new orders get what is above the reserve, which would be nothing"
        yield "cancel_reserve", "must be below message_burst", str(reserve), hint
    if reserve is not None and burst is None and rate is not None and reserve >= rate:
        hint = "without message_burst, the burst is one second's worth of messages"
        yield "cancel_reserve", "must be below the burst", str(reserve), hint
    if "max_duplicates" in values and "duplicate_window_ms" not in values:
        yield "max_duplicates", "has no window to go with", str(values["max_duplicates"]), "add duplicate_window_ms"
    executions = values.get("executions")
    if executions is not None and not {"max_executed_qty", "max_executed_value", "min_fill_ratio"} & set(executions):
        hint = "give max_executed_qty, max_executed_value or min_fill_ratio"
        yield "executions", "limits nothing", "", hint


def _scopes(risk: Document) -> Iterator[tuple[Path, dict[str, Any]]]:
    yield ("limits",), risk.get("limits", default={})
    for scope in ("accounts", "strategies", "symbols", "venues"):
        for name, values in risk.get(scope, default={}).items():
            yield (scope, name), values


def build_throttles(documents: Documents) -> ThrottleTable:
    """The table, from values that passed every check."""
    risk = documents[RISK]
    scopes: dict[str, Any] = {
        scope: {name: _throttles(values) for name, values in risk.get(scope, default={}).items()}
        for scope in ("accounts", "strategies", "symbols", "venues")
    }
    matching = {key: risk.values[key] for key in SELF_MATCH if key in risk.values}
    return ThrottleTable(gateway=_throttles(risk.get("limits", default={})), **scopes, **matching)


def _throttles(values: dict[str, Any]) -> Throttles:
    known = {key: values[key] for key in SCOPE_THROTTLES if key in values}
    if "executions" in known:
        known["executions"] = Executions(**known["executions"])
    if "repeated_executions" in known:
        known["repeated_executions"] = RepeatedExecutions(**known["repeated_executions"])
    return Throttles(**known)
