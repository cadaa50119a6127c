"""The hash chain: every record's hash covers its own content and the hash of the record before it.

One altered, missing, inserted or reordered record therefore breaks every later hash. There is no secret in it:
the chain shows damage and careless hands; against someone who rewrites everything from some point on, it needs
an anchor outside the table (the checkpoints, and the file of ``anchor.py``).
"""

import hashlib
import struct

_sha256 = hashlib.sha256
# Fixed-width fields, and the length before the body: no two different records give the same bytes to hash.
_pack = struct.Struct(">QqQ").pack


def genesis(partition: str) -> bytes:
    """The hash before the first record. Derived from the partition, so that two partitions cannot be swapped."""
    return _sha256(b"order gateway journal, partition " + partition.encode()).digest()


def link(previous: bytes, seq: int, ts_ns: int, body: bytes) -> bytes:
    """The hash of one record: sha256 over the previous hash, seq, ts_ns, and the body with its length."""
    return _sha256(previous + _pack(seq, ts_ns, len(body)) + body).digest()


def link_stored(previous: bytes, seq: int, ts_ns: object, body: object) -> bytes | None:
    """The same over columns as they were found; None when they are not even of the right types."""
    try:
        return _sha256(previous + _pack(seq, ts_ns, len(body)) + body).digest()  # type: ignore[arg-type,operator]
    except (TypeError, struct.error):
        return None
