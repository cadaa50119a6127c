"""Which configuration a process starts with: the one on disk, if the journal can follow it, else the last good one."""

import logging
from collections.abc import Collection, Mapping
from pathlib import Path

from gateway.adapters.config import ConfigInvalid, ConfigProblem, StartResult, load_last_good
from gateway.app.registry import StartRefused
from gateway.core.state import GatewayState
from gateway.service.reload import objections

_log = logging.getLogger("gateway")


def usable_start(
    state: GatewayState, start: StartResult, data_dir: Path, environ: Mapping[str, str], adapters: Collection[str]
) -> StartResult:
    """``start``, or the last good configuration when what is on disk cannot follow the one in the journal: an edit
    made while the gateway was down is refused as a whole, like any other. Raises StartRefused when neither can be."""
    found = objections(state, start.settings, adapters)
    if not found:
        return start
    if not state.config.revision or start.used_last_good:
        raise StartRefused("; ".join(found))
    problems = tuple(_problem(text) for text in found)
    try:
        kept = load_last_good(data_dir, environ, ConfigInvalid((*start.problems, *problems)))
    except ConfigInvalid as invalid:
        raise StartRefused("; ".join(str(problem) for problem in invalid.problems)) from None
    still = objections(state, kept.settings, adapters)
    if still:
        raise StartRefused("; ".join((*found, *still)))
    return StartResult(kept.settings, kept.files, (*start.problems, *problems), used_last_good=True)


def _problem(text: str) -> ConfigProblem:
    return ConfigProblem(file="configuration", line=0, column=0, key="", rule=text)
