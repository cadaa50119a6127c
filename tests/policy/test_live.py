"""Loading, reloading and starting again: what works is never replaced by what does not."""

import json
import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from gateway.adapters.policy.embedded import EmbeddedPolicy
from gateway.adapters.policy.gate import ApprovedPolicies
from gateway.adapters.policy.live import LivePolicies
from gateway.adapters.policy.loader import PolicyLoader, check
from gateway.adapters.policy.server import OpaServerPolicy
from gateway.adapters.policy.sources import PoliciesInvalid, PolicyProblem, PolicySources
from gateway.domain.reasons import RejectCode
from gateway.ports.policy import PolicyEngine
from tests.policy.conftest import POLICIES
from tests.policy.documents import E8, order_document
from tests.policy.opa_server import OpaServer

Start = Callable[[Path], LivePolicies]
SMALL = order_document(order__size_e8=3 * E8)

#: The shape of the shipped policies, at a tenth of the time that judging those takes.
FILES = {
    "trading.rego": """package trading

default allow := false

allow if input.order.size_e8 <= data.limits.max_size_e8

decision := {"allow": allow, "deny": deny}

deny contains {"code": "TOO_LARGE", "text": "too large"} if not allow

problems contains "the limit is missing" if not has_limit

has_limit if is_number(data.limits.max_size_e8)
""",
    "data.json": '{"limits": {"max_size_e8": 1000000000}}',
    "golden/sizes.json": """{"sizes": {
        "data": {"limits": {"max_size_e8": 5}}, "input": {"order": {"size_e8": 5}},
        "cases": [{"name": "at the limit", "expected": {"allow": true}}]
    }}""",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A policy folder to edit, beside a data directory."""
    (tmp_path / "data").mkdir()
    for name, text in FILES.items():
        path = tmp_path / "policies" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "policies"


@pytest.fixture
async def live() -> AsyncIterator[Start]:
    """Makes a gateway's policies over a folder, as often as the gateway starts in a test."""
    made: list[LivePolicies] = []

    def make(folder: Path) -> LivePolicies:
        loader = PolicyLoader(folder, folder.parent / "data" / "last_good_policies")
        made.append(LivePolicies(EmbeddedPolicy(), loader))
        return made[-1]

    yield make
    for policies in made:
        await policies.close()


def set_limit(folder: Path, units: int) -> None:
    (folder / "data.json").write_text(json.dumps({"limits": {"max_size_e8": units * E8}}))


async def test_an_edit_of_the_data_is_in_force_after_a_reload(live: Start, folder: Path) -> None:
    """Without it people would have to restart the gateway to change a limit."""
    policies = live(folder)
    policy: PolicyEngine = policies
    assert (await policies.start()).is_applied
    first = policy.revision
    assert policy.is_immediate
    assert policy.evaluate_now(SMALL).is_allowed
    set_limit(folder, 2)
    assert policy.evaluate_now(SMALL).is_allowed
    result = await policies.reload()
    assert (result.is_applied, result.problems, result.notes) == (True, (), ())
    assert policy.revision == result.revision != first
    verdict = await policy.evaluate(SMALL)
    assert [code for code, _ in verdict.denies] == ["TOO_LARGE"]
    assert verdict.revision == result.revision


@pytest.mark.parametrize(
    ("file", "text", "where"),
    [
        ("trading.rego", "package trading\n\nallow := ", "trading.rego:3:"),
        ("trading.rego", "", "trading.rego"),
        ("trading.rego", "\x00\xff", "trading.rego"),
        ("data.json", "{", "data.json:1: is not JSON"),
        ("data.json", "{}", "data.json: the limit is missing"),
        ("data.json", '{"limits": {"max_size_e8": 1.5}}', "data.json: data.limits.max_size_e8 is a float"),
        ("golden/sizes.json", "[]", "golden/sizes.json: is not a file of golden cases"),
        ("extra.rego", "package extra\n\na := time.now_ns()", "extra.rego:3: time.now_ns may not be called"),
    ],
)
async def test_a_bad_edit_leaves_the_former_policies(
    live: Start, folder: Path, file: str, text: str, where: str
) -> None:
    """Without it a slip in an editor would stop trading, or open it."""
    policies = live(folder)
    revision = (await policies.start()).revision
    (folder / file).write_text(text, encoding="latin-1")
    result = await policies.reload()
    assert not result.is_applied
    assert result.revision == policies.revision == revision
    assert where in str(result.problems[0])
    assert policies.evaluate_now(SMALL).is_allowed


async def test_the_last_good_policies_outlive_a_restart(live: Start, folder: Path) -> None:
    """Without it a bad edit would wait for the next restart to stop trading."""
    set_limit(folder, 2)
    before = live(folder)
    revision = (await before.start()).revision
    shutil.rmtree(folder)
    after = live(folder)
    result = await after.start()
    assert not result.is_applied
    assert "there is no such folder" in str(result.problems[0])
    assert "last good policies" in result.notes[0]
    assert after.revision == result.revision == revision
    assert [code for code, _ in after.evaluate_now(SMALL).denies] == ["TOO_LARGE"]


class SeenEngine(EmbeddedPolicy):
    """Tells what a crash would find on disk at the moment policies begin to decide; refuses them when told to."""

    def __init__(self, loader: PolicyLoader) -> None:
        super().__init__()
        self._loader = loader
        self.kept_when_activated: list[str] = []
        self.is_refusing = False

    async def activate(self, policies: ApprovedPolicies) -> None:
        self.kept_when_activated.append(self._loader.last_good_revision())
        if self.is_refusing:
            raise PoliciesInvalid((PolicyProblem("opa", "refused"),))
        await super().activate(policies)


async def test_policies_are_kept_before_they_decide(folder: Path) -> None:
    """Without it a gateway killed just after an edit that denies more would start with the policies before it."""
    loader = PolicyLoader(folder, folder.parent / "data" / "last_good_policies")
    engine = SeenEngine(loader)
    policies = LivePolicies(engine, loader)
    first = (await policies.start()).revision
    set_limit(folder, 2)
    second = (await policies.reload()).revision
    assert engine.kept_when_activated == [first, second]
    engine.is_refusing = True
    set_limit(folder, 3)
    assert not (await policies.reload()).is_applied
    assert loader.last_good_revision() == second, "what was never in force was kept for the next start"
    await policies.close()


async def test_what_is_refused_at_the_first_start_is_not_kept(folder: Path) -> None:
    """Without it a later start would put in force what no engine ever took."""
    loader = PolicyLoader(folder, folder.parent / "data" / "last_good_policies")
    engine = SeenEngine(loader)
    engine.is_refusing = True
    assert not (await LivePolicies(engine, loader).start()).is_applied
    assert loader.last_good_revision() == ""
    await engine.close()


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"{",
        b'{"texts": {"trading.rego": "\xff"}, "sha256": "0"}',
        b'{"texts": {"trading.rego": "package trading"}, "sha256": "0"}',
        None,
    ],
)
async def test_a_damaged_copy_is_not_used(live: Start, folder: Path, damage: bytes | None) -> None:
    """Without it half a file, or one that somebody changed, would decide about orders."""
    await live(folder).start()
    kept = folder.parent / "data" / "last_good_policies" / "policies.json"
    text = kept.read_text()
    kept.write_bytes(text.replace("1000000000", "9000000000").encode() if damage is None else damage)
    shutil.rmtree(folder)
    policies = live(folder)
    result = await policies.start()
    assert (result.is_applied, result.revision) == (False, "")
    assert policies.evaluate_now(SMALL).failure == RejectCode.POLICY_UNAVAILABLE


