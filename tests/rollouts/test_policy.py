"""The rollout policy in the gateway's own engine: the cases of its Rego test, and what an unclear answer is."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import regorus

from gateway.adapters.policy.gate import ApprovedPolicies
from gateway.adapters.policy.golden import PatchStep, apply_patch
from gateway.adapters.policy.promotion import judge_promotion
from gateway.adapters.policy.sources import build_sources, read_sources
from gateway.core.rollout.promotion import policy_input, promotions
from gateway.domain.enums import Mode
from tests.rollouts.site import Site

POLICIES = Path(__file__).parents[2] / "policies"
SHIPPED = ApprovedPolicies(read_sources(POLICIES))


@cache
def rego_test() -> dict[str, Any]:
    """The document and the cases of ``rollout_test.rego``."""
    engine = regorus.Engine()
    for name in ("rollout.rego", "rollout_test.rego"):
        engine.add_policy(name, (POLICIES / name).read_text())
    return {key: json.loads(engine.eval_rule_as_json(f"data.rollout_test.{key}")) for key in ("promotion", "cases")}


@pytest.mark.parametrize("name", rego_test()["cases"])
def test_the_embedded_engine_judges_as_opa_does(name: str) -> None:
    """Without it the cases would hold for OPA and not for what decides."""
    case = rego_test()["cases"][name]
    patch = [PatchStep(**step) for step in case["patch"]]
    verdict = judge_promotion(SHIPPED, apply_patch(rego_test()["promotion"], patch))
    assert verdict.failure is None
    assert {code for code, _ in verdict.denies} == set(case["codes"])
    assert verdict.is_allowed is (not case["codes"])


def test_what_the_gateway_sends_is_what_the_policy_reads() -> None:
    """Without it a renamed field would turn every promotion into a denial, or a rule into silence."""
    site = Site()
    new = site.config(Mode.CANARY, 5_000)
    (promotion,) = promotions(site.state, new)
    document = policy_input(site.state, new, promotion, 1)
    assert judge_promotion(SHIPPED, document).is_allowed
    assert document.keys() == rego_test()["promotion"].keys()


@pytest.mark.parametrize(
    ("texts", "failure"),
    [
        ({}, "POLICY_UNDEFINED"),
        ({"mine.rego": "package rollout\n\nx := 1"}, "POLICY_UNDEFINED"),
        ({"mine.rego": 'package rollout\n\ndecision := {"allow": "yes", "deny": []}'}, "POLICY_MALFORMED"),
        ({"mine.rego": "package rollout\n\ndecision := 1 if input.nothing"}, "POLICY_UNDEFINED"),
        (
            {"mine.rego": 'package rollout\n\ndecision := {"allow": true, "deny": [{"code": "A", "text": "b"}]}'},
            "POLICY_MALFORMED",
        ),
    ],
)
def test_no_clear_answer_is_a_no(texts: dict[str, str], failure: str) -> None:
    """Invariant 13 for promotions, in the engine: what is undefined or malformed could read as a yes."""
    sources = build_sources({"trading.rego": "package trading\n\nallow := false", **texts})
    verdict = judge_promotion(ApprovedPolicies(sources), rego_test()["promotion"])
    assert (verdict.is_allowed, verdict.failure) == (False, failure)


def test_without_policies_nothing_is_promoted() -> None:
    """Without it a broken folder at the first start would promote."""
    assert judge_promotion(None, {}).failure == "POLICY_UNAVAILABLE"
    assert judge_promotion(SHIPPED, {"orders": 0.5}).failure == "POLICY_MALFORMED"
