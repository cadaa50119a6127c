"""``gateway whatif``: the journal decided again under an edit of the configuration or of the policies.

Reads only, takes no lock, and may run beside the gateway.
"""

import asyncio
import re
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from gateway.adapters.clock import SystemClock
from gateway.adapters.config import ConfigInvalid, load
from gateway.adapters.journal.outside import Outside, from_outside
from gateway.adapters.policy.embedded import EmbeddedPolicy
from gateway.adapters.policy.loader import PolicyLoader
from gateway.adapters.policy.sources import PoliciesInvalid
from gateway.app.candidate_proofs import LAST_GOOD_POLICIES
from gateway.app.checks import unserved
from gateway.app.people.terminal import clean
from gateway.app.registry import with_capabilities
from gateway.app.unread import unread
from gateway.app.whatif_report import as_json, as_text
from gateway.core.candidates.overlay import Overlay, as_it_was, changed_keys, overlay_of
from gateway.core.config_change import refusals
from gateway.core.orphans import orphans
from gateway.core.state import GatewayState
from gateway.domain.events import OrderReceived, PolicyEvaluated
from gateway.domain.settings import Settings
from gateway.ports.journal import JournalBroken, JournalUnavailable
from gateway.service.candidates.beginning import begin_at
from gateway.service.candidates.verdicts import Verdicts
from gateway.service.candidates.whatif import OnProgress, Question, WhatIf, what_if
from gateway.service.recovery import recover

_NS = 1_000_000_000
_DAY_NS = 86_400 * _NS
_UNITS_S = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}


class CandidateRefused(Exception):
    """What was given cannot be a candidate; the problems, one a line."""


class Candidate(msgspec.Struct, frozen=True):
    """What is asked about. ``changes`` are the parts of the configuration that it edits, ``policy_revision`` that of
    the policies that are asked, empty when none are; ``is_policy_new`` False: they are those in force."""

    question: Question
    changes: tuple[str, ...]
    policy_revision: str
    is_policy_new: bool


def whatif(
    policies: Path | None,
    config_dir: Path | None,
    since: str,
    data_dir: Path,
    environ: Mapping[str, str],
    *,
    is_json: bool,
) -> int:
    """Print what would have become of the orders since then; 0 only when every one of them could be judged."""
    try:
        since_ns = since_of(since, SystemClock().now_ns())
        found, candidate = asyncio.run(_ask(policies, config_dir, since_ns, data_dir, environ))
    except (CandidateRefused, PoliciesInvalid, ConfigInvalid) as refused:
        problems = refused.args if isinstance(refused, CandidateRefused) else refused.problems
        print("\n".join(map(str, problems)), file=sys.stderr)
        print(f"refused: {len(problems)} problem(s)", file=sys.stderr)
        return 1
    except (JournalBroken, JournalUnavailable) as error:
        print(unread(error), file=sys.stderr)
        return 1
    write = as_json if is_json else as_text
    print(write(found, candidate.changes, candidate.policy_revision if candidate.is_policy_new else "", since_ns))
    if found.failed or found.policy_errors:
        print(
            f"{found.failed + found.policy_errors} orders could not be judged: {clean(found.last_error)}",
            file=sys.stderr,
        )
    return 1 if found.failed or found.policy_errors else 0


def since_of(text: str, now_ns: int) -> int:
    """The moment that ``7d``, ``12h``, ``30m`` ago was, or that a date such as 2026-11-01 (UTC) begins."""
    if (found := re.fullmatch(r"([0-9]{1,6})([smhdw])", text)) is not None:
        return max(now_ns - int(found[1]) * _UNITS_S[found[2]] * _NS, 0)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise CandidateRefused(f"--since {text}: write it as 7d, 12h, 30m, or as a date such as 2026-11-01") from None
    since_ns = int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()) * _NS
    if since_ns > now_ns:
        raise CandidateRefused(f"--since {text}: lies in the future, and there is nothing to decide again")
    return max(since_ns, 0)


async def _ask(
    policies: Path | None, config_dir: Path | None, since_ns: int, data_dir: Path, environ: Mapping[str, str]
) -> tuple[WhatIf, Candidate]:
    settings = None if config_dir is None else with_capabilities(load(config_dir, environ))
    async with from_outside(data_dir) as journal:
        now, _ = await recover(journal)
        _check(now, settings)
        if policies is None and settings is not None and config_dir is not None:
            policies = config_dir / settings.policy.path
        candidate = await _candidate(journal, now, settings, policies, data_dir, since_ns)
        # A day before the window: what is measured over a day is then known at its beginning.
        checkpoint = await journal.load_checkpoint(since_ns - _DAY_NS)
        state, seq = begin_at(checkpoint, candidate.question.overlay)
        records = journal.read(seq)
        return await what_if(records, state, candidate.question, _progress(journal.last_seq - seq)), candidate


def _check(now: GatewayState, settings: Settings | None) -> None:
    """The verdict that check-config has on this folder."""
    if settings is None:
        return
    before = now.config if now.config.revision else None
    problems = (*unserved(settings), *refusals(before, settings.trading), *orphans(now, settings.trading))
    if problems:
        raise CandidateRefused(*problems)


async def _candidate(
    journal: Outside,
    now: GatewayState,
    settings: Settings | None,
    policies: Path | None,
    data_dir: Path,
    since_ns: int,
) -> Candidate:
    loader = PolicyLoader(policies or Path(), data_dir / LAST_GOOD_POLICIES)
    approved = loader.load() if policies is not None else loader.load_last_good()
    engine: EmbeddedPolicy | None = None
    if approved is not None:
        engine = EmbeddedPolicy()
        await engine.activate(approved)
    revision = "" if engine is None else engine.revision
    is_new = policies is not None and revision != await _revision_in_force(journal)
    ask = None if engine is None else engine.evaluate_now
    overlay: Overlay = as_it_was
    changes: tuple[str, ...] = ()
    if settings is not None:
        overlay, changes = overlay_of(now.config, settings.trading), changed_keys(now.config, settings.trading)
    question = Question(
        overlay, Verdicts(ask, is_candidate=is_new), Verdicts(ask, is_candidate=is_new), since_ns=since_ns
    )
    return Candidate(question, changes, revision, is_new)


async def _revision_in_force(journal: Outside) -> str:
    """The revision of the policies that last decided about an order; empty when none is on record."""
    for record in await journal.last_of(OrderReceived.__name__, 100):
        assert isinstance(record.event, OrderReceived)
        for verdict in record.event.verdicts:
            if verdict.revision:
                return verdict.revision
    for record in await journal.last_of(PolicyEvaluated.__name__, 100):
        assert isinstance(record.event, PolicyEvaluated)
        if record.event.verdict.revision:
            return record.event.verdict.revision
    return ""


def _progress(total: int) -> OnProgress:
    """Tell on stderr how far it got and how long it may still take: in one line that moves on a terminal, else now and
    then."""
    is_terminal, started_s = sys.stderr.isatty(), time.monotonic()
    every = 5_000 if is_terminal else 200_000

    def tell(count: int) -> None:
        if total >= every and (count % every == 0 or count == total):
            left_s = (time.monotonic() - started_s) * (total - count) / max(count, 1)
            left = f", {left_s:.0f} s left" if count < total else ""
            end = "\r" if is_terminal and count < total else "\n"
            print(f"{count} of {total} records{left}    ", end=end, file=sys.stderr, flush=True)

    return tell
