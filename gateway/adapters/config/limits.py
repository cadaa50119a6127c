"""risk.yaml to the limit table: aliases, scopes, and the limits in force when none are given."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from gateway.adapters.config.documents import Document, Documents
from gateway.adapters.config.instruments import Listed
from gateway.adapters.config.problems import Path, shown
from gateway.adapters.config.tables import RISK
from gateway.domain.config import Limits, LimitTable
from gateway.domain.money import plain

#: In force when risk.yaml gives no ``limits``: a missing file must not mean that anything goes.
DEFAULT_LIMITS = Limits(
    max_position_size=Decimal(10_000),
    max_order_value=Decimal(50_000),
    max_concentration=Decimal("0.2"),
    daily_loss_limit=Decimal(5_000),
    max_leverage=Decimal(1),
)


def check_limit_values(documents: Documents, listed: Listed) -> None:
    """The two names of the daily loss limit must agree; symbol lists should name instruments."""
    risk = documents[RISK]
    for path, values in _scopes(risk):
        loss, alias = values.get("daily_loss_limit"), values.get("max_daily_loss")
        if loss is not None and alias is not None and loss != alias:
            documents.problems.add(
                risk.place(*path, "max_daily_loss"),
                "contradicts daily_loss_limit, which is the same limit",
                f"{plain(alias)} and {plain(loss)}",
                "keep one of them",
            )
        for key in ("allowed_symbols", "blocked_symbols"):
            for index, symbol in enumerate(values.get(key, [])):
                if symbol not in listed.entries:
                    hint = documents.problems.did_you_mean(symbol, listed.entries) if len(listed.entries) <= 16 else ""
                    text = f"names {shown(symbol)}, which is not an instrument" + (f" ({hint})" if hint else "")
                    documents.problems.warn(risk.place(*path, key, index), text)
    if not risk.is_usable:
        return
    if "limits" not in risk.values:
        documents.problems.warn(risk.place(), "gives no `limits`: the built-in ones are in force")
    elif not risk.values["limits"]:
        documents.problems.warn(risk.place("limits"), "is empty: the gateway as a whole has no limits")


def _scopes(risk: Document) -> Iterator[tuple[Path, dict[str, Any]]]:
    yield ("limits",), risk.get("limits", default={})
    for scope in ("accounts", "strategies", "symbols"):
        for name, values in risk.get(scope, default={}).items():
            yield (scope, name), values


def build_limits(documents: Documents) -> LimitTable:
    """The table, from values that passed every check."""
    risk = documents[RISK]
    scopes = {
        scope: {name: _limits(values) for name, values in risk.get(scope, default={}).items()}
        for scope in ("accounts", "strategies", "symbols")
    }
    overall = risk.get("limits")
    return LimitTable(gateway=DEFAULT_LIMITS if overall is None else _limits(overall), **scopes)


def _limits(values: dict[str, Any]) -> Limits:
    known = dict(values)
    alias = known.pop("max_daily_loss", None)
    if alias is not None:
        known["daily_loss_limit"] = alias
    for key in ("allowed_symbols", "blocked_symbols"):
        if key in known:
            known[key] = tuple(sorted(set(known[key])))
    return Limits(**known)
