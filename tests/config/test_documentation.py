"""docs/configuration.md against the schema: every key is documented, nothing else is, and defaults are true."""

import re
from collections.abc import Iterator
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gateway.adapters.config.environment import OVERRIDES
from gateway.adapters.config.kinds import Kind
from gateway.adapters.config.products import CLASS_DEFAULTS, GROUPS
from gateway.adapters.config.schema import Fields, Many, Names, Rule, WordOrNames
from gateway.adapters.config.tables import FILES
from gateway.domain.money import plain
from gateway.domain.rollout import Rollout
from gateway.domain.settings import VenueSettings
from tests.config.samples import SHIPPED, parse_texts

DOCUMENT = (SHIPPED.parent / "docs" / "configuration.md").read_text()
#: Their default depends on the adapter, so that the type has none.
BY_ADAPTER = {(VenueSettings, key) for key in ("adapter", "host", "port", "client_id")}


def documented(file: str) -> dict[str, str]:
    """The keys in the section of one file, with what stands in the default column."""
    _, _, rest = DOCUMENT.partition(f"\n## {file}\n")
    section = re.split(r"\n## ", rest)[0]
    rows = re.findall(r"^\| `([^`]+)` \|(?:[^|]*)\| ([^|]*) \|", section, flags=re.MULTILINE)
    assert len(rows) == len({key for key, _ in rows}), f"a key of {file} is documented twice"
    return dict(rows)


def as_documented(file: str, path: str) -> str:
    """A path of the schema in the shorthand of the document: scopes of limits and instruments are written once."""
    path = path.removesuffix("[]")
    if file == "risk.yaml":
        scopes = "accounts|strategies|venues|symbols|sectors|asset_classes"
        return re.sub(rf"^(limits|({scopes})\.<[a-z]+>)\.", "<scope>.", path)
    if file == "instruments.yaml":
        return re.sub(rf"^symbols(\.({'|'.join(GROUPS)}))?\[\]\.", "<instrument>.", path)
    return path


def leaves(
    rule: Rule, path: str = "", owner: Fields | None = None, key: str = ""
) -> Iterator[tuple[str, Fields | None, str]]:
    """Every key that a file may hold: its path in the notation of the document, and the mapping and key it belongs to.
    Names are written ``<label>``, lists ``[]``."""
    if isinstance(rule, Kind):
        yield path, owner, key
    elif isinstance(rule, Fields):
        for name, item in rule.keys.items():
            yield from leaves(item, f"{path}.{name}" if path else name, rule, name)
    elif isinstance(rule, Names):
        yield from leaves(rule.item, f"{path}.<{rule.label}>", owner, key)
    elif isinstance(rule, Many):
        yield from leaves(rule.item, f"{path}[]", owner, key)
    elif isinstance(rule, WordOrNames):
        yield path, owner, key
        yield from leaves(rule.names, path, None, "")
    else:
        yield from leaves(rule.mapping, path, owner, key)
        yield from leaves(rule.listing, path, owner, key)


@pytest.mark.parametrize("file", FILES)
def test_every_key_is_documented_and_none_that_does_not_exist(file: str) -> None:
    """Without it a person would look for a key in vain, or write one that is refused."""
    keys = {as_documented(file, path) for path, *_ in leaves(FILES[file])}
    assert set(documented(file)) == keys


def shown(value: Any) -> str:
    """A default as the document writes it: in backquotes, or in words where there is none."""
    if value in ("", None, (), {}):
        return ""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, Decimal):
        return f"`{plain(value)}`"
    return f"`{value.value if isinstance(value, StrEnum) else value}`"


def defaults(file: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for path, owner, key in leaves(FILES[file]):
        if not isinstance(owner, Fields) or owner.struct is None or (owner.struct, key) in BY_ADAPTER:
            continue
        attribute = owner.attrs.get(key, key)
        for field in msgspec.structs.fields(owner.struct):
            if field.name == attribute and field.default is not msgspec.NODEFAULT:
                found[as_documented(file, path)] = shown(field.default)
    return found


@pytest.mark.parametrize("file", FILES)
def test_the_documented_defaults_are_those_of_the_code(file: str) -> None:
    """Without it a person would rely on a limit, a port or a timeout that is another."""
    cells = documented(file)
    for key, default in defaults(file).items():
        if default:
            assert cells[key] == default, key
        else:
            assert "`" not in cells[key], key


def test_defaults_are_compared_at_all() -> None:
    """Without it the test above could pass by comparing nothing."""
    assert defaults("gateway.yaml")["venues.<venue>.timeout"] == "`10`"
    assert defaults("rollout.yaml")["salt"] == f"`{Rollout().salt}`"


def test_the_groups_are_documented_as_they_are() -> None:
    """Without it a bare symbol would trade on another grid or at another venue than the document says."""
    for group, asset_class in GROUPS.items():
        cells = re.search(rf"^\| {group} \| (.*) \|$", DOCUMENT, flags=re.MULTILINE)
        assert cells is not None, group
        for value in CLASS_DEFAULTS[asset_class].values():
            if value:
                assert (plain(value) if isinstance(value, Decimal) else value) in cells[1], (group, value)


def test_every_variable_is_documented() -> None:
    """Without it a variable would change a setting that nobody knows of."""
    listed = re.findall(r"^\| `([A-Z_]+)` \| `venues", DOCUMENT, flags=re.MULTILINE)
    assert listed == list(OVERRIDES)


def test_the_examples_in_the_document_load() -> None:
    """Without it the first thing a person copies could be refused."""
    for file in ("gateway", "risk", "instruments", "rollout"):
        section = DOCUMENT.partition(f"\n## {file}.yaml\n")[2].split("\n## ")[0]
        examples = re.findall(r"```yaml\n(.*?)```", section, flags=re.DOTALL)
        assert examples, f"the section of {file}.yaml shows none"
        for example in examples:
            if file == "gateway":
                parse_texts(gateway=example if "venues:\n  ibkr" in example else example + "\nvenues: {ibkr: {}}\n")
            else:
                listed = (
                    "symbols: [{symbol: AAPL, venue: ibkr, sector: technology}, {symbol: BTC/USDT, venue: binance}]"
                )
                parse_texts(**{"gateway": "venues: {ibkr: {}}", "instruments": listed, file: example})


def test_every_shipped_file_is_explained_line_by_line() -> None:
    """Without it a person would meet a bare number in a shipped file."""
    for name in FILES:
        text = (SHIPPED / name).read_text()
        assert text.startswith("#"), name
        assert all(len(line) <= 120 for line in text.splitlines()), name
    assert Path(SHIPPED, "gateway.yaml").read_text().count("#") > 40
