"""The process that runs a candidate: heard while it lives, told of when it ends, never waited for."""

import asyncio

import pytest

from gateway.adapters.worker_process import WorkerProcess

ECHO = "import sys; print(sys.stdin.readline().strip(), flush=True); sys.stdin.read(); print('bye', flush=True)"


async def test_it_gets_its_line_answers_with_lines_and_finishes_when_its_input_ends() -> None:
    """Without this, what a candidate learnt last would be lost at every stop."""
    heard: list[bytes] = []
    is_up = asyncio.Event()

    def hear(line: bytes) -> None:
        heard.append(line)
        is_up.set()

    process = WorkerProcess(ECHO, hear)
    async with asyncio.TaskGroup() as group:
        run = group.create_task(process.run(b"hello"))
        await is_up.wait()
        await process.close()
    assert heard == [b"hello\n", b"bye\n"]
    assert run.result() == "it ended with exit status 0"


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("import signal; signal.alarm(1); signal.pause()", "one order took it too long"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "it was ended by SIGKILL"),
        ("raise SystemExit('no journal')", "it ended with exit status 1: no journal"),
        ("import os; os.close(1); os.write(2, b'x' * 200_000)", "it ended with exit status 0: " + "x" * 200),
    ],
    ids=["hangs", "killed", "refuses", "floods"],
)
async def test_however_it_ends_the_reason_is_told(code: str, why: str) -> None:
    """Without this, a candidate would be down and nobody would know why, or the gateway would wait for it."""
    assert await WorkerProcess(code, lambda line: None).run(b"job") == why
