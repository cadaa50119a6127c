"""Reading records in order, each checked against the one before it."""

from collections.abc import AsyncIterator, Callable

from gateway.adapters.journal.chain import link_stored
from gateway.adapters.journal.codec import CodecError, decode_record, kind_of
from gateway.adapters.journal.connection import Reader
from gateway.adapters.journal.errors import told
from gateway.adapters.journal.opening import Head, record_hash_at
from gateway.domain.records import Record
from gateway.ports.journal import JournalBroken

#: Records per hop. Decoding a page of them holds the event loop for some 4 ms.
_PAGE = 512
_SELECT = (
    "SELECT seq, ts_ns, kind, body, hash FROM records WHERE partition = ? AND seq > ? AND seq <= ? ORDER BY seq LIMIT ?"
)


async def read_records(
    reader: Reader, partition: str, after_seq: int, durable_head: Callable[[], Head]
) -> AsyncIterator[Record]:
    """Records after ``after_seq`` up to the durable head, which may move on meanwhile; pages, no long snapshot.

    Raises JournalBroken, JournalUnavailable; ValueError for a negative ``after_seq``.
    """
    if after_seq < 0:
        raise ValueError(f"records count from 1, and {after_seq} was asked for")
    if after_seq >= durable_head().seq:
        return
    with told("read"):
        previous = await record_hash_at(reader, partition, after_seq)
    if previous is None:
        raise JournalBroken(f"record {after_seq} is missing")
    seq = after_seq
    while seq < (head := durable_head()).seq:
        with told("read"):
            page = await reader.fetch(_SELECT, (partition, seq, head.seq, _PAGE))
        if not page:
            raise JournalBroken(f"records {seq + 1} to {head.seq} are missing")
        for found_seq, ts_ns, kind, body, stored in page:
            seq += 1
            if found_seq != seq:
                raise JournalBroken(f"record {seq} is missing: {found_seq} comes after {seq - 1}")
            if link_stored(previous, seq, ts_ns, body) != stored:
                raise JournalBroken(f"record {seq} is not what was written, or does not follow from {seq - 1}")
            yield _decoded(seq, ts_ns, kind, body)
            previous = stored
        if seq == head.seq and previous != head.hash:
            raise JournalBroken(f"record {seq} is not the one this process wrote: the journal was rewritten")


def _decoded(seq: int, ts_ns: int, kind: str, body: bytes) -> Record:
    try:
        record = decode_record(seq, ts_ns, body)
    except CodecError as error:
        raise JournalBroken(f"record {seq} is unreadable: {error}") from error
    if kind != kind_of(record):
        raise JournalBroken(f"record {seq} is marked as {kind} and holds {kind_of(record)}")
    return record
