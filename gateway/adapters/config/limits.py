"""risk.yaml to the limit table: aliases, scopes, and the limits in force when none are given."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from gateway.adapters.config.documents import Document, Documents
from gateway.adapters.config.instruments import Listed
from gateway.adapters.config.problems import Path, Place, shown
from gateway.adapters.config.risk_table import ALIASES
from gateway.adapters.config.tables import RISK
from gateway.adapters.config.throttle_table import SCOPE_THROTTLES
from gateway.domain.config import GapEvent, Limits, LimitTable
from gateway.domain.money import plain

#: Where limits may stand besides ``limits``.
SCOPES = ("accounts", "strategies", "venues", "symbols", "sectors", "asset_classes")
#: What of the table is not in a scope: its attribute, and where it is written.
_TABLE_KEYS: dict[str, tuple[str, ...]] = {
    "stop_loss_percentage": ("limits", "stop_loss_percentage"),
    "collar_window_s": ("collar_window",),
    "collar_max_age_s": ("collar_max_age",),
    "figures_max_age_s": ("figures_max_age",),
}

#: In force when risk.yaml gives no ``limits``: a missing file must not mean that anything goes.
DEFAULT_LIMITS = Limits(
    max_position_size=Decimal(10_000),
    max_order_value=Decimal(50_000),
    max_concentration=Decimal("0.2"),
    daily_loss_limit=Decimal(5_000),
    max_leverage=Decimal(1),
)


def check_limit_values(documents: Documents, listed: Listed) -> None:
    """The two names of the daily loss limit must agree; lists should name what there is."""
    risk = documents[RISK]
    for path, values in _scopes(risk):
        _check_aliases(documents, path, values)
        for key in ("allowed_symbols", "blocked_symbols", "no_short"):
            for index, symbol in enumerate(values.get(key, [])):
                _warn_of_stranger(documents, listed, risk.place(*path, key, index), symbol)
        for symbol in values.get("restricted_symbols", {}):
            _warn_of_stranger(documents, listed, risk.place(*path, "restricted_symbols", symbol), symbol)
    _check_gap_events(documents, listed)
    if not risk.is_usable:
        return
    if "limits" not in risk.values:
        documents.problems.warn(risk.place(), "gives no `limits`: the built-in ones are in force")
    elif not risk.values["limits"]:
        documents.problems.warn(risk.place("limits"), "is empty: the gateway as a whole has no limits")


def _check_aliases(documents: Documents, path: Path, values: dict[str, Any]) -> None:
    for alias, key in ALIASES.items():
        if alias in values and key in values and values[alias] != values[key]:
            documents.problems.add(
                documents[RISK].place(*path, alias),
                f"contradicts {key}, which is the same limit",
                f"{plain(values[alias])} and {plain(values[key])}",
                "keep one of them",
            )


def _warn_of_stranger(documents: Documents, listed: Listed, place: Place, symbol: str) -> None:
    if symbol not in listed.entries:
        hint = documents.problems.did_you_mean(symbol, listed.entries) if len(listed.entries) <= 16 else ""
        text = f"names {shown(symbol)}, which is not an instrument" + (f" ({hint})" if hint else "")
        documents.problems.warn(place, text)


def _check_gap_events(documents: Documents, listed: Listed) -> None:
    risk = documents[RISK]
    for index, event in enumerate(risk.get("gap_events", default=[])):
        path = ("gap_events", index)
        for number, symbol in enumerate(event.get("symbols", [])):
            _warn_of_stranger(documents, listed, risk.place(*path, "symbols", number), symbol)
        if "symbol" in event:
            _warn_of_stranger(documents, listed, risk.place(*path, "symbol"), event["symbol"])
        start_ns, end_ns = event.get("from"), event.get("to")
        if start_ns is not None and end_ns is not None and end_ns <= start_ns:
            documents.problems.add(risk.place(*path, "to"), "must be after `from`")


def _scopes(risk: Document) -> Iterator[tuple[Path, dict[str, Any]]]:
    yield ("limits",), risk.get("limits", default={})
    for scope in SCOPES:
        for name, values in risk.get(scope, default={}).items():
            yield (scope, name), values


def build_limits(documents: Documents) -> LimitTable:
    """The table, from values that passed every check."""
    risk = documents[RISK]
    scopes: dict[str, Any] = {
        scope: {name: _limits(values) for name, values in risk.get(scope, default={}).items()} for scope in SCOPES
    }
    given = {attribute: risk.get(*path) for attribute, path in _TABLE_KEYS.items()}
    scopes.update({attribute: value for attribute, value in given.items() if value is not None})
    overall = risk.get("limits")
    return LimitTable(
        gateway=DEFAULT_LIMITS if overall is None else _limits(overall),
        gap_events=tuple(_gap_event(event) for event in risk.get("gap_events", default=[])),
        **scopes,
    )


def _gap_event(values: dict[str, Any]) -> GapEvent:
    symbols = {*values.get("symbols", []), *([values["symbol"]] if "symbol" in values else [])}
    return GapEvent(
        start_ns=values["from"], end_ns=values["to"], reason=values["reason"], symbols=tuple(sorted(symbols))
    )


def _limits(values: dict[str, Any]) -> Limits:
    known = {key: value for key, value in values.items() if key not in SCOPE_THROTTLES}
    known.pop("stop_loss_percentage", None)
    for alias, key in ALIASES.items():
        if alias in known:
            known[key] = known.pop(alias)
    for key in ("allowed_symbols", "blocked_symbols", "no_short"):
        if key in known:
            known[key] = tuple(sorted(set(known[key])))
    return Limits(**known)
