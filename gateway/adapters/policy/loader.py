"""Where policies come from: the folder people edit, and the last good copy that outlives a bad edit and a restart."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import msgspec

from gateway.adapters.policy.gate import ApprovedPolicies, Gate
from gateway.adapters.policy.sources import (
    PoliciesInvalid,
    PolicyProblem,
    build_sources,
    read_sources,
    source_texts,
)

_FILE = "policies.json"


class _Kept(msgspec.Struct):
    """What is on disk: the texts by relative path, and a hash that tells a torn or altered file."""

    texts: dict[str, str]
    sha256: str


class PolicyLoader:
    """Reads and judges a policy folder. ``last_good`` is a folder of ours, in the data directory; ``gate`` is given
    where others judge the same policies too.

    Everything here blocks (files, a child process): call it from a thread once the event loop runs.
    """

    def __init__(self, folder: Path, last_good: Path | None = None, gate: Gate | None = None) -> None:
        self.folder = folder
        self._last_good = last_good
        self._gate = gate or Gate()

    def load(self) -> ApprovedPolicies:
        """The folder's policies, judged; raises ``PoliciesInvalid`` with every problem."""
        return self._gate.approve(read_sources(self.folder))

    def last_good_revision(self) -> str:
        """The revision of the policies last in force, as they were kept; empty when there are none."""
        kept = self._read_kept()
        try:
            return "" if kept is None else build_sources(kept.texts).revision
        except PoliciesInvalid:
            return ""

    def load_last_good(self) -> ApprovedPolicies | None:
        """The policies last in force, judged again, or None when there are none that can be used."""
        kept = self._read_kept()
        try:
            return None if kept is None else self._gate.approve(build_sources(kept.texts))
        except PoliciesInvalid:
            return None

    def _read_kept(self) -> _Kept | None:
        """None when there is nothing, or what there is was torn or altered."""
        if self._last_good is None:
            return None
        try:
            kept = msgspec.json.decode((self._last_good / _FILE).read_bytes(), type=_Kept)
        except (OSError, msgspec.DecodeError, UnicodeDecodeError):
            return None
        return kept if kept.sha256 == _digest(kept.texts) else None

    def keep(self, policies: ApprovedPolicies) -> Callable[[], None]:
        """Remember these as the last good ones. Calling what is returned brings the ones before back."""
        if self._last_good is None:
            return _nothing
        texts = source_texts(policies.sources)
        content = msgspec.json.encode(_Kept(texts, _digest(texts)))
        target = self._last_good / _FILE
        former = target.read_bytes() if target.exists() else None
        if former == content:
            return _nothing
        _put(target, content)
        return lambda: target.unlink() if former is None else _put(target, former)


def check(folder: Path) -> tuple[PolicyProblem, ...]:
    """What a reload would say of this folder; nothing is taken into use. For ``gateway check-config``."""
    try:
        PolicyLoader(folder).load()
    except PoliciesInvalid as error:
        return error.problems
    return ()


def _nothing() -> None:
    pass


def _put(target: Path, content: bytes) -> None:
    """Written beside, synced, then put in place in one step."""
    target.parent.mkdir(exist_ok=True)
    beside = target.with_suffix(".new")
    with beside.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(target)
    _sync_folder(target.parent)


def _digest(texts: dict[str, str]) -> str:
    return hashlib.sha256(msgspec.json.encode(sorted(texts.items()))).hexdigest()


def _sync_folder(folder: Path) -> None:
    """Make the rename itself durable, where the system can."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
