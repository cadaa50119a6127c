"""A gateway in a process of its own: started, found, and stopped again whatever happens."""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

#: The command that serves; the same as ``gateway serve``.
SERVE = (sys.executable, "-m", "gateway", "serve")
_READY = "ready on "
_START_S, _STOP_S = 30.0, 10.0
_LOG_LINES = 15


class GatewayFailed(Exception):
    """It did not start, or it ended by itself; the text holds the end of its log."""


@dataclass
class Running:
    url: str
    process: asyncio.subprocess.Process
    log: Path

    def check(self) -> None:
        """Raises GatewayFailed when it is not there any more."""
        if self.process.returncode is not None:
            raise GatewayFailed(f"the gateway ended with status {self.process.returncode}:\n{_tail(self.log)}")


@asynccontextmanager
async def gateway(config: Path, data: Path, log: Path) -> AsyncIterator[Running]:
    """A gateway on a free port of this machine. It has a session of its own: Ctrl-C is for us, we stop it."""
    with log.open("wb") as stderr:
        process = await asyncio.create_subprocess_exec(
            *SERVE,
            *("--config", str(config), "--data", str(data), "--host", "127.0.0.1", "--port", "0"),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=stderr,
            start_new_session=True,
        )
    try:
        yield Running(await _url_of(process, log), process, log)
    finally:
        await _stop(process)


async def _url_of(process: asyncio.subprocess.Process, log: Path) -> str:
    assert process.stdout is not None
    try:
        async with asyncio.timeout(_START_S):
            async for line in process.stdout:
                text = line.decode(errors="replace").strip()
                if text.startswith(_READY):
                    return text.removeprefix(_READY)
            await process.wait()
    except TimeoutError:
        raise GatewayFailed(f"the gateway was not ready within {_START_S:g} s:\n{_tail(log)}") from None
    raise GatewayFailed(f"the gateway did not start:\n{_tail(log)}")


async def _stop(process: asyncio.subprocess.Process) -> None:
    """Ask it to stop, and insist when it does not. Not to be interrupted: nothing may be left running."""
    if process.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(_STOP_S):
            await process.wait()
    except (TimeoutError, asyncio.CancelledError) as error:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        if isinstance(error, asyncio.CancelledError):
            raise


def _tail(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-_LOG_LINES:]
    return "\n".join(f"  {line}" for line in lines) or "  (it said nothing)"
