"""The load gate: nothing that could hurt gets past it, and it says what is wrong where."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
import pytest

from gateway.adapters.policy.gate import Gate, approve, judge
from gateway.adapters.policy.runners import CompiledRunner
from gateway.adapters.policy.sources import PoliciesInvalid, PolicySources, build_sources, source_texts

DENY = 'decision := {"allow": false, "deny": [{"code": "NO", "text": "no"}]}'
RULE = 'decision := {"allow": allow, "deny": []}\n\ndefault allow := false\n\nallow if input.x > 1\n'


def sources(rego: str, *cases: Any, **files: Any) -> PolicySources:
    texts = {"trading.rego": f"package trading\n\n{rego}\n"}
    if cases:
        texts["golden/cases.json"] = json.dumps({"cases": {"input": {"x": 2}, "cases": cases}})
    return build_sources(texts | {name: json.dumps(value) for name, value in files.items()})


def case(name: str, allow: bool, *deny: str, **patch: Any) -> dict[str, Any]:
    steps = [{"op": "replace", "path": f"/{key}", "value": value} for key, value in patch.items()]
    return {"name": name, "patch": steps, "expected": {"allow": allow, "deny": list(deny)}}


def problems(rego: str, *cases: Any) -> list[str]:
    return [str(problem) for problem in judge(sources(rego, *cases)).problems]


def test_the_shipped_policies_pass_and_run_compiled(shipped: PolicySources) -> None:
    """Without it an edit of the shipped policies could cost every order 0.1 ms unseen, or not load at all."""
    judgement = judge(shipped)
    assert judgement.problems == ()
    assert judgement.doubts == ()


@pytest.mark.parametrize(
    ("rego", "expected"),
    [
        ("decision :=", "trading.rego:"),
        ("decision { true }", "trading.rego:3: `if` keyword is required"),
        (f"{DENY}\n\na := http.send({{}})", "trading.rego:5: http.send may not be called"),
        (f"{RULE}\nallow if input.x == y", "trading.rego:9: use of undefined variable `y` is unsafe"),
        ("allowed := true", "data.trading.decision must be defined"),
        ("decision := 1 if input.order", "the decision is undefined"),
        ('decision := {"allow": true, "deny": []}', "is allowed: what is missing must be denied"),
        ('decision := {"allow": false}', "missing required field `deny`"),
        (f'{DENY}\n\nproblems contains "the limit is silly"', "data.json: the limit is silly"),
    ],
)
def test_what_cannot_decide_is_refused_with_its_place(rego: str, expected: str) -> None:
    """Without it the first order would find out, or nobody."""
    found = problems(rego)
    assert len(found) == 1
    assert expected in found[0]


def test_a_contradicted_golden_case_is_named() -> None:
    """Without it an edit that turns a rule round would go live."""
    found = problems(RULE, case("two passes", True), case("one passes", True, x=1), case("code", False, "NO", x=0))
    assert found == [
        "golden/cases.json: case 'cases: one passes': expected allow, was deny with no code",
        "golden/cases.json: case 'cases: code': expected deny with NO, was deny with no code",
    ]


def test_a_slow_policy_is_refused() -> None:
    """Without it one comprehension too many would hold up every order behind it."""
    pairs = "[1 | some a in numbers.range(1, 300); some b in numbers.range(1, 300); a < b; input.x]"
    slow = f'decision := {{"allow": count({pairs}) < 0, "deny": []}}'
    found = problems(slow, case("slow", False))
    assert "above the 20 ms that an order may wait" in found[0]


@pytest.mark.parametrize("cases", [(), (case("two", False),)], ids=["without cases", "with a case"])
def test_a_policy_that_is_slow_for_large_orders_is_refused(cases: tuple[Any, ...]) -> None:
    """Without it a rule that counts up to a size passed, and the first order of ten units asked for 24 GB and took the
    gateway down."""
    counts = "count(numbers.range(1, input.order.size_e8)) < 0"
    found = problems(
        f'decision := {{"allow": allow, "deny": []}}\n\ndefault allow := false\n\nallow if {counts}', *cases
    )
    assert len(found) == 1
    assert "ms where input.order.size_e8 is 1000000: an order may wait 20 ms" in found[0]


def test_a_policy_that_asks_for_all_memory_is_refused() -> None:
    """Without it the judge took the memory of the machine, and with it the gateway beside it."""
    with pytest.raises(PoliciesInvalid, match=r"failed on these policies \(exit status -6\)"):
        approve(sources(f'{DENY}\n\nproblems contains "x" if count(numbers.range(1, 1000000000)) == 1'))


def test_a_policy_that_kills_the_engine_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it a policy that overflows the engine's stack would take the gateway down at a reload."""
    monkeypatch.setattr("gateway.adapters.policy.gate._JUDGE_CODE", "import os; os.kill(os.getpid(), 11)")
    with pytest.raises(PoliciesInvalid, match=r"failed on these policies \(exit status -11\)"):
        approve(sources(DENY))


