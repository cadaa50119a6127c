"""What an edit changed, in the words of the files: ``limits.max_order_value 50000 -> 60000``.

Hashes of keys and addresses of alert channels (which may hold a token) are never shown; that one changed is.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec

from gateway.domain.as_written import as_written
from gateway.domain.config import TradingConfig
from gateway.domain.days import DayRoll
from gateway.domain.money import plain
from gateway.domain.rollout import Rollout
from gateway.domain.settings import Settings
from gateway.domain.throttles import Throttles

_MAX_LINES = 200
_LIMITS_OF = ("accounts", "strategies", "venues", "symbols", "sectors", "asset_classes")
_HIDDEN = re.compile(r"principals\..*\.key_sha256|channels\..*\.url")

#: One thing that can be there or not (a limit table, an instrument, a venue): its name and its values by path.
_Things = dict[str, dict[str, Any]]


def describe_difference(old: Settings, new: Settings) -> tuple[str, ...]:
    """One line for each value that differs, and one for each thing (instrument, venue, principal) that came or
    went. Empty when nothing changed; a long list ends by saying how much was left out."""
    lines = list(_lines(_things(old), _things(new)))
    if len(lines) > _MAX_LINES:
        lines[_MAX_LINES:] = [f"and {len(lines) - _MAX_LINES} more changes"]
    return tuple(lines)


def _lines(old: _Things, new: _Things) -> Iterator[str]:
    for name in sorted({*old, *new}):
        before, after = old.get(name), new.get(name)
        if before is None:
            yield f"{name} added"
        elif after is None:
            yield f"{name} removed"
        else:
            for key in sorted({*before, *after}):
                if before.get(key) != after.get(key):
                    yield _change(f"{name}.{key}" if name else key, before.get(key), after.get(key))


def _change(path: str, before: Any, after: Any) -> str:
    if _HIDDEN.fullmatch(path):
        return f"{path} changed"
    return f"{path} {as_written(before)} -> {as_written(after)}"


def _things(settings: Settings) -> _Things:
    things = _trading_things(settings.trading)
    for section in ("server", "storage", "policy", "market_data", "simulator"):
        things[section] = {**things.get(section, {}), **_values(getattr(settings, section))}
    sources: dict[str, str] = things["market_data"].pop("sources")
    things["market_data"] |= {f"source.{venue}": source for venue, source in sources.items()}
    for venue, values in settings.venues.items():
        own = {key.removesuffix("_s"): value for key, value in _values(values, without=("name", "options")).items()}
        things[f"venues.{venue}"] = own | {
            **{f"options.{key}": text for key, text in values.options.items()},
            **{f"day_roll.{key}": text for key, text in _day_roll(settings.trading.day_roll_of(venue)).items()},
        }
    for name, candidate in settings.candidates.items():
        gates = {f"gates.{key}": value for key, value in _values(candidate.gates).items()}
        things[f"candidates.{name}"] = {**_values(candidate, without=("gates",)), **gates}
    for principal in settings.principals:
        things[f"principals.{principal.name}"] = _values(principal, without=("name",))
    for channel in settings.notifications:
        things[f"channels.{channel.name}"] = _values(channel, without=("name",))
    return things


def _trading_things(trading: TradingConfig) -> _Things:
    things: _Things = {
        "": {
            "modes.global": trading.global_mode,
            "base_currency": trading.base_currency,
            "cost_method": trading.cost_method,
            "snapshots.every_s": trading.snapshot_every_s,
            "canary_unit": trading.rollout.canary_unit,
            "salt": trading.rollout.salt,
            "plan": [f"({step})" for step in trading.rollout.plan],
            "live_after_days": trading.rollout.live_after_days,
            "reprice_reserve_bps": trading.reprice_reserve_bps,
            "self_match_prevention": trading.throttles.self_match_prevention,
            "self_match_scope": trading.throttles.self_match_scope,
        },
        "policy": {"approved_symbols": trading.approved_symbols},
        "storage": {
            "retained_closed_orders": trading.retained_closed_orders,
            "retained_executions": trading.retained_executions,
        },
        "drop_copy": _values(trading.drop_copy),
        "reconciliation": _values(trading.reconciliation, without=("venues",))
        | {f"venues.{name}.every_s": pace.every_s for name, pace in trading.reconciliation.venues.items()},
        "overrides": _values(trading.overrides),
        "figures": _values(trading.figures),
        "rates": dict(trading.rates),
        "limits": _values(trading.limits.gateway) | _throttles(trading.throttles.gateway),
    }
    table = _values(trading.limits, without=("gateway", "gap_events", *_LIMITS_OF))
    things["limits"]["stop_loss_percentage"] = table.pop("stop_loss_percentage")
    things[""].update({key.removesuffix("_s"): value for key, value in table.items()})
    for event in trading.limits.gap_events:
        start = _moment(event.start_ns)
        things[f"gap_events.{event} {start}"] = {"from": start, "to": _moment(event.end_ns)}
    things["day_roll"] = _day_roll(trading.day_roll)
    for name, venue in trading.venues.items():
        things[f"modes.venues.{name}"] = {"mode": venue.mode, "canary_pct": _percent(venue.canary_weight_bp)}
    for scope in _LIMITS_OF:
        for name, limits in getattr(trading.limits, scope).items():
            scopes: Mapping[str, Throttles] = getattr(trading.throttles, scope, {})  # a sector has none
            things[f"risk.{scope}.{name}"] = _values(limits) | _throttles(scopes.get(name, Throttles()))
    for name, breaker in trading.circuit_breakers.items():
        things[f"circuit_breakers.{name}"] = {key.removesuffix("_s"): item for key, item in _values(breaker).items()}
    things.update(_rollout_things(trading.rollout))
    for name, account in trading.accounts.items():
        things[f"accounts.{name}"] = _values(account)
    for symbol, instrument in trading.instruments.items():
        things[f"symbols.{symbol}"] = _values(instrument, without=("symbol",))
    return things


def _rollout_things(rollout: Rollout) -> _Things:
    things: _Things = {f"caps.{name}": _values(caps) for name, caps in rollout.caps.items()}
    things["promotions"] = dict(rollout.promotions)
    for section in ("gates", "approval", "shadow"):
        things[section] = _values(getattr(rollout, section))
    candidates = rollout.candidates
    things["candidates"] = {"needed": candidates.needed}
    things["candidates"] |= {f"gates.{key}": value for key, value in _values(candidates.gates).items()}
    things["demotion"] = {key.removesuffix("_s"): value for key, value in _values(rollout.demotion).items()}
    return things


def _throttles(throttles: Throttles) -> dict[str, Any]:
    """What is nested in the file is nested here: ``executions.window_s``."""
    values = _values(throttles, without=("executions", "repeated_executions"))
    for key in ("executions", "repeated_executions"):
        nested = getattr(throttles, key)
        if nested is not None:
            values |= {f"{key}.{name}": value for name, value in _values(nested).items()}
    return values


def _values(thing: msgspec.Struct, without: tuple[str, ...] = ()) -> dict[str, Any]:
    values: Mapping[str, Any] = msgspec.structs.asdict(thing)
    return {key: value for key, value in values.items() if key not in without}


def _day_roll(roll: DayRoll) -> dict[str, Any]:
    return {"timezone": roll.timezone, "time": f"{roll.minute // 60:02}:{roll.minute % 60:02}"}


def _moment(ns: int) -> str:
    return f"{datetime.fromtimestamp(ns // 1_000_000_000, UTC):%Y-%m-%dT%H:%M:%SZ}"


def _percent(weight_bp: int) -> str:
    return plain(Decimal(weight_bp) / 100)
