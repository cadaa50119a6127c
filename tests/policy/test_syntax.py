"""What the gate reads from the syntax tree: builtins, recursion, `with`."""

import json
from typing import Any

import pytest
import regorus

from gateway.adapters.policy.builtins import ALLOWED, REASONS, refusal_of
from gateway.adapters.policy.runners import CompiledRunner, parsed_engine
from gateway.adapters.policy.syntax import syntax_problems
from tests.policy.opa_server import run_opa

PACKAGE = "package trading\n\n"


def problems(**modules: str) -> list[str]:
    texts = {f"{name}.rego": text for name, text in modules.items()}
    return [str(problem) for problem in syntax_problems(parsed_engine(texts).get_ast_as_json())]


@pytest.mark.parametrize(
    "rule",
    [
        'a := http.send({"url": "x"})',
        'a := http["send"]({"url": "x"})',
        "a if time.now_ns() > 1",
        "a := [1, {2: opa.runtime()}]",
        'a := {x | some x in input; rand.intn("x", 3) == x}',
        "a if { every x in input { x == uuid.rfc4122(x) } }",
        "f(x) := time.date(x)",
        "a := y if { y := input[net.lookup_ip_addr(input.host)] }",
        "a if not trace(input.x)",
        "default a := false\n\na contains x if walk(input, [x, _])",
        "a := 1 if { input.x } else := time.now_ns()",
        "a := json.patch(input, [{time.clock(1): 2}])",
        "a := nobody.knows(1)",
    ],
)
def test_a_forbidden_call_is_found_wherever_it_stands(rule: str) -> None:
    """Without it a policy could ask the network, the clock or a die, and no replay would give its decision."""
    found = problems(a=PACKAGE + rule)
    assert len(found) == 1
    assert "may not be called" in found[0]
    assert found[0].startswith("a.rego:")


def test_text_and_comments_are_not_calls() -> None:
    """Without it a comment about http.send would refuse the policy."""
    assert problems(a=f'{PACKAGE}# http.send(1)\na := "http.send(1)" if input.http.send') == []


def test_functions_of_the_policies_may_be_called() -> None:
    """Without it a policy could not be divided into files."""
    library = "package lib.sizes\n\ntwice(x) := x * 2\n"
    user = "import data.lib.sizes\nimport data.lib.sizes.twice as double\n\n"
    rules = "a := sizes.twice(1)\n\nb := double(1)\n\nc := data.lib.sizes.twice(1)\n\nd := own(1)\n\nown(x) := x\n"
    assert problems(a=PACKAGE + user + rules, lib=library) == []


@pytest.mark.parametrize(
    ("rules", "way"),
    [
        ("a := a", "trading.a -> trading.a"),
        ("a if not a", "trading.a -> trading.a"),
        ("a := b\n\nb := a", "trading.a -> trading.b -> trading.a"),
        ("f(x) := g(x)\n\ng(x) := f(x) if x > 0", "trading.f -> trading.g -> trading.f"),
        ("a contains x if some x in a", "trading.a -> trading.a"),
        ("a := data.trading[input.rule]", "trading.a -> trading.a"),
        ("a := data[input.package]", "trading.a -> trading.a"),
        ("a := [x | x := data.trading.b]\n\nb := count(a)", "trading.a -> trading.b -> trading.a"),
    ],
)
def test_recursion_is_found(rules: str, way: str) -> None:
    """Without it the engine would overflow the stack on the first order and take the gateway with it."""
    found = problems(a=PACKAGE + rules)
    assert found
    assert way in found[0]


def test_recursion_across_packages_is_found() -> None:
    """Without it two files could do together what one may not."""
    library = "package lib\n\nf(x) := data.trading.a\n"
    assert "lib.f" in problems(a=f"{PACKAGE}import data.lib\n\na := lib.f(1)", lib=library)[0]


def test_what_only_looks_like_recursion_passes() -> None:
    """Without it ordinary policies would be refused."""
    rules = "a.b.c := data.trading.a.d\n\na.d := 1\n\ndefault e := false\n\ne if input.e\n\nf(e) := e\n"
    assert problems(a=PACKAGE + rules) == []


def test_with_is_refused() -> None:
    """Without it a policy could decide about another document than the order's."""
    found = problems(a=f"{PACKAGE}a if b with input as {{}}\n\nb if input.x")
    assert "`with` may not be used" in found[0]


@pytest.mark.opa
def test_the_allow_list_fits_both_engines() -> None:
    """Without it an upgrade could bring a builtin that is judged nowhere, or take away one that is allowed."""
    capabilities: dict[str, Any] = json.loads(run_opa("capabilities", "--current").stdout)
    builtins = {each["name"]: each for each in capabilities["builtins"]}
    assert set(builtins) >= ALLOWED
    assert not ALLOWED & set(REASONS)
    assert not [name for name in ALLOWED if builtins[name].get("nondeterministic")]
    for name in sorted(ALLOWED):
        arguments = ", ".join("input.x" for _ in builtins[name]["decl"].get("args", []))
        CompiledRunner({"t.rego": f"package t\n\na := {name}({arguments})\n"}, {}, "data.t.a")


@pytest.mark.opa
def test_a_builtin_that_the_engines_answer_differently_is_refused() -> None:
    """Without it one policy would allow here what it denies on an OPA server: `replace_n` replaces what it replaced."""
    call = 'strings.replace_n({"a": "b", "b": "c"}, "ab")'
    there = json.loads(run_opa("eval", "--format", "raw", f"json.marshal({call})").stdout)
    here = CompiledRunner({"t.rego": f"package t\n\na := {call}\n"}, {}, "data.t.a").decide("{}")
    assert there != json.loads(here)
    assert "the two engines answer it differently" in (refusal_of("strings.replace_n") or "")


def test_the_engine_is_the_one_that_was_measured() -> None:
    """Without it an upgrade of the engine would inherit what was learned of another version."""
    answer = CompiledRunner({"t.rego": "package t\n\na := opa.runtime()\n"}, {}, "data.t.a").decide("{}")
    assert json.loads(answer)["regorus-version"].startswith("0.13."), regorus