async def test_a_copy_that_cannot_be_written_is_a_note(live: Start, folder: Path) -> None:
    """Without it a full disk would refuse policies that are good."""
    (folder.parent / "data").rmdir()
    (folder.parent / "data").write_text("in the way")
    policies = live(folder)
    result = await policies.start()
    assert result.is_applied
    assert "could not be kept" in result.notes[0]


async def test_a_policy_that_must_be_interpreted_says_so(live: Start, folder: Path) -> None:
    """Without it an edit that makes every order slower would go unseen."""
    rule = "\nlarge := 1 if { input.order.size_e8 > 5 } else := 2\n"
    with (folder / "trading.rego").open("a") as file:
        file.write(rule)
    policies = live(folder)
    result = await policies.start()
    assert result.is_applied
    assert result.notes[0].startswith("interpreted, about 0.1 ms slower an order: `else` is used")
    assert policies.evaluate_now(SMALL).is_allowed


def test_check_says_what_a_reload_would(folder: Path) -> None:
    """Without it `gateway check-config` could pass a folder that the reload refuses."""
    assert check(folder) == ()
    (folder / "data.json").write_text("[]")
    assert [str(problem) for problem in check(folder)] == ["data.json: must hold an object at its top"]


@pytest.mark.opa
async def test_the_same_over_an_opa_server(folder: Path, opa: OpaServer) -> None:
    """Without it hot reload would work with one engine only."""
    policies = LivePolicies(OpaServerPolicy(opa.url, 5.0), PolicyLoader(folder))
    assert (await policies.start()).is_applied
    assert not policies.is_immediate
    assert (await policies.evaluate(SMALL)).is_allowed
    set_limit(folder, 2)
    assert (await policies.reload()).is_applied
    assert not (await policies.evaluate(SMALL)).is_allowed
    (folder / "trading.rego").write_text("package trading")
    assert not (await policies.reload()).is_applied
    assert (await policies.evaluate(SMALL)).revision == policies.revision
    await policies.close()


async def test_a_server_that_is_down_at_the_start_does_not_stop_the_gateway(
    approved: ApprovedPolicies, shipped: PolicySources
) -> None:
    """Without it a gateway could not even show why it denies, or close positions later."""
    policies = LivePolicies(OpaServerPolicy("http://127.0.0.1:9", 0.5), PolicyLoader(POLICIES))
    result = await policies.start()
    assert not result.is_applied
    assert result.revision == approved.revision
    assert "could not be pushed" in str(result.problems[0])
    assert (await policies.evaluate(SMALL)).failure == RejectCode.POLICY_UNAVAILABLE
    await policies.close()


async def test_a_copy_brings_no_data_directory_back(live: Start, folder: Path) -> None:
    """Without it one that was moved away and is put back with `mv` comes to lie within another of its name, where a
    restart begins an empty journal."""
    (folder.parent / "data").rmdir()
    assert (await live(folder).start()).is_applied
    assert not (folder.parent / "data").exists()
