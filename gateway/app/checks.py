"""Commands that look and do not run: the configuration's verdict, the journal's proof, the past decided again."""

import asyncio
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import msgspec

from gateway.adapters.clock import SystemClock
from gateway.adapters.config import (
    ConfigInvalid,
    LastGood,
    LastGoodCorrupt,
    Loaded,
    describe_difference,
    load_files,
    parse,
    pointed,
)
from gateway.adapters.journal import verify
from gateway.adapters.journal.finished import FinishedOrders
from gateway.adapters.journal.outside import NoJournal, from_outside
from gateway.adapters.policy.loader import PolicyLoader
from gateway.adapters.policy.loader import check as check_policies
from gateway.adapters.policy.promotion import judge_by_folder
from gateway.adapters.policy.sources import PoliciesInvalid, read_sources
from gateway.app.candidate_proofs import StartProofs, how_to_approve
from gateway.app.candidates import CandidateInvalid, load_candidate
from gateway.app.edits import LAST_KEY, utc_day
from gateway.app.environment import unset_variables
from gateway.app.next_start import broken_tls, unreachable_host
from gateway.app.registry import ORDER_ADAPTERS, unserved_sources
from gateway.app.rehearsal import unmakable
from gateway.app.unread import unread
from gateway.core.apply import apply_record
from gateway.core.config_change import refusals
from gateway.core.config_edits import standing_approval
from gateway.core.limit_advice import exceeded, expired, ineffective, shut_in
from gateway.core.loosening import compare
from gateway.core.orphans import orphans
from gateway.core.rollout.promotion import missing
from gateway.core.state import GatewayState
from gateway.domain.enums import Mode, Role
from gateway.domain.facts import ConfigChanged
from gateway.domain.orders import Actor
from gateway.domain.settings import Settings
from gateway.ports.journal import JournalBroken, JournalUnavailable
from gateway.service.approvals import can_approve
from gateway.service.recovery import recover, restored
from gateway.service.reload import circumstances, objections
from gateway.service.replay import replay


def check_config(config_dir: Path, data_dir: Path | None, environ: Mapping[str, str]) -> int:
    """Say what a start or reload with this folder would say; 0 only when it would be taken."""
    before = None if data_dir is None else _last_good(data_dir, environ)
    old = None if before is None else before.settings
    try:
        loaded = load_files(config_dir, environ, () if before is None else before.files)
    except ConfigInvalid as invalid:
        for problem in invalid.problems:
            print(problem, file=sys.stderr)
        print(f"refused: {len(invalid.problems)} problem(s)", file=sys.stderr)
        return 1
    settings = loaded.settings
    state = None if data_dir is None else asyncio.run(_journal_state(data_dir))
    known = state or GatewayState()
    found = _objections(old, settings, state)
    # Of what is refused anyway nothing is made.
    found = found or [*asyncio.run(unmakable(old, settings, known, config_dir, data_dir, environ))]
    folder = config_dir / settings.policy.path
    found.extend(str(problem) for problem in check_policies(folder))
    judge = partial(judge_by_folder, PolicyLoader(folder))
    seen = circumstances(known, settings, judge, SystemClock().now_ns(), old)
    lacking = missing(known, settings.trading, seen)
    if data_dir is not None:
        found.extend(lacking)
        found.extend(_unproven(data_dir, folder, old, settings, known))
    for text in pointed(found, loaded.files):
        print(text, file=sys.stderr)
    if found:
        print(f"refused: {len(found)} problem(s)", file=sys.stderr)
        return 1
    _print_meaning(settings)
    for text in _unusable_candidates(loaded, config_dir, environ):
        print(f"warning: {text}", file=sys.stderr)
    if data_dir is None and lacking:  # where the venues stand is in the journal
        print(f"note: as a first configuration it would be refused: {'; '.join(lacking)}")
        print("note: --data compares with what was last in force")
    advice = (*ineffective(settings.trading), *expired(settings.trading, utc_day(SystemClock().now_ns())))
    advice += unset_variables(settings, environ)
    for warning in (*settings.warnings, *advice, *_exceeded_under(state, settings)):
        print(f"warning: {warning}")
    if old is not None and not _describe_change(old, settings, state):
        return 1
    print(f"ok: revision {settings.trading.revision}")
    return 0


