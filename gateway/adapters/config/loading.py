"""Load a configuration: read the files, parse them, or say everything that is wrong with them.

Reading and parsing are apart: ``parse`` touches no disk and is a function of bytes and environment alone.
"""

import stat
from collections.abc import Collection, Mapping
from pathlib import Path

import msgspec

from gateway.adapters.config import rules
from gateway.adapters.config.breakers import check_breakers
from gateway.adapters.config.build import build_settings, rates_of
from gateway.adapters.config.channels import check_channels
from gateway.adapters.config.documents import Documents
from gateway.adapters.config.environment import override
from gateway.adapters.config.instruments import check_bindings, list_instruments
from gateway.adapters.config.limits import check_limit_values
from gateway.adapters.config.problems import ConfigInvalid, ConfigProblem, Place, Problems, shown
from gateway.adapters.config.rollout import check_plan, check_venue_names
from gateway.adapters.config.sources import Sources, check_sources, market_data_sources, warn_invented_prices
from gateway.adapters.config.tables import FILES, GATEWAY
from gateway.adapters.config.throttles import check_throttles
from gateway.adapters.config.yaml_text import MAX_BYTES
from gateway.domain.settings import Settings

_MAX_STRAYS = 20


class Loaded(msgspec.Struct, frozen=True):
    """Settings, and the very bytes that they were read from."""

    settings: Settings
    files: dict[str, bytes]


def load(directory: Path, environ: Mapping[str, str]) -> Settings:
    """The settings in ``directory``, with what ``environ`` overrides. Raises ``ConfigInvalid``."""
    return load_files(directory, environ).settings


def load_files(directory: Path, environ: Mapping[str, str], expected: Collection[str] = ()) -> Loaded:
    """Like ``load``, keeping the bytes. ``expected`` are files that must not be missing: they were there before,
    and their absence would silently mean defaults (no keys, say). Raises ``ConfigInvalid``."""
    files = read_files(directory)
    problems = [
        ConfigProblem(
            file=name,
            line=0,
            column=0,
            key="",
            rule="was there and is missing now",
            hint="put it back; to have its defaults, leave a comment in it",
        )
        for name in sorted(set(expected) - set(files))
    ]
    try:
        settings = parse(files, environ)
    except ConfigInvalid as invalid:
        raise ConfigInvalid((*problems, *invalid.problems)) from None
    if problems:
        raise ConfigInvalid(problems)
    named = {Path(candidate.limits).name for candidate in settings.candidates.values()}
    warnings = settings.warnings + stray_files(directory, named)
    return Loaded(msgspec.structs.replace(settings, warnings=warnings), files)


def read_files(directory: Path) -> dict[str, bytes]:
    """The bytes of those of the six files that exist. Raises ``ConfigInvalid`` when one cannot be read."""
    problems = Problems()
    files: dict[str, bytes] = {}
    if not directory.is_dir():
        problems.add(Place(str(directory)), "is not a directory")
        raise ConfigInvalid(problems.all())
    for name in FILES:
        path = directory / name
        try:
            if not stat.S_ISREG(path.stat().st_mode):
                problems.add(Place(name), "must be a file")
                continue
            with path.open("rb") as stream:
                files[name] = stream.read(MAX_BYTES + 1)
        except FileNotFoundError:
            continue
        except OSError as error:
            problems.add(Place(name), f"cannot be read: {error.strerror or error}")
    if problems:
        raise ConfigInvalid(problems.all())
    return files


def stray_files(directory: Path, named: Collection[str] = ()) -> tuple[str, ...]:
    """A warning for each YAML file that no one reads: a slip in a name (risk.yml) should not go unseen. ``named`` are
    files that the configuration itself names."""
    read = {*FILES, *named}
    try:
        names = sorted(p.name for p in directory.iterdir() if p.suffix in (".yaml", ".yml") and p.name not in read)
    except OSError:
        return ()
    known = ", ".join(FILES)
    return tuple(f"{shown(name)}: is not read; the files are {known}" for name in names[:_MAX_STRAYS])


def parse(files: Mapping[str, bytes], environ: Mapping[str, str]) -> Settings:
    """The settings that ``files`` (name to content) say, with what ``environ`` overrides.

    Raises ``ConfigInvalid`` with every problem of every file, and nothing else, whatever the bytes are.
    """
    problems = Problems()
    documents = Documents(files, problems)
    sources = market_data_sources(documents)
    _add_source_venues(documents, sources)
    override(documents, environ)
    listed = list_instruments(documents, sources.of)
    venues = _known_venues(documents)
    gateway = documents[GATEWAY]
    if gateway.is_usable:
        check_bindings(listed, venues, set(rates_of(documents)), documents)
        check_sources(documents, sources, listed, venues)
        rules.check_venues(documents)
        rules.check_modes(documents, listed)
        rules.check_money(documents)
        rules.check_server(documents)
        rules.check_candidates(documents)
        check_venue_names(documents, venues | {entry["venue"] for entry in listed.entries.values()})
        warn_invented_prices(documents, sources)
    rules.check_principals(documents)
    rules.check_limits(documents, listed)
    rules.check_overrides(documents)
    rules.check_figures(documents)
    check_throttles(documents)
    check_plan(documents)
    check_channels(documents)
    check_limit_values(documents, listed)
    check_breakers(documents)
    if problems:
        raise ConfigInvalid(problems.all())
    return build_settings(documents, listed, sources)


def _add_source_venues(documents: Documents, sources: Sources) -> None:
    """``exchange: binance`` alone is enough to get prices from there: the venue then exists with its defaults."""
    gateway = documents[GATEWAY]
    for source in sources.names():
        if source in rules.ADAPTERS and source not in gateway.get("venues", default={}):
            gateway.values.setdefault("venues", {})[source] = {}


def _known_venues(documents: Documents) -> set[str]:
    gateway = documents[GATEWAY]
    named = {*gateway.get("venues", default={}), *gateway.get("modes", "venues", default={})}
    return named | set(rules.ADAPTERS)
