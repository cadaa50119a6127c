"""Putting a candidate in force: only what was judged with the same content and passed, where that is asked for."""

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gateway.adapters.config import parse
from gateway.app.candidate_proofs import limits_revision
from gateway.app.checks import check_config
from gateway.core.candidates.proof import ENFORCED, NOT_PROVEN, Shown, looser_limits, proof_of_limits, proof_of_policies
from gateway.core.config_edits import load
from gateway.domain.candidates import CandidateGates, CandidatePart, CandidateTerms
from gateway.domain.config import Limits
from gateway.domain.events import ConfigLoaded
from gateway.domain.facts import ConfigChanged
from gateway.domain.rollout import GateResult, Rollout, Verdict
from tests.candidates.test_beside import until
from tests.e2e.orders import market
from tests.e2e.process import Api, GatewayProcess, Site, eventually, running
from tests.patience import PATIENCE_S
from tests.world import ADMIN, D, World, trading_config

NEEDED = Rollout(candidates=CandidateTerms(needed=(CandidatePart.LIMITS,)))
LOOSER = ("limits.max_order_size 5 -> 9",)
RULES = "risk_candidate.yaml"
EASY = {"min_orders": 1, "max_errors": 0.9}


def shown(*verdicts: Verdict, **content: Any) -> Shown:
    gates = tuple(GateResult(gate=f"gate{n}", verdict=verdict, text="told") for n, verdict in enumerate(verdicts))
    return Shown(name="c", gates=gates, **content)


@pytest.mark.parametrize(
    ("limits", "proven_by", "is_taken"),
    [
        (Limits(max_order_size=D(4)), "", True),
        (Limits(max_order_size=D(5), max_position_size=D(7)), "", True),
        (Limits(max_order_size=D(6)), "", False),
        (Limits(max_order_size=D(6)), "candidate c", True),
        (Limits(max_order_size=D(4), max_leverage=D(2)), "", True),
        (Limits(), "", False),
    ],
)
def test_the_core_takes_tighter_limits_at_once_and_looser_ones_with_a_proof(
    limits: Limits, proven_by: str, is_taken: bool
) -> None:
    """Without this, a mistake anywhere before would put in force what nobody tried, and no record would say by what."""
    world = World(trading_config(limits=Limits(max_order_size=D(5)), rollout=NEEDED))
    edit = trading_config(limits=limits, rollout=NEEDED, revision="edit")
    decision = load(world.state, ConfigLoaded(ts_ns=world.tick(), config=edit, actor=ADMIN, proven_by=proven_by))
    if not is_taken:
        assert decision.refusal is not None
        assert decision.refusal.code == NOT_PROVEN
        return
    (changed,) = (fact for fact in decision.facts if isinstance(fact, ConfigChanged))
    assert (proven_by in changed.difference) is bool(proven_by)


def test_everything_that_risk_yaml_says_needs_the_proof() -> None:
    """Without this, what is left out could be loosened without a candidate, and one that says otherwise would prove it:
    how often venues are asked for what they hold is in risk.yaml too."""
    before, after = (
        parse({"gateway.yaml": b"{}", "risk.yaml": b"reconciliation: {every_s: %d}" % every_s}, {}).trading
        for every_s in (60, 86_400)
    )
    old, new = (msgspec.structs.replace(one, rollout=NEEDED, revision="r") for one in (before, after))
    assert looser_limits(old, new) == ("reconciliation.every_s 60 -> 86400",)
    assert limits_revision(old) != limits_revision(new)


def test_what_is_judged_by_is_what_is_in_force_before_the_edit() -> None:
    """Without this, one edit could switch the proof off and loosen the limit."""
    world = World(trading_config(limits=Limits(max_order_size=D(5)), rollout=NEEDED))
    edit = trading_config(limits=Limits(max_order_size=D(6)), revision="edit")
    decision = load(world.state, ConfigLoaded(ts_ns=world.tick(), config=edit, actor=ADMIN))
    assert decision.refusal is not None


@pytest.mark.parametrize(
    ("candidates", "missing"),
    [
        ([], "must run as a candidate first, and none has"),
        ([shown(Verdict.PASS, limits="bb")], "none has"),
        ([shown(Verdict.PASS, limits="aa")], ""),
        ([shown(limits="aa")], "no gate was measured"),
        ([shown(Verdict.PASS, Verdict.NOT_ENOUGH, limits="aa")], "gate1 not_enough_evidence: told"),
        ([shown(Verdict.ERROR, limits="aa"), shown(Verdict.PASS, limits="aa")], ""),
        ([shown(Verdict.PASS, limits="aa", policies="other")], "put those in force first"),
        ([shown(Verdict.PASS, limits="aa", policies="now")], ""),
        ([shown(Verdict.PASS, policies="now")], "none has"),
    ],
)
def test_limits_are_proven_by_a_candidate_of_the_same_content_that_passed(
    candidates: list[Shown], missing: str
) -> None:
    """Without this, evidence about one file would put another in force."""
    proof = proof_of_limits(LOOSER, "aa", "now", candidates)
    assert (proof.by == "") is bool(missing)
    assert missing in " ".join(proof.missing)


