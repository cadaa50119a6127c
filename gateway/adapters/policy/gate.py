"""The load gate: what policies must pass before they may decide about an order.

It runs in a process of its own (``judge``), because a policy can do worse than be wrong: the engine overflows its
stack on some and takes minutes to parse others. The gateway only ever loads what came out of here alive.
"""

import json
import os
import resource
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import msgspec

from gateway.adapters.policy.agreement import compiled_doubts
from gateway.adapters.policy.amounts import MAX_CASE_MS, amount_problems, quickest_ms
from gateway.adapters.policy.dependence import Dependence, dependence_of
from gateway.adapters.policy.documents import Decision, verdict_of
from gateway.adapters.policy.golden import GoldenCase, golden_cases
from gateway.adapters.policy.runners import (
    UNDEFINED,
    CompiledRunner,
    InterpretedRunner,
    describe,
    is_panic,
    parsed_engine,
)
from gateway.adapters.policy.sources import PoliciesInvalid, PolicyProblem, PolicySources
from gateway.adapters.policy.syntax import syntax_problems
from gateway.domain.events import PolicyVerdict

#: For the process that judges: what asks for more memory is refused instead of taking the machine down.
_JUDGE_BYTES = 4 * 2**30
_JUDGE_TIMEOUT_S = 30.0
_JUDGE_CODE = "from gateway.adapters.policy.gate import main; main()"
_PROBLEMS_RULE = "data.trading.problems"


class Judgement(msgspec.Struct, frozen=True):
    """What the gate found. ``doubts`` are why the compiled form may not be used; they refuse nothing. ``dependence`` is
    what decisions depend on, None when that is everything."""

    problems: tuple[PolicyProblem, ...] = ()
    doubts: tuple[str, ...] = ()
    dependence: Dependence | None = None


class ApprovedPolicies(msgspec.Struct, frozen=True):
    """Policies that passed the gate, and how the embedded engine may run them."""

    sources: PolicySources
    doubts: tuple[str, ...] = ()
    dependence: Dependence | None = None

    @property
    def revision(self) -> str:
        return self.sources.revision

    @property
    def is_compiled(self) -> bool:
        return not self.doubts


def approve(sources: PolicySources, timeout_s: float = _JUDGE_TIMEOUT_S) -> ApprovedPolicies:
    """Judge in a process of its own; raise ``PoliciesInvalid`` with every problem. Blocks: call it in a thread."""
    judgement = _judge_apart(sources, timeout_s)
    if judgement.problems:
        raise PoliciesInvalid(judgement.problems)
    return ApprovedPolicies(sources, judgement.doubts, judgement.dependence)


