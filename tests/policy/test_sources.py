"""Reading a policy folder: what is in it, what may not be, and what identifies it."""

from pathlib import Path

import pytest

from gateway.adapters.policy.golden import PatchStep, apply_patch, golden_cases
from gateway.adapters.policy.sources import MAX_FILE_BYTES, PoliciesInvalid, PolicySources, build_sources, read_sources

REGO = "package trading\n"


def problems(**files: str) -> list[str]:
    texts = {name.replace("__", "/").replace("_", "."): text for name, text in files.items()}
    with pytest.raises(PoliciesInvalid) as refused:
        build_sources(texts)
    return [str(problem) for problem in refused.value.problems]


def data_of(text: str, name: str = "data.yaml") -> object:
    return build_sources({"a.rego": REGO, name: text}).data


def test_a_folder_is_read_without_tests_and_hidden_files(tmp_path: Path) -> None:
    """Without it test rules could decide, or an editor's swap file refuse a good folder."""
    files = ["trading.rego", "trading_test.rego", "lib/sizes.rego", ".trading.rego.swp", ".git/x.rego", "README.md"]
    for name in files:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(REGO)
    (tmp_path / "data.json").write_text('{"limits": {}}')
    read = read_sources(tmp_path)
    assert sorted(read.modules) == ["lib/sizes.rego", "trading.rego"]
    assert read.data == {"limits": {}}


def test_the_revision_is_of_what_decides(shipped: PolicySources) -> None:
    """Without it two different sets of rules could carry one revision, or a new test case make a new one."""
    base = {"a.rego": REGO, "data.json": '{"x": 1}'}
    revision = build_sources(base).revision
    assert build_sources({**base, "data.json": '{ "x":1 }'}).revision == revision
    assert build_sources({**base, "golden/a.json": "{}"}).revision == revision
    assert build_sources({**base, "data.json": '{"x": 2}'}).revision != revision
    assert build_sources({**base, "a.rego": REGO + "\n"}).revision != revision
    assert build_sources({"b.rego": REGO, "data.json": '{"x": 1}'}).revision != revision
    assert len(shipped.revision) == 16


def test_every_problem_is_told_at_once() -> None:
    """Without it people would mend a folder one error at a time."""
    assert problems(data_json="{}", data_yaml="a: 1", lib__more_json="{}") == [
        ".: there is no .rego file in this folder",
        "lib/more.json: OPA would read this file as data and the gateway would not: move it into data.json",
        "data.yaml: there is data.json too: keep one of them",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "1: is not JSON"),
        ("[]", "must hold an object"),
        ('{"a": 1, "a": 2}', "'a' stands twice"),
        ('{"a": 0.5}', "data.a is a float"),
        ('{"a": [1, 9223372036854775808]}', "data.a.1 is 9223372036854775808, beyond"),
        ('{"a": NaN}', "data.a is a float"),
        ("[" * 100_000, "cannot be used"),
    ],
)
def test_data_that_engines_would_read_differently_is_refused(text: str, said: str) -> None:
    """Without it a limit could mean one thing in the file and another in the engine."""
    (problem,) = problems(a_rego=REGO, data_json=text)
    assert problem.startswith("data.json:")
    assert said in problem


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: yes", "1: is not YAML: write 'yes' in quotes"),
        ("x: 1\na: [on]", "2: is not YAML: write 'on' in quotes"),
        ("a: 10:30", "write '10:30' in quotes"),
        ("a: 1_000", "write '1_000' in quotes"),
        ("a: 0x10", "write '0x10' in quotes"),
        ("a: 1.5", "data.a is a float"),
        ("a: 2026-01-01", "data.a is a date"),
        ("1: a", "the key 1 must be text"),
        ("a: 1\na: 2", "2: is not YAML: the key 'a' stands twice"),
        ("a: !!python/object:os.system {}", "is not YAML"),
        ("a: [", "is not YAML"),
        ("a: &a [1]\nb: *a", "2: is not YAML: aliases (*name) may not be used"),
    ],
)
def test_yaml_that_has_two_readings_is_refused(text: str, said: str) -> None:
    """Without it `no` would be false here and text in a later OPA, and 10:30 would be 630."""
    (problem,) = problems(a_rego=REGO, data_yaml=text)
    assert problem.startswith("data.yaml")
    assert said in problem


