"""Work that an adapter does beside its requests: kept alive while it runs, canceled with the adapter, never silent."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

_log = logging.getLogger(__name__)
#: Between two cancels of the same task.
_PATIENCE_S = 0.5


class Background:
    """The tasks of one adapter."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._tasks: set[asyncio.Task[None]] = set()

    def spawn(self, work: Coroutine[Any, Any, None], what: str) -> None:
        task = asyncio.get_running_loop().create_task(work, name=f"{self._name}: {what}")
        self._tasks.add(task)
        task.add_done_callback(self._on_done)

    async def close(self) -> None:
        """Cancel all of it, and wait until it is gone. Again and again: a client library may take the cancel of a task
        for a broken connection, and whoever called it would go on for ever."""
        while self._tasks:
            for task in list(self._tasks):
                task.cancel()
            await asyncio.wait(list(self._tasks), timeout=_PATIENCE_S)

    def _on_done(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            _log.error("%s failed: %r", task.get_name(), task.exception())
