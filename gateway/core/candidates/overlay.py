"""One edit of the configuration, laid over configurations of other times.

What an edit changes is what it differs in from the configuration in force; everything else stays what it was at the
time. So an edit that changes nothing changes no past, whatever was edited in between.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec

from gateway.domain.config import TradingConfig

#: From the configuration of a time to the one that a candidate makes of it.
Overlay = Callable[[TradingConfig], TradingConfig]

_ABSENT: Any = object()


def overlay_of(now: TradingConfig, edited: TradingConfig) -> Overlay:
    """The change from ``now`` to ``edited``, as something that can be done to any configuration."""
    before, after = _plain(now), _plain(edited)

    def apply_edit(config: TradingConfig) -> TradingConfig:
        if before == after:
            return config
        merged = {**_merged(_plain(config), before, after), "revision": config.revision}
        return msgspec.convert(merged, TradingConfig, builtin_types=(Decimal,))

    return apply_edit


def changed_keys(now: TradingConfig, edited: TradingConfig) -> tuple[str, ...]:
    """The parts of the configuration that the edit touches; empty when none."""
    before, after = _plain(now), _plain(edited)
    return tuple(key for key in after if before[key] != after[key])


def with_limits_of(edited: TradingConfig) -> Overlay:
    """Everything that ``risk.yaml`` says, of ``edited``; the rest as it is."""

    def apply_limits(config: TradingConfig) -> TradingConfig:
        return msgspec.structs.replace(
            config,
            limits=edited.limits,
            throttles=edited.throttles,
            circuit_breakers=edited.circuit_breakers,
            reprice_reserve_bps=edited.reprice_reserve_bps,
            overrides=edited.overrides,
            figures=edited.figures,
            drop_copy=edited.drop_copy,
            reconciliation=edited.reconciliation,
        )

    return apply_limits


def as_it_was(config: TradingConfig) -> TradingConfig:
    """The overlay that changes nothing."""
    return config


def _plain(config: TradingConfig) -> dict[str, Any]:
    """Without the revision: it follows from the rest, and records should keep telling that of their time."""
    content: dict[str, Any] = msgspec.to_builtins(config, builtin_types=(Decimal,))
    del content["revision"]
    return content


def _merged(then: Any, before: Any, after: Any) -> Any:
    """``then`` with what differs from ``before`` to ``after``. Lists are exchanged whole."""
    if before == after:
        return then
    if not (isinstance(then, dict) and isinstance(before, dict) and isinstance(after, dict)):
        return after
    merged = dict(then)
    for key in {**before, **after}:
        if before.get(key, _ABSENT) == after.get(key, _ABSENT):
            continue
        if key not in after:
            merged.pop(key, None)
        else:
            merged[key] = _merged(then.get(key, _ABSENT), before.get(key, _ABSENT), after[key])
    return merged
