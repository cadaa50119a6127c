"""The definition of the hash chain, held to the letter."""

import hashlib

from gateway.adapters.journal.chain import genesis, link, link_stored


def test_the_chain_is_defined_as_documented() -> None:
    """Any other formula, however good, would declare every journal in use broken."""
    start = hashlib.sha256(b"order gateway journal, partition main").digest()
    assert genesis("main") == start
    body = b'{"v":1}'
    fields = (1).to_bytes(8, "big") + (1_763_689_000_000_000_000).to_bytes(8, "big") + (7).to_bytes(8, "big")
    first = hashlib.sha256(start + fields + body).digest()
    assert link(start, 1, 1_763_689_000_000_000_000, body) == first
    assert link_stored(start, 1, 1_763_689_000_000_000_000, body) == first
    assert first.hex() == "1e8bf9d1019729ec3795f9b95948828b9242b018fa66c0df2a9016ac080ca3aa"


def test_columns_of_the_wrong_kind_have_no_hash() -> None:
    """SQLite stores anything in any column; a tampered type must be a finding and not a crash."""
    for ts_ns, body in ((None, b"x"), ("1", b"x"), (1.5, b"x"), (2**63, b"x"), (1, "x"), (1, None), (1, 7)):
        assert link_stored(genesis("main"), 1, ts_ns, body) is None
