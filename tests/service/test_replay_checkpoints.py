"""What `gateway replay` finds that no hash can: a checkpoint that was written anew, hashes and all."""

from pathlib import Path

import msgspec
import pytest

from gateway.adapters.journal import SqliteJournal, verify
from gateway.adapters.journal.checkpoints import digest
from gateway.app.checks import replay_journal
from gateway.core.checkpoint import checkpoint_of
from gateway.domain.enums import Mode, OrdStatus
from gateway.domain.records import Checkpoint
from gateway.service.recovery import recover
from tests.journal.helpers import opened, tamper
from tests.service.desk import desk


async def traded(directory: Path) -> None:
    """A journal of one filled order, stopped with a checkpoint."""
    async with opened(directory) as journal, desk(Mode.LIVE, journal=journal) as one:  # type: ignore[arg-type]
        reply = await one.place(cl_ord_id="mine")
        await one.until(lambda: one.order(reply).ord_status is OrdStatus.FILLED)
        await one.engine.close()


async def forged(directory: Path) -> Checkpoint:
    """The newest checkpoint with the day changed, whole in itself."""
    journal = await SqliteJournal.open(directory)
    try:
        state, seq = await recover(journal)
    finally:
        await journal.close()
    state.statistics.clear()
    return checkpoint_of(state, seq, 1)


async def test_a_checkpoint_of_another_state_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without this, whoever slips a state in (a smaller loss, a limit used less) has it believed by the next start, and
    both `gateway audit verify` and `gateway replay` say that all is well."""
    await traded(tmp_path)
    assert await replay_journal(tmp_path) == 0, capsys.readouterr().err
    one = await forged(tmp_path)
    sql = "UPDATE checkpoints SET ts_ns = ?, state = ?, state_hash = ?, digest = ? WHERE seq = ?"
    assert tamper(tmp_path, sql, one.ts_ns, one.state, one.state_hash, digest(one), one.seq) == 1
    assert verify(tmp_path).is_intact, "no hash shows it"
    capsys.readouterr()
    assert await replay_journal(tmp_path) == 1
    assert f"the checkpoint at record {one.seq} holds another state" in capsys.readouterr().err


async def test_a_checkpoint_that_no_start_uses_is_no_difference(tmp_path: Path) -> None:
    """Without this, the checkpoints of another version would fail the replay that an upgrade begins with."""
    await traded(tmp_path)
    one = await forged(tmp_path)
    old = msgspec.structs.replace(one, state_hash="of another version")
    sql = "UPDATE checkpoints SET ts_ns = ?, state = ?, state_hash = ?, digest = ? WHERE seq = ?"
    assert tamper(tmp_path, sql, old.ts_ns, old.state, old.state_hash, digest(old), old.seq) == 1
    assert await replay_journal(tmp_path) == 0