class Gate:
    """``approve`` with a memory: the policies that passed last are not judged again while they stay the same.

    Any thread may ask. Who asks while policies are judged waits, and has the answer too if they are the same.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last: ApprovedPolicies | None = None

    def approve(self, sources: PolicySources) -> ApprovedPolicies:
        with self._lock:
            if self._last is None or self._last.sources != sources:
                self._last = approve(sources)
            return self._last


def judge(sources: PolicySources) -> Judgement:
    """Everything that is wrong with these policies, in this process. Later checks need what earlier ones proved."""
    try:
        tree = parsed_engine(sources.modules).get_ast_as_json()
        problems = syntax_problems(tree)
    except RuntimeError as error:
        return Judgement((_engine_problem(error),))
    if not problems:
        problems = _data_problems(sources)
    if problems:
        return Judgement(tuple(problems))
    cases, problems = golden_cases(sources)
    problems += _empty_input_problems(sources)
    runners: dict[str, InterpretedRunner] = {}
    for case in cases:
        key = json.dumps(case.data)
        if key not in runners:
            runners[key] = InterpretedRunner(sources.modules, case.data)
        problems += _case_problems(runners[key], case)
    problems = problems or amount_problems(sources, [case.input for case in cases])
    if problems:
        return Judgement(tuple(problems))
    return Judgement((), tuple(compiled_doubts(sources, tree, cases)), dependence_of(tree))


def _judge_apart(sources: PolicySources, timeout_s: float) -> Judgement:
    root = str(Path(__file__).resolve().parents[3])
    paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "RUST_BACKTRACE": "0"}
    command = [sys.executable, "-c", _JUDGE_CODE]
    try:
        done = subprocess.run(
            command, input=msgspec.json.encode(sources), capture_output=True, timeout=timeout_s, env=environment
        )
    except subprocess.TimeoutExpired:
        return Judgement((PolicyProblem(".", f"the policies could not be judged within {timeout_s:g} s"),))
    except OSError as error:
        return Judgement((PolicyProblem(".", f"the process that judges policies cannot be started: {error}"),))
    if done.returncode == 0:
        return msgspec.json.decode(done.stdout, type=Judgement)
    last = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
    words = f"the policy engine failed on these policies (exit status {done.returncode})"
    return Judgement((PolicyProblem(".", ": ".join([words, *last])),))


def _engine_problem(error: BaseException) -> PolicyProblem:
    file, line, text = describe(error)
    return PolicyProblem(file or ".", text, line)


def _data_problems(sources: PolicySources) -> list[PolicyProblem]:
    """What the policies themselves say of their data (``problems``, where they define it)."""
    try:
        answer = InterpretedRunner(sources.modules, sources.data, _PROBLEMS_RULE).decide("{}")
    except RuntimeError as error:
        if "not a valid rule path" in str(error):
            return []
        return [_engine_problem(error)]
    found = json.loads(answer)
    if answer == UNDEFINED:
        return []
    if not isinstance(found, list):
        return [PolicyProblem(".", f"{_PROBLEMS_RULE} must be a set of texts")]
    return [PolicyProblem("data.json", str(text)) for text in found]


def _empty_input_problems(sources: PolicySources) -> list[PolicyProblem]:
    """A policy that allows an empty document would allow whatever it has not been told."""
    runner = InterpretedRunner(sources.modules, sources.data)
    empty: list[Any] = [{}, None]
    for document in empty:
        verdict = _verdict(runner, document)
        text = f"the input {document} is allowed: what is missing must be denied"
        if isinstance(verdict, str):
            text = f"data.trading.decision must be defined, even for the input {document}: {verdict}"
        elif not verdict.is_allowed:
            continue
        return [PolicyProblem(".", text)]
    return []


def _case_problems(runner: InterpretedRunner, case: GoldenCase) -> list[PolicyProblem]:
    started_s = time.perf_counter()
    verdict = _verdict(runner, case.input)
    elapsed_ms = (time.perf_counter() - started_s) * 1e3
    if isinstance(verdict, str):
        return [PolicyProblem(case.file, verdict, case=case.name)]
    codes = sorted({code for code, _ in verdict.denies})
    wanted = sorted(set(case.expected.deny))
    if (verdict.is_allowed, codes) != (case.expected.allow, wanted):
        was, expected = _words(verdict.is_allowed, codes), _words(case.expected.allow, wanted)
        return [PolicyProblem(case.file, f"expected {expected}, was {was}", case=case.name)]
    if elapsed_ms > MAX_CASE_MS:
        elapsed_ms = quickest_ms(runner, case.input)
    if elapsed_ms > MAX_CASE_MS:
        text = f"took {elapsed_ms:.0f} ms, above the {MAX_CASE_MS} ms that an order may wait"
        return [PolicyProblem(case.file, text, case=case.name)]
    return []


def _words(is_allowed: bool, codes: list[str]) -> str:
    return "allow" if is_allowed else f"deny with {', '.join(codes) or 'no code'}"


def _verdict(runner: InterpretedRunner | CompiledRunner, document: Any) -> PolicyVerdict | str:
    """The verdict, or why there is none."""
    try:
        answer = runner.decide(json.dumps(document))
        if answer == UNDEFINED:
            return "the decision is undefined"
        verdict = verdict_of(msgspec.json.decode(answer, type=Decision), "")
    except (RuntimeError, msgspec.DecodeError) as error:
        return describe(error)[2]
    except BaseException as error:
        if not is_panic(error):
            raise
        return f"the engine panicked: {error}"
    return verdict if verdict.failure is None else verdict.failure_text


def main() -> None:
    """Judge the sources on standard input; the judgement goes to standard output."""
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    if most == resource.RLIM_INFINITY or most > _JUDGE_BYTES:
        resource.setrlimit(resource.RLIMIT_AS, (_JUDGE_BYTES, most))
    sources = msgspec.json.decode(sys.stdin.buffer.read(), type=PolicySources)
    sys.stdout.buffer.write(msgspec.json.encode(judge(sources)))
