"""Walks through the whole journal from time to time, in a process of its own: hashing a day's records takes seconds
that the event loop does not have."""

import asyncio
import logging
import shutil
import sys
from pathlib import Path

from gateway.ports.clock import Clock

_log = logging.getLogger(__name__)
#: The first look comes soon after the start, when nothing else is settling any more.
_FIRST_S = 300.0


class AuditWatch:
    """Runs ``gateway audit verify`` every ``every_s`` seconds (0: never). ``problem`` is what it found last."""

    def __init__(self, data_dir: Path, clock: Clock, every_s: int) -> None:
        self._data_dir = data_dir
        self._clock = clock
        self._every_s = every_s
        self.problem = ""
        #: When the journal was last walked, whatever came of it; 0 before that.
        self.walked_ns = 0

    @property
    def is_on(self) -> bool:
        return bool(self._every_s)

    async def run(self) -> None:
        """Until cancelled. An audit that cannot be run is told like one that found something."""
        if not self._every_s:
            return
        wait_s = min(_FIRST_S, float(self._every_s))
        while True:
            await asyncio.sleep(wait_s)
            wait_s = float(self._every_s)
            await self.look()

    async def look(self) -> None:
        try:
            self.problem = await self._verify()
        except OSError as error:
            self.problem = f"it cannot be run: {error}"
        self.walked_ns = self._clock.now_ns()
        if self.problem:
            _log.critical("the audit of the journal failed: %s", self.problem)

    async def _verify(self) -> str:
        """What is wrong, in words; empty when the journal is whole."""
        command = [sys.executable, "-m", "gateway", "audit", "verify", "--data", str(self._data_dir)]
        if nice := shutil.which("nice"):
            command = [nice, "-n", "19", *command]
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            _, said = await process.communicate()
        except asyncio.CancelledError:
            process.kill()
            await process.wait()
            raise
        if process.returncode == 0:
            return ""
        first = said.decode(errors="replace").strip().splitlines()
        return first[0] if first else f"it ended with status {process.returncode}"
