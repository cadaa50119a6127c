"""The last good files: kept whole or not at all, checked when read, and what a start does with them."""

import os
from pathlib import Path

import pytest

from gateway.adapters.config import ConfigInvalid, LastGood, LastGoodCorrupt, start_settings
from gateway.adapters.config import last_good as module
from tests.config.samples import shipped_files

OLD = {"gateway.yaml": b"{}\n"}
NEW = {"gateway.yaml": b"# new\n{}\n", "risk.yaml": b"limits: {max_leverage: 1}\n"}


def write(directory: Path, files: dict[str, bytes]) -> Path:
    directory.mkdir(exist_ok=True)
    for name, data in files.items():
        (directory / name).write_bytes(data)
    return directory


def test_what_was_saved_is_read_back(tmp_path: Path) -> None:
    """Without it a restart could not fall back on anything."""
    (tmp_path / "data").mkdir()
    store = LastGood(tmp_path / "data")
    assert store.read() is None
    store.save(OLD)
    store.save(NEW)
    assert LastGood(tmp_path / "data").read() == NEW


def test_only_the_last_save_is_kept_and_it_is_readable_by_people(tmp_path: Path) -> None:
    """Without it the data directory would grow with every edit."""
    store = LastGood(tmp_path)
    for _ in range(3):
        store.save(NEW)
    folders = [path for path in (tmp_path / "last_good").iterdir() if path.is_dir()]
    assert len(folders) == 1
    assert (folders[0] / "risk.yaml").read_bytes() == NEW["risk.yaml"]


@pytest.mark.parametrize("step", ["_write_durably", "_sync_directory", "replace"])
def test_a_save_that_fails_leaves_the_one_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    """Without it a full disk, or a crash at the wrong moment, would lose the configuration that worked."""
    store = LastGood(tmp_path)
    store.save(OLD)

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os if step == "replace" else module, step, fail)
    with pytest.raises(OSError, match="No space left"):
        store.save(NEW)
    monkeypatch.undo()
    assert store.read() == OLD


def damage_file(root: Path) -> None:
    next(root.glob("files-*/risk.yaml")).write_bytes(b"limits: {}\n")


def lose_file(root: Path) -> None:
    next(root.glob("files-*/risk.yaml")).unlink()


def damage_pointer(root: Path) -> None:
    (root / "CURRENT").write_bytes(b'{"folder": "fi')


def lead_pointer_astray(root: Path) -> None:
    (root / "CURRENT").write_bytes(b'{"folder": "../..", "sha256": {"gateway.yaml": ""}}')


def name_a_strange_file(root: Path) -> None:
    text = (root / "CURRENT").read_text().replace("risk.yaml", "../../risk.yaml")
    (root / "CURRENT").write_text(text)


@pytest.mark.parametrize("harm", [damage_file, lose_file, damage_pointer, lead_pointer_astray, name_a_strange_file])
def test_a_corrupt_store_is_detected(tmp_path: Path, harm: object) -> None:
    """Without it a gateway would start with limits that nobody ever approved."""
    assert callable(harm)
    store = LastGood(tmp_path)
    store.save(NEW)
    harm(tmp_path / "last_good")
    with pytest.raises(LastGoodCorrupt):
        store.read()


def test_a_start_takes_the_files_on_disk(tmp_path: Path) -> None:
    """Without it an edit made while the gateway was down would be ignored."""
    LastGood(tmp_path).save(OLD)
    result = start_settings(write(tmp_path / "config", shipped_files()), tmp_path, {})
    assert not result.used_last_good
    assert result.problems == ()
    assert result.files == shipped_files()
    assert "AAPL" in result.settings.trading.instruments


def test_a_start_falls_back_on_the_last_good_files_and_says_why(tmp_path: Path) -> None:
    """Without it a slip in a file would keep the gateway from coming back after a crash."""
    LastGood(tmp_path).save(shipped_files())
    result = start_settings(write(tmp_path / "config", {"gateway.yaml": b"modes: {global: LIV}\n"}), tmp_path, {})
    assert result.used_last_good
    assert result.files == shipped_files()
    assert "AAPL" in result.settings.trading.instruments
    assert [problem.key for problem in result.problems] == ["modes.global"]


def test_a_start_without_directory_falls_back_too(tmp_path: Path) -> None:
    """Without it a mount that is late would keep the gateway down."""
    LastGood(tmp_path).save(shipped_files())
    assert start_settings(tmp_path / "nowhere", tmp_path, {}).used_last_good


def test_a_first_start_with_unusable_files_fails(tmp_path: Path) -> None:
    """Without it a gateway would come up with settings from nowhere."""
    with pytest.raises(ConfigInvalid, match="mdoes"):
        start_settings(write(tmp_path / "config", {"gateway.yaml": b"mdoes: {}\n"}), tmp_path, {})


def test_a_start_with_a_corrupt_store_tells_both_stories(tmp_path: Path) -> None:
    """Without it a person would mend one and not know of the other."""
    LastGood(tmp_path).save(NEW)
    damage_pointer(tmp_path / "last_good")
    with pytest.raises(ConfigInvalid, match=r"(?s)mdoes.*last good configuration: is corrupt"):
        start_settings(write(tmp_path / "config", {"gateway.yaml": b"mdoes: {}\n"}), tmp_path, {})


def test_last_good_files_that_the_environment_breaks_are_named(tmp_path: Path) -> None:
    """Without it the reason why even the last good files failed would be missing."""
    LastGood(tmp_path).save(shipped_files())
    config = write(tmp_path / "config", {"gateway.yaml": b"venues: {ibkr: {}}\n"})
    with pytest.raises(ConfigInvalid) as found:
        start_settings(config, tmp_path, {"IB_PORT": "7496"})
    assert [problem.file for problem in found.value.problems] == ["environment", "last good environment"]


def test_a_save_brings_no_data_directory_back(tmp_path: Path) -> None:
    """Without it one that was moved away and is put back with `mv` comes to lie within another of its name, where a
    restart begins an empty journal."""
    with pytest.raises(FileNotFoundError):
        LastGood(tmp_path / "data").save(NEW)
    assert not (tmp_path / "data").exists()
