"""Wrong inputs and what a person is told: file, line, key, value and what to do."""

from pathlib import Path

import pytest

from gateway.adapters.config import ConfigInvalid, parse
from gateway.adapters.config.problems import MAX_PROBLEMS
from tests.config.samples import only_problem, problems_of, shipped_files

CASES = (Path(__file__).parent / "wrong_inputs.txt").read_text().split("\n=== ")[1:]


@pytest.mark.parametrize("case", CASES)
def test_each_wrong_input_is_told_as_it_stands_in_the_list(case: str) -> None:
    """Without it a slip would pass, or be refused without saying where it is and what to do."""
    file, _, rest = case.partition("\n")
    text, _, expected = rest.partition("\n---\n")
    problems = problems_of(**{file.removesuffix(".yaml"): text})
    assert [str(problem) for problem in problems] == expected.strip().split("\n")


def test_one_symbol_has_no_list_of_symbols() -> None:
    """Without it a list under one symbol would be read and guard nothing."""
    problem = only_problem(risk="symbols: {AAPL: {blocked_symbols: []}}", instruments="symbols: [AAPL]")
    assert "symbols.AAPL.blocked_symbols is not a known key here (a list of symbols stands under limits" in problem


@pytest.mark.parametrize(("layout", "line", "first"), [("\n  - {0}\n  - {0}\n", 3, 2), (" [{0}, {0}]\n", 1, 1)])
def test_a_principal_must_not_share_a_name_or_a_key(layout: str, line: int, first: int) -> None:
    """Without it one key would be two people, and the journal could not say who did it."""
    entry = "{name: a, role: admin, key_sha256: '" + "0" * 64 + "'}"
    problems = problems_of(principals="principals:" + layout.format(entry))
    assert [(p.line, p.key, p.rule) for p in problems] == [
        (line, "principals[1].name", f"is given twice, first in line {first}"),
        (line, "principals[1].key_sha256", f"is given twice, first in line {first}"),
    ]


SECRETS = [
    ("gateway", "venues: {binance: {api_key: hunter2}}"),
    ("gateway", "venues: {binance: {secret: hunter2}}"),
    ("gateway", "venues: {ibkr: {password: hunter2}}"),
    ("gateway", "venues: {ccxt: {options: {apiKey: hunter2}}}"),
    ("gateway", "venues: {ccxt: {options: {password: hunter2}}}"),
    ("gateway", "BINANCE_SECRET: hunter2"),
    ("gateway", "server: {auth_token: hunter2}"),
    ("notifications", "channels: [{name: a, url: 'https://x', token: hunter2}]"),
    ("notifications", "channels: [{name: a, url: 'https://me:hunter2@x'}]"),
    ("principals", "principals: [{name: a, role: admin, key: hunter2, key_sha256: '" + "0" * 64 + "'}]"),
    ("principals", "principals: [{name: a, role: admin, key_sha256: hunter2}]"),
]


@pytest.mark.parametrize(("file", "text"), SECRETS)
def test_secrets_in_yaml_are_refused_and_never_repeated(file: str, text: str) -> None:
    """Without it a secret would sit in a file that is copied around, or be printed in the message about it."""
    problem = only_problem(**{file: text})
    assert "hunter2" not in problem
    assert "environment" in problem or "key" in problem


def test_all_problems_of_all_files_are_told_at_once() -> None:
    """Without it a person would mend one line, try, and meet the next."""
    problems = problems_of(
        gateway="modes: {global: SHADW}\nvenues: {ibkr: {port: 7496}}\n",
        risk="limits: {max_leverage: x}\n",
        instruments="symbols: [{symbol: AAPL, tick_size: x}]\n",
        rollout="salt: ''\n",
        principals="principals: [{}]\n",
        notifications="chanels: []\n",
    )
    assert {p.file for p in problems} == {
        "gateway.yaml",
        "risk.yaml",
        "instruments.yaml",
        "rollout.yaml",
        "principals.yaml",
        "notifications.yaml",
    }
    assert len([p for p in problems if p.file == "gateway.yaml"]) == 2


def test_a_file_that_cannot_be_read_is_not_held_against_the_others() -> None:
    """Without it one missing bracket would bury its own line under complaints about everything that refers to it."""
    files = shipped_files()
    files["gateway.yaml"] += b"more: [\n"
    with pytest.raises(ConfigInvalid) as found:
        parse(files, {})
    assert [problem.file for problem in found.value.problems] == ["gateway.yaml"]


def test_gateway_yaml_must_be_there() -> None:
    """Without it a wrong directory would start a gateway with defaults."""
    with pytest.raises(ConfigInvalid, match=r"gateway\.yaml: is missing"):
        parse({}, {})


def test_a_flood_of_problems_is_cut_and_counted() -> None:
    """Without it a hostile file would fill the log."""
    text = "".join(f"key{i}: 1\n" for i in range(5_000))
    problems = problems_of(gateway=text)
    assert len(problems) == MAX_PROBLEMS + 1
    assert problems[-1].rule == f"and {5_000 - MAX_PROBLEMS} more problems"
