"""Policy folders made of symbolic links, or replaced while they are read, as mounts and deployments have them."""

import os
from pathlib import Path

import pytest

from gateway.adapters.policy import sources
from gateway.adapters.policy.sources import PoliciesInvalid, read_sources

REGO = "package trading\n"
FILES = {"trading.rego": REGO, "rules/desk.rego": REGO, "golden/desk.json": "{}", "data.json": '{"limits": {}}'}


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def mounted(folder: Path) -> Path:
    """As Kubernetes mounts a ConfigMap whose items have paths: links to what a hidden link leads to."""
    write(folder / "..2026_01_01", FILES)
    (folder / "..data").symlink_to("..2026_01_01")
    for name in ("trading.rego", "data.json", "rules", "golden"):
        (folder / name).symlink_to(f"..data/{name}")
    return folder


def point(link: Path, target: Path) -> None:
    """In one step, as deployments do it."""
    beside = link.with_name(f"{link.name}.new")
    beside.symlink_to(target)
    beside.replace(link)


def test_a_folder_that_is_linked_holds_rules_and_cases_too(tmp_path: Path) -> None:
    """Without it the rules of a mounted subfolder denied nothing, golden cases were not run, and nobody knew."""
    read = read_sources(mounted(tmp_path))
    assert sorted(read.modules) == ["rules/desk.rego", "trading.rego"]
    assert sorted(read.golden) == ["golden/desk.json"]


def test_a_rule_that_cannot_be_read_refuses_the_folder(tmp_path: Path) -> None:
    """Without it a link that leads nowhere left its rule out, and what the rule denies passed."""
    folder = write(tmp_path, FILES)
    (folder / "desk.rego").symlink_to("nowhere.rego")
    os.mkfifo(folder / "pipe.rego")
    with pytest.raises(PoliciesInvalid, match=r"desk\.rego: cannot be read.*pipe\.rego: cannot be read: it is no file"):
        read_sources(folder)


def test_a_folder_that_leads_back_to_itself_is_refused(tmp_path: Path) -> None:
    """Without it reading would go round until the names are too long."""
    folder = write(tmp_path, FILES)
    (folder / "rules" / "all").symlink_to("..")
    with pytest.raises(PoliciesInvalid, match="rules/all leads back to a folder above it"):
        read_sources(folder)


def test_a_folder_that_is_replaced_while_it_is_read_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without it half of the former rules and half of the new ones could decide together."""
    old = write(tmp_path / "1", {"a.rego": "package trading\nold := 1\n", "b.rego": "package trading\nolder := 1\n"})
    new = write(tmp_path / "2", {"a.rego": "package trading\nnew := 1\n", "b.rego": "package trading\nnewer := 1\n"})
    link = tmp_path / "current"
    link.symlink_to(old)
    read = sources._read_text

    def swap_in_between(path: Path) -> str:
        text = read(path)
        if path.name == "a.rego" and "old" in text:
            point(link, new)
        return text

    monkeypatch.setattr(sources, "_read_text", swap_in_between)
    modules = read_sources(link).modules
    assert ("new :=" in modules["a.rego"], "newer :=" in modules["b.rego"]) == (True, True)
