"""Reading the directory: what is there, what is not, and what should not be."""

import os
from pathlib import Path

import pytest

from gateway.adapters.config import ConfigInvalid, load, load_files
from gateway.adapters.config.yaml_text import MAX_BYTES
from tests.config.samples import SHIPPED, parse_texts


def test_a_directory_with_gateway_yaml_alone_is_enough(tmp_path: Path) -> None:
    """Without it every user would have to copy six files."""
    (tmp_path / "gateway.yaml").write_text("modes: {global: SHADOW}\n")
    assert load(tmp_path, {}).sources == ("gateway.yaml",)


def test_no_directory_is_said(tmp_path: Path) -> None:
    """Without it a slip in --config would start a gateway with defaults, or end in a stack trace."""
    with pytest.raises(ConfigInvalid, match="nowhere: is not a directory"):
        load(tmp_path / "nowhere", {})


def test_files_that_no_one_reads_are_warned_about(tmp_path: Path) -> None:
    """Without it limits written into risk.yml would guard nothing, and nobody would know."""
    (tmp_path / "gateway.yaml").write_text("{}")
    (tmp_path / "risk.yml").write_text("limits: {}")
    (tmp_path / "notes.txt").write_text("")
    warnings = load(tmp_path, {}).warnings
    assert any(text.startswith("risk.yml: is not read; the files are gateway.yaml") for text in warnings)
    assert not any("notes" in text for text in warnings)


def test_a_file_that_was_there_must_stay(tmp_path: Path) -> None:
    """Without it deleting principals.yaml would take the locks off while the gateway runs."""
    (tmp_path / "gateway.yaml").write_text("{}")
    with pytest.raises(ConfigInvalid, match=r"principals\.yaml: was there and is missing now"):
        load_files(tmp_path, {}, expected=("gateway.yaml", "principals.yaml"))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    """Without it a named pipe would hang the gateway."""
    (tmp_path / "gateway.yaml").write_text("{}")
    os.mkfifo(tmp_path / "risk.yaml")
    with pytest.raises(ConfigInvalid, match=r"risk\.yaml: must be a file"):
        load(tmp_path, {})


def test_a_huge_file_is_not_read_whole(tmp_path: Path) -> None:
    """Without it a log written to the wrong place would fill the memory."""
    with (tmp_path / "gateway.yaml").open("wb") as stream:
        stream.truncate(100 * MAX_BYTES)
    with pytest.raises(ConfigInvalid, match=rf"must be at most {MAX_BYTES} bytes \(no more of it was read"):
        load(tmp_path, {})


def test_the_shipped_configuration_loads_without_a_word() -> None:
    """Without it ``make run`` from a clean clone would fail, or warn about its own defaults."""
    settings = load(SHIPPED, {})
    assert settings.warnings == ()
    assert len(settings.sources) == 6


def test_a_candidate_must_have_something_of_its_own_and_few_run_at_once() -> None:
    """Without this, a candidate would run that is what is enforced by mistake, or processes without end."""
    names = "".join(f"  c{number}: {{limits: r.yaml}}\n" for number in range(5))
    for text, rule in (("  empty: {}\n", "gives neither `policies` nor `limits`"), (names, "must be at most 4")):
        with pytest.raises(ConfigInvalid) as invalid:
            parse_texts(gateway=f"candidates:\n{text}")
        assert rule in str(invalid.value)


def test_a_file_that_a_candidate_names_is_no_stray(tmp_path: Path) -> None:
    """Without this, the gateway would warn for ever that nobody reads what a candidate reads."""
    (tmp_path / "gateway.yaml").write_text("candidates: {tighter: {limits: risk_candidate.yaml}}\n")
    (tmp_path / "risk_candidate.yaml").write_text("limits: {}\n")
    assert not any("risk_candidate" in warning for warning in load(tmp_path, {}).warnings)
