"""What objects to an edit names a file and a key; a person wants the line."""

import pytest

from gateway.adapters.config import pointed
from tests.config.samples import shipped_files

FILES = shipped_files() | {
    "gateway.yaml": b"modes:\n  global: LIVE\n  venues:\n    IBKR:\n      mode: LIVE\n    beta: {}\nexchange: [\n",
    "instruments.yaml": b"symbols:\n  equities:\n    - symbol: BRK\n    - symbol: BRK B\n      lot_size: 2\n",
}
GATEWAY = FILES["gateway.yaml"].removesuffix(b"exchange: [\n")


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("gateway.yaml: modes.venues.ibkr.mode: venue ibkr would", "gateway.yaml:5:7: modes.venues.ibkr.mode: venue"),
        ("gateway.yaml: modes.venues.beta.mode: venue beta would", "gateway.yaml:6:5: modes.venues.beta.mode: venue"),
        ("gateway.yaml: base_currency EUR -> USD: the books", "gateway.yaml: base_currency EUR -> USD: the books"),
        ("instruments.yaml: BRK B has an open position", "instruments.yaml:4:15: BRK B has an open position"),
        ("instruments.yaml: BRK has an open position", "instruments.yaml:3:15: BRK has an open position"),
        ("instruments.yaml: ES has an open position", "instruments.yaml: ES has an open position"),
        ("principals.yaml: the edit takes away", "principals.yaml: the edit takes away"),
        ("ibkr SHADOW -> LIVE: one step", "ibkr SHADOW -> LIVE: one step"),
        ("", ""),
    ],
)
def test_a_key_is_pointed_at_where_it_stands(text: str, place: str) -> None:
    """Without this, who is told that AAPL cannot leave searches six files for what he changed."""
    (told,) = pointed([text], FILES | {"gateway.yaml": GATEWAY})
    assert told.startswith(place)
    assert pointed([text], FILES)[0].endswith(text.partition(": ")[2])  # of a file that cannot be read: no line
