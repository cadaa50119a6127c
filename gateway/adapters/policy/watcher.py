"""Follow edits of the policy folder. Looking five times a second works on every file system, for a few stats."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path

from gateway.adapters.policy.files import stamps_of

_log = logging.getLogger("gateway.policy")
_LOOK_EVERY_S = 0.2


class PolicyWatcher:
    """Calls ``on_change`` after the folder's files changed and have stayed the same for one look.

    What counts as known is the folder as it is when the watcher is made: make it before the policies are read.
    """

    def __init__(self, folder: Path, on_change: Callable[[], Awaitable[None]]) -> None:
        self._folder = folder
        self._on_change = on_change
        self._known = stamps_of(folder)

    async def run(self) -> None:
        """Watch until cancelled; whatever ``on_change`` raises is logged."""
        before = self._known
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            now = await asyncio.to_thread(stamps_of, self._folder)
            if now != self._known and now == before:
                self._known = now
                try:
                    await self._on_change()
                except Exception:
                    _log.exception("changed policies could not be handled")
            before = now
