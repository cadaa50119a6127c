"""Records that were linked anew after one was taken out: the chain is whole, and they fit each other no more."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from gateway.adapters.journal.chain import genesis, link
from gateway.app.checks import replay_journal
from gateway.app.explain import explain_order
from gateway.domain.enums import Mode, OrdStatus
from gateway.domain.events import OrderReceived
from gateway.ports.journal import JournalBroken
from gateway.service.recovery import recover, recover_with_archive
from tests.journal.helpers import opened, tamper
from tests.service.desk import desk


async def test_a_chain_linked_anew_is_refused_in_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without this, `gateway replay`, `gateway explain` and a start over such a journal end in the KeyError of whatever
    fact comes first, which tells nobody that the journal was altered."""
    async with opened(tmp_path) as journal, desk(Mode.LIVE, journal=journal) as one:  # type: ignore[arg-type]
        for name in ("first", "second"):
            reply = await one.place(cl_ord_id=name)
            await one.until(lambda reply=reply: one.order(reply).ord_status is OrdStatus.FILLED)
        assert reply.story is not None
        await one.engine.close()
    with closing(sqlite3.connect(tmp_path / "journal.sqlite3")) as connection:
        rows = connection.execute("SELECT seq, ts_ns, kind, body FROM records ORDER BY seq").fetchall()
    gone = next(seq for seq, _, kind, _ in rows if kind == OrderReceived.__name__)
    tamper(tmp_path, "DELETE FROM records WHERE seq = ?", gone)
    previous = genesis("main")
    for seq, ts_ns, _, body in rows:
        if seq != gone:
            number = seq if seq < gone else seq - 1
            previous = link(previous, number, ts_ns, body)
            tamper(tmp_path, "UPDATE records SET seq = ?, hash = ? WHERE seq = ?", number, previous, seq)
    tamper(tmp_path, "DELETE FROM checkpoints")
    (tmp_path / "journal.head").unlink()
    capsys.readouterr()

    assert await replay_journal(tmp_path) == 1
    assert "does not fit what the records before it come to" in capsys.readouterr().err
    assert await explain_order(tmp_path, reply.story.order.order_id, is_json=False) == 1
    assert "does not fit what the records before it come to" in capsys.readouterr().err
    async with opened(tmp_path) as journal:
        for fold in (recover, recover_with_archive):
            with pytest.raises(JournalBroken, match="does not fit"):
                await fold(journal)
