"""Where prices come from: one source for all venues, or one for each (``market_data.source``)."""

from collections.abc import Mapping

import msgspec

from gateway.adapters.config.documents import Document, Documents
from gateway.adapters.config.instruments import Listed
from gateway.adapters.config.problems import shown
from gateway.adapters.config.tables import GATEWAY, INSTRUMENTS
from gateway.domain.enums import Mode

#: Prices that are not those of a market now.
INVENTED = ("synthetic", "replay")
#: Adapters that bring prices.
FEED_ADAPTERS = ("ibkr", "binance", "ccxt", "alpaca")
DEFAULT = "default"
_SOURCE = ("market_data", "source")


class Sources(msgspec.Struct, frozen=True):
    """The source of each venue; ``default`` is that of the others, empty when there is none for them."""

    default: str
    by_venue: Mapping[str, str] = {}

    def of(self, venue: str) -> str:
        return self.by_venue.get(venue, self.default)

    def names(self) -> tuple[str, ...]:
        """Every source that is named, once."""
        return tuple(dict.fromkeys(name for name in (self.default, *self.by_venue.values()) if name))


def market_data_sources(documents: Documents) -> Sources:
    """What ``market_data.source`` says, or the seeds' ``exchange`` (``mock`` is synthetic)."""
    given: list[tuple[Document, tuple[str, ...], str]] = []
    keys: list[tuple[str, tuple[str, ...]]] = [(GATEWAY, ("exchange",)), (INSTRUMENTS, ("exchange",))]
    value = documents[GATEWAY].get(*_SOURCE)
    if isinstance(value, dict):
        for file, path in keys:
            if documents[file].get(*path) is not None:
                hint = "market_data.source says it for each venue; remove this line"
                documents.problems.add(documents[file].place(*path), "contradicts another key", hint=hint)
        by_venue = {venue: _known(name) for venue, name in value.items() if venue != DEFAULT}
        return Sources(_known(value.get(DEFAULT, "")), by_venue)
    for file, path in [(GATEWAY, _SOURCE), *keys]:
        value = documents[file].get(*path)
        if value is not None:
            given.append((documents[file], path, _known(value)))
    for document, path, value in given[1:]:
        if value != given[0][2]:
            hint = f"{'.'.join(map(str, given[0][1]))} of {given[0][0].file} says {given[0][2]}; keep one of them"
            documents.problems.add(document.place(*path), "contradicts another key", shown(value), hint)
    return Sources(given[0][2] if given else "synthetic")


def check_sources(documents: Documents, sources: Sources, listed: Listed, venues: set[str]) -> None:
    """Each source must exist, and each instrument must have one."""
    gateway = documents[GATEWAY]
    if "replay" in sources.names() and not gateway.is_written("market_data", "path"):
        hint = "name the recorded feed to play"
        documents.problems.add(gateway.place("market_data", "path"), "is missing with source replay", hint=hint)
    configured = gateway.get("venues", default={})
    known = (*INVENTED, *sorted({*FEED_ADAPTERS, *configured}))
    for venue, name in ((DEFAULT, sources.default), *sources.by_venue.items()):
        adapter = configured[name].get("adapter", name) if name in configured else name
        if name and name not in INVENTED and adapter not in FEED_ADAPTERS:
            document, path = _place(documents, venue)
            hint = documents.problems.did_you_mean(name, known)
            documents.problems.add(document.place(*path), "must be a source of prices", shown(name), hint)
    traded = {entry["venue"] for entry in listed.entries.values()}
    for venue in sources.by_venue:
        if venue not in venues | traded:
            hint = documents.problems.did_you_mean(venue, [DEFAULT, *sorted(venues | traded)])
            documents.problems.add(gateway.place(*_SOURCE, venue), "is not a known venue", hint=hint)
    for venue in sorted(traded):
        if not sources.of(venue) and (_is_whole(documents)):
            hint = f"add `{venue}: ...` or `{DEFAULT}: ...` (synthetic, replay, or a venue)"
            rule = f"must name a source for venue {venue}, where instruments are traded"
            documents.problems.add(gateway.place(*_SOURCE), rule, hint=hint)


def warn_invented_prices(documents: Documents, sources: Sources) -> None:
    """Orders that go live are valued with market data: it had better be real."""
    gateway = documents[GATEWAY]
    overall = gateway.get("modes", "global", default=Mode.SHADOW)
    modes = {name: venue.get("mode", Mode.SHADOW) for name, venue in gateway.get("modes", "venues", default={}).items()}
    live = [name for name, mode in modes.items() if overall is not Mode.SHADOW and mode is not Mode.SHADOW]
    invented = sorted({sources.of(name) for name in live} & set(INVENTED))
    if invented:
        text = f"is {invented[0]}: live orders would be checked against prices that are not the market's"
        documents.problems.warn(gateway.place(*_SOURCE), text)
    for name in {sources.of(name) for name in live} & set(gateway.get("venues", default={})):
        if gateway.get("venues", name, "options", "market_data_type", default="").startswith("delayed"):
            place = gateway.place("venues", name, "options", "market_data_type")
            documents.problems.warn(place, "is delayed: live orders would be checked against prices 15 minutes old")


def _known(name: str) -> str:
    return "synthetic" if name == "mock" else name


def _is_whole(documents: Documents) -> bool:
    """Whether every line of the table fits; one that does not has been said, and may be the one that is missing."""
    given = documents[GATEWAY].get(*_SOURCE)
    return isinstance(given, dict) and all(given.values())


def _place(documents: Documents, venue: str) -> tuple[Document, tuple[str, ...]]:
    """Where the source of ``venue`` is written."""
    gateway = documents[GATEWAY]
    given = gateway.get(*_SOURCE)
    if isinstance(given, dict):
        return gateway, (*_SOURCE, venue)
    if given:
        return gateway, _SOURCE
    return (gateway if gateway.get("exchange") else documents[INSTRUMENTS]), ("exchange",)
