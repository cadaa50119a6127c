"""A process of our own that gets one line and answers with lines, until its input is closed."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

_MAX_LINE = 8_000_000
_GRACE_S = 5.0
_MAX_WORDS = 200
_NEEDED = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "VIRTUAL_ENV")
_ROOT = Path(__file__).resolve().parents[2]


def step_back(nice: int) -> None:
    """Let the gateway have the processor first. To be called in a process that was started here: it has a session of
    its own, and where those share the processor (sched(7), autogroup), it is the session's priority that counts."""
    with contextlib.suppress(OSError):
        os.nice(nice)
    with contextlib.suppress(OSError):
        Path("/proc/self/autogroup").write_text(str(nice), encoding="ascii")


class WorkerProcess:
    """Runs ``code`` in another interpreter, which inherits the file descriptors ``inherited`` and no others.
    ``on_line`` hears every line of its output; it must not raise."""

    def __init__(self, code: str, on_line: Callable[[bytes], None], inherited: tuple[int, ...] = ()) -> None:
        self._code = code
        self._inherited = inherited
        self._on_line = on_line
        self._process: asyncio.subprocess.Process | None = None

    async def run(self, first_line: bytes) -> str:
        """Until it ends; returns why, in words. Raises OSError when it cannot be started."""
        process = self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            self._code,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=_MAX_LINE,
            pass_fds=self._inherited,
            env=_environment(),
            start_new_session=True,  # Ctrl+C in a terminal is the gateway's; it closes our input then
        )
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            async with asyncio.TaskGroup() as group:
                errors = group.create_task(process.stderr.read())
                group.create_task(self._listen(process.stdout))
                with contextlib.suppress(ConnectionError):
                    process.stdin.write(first_line + b"\n")
                    await process.stdin.drain()
            return _why(await process.wait(), errors.result().decode(errors="replace"))
        finally:
            if process.returncode is None:
                process.kill()

    async def close(self) -> None:
        """Close its input and wait until it has finished; end it when that takes long."""
        process = self._process
        if process is None or process.returncode is not None or process.stdin is None:
            return
        process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), _GRACE_S)
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    @property
    def has_finished(self) -> bool:
        """Whether it ended by itself, with all that it had to do."""
        return self._process is not None and self._process.returncode == 0

    async def _listen(self, output: asyncio.StreamReader) -> None:
        while line := await output.readline():
            self._on_line(line)


def _environment() -> dict[str, str]:
    """What an interpreter needs, and none of the credentials that the gateway was given."""
    found = {name: os.environ[name] for name in _NEEDED if name in os.environ}
    paths = [str(_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**found, "PYTHONPATH": os.pathsep.join(paths)}


def _why(status: int, errors: str) -> str:
    last = [line[:_MAX_WORDS] for line in errors.strip().splitlines()[-1:]]
    if status == -signal.SIGALRM:
        return "one order took it too long"
    if status < 0:
        return f"it was ended by {signal.Signals(-status).name}"
    return ": ".join([f"it ended with exit status {status}", *last])
