"""Edits as people and machines make them are seen within a second, once each, and nothing stops the watching."""

import asyncio
import contextlib
import os
import shutil
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from gateway.adapters.config import ConfigInvalid, ConfigWatcher, Loaded, read_files
from gateway.adapters.config import watcher as module
from gateway.adapters.config.tables import FILES
from gateway.adapters.config.watcher import Outcome
from tests.config.samples import SHIPPED
from tests.patience import PATIENCE_S

GOOD = "limits: {max_order_value: %s}\n"


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SHIPPED, tmp_path / "config"))


class Seen:
    """What the watcher reported, in words: a limit, or the file that cannot be used."""

    def __init__(self) -> None:
        self.words: list[str] = []
        self.fails = False
        self._reported = asyncio.Event()

    async def __call__(self, outcome: Outcome) -> None:
        if isinstance(outcome, Loaded):
            self.words.append(str(outcome.settings.trading.limits.gateway.max_order_value))
        else:
            self.words.append(outcome.problems[0].file)
        self._reported.set()
        if self.fails:
            raise RuntimeError("the callback failed")

    async def wait(self, count: int) -> list[str]:
        """The reports, once there are ``count`` of them (a loaded machine is given time)."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_S):
                while len(self.words) < count:
                    await self._reported.wait()
                    self._reported.clear()
        return self.words


@asynccontextmanager
async def watching(directory: Path, seen: Seen) -> AsyncIterator[None]:
    watcher = ConfigWatcher(directory, {}, read_files(directory), seen)
    task = asyncio.get_running_loop().create_task(watcher.run())
    await asyncio.sleep(0.3)
    try:
        yield
    finally:
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


def write_in_place(path: Path, text: str) -> None:
    path.write_text(text)


def write_and_rename(path: Path, text: str) -> None:
    fresh = path.with_suffix(".tmp")
    fresh.write_text(text)
    os.replace(fresh, path)


def move_away_and_write(path: Path, text: str) -> None:
    path.rename(path.with_suffix(".yaml~"))
    path.write_text(text)


@pytest.mark.parametrize("write", [write_in_place, write_and_rename, move_away_and_write])
async def test_an_edit_is_seen_within_a_second(directory: Path, write: Callable[[Path, str], None]) -> None:
    """Without it edits of one kind of editor would need a restart."""
    seen = Seen()
    times = []
    async with watching(directory, seen):
        for value in (1, 2, 3):
            began = time.monotonic()
            write(directory / "risk.yaml", GOOD % value)
            await seen.wait(value)
            times.append(time.monotonic() - began)
    assert seen.words == ["1", "2", "3"]
    assert sorted(times)[1] < 1


async def test_a_swapped_symbolic_link_is_seen(tmp_path: Path) -> None:
    """Without it a mounted ConfigMap, which is swapped as a whole, would never change."""
    for name, value in (("one", 1), ("two", 2)):
        shutil.copytree(SHIPPED, tmp_path / name)
        (tmp_path / name / "risk.yaml").write_text(GOOD % value)
    directory = tmp_path / "config"
    directory.mkdir()
    (directory / "..data").symlink_to(tmp_path / "one")
    for name in FILES:
        (directory / name).symlink_to(Path("..data") / name)
    seen = Seen()
    async with watching(directory, seen):
        (directory / "..new").symlink_to(tmp_path / "two")
        os.replace(directory / "..new", directory / "..data")
        assert await seen.wait(1) == ["2"]


async def test_many_writes_at_once_are_one_report(directory: Path) -> None:
    """Without it a checkout of six files would be applied in six steps, each half of a change."""
    seen = Seen()
    async with watching(directory, seen):
        for value in range(20):
            (directory / "risk.yaml").write_text(GOOD % (value + 1))
            (directory / "rollout.yaml").write_text(f"salt: s{value}\n")
        await seen.wait(1)
        await asyncio.sleep(0.7)
        assert seen.words == ["20"]


async def test_what_changes_nothing_is_not_reported(directory: Path) -> None:
    """Without it every touch, or every save of the same text, would be a reload in the journal."""
    seen = Seen()
    async with watching(directory, seen):
        (directory / "risk.yaml").touch()
        (directory / "gateway.yaml").write_bytes((SHIPPED / "gateway.yaml").read_bytes())
        (directory / "notes.txt").write_text("x")
        await asyncio.sleep(1)
        assert seen.words == []


async def test_half_a_file_is_given_time(directory: Path) -> None:
    """Without it a slow save would raise an alarm about a file that is fine a moment later."""
    seen = Seen()
    async with watching(directory, seen):
        with (directory / "risk.yaml").open("w") as stream:
            stream.write("limits: {max_order_value: ")
            stream.flush()
            await asyncio.sleep(0.25)
            stream.write("7}\n")
        assert await seen.wait(1) == ["7"]


async def test_a_slip_is_reported_once_and_so_is_its_mending(directory: Path) -> None:
    """Without it a person would not hear of the slip, or the alarm would stay after it was mended."""
    seen = Seen()
    async with watching(directory, seen):
        (directory / "risk.yaml").write_text("limts: {}\n")
        assert await seen.wait(1) == ["risk.yaml"]
        await asyncio.sleep(0.7)
        (directory / "risk.yaml").write_bytes((SHIPPED / "risk.yaml").read_bytes())
        assert await seen.wait(2) == ["risk.yaml", "50000"]


async def test_a_deleted_file_is_reported_and_its_return_too(directory: Path) -> None:
    """Without it deleting principals.yaml would take the locks off."""
    seen = Seen()
    async with watching(directory, seen):
        (directory / "principals.yaml").unlink()
        assert await seen.wait(1) == ["principals.yaml"]
        shutil.copy(SHIPPED / "principals.yaml", directory)
        assert await seen.wait(2) == ["principals.yaml", "50000"]


async def test_a_directory_that_goes_and_comes_back_is_followed(directory: Path) -> None:
    """Without it a remount would end the watching."""
    seen = Seen()
    async with watching(directory, seen):
        shutil.move(directory, directory.with_name("away"))
        await seen.wait(1)
        assert seen.words == [str(directory)]
        shutil.copytree(SHIPPED, directory)
        assert await seen.wait(2) == [str(directory), "50000"]
        (directory / "risk.yaml").write_text(GOOD % 3)
        assert (await seen.wait(3))[2:] == ["3"]


async def test_a_callback_that_fails_does_not_end_the_watching(directory: Path) -> None:
    """Without it one failed reload would be the last."""
    seen = Seen()
    seen.fails = True
    async with watching(directory, seen):
        (directory / "risk.yaml").write_text(GOOD % 1)
        await seen.wait(1)
        (directory / "risk.yaml").write_text(GOOD % 2)
        assert await seen.wait(2) == ["1", "2"]


async def test_without_notifications_looking_is_enough(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it a file system without notifications, or too many watches, would need restarts."""

    async def refuse(*_: object, **__: object) -> AsyncIterator[set[object]]:
        raise OSError(28, "inotify watch limit reached")
        yield set()

    monkeypatch.setattr(module, "awatch", refuse)
    seen = Seen()
    async with watching(directory, seen):
        (directory / "risk.yaml").write_text(GOOD % 1)
        assert await seen.wait(1) == ["1"]


async def test_an_edit_before_the_watching_began_is_seen(directory: Path) -> None:
    """Without it an edit between reading the files and watching them would wait for the next one."""
    seen = Seen()
    watcher = ConfigWatcher(directory, {}, read_files(directory), seen)
    (directory / "risk.yaml").write_text(GOOD % 4)
    task = asyncio.get_running_loop().create_task(watcher.run())
    assert await seen.wait(1) == ["4"]
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_an_unexpected_failure_is_reported_as_unusable(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it a mistake of ours in parsing would end the watching in silence."""

    def fail(*_: object) -> Loaded:
        raise KeyError("a mistake of ours")

    seen: list[Outcome] = []

    async def keep(outcome: Outcome) -> None:
        seen.append(outcome)

    monkeypatch.setattr(module, "load_files", fail)
    watcher = ConfigWatcher(directory, {}, {}, keep)
    await watcher._look(is_notified=True)
    (outcome,) = seen
    assert isinstance(outcome, ConfigInvalid)
    assert "could not be parsed: KeyError" in str(outcome)