@pytest.mark.parametrize(
    ("candidate", "is_proven"),
    [
        (shown(Verdict.PASS, policies="pp"), True),
        (shown(Verdict.PASS, policies="pp", limits="now"), True),
        (shown(Verdict.PASS, policies="pp", limits="other"), False),
        (shown(Verdict.PASS, policies="pp", limits="other", is_looser=True), True),
        (shown(Verdict.FAIL, policies="pp"), False),
        (shown(Verdict.PASS, policies="qq"), False),
        (shown(Verdict.PASS, policies=ENFORCED), False),
    ],
)
def test_policies_are_proven_under_the_limits_they_ran_with_or_tighter_ones(candidate: Shown, is_proven: bool) -> None:
    """Without this, policies that rely on a candidate's limits would be put in force without them."""
    assert bool(proof_of_policies("pp", "now", [candidate]).by) is is_proven


def test_the_least_that_is_asked_of_all_candidates_outweighs_their_own_gates() -> None:
    """Without this, `min_orders: 1` beside a candidate would take the gates away, and need nobody's approval."""
    own, least = CandidateGates(min_orders=1, max_differences=D("0.5")), CandidateGates(min_orders=9, min_days=2)
    terms = CandidateTerms(needed=(CandidatePart.LIMITS,), gates=least)
    both = terms.gates_of(own)
    assert (both.min_orders, both.min_days, both.max_differences) == (9, 2, D("0.5"))
    assert msgspec.structs.replace(terms, needed=()).gates_of(own) == own


async def test_an_edit_waits_for_its_candidate_and_a_restart_changes_nothing(
    tmp_path: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without this, gates would inform, and limits and policies be put in force whatever they say."""
    site = Site(tmp_path / "gateway")
    site.lift_limits()
    site.merge("risk.yaml", {"limits": {"max_order_size": 5}})
    least = {**EASY, "min_orders": 5}
    site.merge("rollout.yaml", {"candidates": {"needed": ["limits", "policies"], "gates": least}})
    async with running(site) as process:
        await _limits(process, site, capsys)
        await _policies(process, site)
    edit_policy(site.policies, 7)
    async with running(site) as process:
        ready = await process.api().fetch("/health/ready")
        assert any("must run as a candidate first" in text for text in ready["warnings"])
        assert (await process.api().place(**market(quantity=8))).status == 422, "the last good policies are in force"
        assert (await process.api().place(**market(quantity=6))).status == 201
        assert process.log.count("Traceback") == 0, process.log


def edit_policy(folder: Path, max_size: int) -> None:
    data = (folder / "data.json").read_text()
    first, _, rest = data.partition('"max_order_size_e8": ')
    (folder / "data.json").write_text(f'{first}"max_order_size_e8": {max_size}00000000,{rest.partition(",")[2]}')


async def warned(api: Api, *texts: str) -> None:
    seen: list[str] = []

    async def is_so() -> bool:
        seen[:] = (await api.fetch("/health/ready"))["warnings"]
        return all(any(text in warning for warning in seen) for text in texts)

    await eventually(is_so, PATIENCE_S, lambda: f"{texts}: {seen}")


async def judged(api: Api, name: str) -> dict[str, Any]:
    await until(api, name, state="running", orders=0)
    for _ in range(5):
        assert (await api.place(**market(quantity=1))).status == 201
    return await until(api, name, state="running", orders=5, verdict="pass")


async def _limits(process: GatewayProcess, site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    api = process.api()
    looser = site.read("risk.yaml").replace("max_order_size: 5", "max_order_size: 10")
    site.write(RULES, looser)
    site.write("risk.yaml", looser)
    await warned(api, "limits.max_order_size 5 -> 10", "must run as a candidate first")
    assert await asyncio.to_thread(check_config, site.config, site.data, {}) == 1
    assert "must run as a candidate first" in capsys.readouterr().err
    assert (await api.place(**market(quantity=8))).status == 422
    site.change("risk.yaml", "max_order_size: 10", "max_order_size: 5")
    site.merge("gateway.yaml", {"candidates": {"larger": {"limits": RULES, "gates": EASY}}})
    found = await judged(api, "larger")
    assert found["needed_for"] == ["limits"]
    site.change("risk.yaml", "max_order_size: 5", "max_order_size: 11")
    await warned(api, "none has")
    site.write("risk.yaml", looser)
    await _placed(api, 8)


async def _policies(process: GatewayProcess, site: Site) -> None:
    api = process.api()
    candidate = site.root / "policies_candidate"
    candidate.mkdir()
    for file in site.policies.iterdir():
        (candidate / file.name).write_bytes(file.read_bytes())
    edit_policy(candidate, 6)
    edit_policy(site.policies, 6)
    await warned(api, "the last policy edit was refused", "must run as a candidate first")
    site.merge(
        "gateway.yaml", {"candidates": {"larger": None, "small": {"policies": "../policies_candidate", "gates": EASY}}}
    )
    await judged(api, "small")
    assert (await api.place(**market(quantity=8))).status == 201
    (site.policies / "data.json").touch()

    async def is_denied() -> bool:
        return (await api.place(**market(quantity=8))).status == 422

    await eventually(is_denied, PATIENCE_S, lambda: process.log[-2_000:])


async def _placed(api: Api, quantity: int) -> None:
    async def is_placed() -> bool:
        return (await api.place(**market(quantity=quantity))).status == 201

    await eventually(is_placed, PATIENCE_S, lambda: "never admitted")
