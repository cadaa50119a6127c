"""Questions about the past, answered in a process of its own: folding a journal takes seconds of a processor, which no
order should wait for."""

import asyncio
import sys
from pathlib import Path

import msgspec

from gateway.domain.review import StepRecord
from gateway.ports.checking import OrderCheckView
from gateway.ports.review import ReviewFailed
from gateway.ports.stories import ExplanationFailed

_TIMEOUT_S = 60.0
#: A step may be a month of orders.
_STEP_TIMEOUT_S = 300.0
#: The command lowers its own priority: code between fork and exec would run beside our threads, and not safely.
_RUN = "import os, sys; os.nice(15); from gateway.app.cli import main; sys.exit(main(sys.argv[1:]))"


class JournalExplainer:
    """Implements ``ports.stories.OrderExplainer`` by the command ``gateway explain``; one at a time."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._turn = asyncio.Lock()

    async def explain(self, order_id: str) -> OrderCheckView:
        command = ("explain", "--json", "--data", str(self._data_dir), "--", order_id)
        try:
            async with self._turn:
                return msgspec.json.decode(await _output(command, _TIMEOUT_S), type=OrderCheckView)
        except _Failed as failed:
            hint = f"; use `gateway explain {order_id}`" if failed.is_late else ""
            raise ExplanationFailed(f"{failed}{hint}") from None


class JournalSteps:
    """Implements ``ports.review.StepRecords`` by the command ``gateway rollout record``; one at a time."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._turn = asyncio.Lock()

    async def since(self, venue: str, since_ns: int) -> StepRecord:
        command = ("rollout", "record", "--since-ns", str(since_ns), "--data", str(self._data_dir), "--", venue)
        try:
            async with self._turn:
                return msgspec.json.decode(await _output(command, _STEP_TIMEOUT_S), type=StepRecord)
        except _Failed as failed:
            raise ReviewFailed(str(failed)) from None


class _Failed(Exception):
    """The command ended without an answer, or (``is_late``) did not end in time."""

    def __init__(self, text: str, *, is_late: bool = False) -> None:
        super().__init__(text)
        self.is_late = is_late


async def _output(command: tuple[str, ...], timeout_s: float) -> bytes:
    """What a command of ours prints. Ends it when nobody waits any more. Raises _Failed."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", _RUN, *command),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        output, errors = await asyncio.wait_for(process.communicate(), timeout_s)
    except TimeoutError:
        raise _Failed(f"folding the journal takes longer than {timeout_s:.0f} s", is_late=True) from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0:
        raise _Failed(errors.decode(errors="replace").strip() or f"gateway {command[0]} failed")
    return output
