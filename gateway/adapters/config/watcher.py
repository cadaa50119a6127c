"""Follow edits of the configuration directory and report each one, parsed: as settings or as what is wrong.

Notifications make it quick, looking at the files every half second makes it certain: editors rename and replace,
mounts swap symbolic links, some file systems notify nobody. A file is read until two looks agree, so that nobody
reports half of it; and what cannot be parsed gets a second chance, for editors that write slowly.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path

from watchfiles import awatch

from gateway.adapters.config.loading import Loaded, load_files, read_files
from gateway.adapters.config.problems import ConfigInvalid, ConfigProblem
from gateway.adapters.config.tables import FILES

_LOG = logging.getLogger("gateway.config")
_LOOK_EVERY_MS = 500
_DEBOUNCE_MS = 50
_SETTLE_S = 0.05
_MAX_LOOKS = 10
_SECOND_CHANCE_S = 0.2
_RETRY_NOTIFICATIONS_LOOKS = 20

Outcome = Loaded | ConfigInvalid
OnChange = Callable[[Outcome], Awaitable[None]]

#: The content of the files, or the words of what keeps them from being read.
_Content = dict[str, bytes] | str


class ConfigWatcher:
    """Calls ``on_change`` once for every content of the files that differs from the one before.

    ``files`` are the bytes now in force: an edit made between reading them and ``run`` is seen too. With
    ``are_on_disk`` False (the last good ones are in force) whatever lies on the disk is reported first. While
    ``is_refused`` says that what was reported last lacked something that may have come since, saving the same content
    again reports it again. ``run`` ends only by cancellation; whatever ``on_change`` raises is logged.
    """

    def __init__(
        self,
        directory: Path,
        environ: Mapping[str, str],
        files: Mapping[str, bytes],
        on_change: OnChange,
        *,
        are_on_disk: bool = True,
        is_refused: Callable[[], bool] = lambda: False,
    ) -> None:
        self._is_refused = is_refused
        self._directory = directory
        self._environ = environ
        self._on_change = on_change
        self._seen: _Content = dict(files) if are_on_disk else {}
        self._expected = frozenset(files)
        self._stamps: object = None

    async def run(self) -> None:
        """Watch until cancelled."""
        while True:
            try:
                async for is_notified in self._wake_ups():
                    await self._look(is_notified)
            except Exception:
                _LOG.exception("watching %s failed; going on by looking", self._directory)
                await asyncio.sleep(_LOOK_EVERY_MS / 1000)

    async def _wake_ups(self) -> AsyncIterator[bool]:
        """Whenever it is time to look: True when something changed, False when it is only time again."""
        try:
            async for changes in awatch(
                self._directory,
                watch_filter=None,
                debounce=_DEBOUNCE_MS,
                step=_DEBOUNCE_MS // 2,
                rust_timeout=_LOOK_EVERY_MS,
                yield_on_timeout=True,
                recursive=False,
            ):
                yield bool(changes)
        except (OSError, RuntimeError) as error:  # no directory now, or no notifications here
            _LOG.info("no notifications for %s (%s): looking every %s ms", self._directory, error, _LOOK_EVERY_MS)
        for _ in range(_RETRY_NOTIFICATIONS_LOOKS):
            yield False
            await asyncio.sleep(_LOOK_EVERY_MS / 1000)

    async def _look(self, is_notified: bool) -> None:
        stamps = await asyncio.to_thread(_stamps, self._directory)
        if stamps == self._stamps and not is_notified:
            return
        content = await self._settled()
        is_asked_again = stamps != self._stamps and self._is_refused()
        self._stamps = stamps
        if content == self._seen and not is_asked_again:
            return
        outcome = await self._load()
        if isinstance(outcome, ConfigInvalid):
            await asyncio.sleep(_SECOND_CHANCE_S)
            content = await self._settled()
            if content == self._seen:
                return
            outcome = await self._load()
        self._seen = outcome.files if isinstance(outcome, Loaded) else content
        if isinstance(outcome, Loaded):
            self._expected = frozenset(outcome.files)
        try:
            await self._on_change(outcome)
        except Exception:
            _LOG.exception("a changed configuration could not be handled")

    async def _settled(self) -> _Content:
        """The content once two looks agree, or the last of many while someone keeps writing."""
        before = await asyncio.to_thread(_content, self._directory)
        for _ in range(_MAX_LOOKS):
            await asyncio.sleep(_SETTLE_S)
            after = await asyncio.to_thread(_content, self._directory)
            if after == before:
                break
            before = after
        return before

    async def _load(self) -> Outcome:
        try:
            return await asyncio.to_thread(load_files, self._directory, self._environ, self._expected)
        except ConfigInvalid as invalid:
            return invalid
        except Exception as error:
            _LOG.exception("the configuration could not be parsed")
            rule = f"could not be parsed: {type(error).__name__}"
            return ConfigInvalid([ConfigProblem(file=str(self._directory), line=0, column=0, key="", rule=rule)])


def _stamps(directory: Path) -> object:
    """What tells cheaply that nothing was written: times, size and identity of each file."""
    stamps: list[tuple[object, ...]] = []
    for name in FILES:
        try:
            found = (directory / name).stat()
        except OSError as error:
            stamps.append((name, error.errno))
        else:
            stamps.append((name, found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino))
    return stamps


def _content(directory: Path) -> _Content:
    try:
        return read_files(directory)
    except ConfigInvalid as invalid:
        return str(invalid)
