"""Which configuration a process starts with: the one on disk, if the journal can follow it, else the last good one."""

from collections.abc import Collection, Mapping
from pathlib import Path

import msgspec

from gateway.adapters.config import ConfigInvalid, ConfigProblem, StartResult, load_last_good, pointed
from gateway.app.edits import lowered, part_that_never_waits
from gateway.app.registry import StartRefused
from gateway.core.state import GatewayState
from gateway.service.approvals import can_approve, unapproved
from gateway.service.reload import PromotionJudge, ProveLimits, circumstances, objections


def usable_start(
    state: GatewayState,
    start: StartResult,
    data_dir: Path,
    environ: Mapping[str, str],
    adapters: Collection[str],
    now_ns: int,
    judge: PromotionJudge,
    prove_limits: ProveLimits,
) -> StartResult:
    """``start``, or the last good configuration when what is on disk cannot follow the one in the journal: an edit
    made while the gateway was down is refused as a whole, like any other, and waits like any other when it loosens
    limits. Raises StartRefused when neither can be."""
    if start.used_last_good:
        start = _no_higher(start, state)
    seen = circumstances(state, start.settings, judge, now_ns)
    found = pointed(objections(state, start.settings, adapters, seen=seen), start.files)
    if not found:
        return _approved(state, start, data_dir, environ, adapters, now_ns, prove_limits)
    if not state.config.revision or start.used_last_good:
        raise StartRefused("; ".join(found))
    problems = tuple(_problem(text) for text in found)
    try:
        kept = load_last_good(data_dir, environ, ConfigInvalid((*start.problems, *problems)))
    except ConfigInvalid as invalid:
        raise StartRefused("; ".join(str(problem) for problem in invalid.problems)) from None
    result = StartResult(kept.settings, kept.files, (*start.problems, *problems), used_last_good=True)
    result = _no_higher(result, state)
    still = objections(state, result.settings, adapters)
    if still:
        raise StartRefused("; ".join((*found, *still)))
    return result


def _approved(
    state: GatewayState,
    start: StartResult,
    data_dir: Path,
    environ: Mapping[str, str],
    adapters: Collection[str],
    now_ns: int,
    prove_limits: ProveLimits,
) -> StartResult:
    """``start`` when it loosens nothing without approval and without the candidate that must prove it; else the last
    good one, with what of ``start`` never waits.

    Files that nobody edited since they were last in force are not refused for what a new version makes of them.
    """
    change = unapproved(state, start.settings.trading, now_ns)
    missing = prove_limits(state.config, start.settings.trading).missing
    if (change is None and not missing) or start.used_last_good:
        return start
    reasons = list(missing)
    if change is not None:
        reasons.append(f"the files loosen limits and nobody approved it: {'; '.join(change.looser)}")
    text = "; ".join(reasons)
    try:
        kept = load_last_good(data_dir, environ, ConfigInvalid((_problem(text),)))
    except ConfigInvalid as invalid:
        if not missing and not can_approve(start.settings.principals):
            return start
        advice = "take these changes back, start, make them again and have them approved"
        raise StartRefused("; ".join((*(str(problem) for problem in invalid.problems), advice))) from None
    if kept.files == start.files or not (missing or can_approve(kept.settings.principals)):
        return start
    settings = part_that_never_waits(kept.settings, start.settings)
    problems = (*start.problems, *map(_problem, missing))
    result = _no_higher(StartResult(settings, kept.files, problems, used_last_good=True), state)
    still = objections(state, result.settings, adapters)
    if still:
        raise StartRefused("; ".join((text, *still)))
    return result


def _no_higher(start: StartResult, state: GatewayState) -> StartResult:
    """A mode that was lowered stays so, although the last good files are of before."""
    if not state.config.revision:
        return start
    settings = msgspec.structs.replace(start.settings, trading=lowered(start.settings.trading, state.config))
    return msgspec.structs.replace(start, settings=settings)


def _problem(text: str) -> ConfigProblem:
    return ConfigProblem(file="configuration", line=0, column=0, key="", rule=text)
