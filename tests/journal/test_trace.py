"""The records of one order found in a long journal, without an index and without reading the rest of it."""

import asyncio
from pathlib import Path

import msgspec
import pytest

from gateway.adapters.journal import tracing
from gateway.domain.events import CancelReceived
from gateway.domain.facts import OrderInDoubt
from gateway.domain.records import Entry, Record
from tests.journal.helpers import opened
from tests.journal.samples import specimen

_S = 1_000_000_000
_LATE = 2**62


def entry(seq: int, order_id: str) -> Entry:
    """One record, a second after the one before it, about one order."""
    ts_ns = seq * _S
    event = CancelReceived(ts_ns=ts_ns, order_id=order_id, actor=specimen(CancelReceived).actor)
    fact = OrderInDoubt(ts_ns=ts_ns, order_id=order_id, text="x")
    return Entry(record=Record(seq=seq, ts_ns=ts_ns, event=event, facts=(fact,)))


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Three hundred records; each tenth is about o1, those after it about o10, o11 ... whose ids begin the same."""

    async def write() -> None:
        async with opened(tmp_path) as journal:
            await journal.append([entry(seq, "o1" if seq % 10 == 0 else f"o1{seq % 10}") for seq in range(1, 301)])

    asyncio.run(write())
    return tmp_path


async def seqs(directory: Path, since_s: int, until_ns: int) -> tuple[list[int], bool]:
    async with opened(directory) as journal:
        found = await journal.trace("o1", since_s * _S, until_ns)
        return [record.seq for record in found.records], found.is_whole


async def test_all_records_of_an_order_are_found_and_no_others(directory: Path) -> None:
    """Without this, a story could miss a fill, or tell one of another order."""
    assert await seqs(directory, 0, _LATE) == (list(range(10, 301, 10)), True)


@pytest.mark.parametrize(("since_s", "first"), [(1, 10), (10, 10), (12, 20), (155, 160), (299, 300), (300, 300)])
async def test_the_search_begins_where_the_order_began(directory: Path, since_s: int, first: int) -> None:
    """Without this, each look at an order would read a journal of years from its beginning."""
    found, _ = await seqs(directory, since_s, _LATE)
    assert found[0] == first


async def test_the_search_ends_after_the_order_did(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without this, the story of an old order would be looked for up to now."""
    monkeypatch.setattr(tracing, "_PAGE", 20)
    assert await seqs(directory, 0, 60 * _S) == (list(range(10, 81, 10)), True)


async def test_a_story_too_long_to_be_found_whole_says_so(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without this, an order that works for weeks would seem to have had no fills since the first day."""
    monkeypatch.setattr(tracing, "_SEARCHED", 100)
    assert await seqs(directory, 0, _LATE) == (list(range(10, 101, 10)), False)
    monkeypatch.setattr(tracing, "_SEARCHED", 300)
    monkeypatch.setattr(tracing, "_KEPT", 5)
    assert await seqs(directory, 0, _LATE) == ([10, 20, 30, 40, 50], False)


async def test_an_empty_journal_has_no_story(tmp_path: Path) -> None:
    """Without this, the first look at a new gateway could fail."""
    assert await seqs(tmp_path, 0, _LATE) == ([], True)


@pytest.mark.parametrize("page", [20, 10_000])
async def test_a_clock_that_was_set_back_leaves_no_story_that_seems_whole(
    page: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without this, an order of before a restart with the clock set back would be told as whole, with nothing in it."""
    monkeypatch.setattr(tracing, "_PAGE", page)

    def at(seq: int, second: int) -> Entry:
        one = entry(seq, "o1" if seq == 50 else "other").record
        return Entry(record=msgspec.structs.replace(one, ts_ns=second * _S))

    async with opened(tmp_path) as journal:
        await journal.append([at(seq, 100 + seq) for seq in range(1, 101)])
        await journal.append([at(seq, seq - 100) for seq in range(101, 301)])  # set back
    assert await seqs(tmp_path, 150, 160 * _S) == ([], False)
