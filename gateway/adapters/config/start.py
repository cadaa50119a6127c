"""Settings at start: those on disk, or the last good ones while the files on disk cannot be used."""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from gateway.adapters.config.last_good import LastGood, LastGoodCorrupt
from gateway.adapters.config.loading import Loaded, load_files, parse
from gateway.adapters.config.problems import ConfigInvalid, ConfigProblem
from gateway.domain.settings import Settings


class StartResult(msgspec.Struct, frozen=True):
    """``files`` are the bytes in force. ``problems`` say why the files on disk were not used, if they were not."""

    settings: Settings
    files: dict[str, bytes]
    problems: tuple[ConfigProblem, ...] = ()
    used_last_good: bool = False


def start_settings(directory: Path, data_dir: Path, environ: Mapping[str, str]) -> StartResult:
    """The settings to start with. Raises ``ConfigInvalid`` when neither the files on disk nor the last good ones
    can be used; its problems tell both stories."""
    try:
        loaded = load_files(directory, environ)
    except ConfigInvalid as invalid:
        kept = load_last_good(data_dir, environ, invalid)
        return StartResult(kept.settings, kept.files, invalid.problems, used_last_good=True)
    return StartResult(loaded.settings, loaded.files)


def load_last_good(data_dir: Path, environ: Mapping[str, str], reason: ConfigInvalid) -> Loaded:
    """The last good configuration. Raises ``ConfigInvalid`` with the problems of ``reason`` and those of its own
    when there is none or it cannot be used."""
    try:
        files = LastGood(data_dir).read()
    except LastGoodCorrupt as corrupt:
        raise ConfigInvalid((*reason.problems, _last_good_problem(f"is corrupt: {corrupt}"))) from None
    if files is None:
        raise reason
    try:
        return Loaded(parse(files, environ), files)
    except ConfigInvalid as invalid:
        own = tuple(msgspec.structs.replace(p, file=f"last good {p.file}") for p in invalid.problems)
        raise ConfigInvalid((*reason.problems, *own)) from None


def _last_good_problem(rule: str) -> ConfigProblem:
    return ConfigProblem(file="last good configuration", line=0, column=0, key="", rule=rule)
