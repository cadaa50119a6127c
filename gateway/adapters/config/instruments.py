"""From the entries of instruments.yaml (and gateway.yaml's ``symbols``) to whole instruments.

Fills in what the class and the product are known for, and checks what only a whole instrument can show.
"""

import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

from gateway.adapters.config.documents import Document, Documents
from gateway.adapters.config.problems import Path, Place, shown
from gateway.adapters.config.products import CLASS_DEFAULTS, GROUPS, START_PX, guess_class, product_defaults
from gateway.adapters.config.tables import GATEWAY, INSTRUMENTS
from gateway.adapters.config.words import is_day
from gateway.domain.enums import OrdType
from gateway.domain.money import is_multiple, plain

Entry = dict[str, Any]
#: Options by their OCC symbols: root, yymmdd, C or P, strike in thousandths.
_OCC = re.compile(r"[A-Z.]{1,6} *(?P<day>[0-9]{6})[CP][0-9]{8}")


class Listed:
    """Every instrument that was named, by symbol: whole entries, and the document and place of each."""

    def __init__(self) -> None:
        self.entries: dict[str, Entry] = {}
        self._places: dict[str, tuple[Document, Path]] = {}

    def add(self, symbol: str, entry: Entry, document: Document, path: Path) -> None:
        self.entries[symbol] = entry
        self._places[symbol] = (document, path)

    def place(self, symbol: str, *key: str) -> Place:
        document, path = self._places[symbol]
        return document.place(*path, *key)

    def lacks(self, symbol: str, key: str) -> bool:
        """Whether an instrument has no value for ``key``, written or known. An unfit one has been said."""
        document, path = self._places[symbol]
        return key not in self.entries[symbol] and not document.is_written(*path, key)

    def names_none(self, symbol: str, key: str) -> bool:
        """Whether ``key`` is a list without a single item, fit or not."""
        document, path = self._places[symbol]
        return self.entries[symbol].get(key) == () and not document.is_written(*path, key, 0)


def list_instruments(documents: Documents, source_of: Callable[[str], str]) -> Listed:
    """All instruments, completed; ``source_of`` gives the source of prices of a venue. A symbol given twice is a
    problem; one that gateway.yaml's ``symbols`` names and instruments.yaml does not is a crypto pair or an equity
    with the defaults of its class."""
    listed = Listed()
    document = documents[INSTRUMENTS]
    for entry, asset_class, path in _entries(document):
        symbol = entry.get("symbol")
        if symbol is None:
            continue  # that it is missing or unfit has been said
        if symbol in listed.entries:
            first = listed.place(symbol).line
            documents.problems.add(
                document.place(*path, "symbol"),
                f"is listed twice, first in line {first}",
                shown(symbol),
                "a symbol is traded at one venue; give contracts of other months a symbol of their own (ESZ6)",
            )
            continue
        listed.add(symbol, _complete(entry, asset_class, source_of), document, path)
        _check(listed, symbol, documents)
    for index, symbol in enumerate(documents[GATEWAY].get("symbols", default=[])):
        if symbol not in listed.entries:
            asset_class = guess_class(symbol, has_expiry=False)
            entry = _complete({"symbol": symbol}, asset_class, source_of)
            listed.add(symbol, entry, documents[GATEWAY], ("symbols", index))
            _check(listed, symbol, documents)
    return listed


def _entries(document: Document) -> Iterator[tuple[Entry, str, Path]]:
    symbols = document.get("symbols", default={})
    groups = {"": symbols} if isinstance(symbols, list) else symbols
    for group, entries in groups.items():
        below: Path = ("symbols", group) if group else ("symbols",)
        for index, entry in enumerate(entries):
            asset_class = GROUPS.get(group) or entry.get("asset_class")
            if asset_class is None:
                asset_class = guess_class(entry.get("symbol", ""), "expiry" in entry)
            yield entry, asset_class, (*below, index)


def _complete(entry: Entry, asset_class: str, source_of: Callable[[str], str]) -> Entry:
    symbol = entry["symbol"]
    whole = {**CLASS_DEFAULTS[asset_class], **product_defaults(symbol, asset_class), **entry}
    whole["asset_class"] = asset_class
    if "order_types" in entry:
        whole["order_types"] = tuple(kind for kind in OrdType if kind in entry["order_types"])
    is_priced = "reference_px" in entry or symbol not in START_PX
    if not is_priced and source_of(whole["venue"]) == "synthetic":
        whole["reference_px"] = START_PX[symbol]
    return whole


def _check(listed: Listed, symbol: str, documents: Documents) -> None:
    entry = listed.entries[symbol]
    problems = documents.problems
    if entry["asset_class"] == "future":
        if listed.lacks(symbol, "expiry"):
            problems.add(listed.place(symbol, "expiry"), "is missing", hint='a future needs one: expiry: "202612"')
        if listed.lacks(symbol, "multiplier"):
            hint = "the contract size cannot be guessed (50 for ES)"
            problems.add(listed.place(symbol, "multiplier"), "is missing", hint=hint)
    if entry["asset_class"] == "option" and (found := _OCC.fullmatch(symbol)) and not is_day(f"20{found['day']}"):
        hint = "AAPL261218C00200000 is the AAPL call at 200 of 18 December 2026"
        problems.add(listed.place(symbol, "symbol"), "must expire on a day that there is", symbol, hint)
    if listed.lacks(symbol, "currency"):
        hint = "write the pair with its quote (BTC/USDT), or give the currency"
        problems.add(listed.place(symbol, "currency"), "is missing", hint=hint)
    _check_sizes(listed, symbol, documents)


def _check_sizes(listed: Listed, symbol: str, documents: Documents) -> None:
    entry = listed.entries[symbol]
    lot: Decimal = entry["lot_size"]
    smallest: Decimal | None = entry.get("min_qty")
    largest: Decimal | None = entry.get("max_qty")
    for key, size in (("min_qty", smallest), ("max_qty", largest)):
        if size is not None and not is_multiple(size, lot):
            rule = f"must be a multiple of the lot_size {plain(lot)}"
            documents.problems.add(listed.place(symbol, key), rule, plain(size))
    if smallest is not None and largest is not None and smallest > largest:
        rule = f"must be at least min_qty {plain(smallest)}"
        documents.problems.add(listed.place(symbol, "max_qty"), rule, plain(largest))
    if listed.names_none(symbol, "order_types"):
        hint = "remove the line to allow all of them"
        documents.problems.add(listed.place(symbol, "order_types"), "must name an order type", hint=hint)


def check_bindings(listed: Listed, venues: set[str], rates: set[str] | None, documents: Documents) -> None:
    """Every instrument's venue must be known, and an enabled one's currency must have a rate.

    ``rates`` None means that they are not known, because gateway.yaml could not be read.
    """
    for symbol, entry in listed.entries.items():
        venue, currency = entry["venue"], entry.get("currency")
        if venue not in venues:
            hint = documents.problems.did_you_mean(venue, sorted(venues))
            documents.problems.add(listed.place(symbol, "venue"), "must be a known venue", shown(venue), hint)
        if rates is not None and currency is not None and currency not in rates and entry.get("enabled", True):
            documents.problems.add(
                listed.place(symbol, "currency"),
                "must have a rate",
                f"{shown(currency)} ({shown(symbol)})",
                f"add `rates: {{{currency}: 1}}` with its value in the base currency to gateway.yaml",
            )
