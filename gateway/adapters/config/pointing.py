"""Where in its file an objection points: ``gateway.yaml: modes.global ...`` with the line and column of the key.

What objects to an edit knows settings, and no lines: it names the file and the key (of an instrument: the symbol).
"""

from collections.abc import Iterable, Iterator, Mapping

from gateway.adapters.config.problems import Problems
from gateway.adapters.config.tables import FILES, INSTRUMENTS
from gateway.adapters.config.yaml_text import Node, Scalar, Table, compose


def pointed(texts: Iterable[str], files: Mapping[str, bytes]) -> tuple[str, ...]:
    """``texts``, with the line and column of what they name in ``files``, or of the nearest thing around it."""
    roots: dict[str, Table | None] = {}
    return tuple(_pointed(text, files, roots) for text in texts)


def _pointed(text: str, files: Mapping[str, bytes], roots: dict[str, Table | None]) -> str:
    file, _, rest = text.partition(": ")
    if file not in FILES or file not in files:
        return text
    if file not in roots:
        roots[file] = compose(file, files[file], Problems())
    root = roots[file]
    place = None if root is None else _symbol(root, rest) if file == INSTRUMENTS else _key(root, rest)
    return text if place is None else f"{file}:{place.line}:{place.column}: {rest}"


def _key(root: Table, rest: str) -> Scalar | None:
    """The key that ``rest`` begins with, as far as it is there; case is none of its meaning."""
    node: Node = root
    found = None
    for part in rest.partition(" ")[0].rstrip(":").split("."):
        if not isinstance(node, Table):
            break
        known = {name.casefold(): entry for name, entry in node.entries.items()}
        if part.casefold() not in known:
            break
        found, node = known[part.casefold()]
    return found


def _symbol(root: Table, rest: str) -> Scalar | None:
    """Where the symbol that ``rest`` begins with is listed; one may begin with another (``BRK``, ``BRK B``)."""
    meant = (one for one in _symbols(root) if one.text and rest.startswith((f"{one.text} ", f"{one.text}: ")))
    return max(meant, key=lambda one: len(one.text), default=None)


def _symbols(node: Node) -> Iterator[Scalar]:
    """All symbols, each by itself or as the ``symbol`` of an entry."""
    if isinstance(node, Scalar):
        yield node
        return
    if isinstance(node, Table):
        named = node.entries.get("symbol")
        below = [value for _, value in node.entries.values()] if named is None else [named[1]]
    else:
        below = node.items
    for one in below:
        yield from _symbols(one)
