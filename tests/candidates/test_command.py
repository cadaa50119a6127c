"""``gateway whatif``: over a journal on disk, beside whoever writes it."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from gateway.adapters.journal import SqliteJournal
from gateway.app.checks import check_config
from gateway.app.whatif import whatif
from gateway.core.checkpoint import encode_snapshot, hash_of
from gateway.domain.records import Checkpoint
from tests.candidates.journals import copied_rules, traded_world, write


class Folders:
    """Rules to edit, and the journal of what was traded under them."""

    def __init__(self, tmp_path: Path) -> None:
        self.config, self.policies = copied_rules(tmp_path)
        self.data = tmp_path / "data"
        asyncio.run(write(traded_world(self.config, self.policies).records, self.data))

    def edit(self, path: str, old: str, new: str) -> None:
        file = self.config.parent / path
        text = file.read_text(encoding="utf-8")
        assert old in text
        file.write_text(text.replace(old, new), encoding="utf-8")

    def ask(self, *, policies: Path | None = None, config: Path | None = None, since: str = "2020-01-01") -> int:
        return whatif(policies, config, since, self.data, {}, is_json=True)


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    return Folders(tmp_path)


def answer(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_the_files_in_force_change_nothing(folders: Folders, capsys: pytest.CaptureFixture[str]) -> None:
    """Without this, the first difference that somebody sees would be none of his edit."""
    assert folders.ask(config=folders.config, policies=folders.policies) == 0
    found = answer(capsys)
    assert found["each_order"]["judged"] == 5
    assert (found["config_changes"], found["candidate_policy_revision"]) == ([], None)
    assert found["each_order"]["orders"] == found["folded"]["positions"] == []


def test_a_tightened_limit_is_told_by_rule_order_and_book(folders: Folders, capsys: pytest.CaptureFixture[str]) -> None:
    """Without this, one would learn that something differs and not what, nor what it would have cost."""
    folders.edit("config/risk.yaml", "max_order_value: 50000", "max_order_value: 10000")
    assert folders.ask(config=folders.config) == 0
    found = answer(capsys)
    assert found["config_changes"] == ["limits"]
    assert found["each_order"]["by_rule"] == [
        {"kind": "denies", "rule": "MAX_ORDER_VALUE", "orders": 2, "notional": "27000"}
    ]
    assert [one["order_qty"] for one in found["each_order"]["orders"]] == ["60", "90"]
    shadow = next(one for one in found["folded"]["books"] if one["book"] == "shadow")
    assert shadow["recorded"]["peak_gross"] == "12600.00"
    assert found["folded"]["positions"][0]["candidate_qty"] == "30"


def test_candidate_policies_are_asked_about_every_order(folders: Folders, capsys: pytest.CaptureFixture[str]) -> None:
    """Without this, a new rule would be tried on the golden cases alone, and on no order that ever came."""
    folders.edit("policies/data.json", '"max_order_size_e8": 100000000000', '"max_order_size_e8": 2000000000')
    assert folders.ask(policies=folders.policies) == 0
    rules = {(one["rule"], one["orders"]) for one in answer(capsys)["each_order"]["by_rule"]}
    assert rules == {("ORDER_SIZE_EXCEEDED", 1)}


def test_rules_that_cannot_be_used_are_refused_in_the_words_of_check_config(
    folders: Folders, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without this, a typing error would be judged as if nothing had been edited."""
    folders.edit("config/risk.yaml", "max_order_value: 50000", "max_order_valu: 50000")
    assert folders.ask(config=folders.config) == 1
    captured = capsys.readouterr()
    assert "risk.yaml:9" in captured.err
    assert "max_order_value" in captured.err
    assert captured.out == ""
    folders.edit("policies/trading.rego", "package trading", "package tradin")
    assert folders.ask(policies=folders.policies) == 1
    assert "refused" in capsys.readouterr().err


@pytest.mark.parametrize("since", ["yesterday", "7", "7 days", "-1d"])
def test_a_window_that_cannot_be_read_is_refused(
    folders: Folders, capsys: pytest.CaptureFixture[str], since: str
) -> None:
    """Without this, the whole journal, or none of it, would be taken for what was asked about."""
    assert folders.ask(since=since) == 1
    assert "--since" in capsys.readouterr().err


def test_a_window_after_the_end_says_that_it_is_empty(folders: Folders, capsys: pytest.CaptureFixture[str]) -> None:
    """Without this, no orders would read like no differences."""
    assert whatif(None, None, "1m", folders.data, {}, is_json=False) == 0
    assert "nothing is on record" in capsys.readouterr().out


async def test_it_reads_beside_the_gateway_and_takes_no_lock(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without this, asking would stop trading, or trading would stop asking."""
    folders = await asyncio.to_thread(Folders, tmp_path)
    before = {path.name for path in folders.data.iterdir()}
    journal = await SqliteJournal.open(folders.data)
    assert await asyncio.to_thread(folders.ask, config=folders.config) == 0
    await journal.close()
    assert {path.name for path in folders.data.iterdir()} == before


def test_no_journal_is_told_and_none_is_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without this, a wrong path would read as a past without orders."""
    assert whatif(None, None, "7d", tmp_path / "nowhere", {}, is_json=False) == 1
    assert "there is no journal in" in capsys.readouterr().err
    assert not (tmp_path / "nowhere").exists()


def test_check_config_tells_of_a_candidate_that_would_not_run(
    folders: Folders, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without this, an edit would be taken whose candidate nobody could run, and only the log would know."""
    file = folders.config / "gateway.yaml"
    file.write_text(
        file.read_text(encoding="utf-8") + "candidates: {tighter: {limits: nothing.yaml}}\n", encoding="utf-8"
    )
    assert check_config(folders.config, None, {}) == 0, "no order depends on it"
    assert "candidate tighter would not run: nothing.yaml: cannot be read" in capsys.readouterr().err


def test_a_checkpoint_before_the_window_saves_the_way_and_changes_no_answer(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without this, asking about a week would read years, or would find positions that are not those of then."""
    config, policies = copied_rules(tmp_path)
    world = traded_world(config, policies)
    seq, data, taken_ns = len(world.records), encode_snapshot(world.state), world.now_ns
    world.tick(3 * 86_400_000_000_000)
    world.fill(world.place(qty=70))
    checkpoint = Checkpoint(seq=seq, ts_ns=taken_ns, state=data, state_hash=hash_of(data))
    text = (config / "risk.yaml").read_text(encoding="utf-8")
    limited = text.replace("max_order_value: 50000", "max_position_value: 10000")
    (config / "risk.yaml").write_text(limited, encoding="utf-8")
    answers = []
    for name, checkpoints in (("without", ()), ("with", (checkpoint,))):
        asyncio.run(write(world.records, tmp_path / name, checkpoints))
        assert whatif(None, config, "2023-11-16", tmp_path / name, {}, is_json=True) == 0
        answers.append(answer(capsys))
    assert [one.pop("records") for one in answers] == [len(world.records), len(world.records) - seq]
    assert answers[0] == answers[1]
    assert answers[0]["each_order"]["totals"]["denies"]["orders"] == 1
