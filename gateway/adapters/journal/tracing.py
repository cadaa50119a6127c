"""The records that speak of one order, found without an index: by the time of the order, and its id in the body.

The search itself runs in SQLite, in the reader's thread and in pages, so that it holds up neither the event loop nor
other reads for long.
"""

from gateway.adapters.journal.codec import CodecError, decode_record
from gateway.adapters.journal.connection import Reader
from gateway.domain.records import Record
from gateway.ports.journal import JournalBroken, OrderTrace

#: Records searched per hop to the thread: some 20 ms.
_PAGE = 10_000
#: Records searched in all, from the order's beginning on: some hours of a busy day.
_SEARCHED = 200_000
_KEPT = 500
_SLACK_NS = 1_000_000_000


async def trace(
    reader: Reader, partition: str, last_seq: int, order_id: str, since_ns: int, until_ns: int
) -> OrderTrace:
    """See ``ports.journal.OrderTraces``. Raises sqlite3.Error, JournalBroken."""
    needle = f'"{order_id}"'.encode()
    seq = await seq_before(reader, partition, last_seq, since_ns - _SLACK_NS)
    stop = min(last_seq, seq + _SEARCHED)
    records: list[Record] = []
    while seq < stop:
        rows = await reader.fetch(
            "SELECT seq, ts_ns, body FROM records WHERE partition = ? AND seq > ? AND seq <= ? AND instr(body, ?) > 0"
            " ORDER BY seq",
            (partition, seq, min(seq + _PAGE, stop), needle),
        )
        records.extend(_decoded(*row) for row in rows)
        seq += _PAGE
        if len(records) >= _KEPT:
            return OrderTrace(tuple(records[:_KEPT]), is_whole=False)
        if await _ts_ns(reader, partition, min(seq, stop)) > until_ns + _SLACK_NS:
            return OrderTrace(tuple(records), is_whole=bool(records))
    # An order has a record at least: where none is found, a clock that was set back led the search astray.
    return OrderTrace(tuple(records), is_whole=stop == last_seq and bool(records or not last_seq))


async def seq_before(reader: Reader, partition: str, last_seq: int, since_ns: int) -> int:
    """The last record of before that time (0: none): in the order of their times, but for a clock set back."""
    low, high = 0, last_seq
    while low < high:
        middle = (low + high + 1) // 2
        if await _ts_ns(reader, partition, middle) < since_ns:
            low = middle
        else:
            high = middle - 1
    return low


async def _ts_ns(reader: Reader, partition: str, seq: int) -> int:
    rows = await reader.fetch("SELECT ts_ns FROM records WHERE partition = ? AND seq = ?", (partition, seq))
    if not rows:
        raise JournalBroken(f"record {seq} is missing")
    return int(rows[0][0])


def _decoded(seq: int, ts_ns: int, body: bytes) -> Record:
    try:
        return decode_record(seq, ts_ns, body)
    except CodecError as error:
        raise JournalBroken(f"record {seq} is unreadable: {error}") from error
