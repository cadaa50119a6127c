"""A candidate whose process ended before its time: what it came to until then proves nothing."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from gateway.app import candidates
from gateway.app.candidate_proofs import shown_on_record
from gateway.app.candidate_worker import Job, keep, remembered
from gateway.domain.candidates import CandidateGates, CandidateReport, CandidateTerms
from gateway.domain.rollout import Verdict
from gateway.domain.settings import CandidateSettings
from gateway.service.tasks import TaskGroup
from tests.candidates.test_follower import NEW, follower, last
from tests.world import World

CONTENT = "limits aa, policies bb"
SETTINGS = {"c": CandidateSettings(gates=CandidateGates(min_orders=1))}
GOOD = CandidateReport(revision=CONTENT, since_seq=0, since_ns=0, orders=10_000)


class Ends:
    """A process that ends at once, for the reason given."""

    has_finished = False

    def __init__(self, *_: Any) -> None:
        pass

    async def run(self, first_line: bytes) -> str:
        return "one order took it too long"

    async def close(self) -> None:
        pass


def job(data: Path) -> Job:
    memory = data / "candidates" / "c.json"
    keep(memory, GOOD)
    return Job(revision=CONTENT, data_dir=str(data), memory=str(memory), config=None, policies=None, enforced=None)


def verdicts(data: Path) -> list[Verdict]:
    (one,) = shown_on_record(data, SETTINGS, CandidateTerms())
    return [gate.verdict for gate in one.gates if gate.verdict is not Verdict.PASS]


def running(work: Job) -> Any:
    one = candidates._Running("c", None, TaskGroup())  # type: ignore[arg-type]
    one._job = work
    return one


async def test_one_that_was_stopped_is_no_proof_after_a_restart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without it policies that hang on an order, for which their candidate was stopped, would be put in force by a
    restart of the gateway: what the candidate kept said nothing of it."""
    work = job(tmp_path)
    assert verdicts(tmp_path) == []
    monkeypatch.setattr(candidates, "WorkerProcess", Ends)
    monkeypatch.setattr(candidates, "_RESTART_AFTER_S", 0)
    await running(work)._keep_running(work)
    assert verdicts(tmp_path) == [Verdict.ERROR]
    kept = remembered(Path(work.memory), CONTENT)
    assert kept is not None
    assert (kept.trouble, kept.orders) == ("one order took it too long", 10_000)


async def test_one_that_was_ended_at_the_close_is_no_proof_either(tmp_path: Path) -> None:
    """Without it the restart would only have to come while the candidate hangs."""
    work = job(tmp_path)
    one = running(work)
    one._process = Ends()
    await one.close()
    assert verdicts(tmp_path) == [Verdict.ERROR]


async def test_it_proves_again_once_it_has_judged_what_is_on_record() -> None:
    """Without it a process that was killed once would take away all that a candidate ever showed."""
    world = World()
    world.place()
    one = follower(world, msgspec.structs.replace(NEW, trouble="killed"))
    assert one.report(len(world.records)).trouble == "killed"
    assert (await last(one)).trouble == ""
    world.place()
    assert (await last(one)).trouble == ""


@pytest.mark.parametrize(("behind", "proven"), [(500, []), (40_000, [Verdict.ERROR])])
def test_what_was_kept_far_behind_the_journal_is_no_proof(tmp_path: Path, behind: int, proven: list[Verdict]) -> None:
    """Without it limits that a running gateway refuses, because their candidate is still catching up, would be put in
    force by cutting its power, and `check-config --data` would call them proven beside it."""
    keep(tmp_path / "candidates" / "c.json", msgspec.structs.replace(GOOD, seq=10_000, head_seq=10_000 + behind))
    assert verdicts(tmp_path) == proven


def test_what_was_kept_and_is_no_text_any_more_is_no_proof(tmp_path: Path) -> None:
    """Without it one flipped bit in the file of a candidate ends every start of the gateway in a traceback."""
    memory = Path(job(tmp_path).memory)
    memory.write_bytes(memory.read_bytes().replace(CONTENT.encode(), b"\xff"))
    assert remembered(memory) is None
    assert shown_on_record(tmp_path, SETTINGS, CandidateTerms()) == ()
    keep(tmp_path / "candidates" / "c.json", GOOD)
    with pytest.raises(FileNotFoundError):
        keep(tmp_path / "moved away" / "candidates" / "c.json", GOOD)
