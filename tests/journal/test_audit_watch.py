"""The audit beside a running gateway: that somebody altered the journal must not wait for a person who looks."""

from pathlib import Path

from gateway.adapters.clock import SystemClock
from gateway.adapters.journal.audit_watch import AuditWatch
from tests.journal.helpers import opened, tamper
from tests.journal.samples import notes


async def test_a_whole_journal_passes_while_it_is_written_and_an_altered_one_is_told(tmp_path: Path) -> None:
    """Without this, a forged record would be found on the day somebody thinks of running the audit."""
    watch = AuditWatch(tmp_path, SystemClock(), 60)
    async with opened(tmp_path) as journal:
        await journal.append(notes(1, 5))
        await watch.look()
        assert (watch.problem, watch.walked_ns > 0) == ("", True)
    tamper(tmp_path, "UPDATE records SET body = body || ' ' WHERE seq = 3")
    await watch.look()
    assert "record 3" in watch.problem


async def test_an_audit_that_cannot_be_run_is_a_finding(tmp_path: Path) -> None:
    """Without this, a journal that cannot be read would pass for one that is whole."""
    watch = AuditWatch(tmp_path / "nothing", SystemClock(), 60)
    await watch.look()
    assert watch.problem