def test_plain_yaml_is_data() -> None:
    """Without it the refusals above would leave nothing to write."""
    text = "limits: {max: 100, 'on': 'yes'}\nlist: [true, False, null, ~, text]\nagain:\n  max: -5\n"
    assert data_of(text) == {
        "limits": {"max": 100, "on": "yes"},
        "list": [True, False, None, None, "text"],
        "again": {"max": -5},
    }


def test_unreadable_files_are_named(tmp_path: Path) -> None:
    """Without it a stray binary would end the reload with a traceback."""
    (tmp_path / "a.rego").write_bytes(b"\xff\xfe")
    (tmp_path / "b.rego").write_text("#" * (MAX_FILE_BYTES + 1))
    with pytest.raises(PoliciesInvalid, match=r"a\.rego: cannot be read.*b\.rego: cannot be read: it is larger"):
        read_sources(tmp_path)


@pytest.mark.parametrize(
    ("steps", "result"),
    [
        ([("replace", "/a/b", 2)], {"a": {"b": 2}, "l": [1, 2]}),
        ([("remove", "/a/b", None), ("add", "/a/c", [])], {"a": {"c": []}, "l": [1, 2]}),
        ([("replace", "/l/0", 9), ("add", "/l/-", 3), ("add", "/l/0", 0)], {"a": {"b": 1}, "l": [0, 9, 2, 3]}),
        ([("remove", "/l/1", None)], {"a": {"b": 1}, "l": [1]}),
        ([("add", "/x~1y~0", 1)], {"a": {"b": 1}, "l": [1, 2], "x/y~": 1}),
        ([("replace", "", [])], []),
    ],
)
def test_a_patch_does_what_json_patch_says(steps: list[tuple[str, str, object]], result: object) -> None:
    """Without it a golden case would mean one thing to the gateway and another to OPA."""
    patch = [PatchStep(op, path, value) for op, path, value in steps]  # type: ignore[arg-type]
    document = {"a": {"b": 1}, "l": [1, 2]}
    assert apply_patch(document, patch) == result
    assert document == {"a": {"b": 1}, "l": [1, 2]}


@pytest.mark.parametrize("path", ["/nope/x", "/a/nope", "/l/2", "/l/x", "/a/b/c", "a"])
def test_a_patch_that_fits_nothing_is_refused(path: str) -> None:
    """Without it a misspelled field would make a golden case test the unchanged document."""
    with pytest.raises(ValueError, match=r"path|nothing at"):
        apply_patch({"a": {"b": 1}, "l": [1, 2]}, [PatchStep("replace", path, 1)])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[]", "is not a file of golden cases"),
        ('{"t": {"input": {}, "cases": [{"name": "x"}]}}', "missing required field `expected`"),
        ('{"t": {"input": {}, "cases": [{"name": "x", "expect": 1}]}}', "unknown field `expect`"),
        ('{"t": {"input": {}, "case": []}}', "unknown field `case`"),
        (
            '{"t": {"input": {}, "cases": [{"name": "x", "patch": [{"op": "remove", "path": "/a"}],'
            ' "expected": {"allow": true}}]}}',
            "case 't: x': there is nothing at '/a' to remove",
        ),
    ],
)
def test_a_golden_file_that_is_none_is_named(text: str, said: str) -> None:
    """Without it a misspelled case would silently test nothing."""
    _, found = golden_cases(build_sources({"a.rego": REGO, "golden/a.json": text}))
    assert len(found) == 1
    assert said in str(found[0])


def test_a_theme_stands_in_one_file_only() -> None:
    """Without it OPA, which merges the files, would refuse what the gateway takes."""
    theme = '{"t": {"input": {}, "cases": []}}'
    _, found = golden_cases(build_sources({"a.rego": REGO, "golden/a.json": theme, "golden/b.json": theme}))
    assert [str(problem) for problem in found] == ["golden/b.json: the theme 't' is in golden/a.json too"]