def test_a_policy_that_takes_forever_to_parse_is_refused() -> None:
    """Without it a file of brackets would hold a reload, and the thread it runs in, for good."""
    with pytest.raises(PoliciesInvalid, match=r"could not be judged within 1\.5 s"):
        approve(sources(f"{DENY}\n\na := {'[' * 3000}{']' * 3000}"), timeout_s=1.5)


@pytest.mark.parametrize(
    ("rego", "doubt"),
    [
        (f"{RULE}\nx := input.y\n\nb := 1 if {{ input.z == 1 }} else := 2", "`else` is used"),
        (f"{RULE}\ndefault f(_) := 1\n\nf(x) := 2 if x > 1", "a default function is used"),
        (f'{RULE}\np["a"] := 1\n\np["b"] := 2\n\nallow if p.b == 3', "cannot be compiled"),
        (
            'decision := {"allow": allow, "deny": []}\n\ndefault allow := false\n\n'
            "allow if {\n\tinput.x > 1\n\tcount({x | x := [[input.y]]}) == 1\n}\n",
            "compiled says",
        ),
    ],
    ids=["else", "default function", "not compilable", "disagrees"],
)
def test_where_the_compiled_form_errs_the_interpreter_decides(rego: str, doubt: str) -> None:
    """Without it a known bug of the fast path could turn a denial into an order."""
    judgement = judge(sources(rego, case("one", False, x=1)))
    assert judgement.problems == ()
    assert doubt in judgement.doubts[0]


def test_the_fast_path_still_has_the_bug_that_the_gate_guards_against() -> None:
    """Without it nobody would notice that a new engine version made the guard unnecessary."""
    rego = "package t\n\na := x if {\n\tx := input.x\n} else := 5\n"
    assert CompiledRunner({"t.rego": rego}, {}, "data.t.a").decide("{}") == '"<undefined>"'


def test_the_judging_process_agrees_with_the_judge(shipped: PolicySources) -> None:
    """Without it the process could fail to start, and no reload would ever succeed."""
    assert approve(shipped).is_compiled
    with pytest.raises(PoliciesInvalid) as refused:
        approve(sources("decision := true"))
    assert tuple(refused.value.problems) == judge(sources("decision := true")).problems


def test_what_passed_is_not_judged_again(shipped: PolicySources) -> None:
    """Without it a start would wait for the same judgement twice: once beside its imports, once before it is ready."""
    gate = Gate()
    same = build_sources(source_texts(shipped))
    with ThreadPoolExecutor() as threads:
        first, second = threads.map(gate.approve, (shipped, same))
    assert first is second
    assert gate.approve(same) is first


@pytest.mark.parametrize("changed", ["modules", "data", "golden"])
def test_whatever_was_changed_is_judged_anew(shipped: PolicySources, changed: str) -> None:
    """Without it a wrong edit that followed a good one would pass for the good one."""
    gate = Gate()
    approved = gate.approve(shipped)
    wrong = {
        "modules": {"trading.rego": "package trading\n\nallowed := true\n"},
        "data": {"limits": "none"},
        "golden": {"golden/new.json": "{"},
    }[changed]
    with pytest.raises(PoliciesInvalid):
        gate.approve(msgspec.structs.replace(shipped, **{changed: wrong}))
    assert gate.approve(shipped) is approved
