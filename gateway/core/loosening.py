"""Does an edit of the configuration loosen a limit? Which way each value does is told in ``core.directions``.

Lowering a limit is immediate; loosening one needs a person with the role for it. An absent limit is the loosest.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from gateway.core.directions import DIRECTIONS, Looser
from gateway.core.unsaid import left_groups, throttles_in_force
from gateway.domain.as_written import as_written
from gateway.domain.breakers import BreakerConfig
from gateway.domain.config import AccountConfig, Limits, LimitTable, TradingConfig, VenueMode
from gateway.domain.enums import Mode
from gateway.domain.money import ZERO
from gateway.domain.rollout import CanaryCaps, DemotionTerms, Rollout
from gateway.domain.throttles import Throttles

#: What a table that is not there is compared as; of any other, coming and going loosens nothing by itself.
_ABSENT: Mapping[type, msgspec.Struct] = {
    Limits: Limits(),
    Throttles: Throttles(),
    CanaryCaps: CanaryCaps(),
    AccountConfig: AccountConfig(initial_cash=ZERO),  # a new account is more to lose
}
#: How a person finds the table in the files, where its name there is another.
_NAMES = {
    "limits.gateway": "limits",
    "limits.accounts": "risk.accounts",
    "limits.strategies": "risk.strategies",
    "limits.venues": "risk.venues",
    "limits.symbols": "risk.symbols",
    "limits.sectors": "risk.sectors",
    "limits.asset_classes": "risk.asset_classes",
    **{f"limits.{name}": name for name in ("gap_events", "collar_max_age", "figures_max_age")},
    "throttles.gateway": "limits",
    "throttles.accounts": "risk.accounts",
    "throttles.strategies": "risk.strategies",
    "throttles.symbols": "risk.symbols",
    "throttles.venues": "risk.venues",
    "throttles.self_match_prevention": "self_match_prevention",
    "throttles.self_match_scope": "self_match_scope",
    **{f"rollout.{name}": name for name in Rollout.__struct_fields__},
    "instruments": "symbols",
    "approved_symbols": "policy.approved_symbols",
}
#: Tables whose durations are written with a unit (``reset_after: 30m``), and so without one in their names.
_WITH_UNITS = (BreakerConfig, DemotionTerms, LimitTable)
_SHADOW = VenueMode()


class Change(msgspec.Struct, frozen=True):
    """What an edit does to the guards, one clause each: ``limits.max_order_value 50000 -> 60000``."""

    looser: tuple[str, ...] = ()
    tighter: tuple[str, ...] = ()


def compare(old: TradingConfig, new: TradingConfig) -> Change:
    """Sort what differs between two configurations into looser and tighter; what is neither is left out."""
    looser: list[str] = []
    tighter: list[str] = []
    moved = ((f"symbols.{path}", before, after, Looser.WHEN_OTHER) for path, before, after in left_groups(old, new))
    for path, before, after, direction in (*_values(old, new, ""), *_other_days(old, new), *moved):
        found = tighter if _is_within(after, before, direction) else looser
        found.append(f"{path} {as_written(before)} -> {as_written(after)}")
    return Change(tuple(looser), tuple(tighter))


def _values(old: Any, new: Any, path: str) -> Iterator[tuple[str, Any, Any, Looser]]:
    """Every guarding value that differs, with its path in the words of the files."""
    if isinstance(old, Throttles):
        old, new = throttles_in_force(old, new), throttles_in_force(new, old)
    for name, direction in DIRECTIONS[type(old)].items():
        before, after = getattr(old, name), getattr(new, name)
        if before == after or direction is Looser.NEVER:
            continue
        word = name.removesuffix("_s") if isinstance(old, _WITH_UNITS) else name
        at = f"{path}.{word}" if path else word
        at = _NAMES.get(at, at)
        if direction is not Looser.WITHIN:
            yield at, before, after, direction
        elif isinstance(before, Mapping):
            yield from _named(before, after, at)
        elif before is None or after is None:
            yield at, before, after, Looser.WHEN_HIGHER
        else:
            yield from _values(before, after, at)


def _other_days(old: TradingConfig, new: TradingConfig) -> Iterator[tuple[str, Any, Any, Looser]]:
    """The venues that are in both, and whose day begins at another moment now."""
    for venue, before in old.day_rolls.items():
        after = new.day_rolls.get(venue, before)
        if after != before:
            yield f"venues.{venue}.day_roll", before, after, Looser.WHEN_OTHER


def _named(old: Mapping[str, Any], new: Mapping[str, Any], path: str) -> Iterator[tuple[str, Any, Any, Looser]]:
    for name in sorted({*old, *new}):
        kind = type(old.get(name, new.get(name)))
        absent = _ABSENT.get(kind)
        before, after = old.get(name, absent), new.get(name, absent)
        if before is not None and after is not None and before != after:
            yield from _values(before, after, f"{path}.{name}")


def _is_within(after: Any, before: Any, direction: Looser) -> bool:
    """Whether everything that ``after`` lets pass, ``before`` let pass too."""
    if direction is Looser.WHEN_OTHER:
        return False
    if direction is Looser.WHEN_SHORTER:
        return set(after) >= set(before)
    if direction is Looser.WHEN_LONGER:
        return not before or (bool(after) and set(after) <= set(before))
    if before is None or after is None:
        return before is None
    if direction is Looser.WHEN_LONGER_OR_ABSENT:
        return set(after) <= set(before)
    if direction is Looser.WHEN_EARLIER:
        words = list(type(before).__members__.values())
        return words.index(after) >= words.index(before)
    if direction is Looser.WHEN_LOWER:
        return bool(after >= before)
    if direction is Looser.WHEN_HIGHER_LOSS and (after < 1) != (before < 1):
        return False
    return bool(after <= before)


def with_lower_modes(old: TradingConfig, new: TradingConfig) -> TradingConfig:
    """``old`` with every mode and canary share at most as in ``new``: the part of an edit that never waits.

    Its revision is still that of ``old``; equal to ``old`` when ``new`` lowers nothing.
    """
    lowered = msgspec.structs.replace(
        old,
        global_mode=min(old.global_mode, new.global_mode, key=_rank),
        venues={
            name: msgspec.structs.replace(own, mode=min(own.mode, new.venues.get(name, _SHADOW).mode, key=_rank))
            for name, own in old.venues.items()
        },
    )
    shares = {
        name: msgspec.structs.replace(own, canary_weight_bp=min(old.weight_bp(name), new.weight_bp(name)))
        for name, own in lowered.venues.items()
        if lowered.effective_mode(name) is Mode.CANARY
    }
    return msgspec.structs.replace(lowered, venues={**lowered.venues, **shares})


def _rank(mode: Mode) -> int:
    return mode.rank