def _objections(old: Settings | None, new: Settings, state: GatewayState | None) -> list[str]:
    """What a reload would have against it, whatever it was approved by; without a journal, what a first start would."""
    at_start = [*unreachable_host(old, new), *broken_tls(old, new)]
    if state is None or not state.config.revision:
        return [*unserved(new), *refusals(None if old is None else old.trading, new.trading), *at_start]
    found = [*unserved_sources(new), *objections(state, new, ORDER_ADAPTERS, old), *at_start]
    if old is not None and can_approve(old.principals) and not can_approve(new.principals):
        found.append(LAST_KEY)
    return found


def _unproven(
    data_dir: Path, folder: Path, old: Settings | None, new: Settings, state: GatewayState
) -> tuple[str, ...]:
    """What candidates have not shown of limits and policies that may not be put in force without."""
    if old is None:
        return ()
    proofs, now_ns = StartProofs(data_dir, old.candidates), SystemClock().now_ns()
    is_guarded = can_approve(old.principals)
    missing = proofs.of_limits(old.trading, new.trading).missing
    if missing and is_guarded and standing_approval(state, new.trading.revision, now_ns) is None:
        looser = compare(old.trading, new.trading).looser
        missing += (f"approval, for it loosens {'; '.join(looser)}: {how_to_approve(new.trading.revision)}",)
    try:
        revision = read_sources(folder).revision
    except PoliciesInvalid:
        return missing  # and that has been said
    approval = standing_approval(state, revision, now_ns)
    return missing + proofs.policy_objections(old.trading, revision, approval, is_guarded=is_guarded)


def _describe_change(old: Settings, new: Settings, state: GatewayState | None) -> bool:
    """Print what differs; False when it waits for approval."""
    lines = describe_difference(old, new)
    print("\n".join(["changes against what was last in force:", *lines]) if lines else "no change")
    looser = compare(old.trading, new.trading).looser
    revision = new.trading.revision
    if looser and can_approve(old.principals):
        approval = None if state is None else standing_approval(state, revision, SystemClock().now_ns())
        if approval is None:
            print(f"needs approval by a key with role risk or admin: {'; '.join(looser)}", file=sys.stderr)
            print(f"waits: POST /api/trading/config/approvals with revision {revision}")
            return False
        print(f"approved by {approval.actor.name}: {approval.reason}")
    for text in looser:
        print(f"looser: {text}")
    return True


async def _journal_state(data_dir: Path) -> GatewayState | None:
    """What the journal holds now, also of a gateway that runs; None when there is nothing to be read."""
    try:
        async with from_outside(data_dir) as journal:
            state, _ = await recover(journal)
    except NoJournal as error:
        print(f"note: {error}: this is the verdict on a first configuration")
        return None
    except (JournalBroken, JournalUnavailable) as error:
        print(f"note: limits are not compared with what is open: {error}")
        return None
    return state


def _exceeded_under(state: GatewayState | None, settings: Settings) -> tuple[str, ...]:
    """What is open already and breaks the limits of ``settings``, or has a size that no order may have under them."""
    if state is None or orphans(state, settings.trading):
        return ()
    confined = shut_in(state, settings.trading)
    now_ns = SystemClock().now_ns()
    actor = Actor("check-config", Role.ADMIN)
    apply_record(state, (ConfigChanged(ts_ns=now_ns, config=settings.trading, actor=actor, difference=()),))
    return (*confined, *exceeded(state, now_ns))


def _last_good(data_dir: Path, environ: Mapping[str, str]) -> Loaded | None:
    try:
        files = LastGood(data_dir).read()
        return None if files is None else Loaded(parse(files, environ), files)
    except (LastGoodCorrupt, ConfigInvalid) as error:
        print(f"note: the last good configuration cannot be read: {error}", file=sys.stderr)
        return None


def _unusable_candidates(loaded: Loaded, config_dir: Path, environ: Mapping[str, str]) -> list[str]:
    """What is wrong with candidates: it refuses nothing, because no order depends on it."""
    found: list[str] = []
    for name, candidate in loaded.settings.candidates.items():
        try:
            load_candidate(candidate, config_dir, environ, loaded.files)
        except CandidateInvalid as invalid:
            found += [f"candidate {name} would not run: {problem}" for problem in invalid.args]
    return found


def unserved(settings: Settings) -> list[str]:
    """What is valid by itself and yet no adapter of this version can serve."""
    found = [*unserved_sources(settings)]
    for name in settings.trading.venues:
        venue = settings.venues.get(name)
        mode = settings.trading.effective_mode(name)
        if mode is not Mode.SHADOW and (venue is None or venue.adapter not in ORDER_ADAPTERS):
            text = f"venue {name} is {mode.value}: this version has no order adapter for it; keep it in SHADOW"
            found.append(f"gateway.yaml: modes.venues.{name}.mode: {text}")
    return found


def _print_meaning(settings: Settings) -> None:
    trading = settings.trading
    for name in trading.venues:
        mode = trading.effective_mode(name)
        share = f", {trading.weight_bp(name) / 100:g}% of cycles live" if mode is Mode.CANARY else ""
        print(f"{name}: {mode.value}{share}")
    print(
        f"{len(trading.instruments)} instruments, {len(trading.accounts)} account(s), "
        f"{len(settings.principals)} API key(s), market data {settings.market_data.source_words}"
    )


def audit_verify(data_dir: Path) -> int:
    """Walk the whole journal; 0 only when nothing is altered, missing or reordered."""
    report = verify(data_dir)
    for problem in report.problems:
        print(f"record {problem.seq}: {problem.what}" if problem.seq is not None else problem.what, file=sys.stderr)
    if report.records:
        print(f"{report.records} records checked, {report.first_seq} to {report.last_seq}, head {report.head_hash}")
    if report.is_broken:
        print(f"BROKEN: {len(report.problems)} problem(s)", file=sys.stderr)
        return 1
    if report.problems:
        part = "to its end, and nothing is wrong with what was read" if report.records else "at all: nothing was read"
        print(f"not checked {part}", file=sys.stderr)
        return 1
    print("ok: the chain is whole")
    if report.surely_to is not None and report.surely_to < (report.last_seq or 0):
        print(f"an end cut off behind record {report.surely_to} would not be noticed: the journal is open, or was not")
        print("closed by its gateway")
    return 0


async def replay_journal(data_dir: Path) -> int:
    """Decide every recorded event again; 0 only when every fact, and the archive of orders, comes out as recorded."""
    finished = FinishedOrders()
    try:
        async with from_outside(data_dir) as journal:
            usable = {one.seq: one.state_hash for one in await journal.checkpoints() if restored(one) is not None}
            report = await replay(journal.read(0), finished=finished, checkpoints=usable)
            altered = await journal.archive_differences(finished)
    except (JournalBroken, JournalUnavailable) as error:
        print(unread(error), file=sys.stderr)
        return 1
    for difference in report.differences:
        print(f"record {difference.seq} ({difference.event}) would be decided otherwise now", file=sys.stderr)
        print(f"  recorded: {msgspec.json.encode(difference.recorded).decode()}", file=sys.stderr)
        print(f"  decided:  {msgspec.json.encode(difference.decided).decode()}", file=sys.stderr)
    for seq in report.checkpoints:
        print(
            f"the checkpoint at record {seq} holds another state than the records come to, and a start goes on from it:"
            " stop the gateway and restore a backup, or ask who changed the journal",
            file=sys.stderr,
        )
    for line in altered or ():
        print(line, file=sys.stderr)
    print(f"{report.records} events decided again, {report.facts} facts, {report.different} differences")
    if altered is None:
        print("the archive was not compared: a gateway is writing to it")
    else:
        print(f"{len(finished)} finished orders, {len(altered)} differences in the archive")
    print(f"state {report.state_hash}")
    return 1 if report.different or report.checkpoints or altered else 0
