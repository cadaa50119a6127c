"""What becomes of an edit of the configuration folder: in force as a whole, refused as a whole, or waiting.

An edit that loosens a limit waits for approval where somebody has a key that could give it. What lowers risk at once
does not wait with it: lower modes and smaller canary shares, and changes of the keys.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from gateway.adapters.config import (
    ConfigInvalid,
    LastGood,
    Loaded,
    StartResult,
    describe_difference,
    parse,
    pointed,
    revision_of,
)
from gateway.app.candidate_proofs import how_to_approve
from gateway.app.environment import unset_variables
from gateway.app.next_start import unusable_at_start, waiting_for_a_start
from gateway.app.registry import StartRefused, load_clients
from gateway.core.limit_advice import exceeded, expired, ineffective, shut_in
from gateway.core.loosening import Change, with_lower_modes
from gateway.domain.config import TradingConfig
from gateway.domain.settings import Settings
from gateway.ports.clock import Clock
from gateway.ports.intake import WaitingEdit
from gateway.service.approvals import Approvals, can_approve, unapproved, words_of
from gateway.service.engine import Engine
from gateway.service.reload import Reloader
from gateway.service.status import GatewayStatus

_log = logging.getLogger("gateway")
_PRINCIPALS = "principals.yaml"
LAST_KEY = (
    "principals.yaml: the edit takes away the last key with role risk or admin, and without one nobody would have to "
    "approve what loosens limits; keep one, or stop the gateway for this edit"
)
_FAILED = (
    "the gateway itself failed on this edit ({error}; more in its log); GET /api/trading/modes tells what is in force. "
    "Undo the edit, or stop the gateway for it"
)


def utc_day(now_ns: int) -> str:
    """20261121."""
    return f"{datetime.fromtimestamp(now_ns // 1_000_000_000, UTC):%Y%m%d}"


def part_that_never_waits(old: Settings, new: Settings) -> Settings:
    """``old`` with the lower modes and the keys of ``new``."""
    principals = new.principals if can_approve(new.principals) else old.principals
    return msgspec.structs.replace(old, trading=lowered(old.trading, new.trading), principals=principals)


def lowered(old: TradingConfig, new: TradingConfig) -> TradingConfig:
    """``old`` with no mode and no canary share above those of ``new``, under a revision of its own."""
    trading = with_lower_modes(old, new)
    return old if trading == old else msgspec.structs.replace(trading, revision=revision_of(trading))


class ConfigEdits:
    """Takes what the watcher finds, one after the other. ``files`` are the bytes in force."""

    def __init__(
        self,
        config_dir: Path,
        data_dir: Path,
        environ: Mapping[str, str],
        start: StartResult,
        adjust: Callable[[Settings], Settings],
        engine: Engine,
        reloader: Reloader,
        approvals: Approvals,
        status: GatewayStatus,
        clock: Clock,
    ) -> None:
        self._config_dir = config_dir
        self._last_good = LastGood(data_dir)
        self._environ = environ
        self._start = start
        self._files: Mapping[str, bytes] = start.files
        self._adjust = adjust
        self._engine = engine
        self._reloader = reloader
        self.approvals = approvals
        self._status = status
        self._clock = clock
        self._waiting: Loaded | None = None
        #: The last edit that was refused for what a promotion lacks.
        self._unpromoted: Loaded | None = None
        self._turn = asyncio.Lock()
        approvals.on_given.append(self._hear_approval)

    @property
    def files(self) -> Mapping[str, bytes]:
        """The bytes of the configuration in force."""
        return self._files

    async def begin(self) -> None:
        """Put in force what ``app.start`` found usable; what it refused is told."""
        start = self._start
        problems = tuple(str(problem) for problem in start.problems)
        confined = shut_in(self._engine.state, start.settings.trading)
        objections = await self._reloader.apply(start.settings, (), is_start=True, keep=self._keep_start)
        if objections:  # looked at before anything was built from it
            raise StartRefused("; ".join(objections))
        self._warn(start.settings, confined)
        self._note_problems(problems)

    async def hear(self, outcome: Loaded | ConfigInvalid) -> None:
        """An edit of the configuration folder: in force or waiting as a whole within the second, or refused."""
        async with self._turn:
            self._wait_for(None, None)
            self._unpromoted = None
            if isinstance(outcome, ConfigInvalid):
                self._note_problems(tuple(str(problem) for problem in outcome.problems))
                return
            await self._take(outcome)

    @property
    def unpromoted(self) -> Settings | None:
        """What the edit asks for that was refused for what its promotions lack."""
        return None if self._unpromoted is None else self._adjust(self._unpromoted.settings)

    async def _hear_approval(self, revision: str) -> None:
        outcome = self._waiting or self._unpromoted
        if outcome is not None and self._adjust(outcome.settings).trading.revision == revision:
            await self.take_waiting()

    async def take_waiting(self) -> None:
        """What waited, or lacked the approval of a promotion, was approved."""
        async with self._turn:
            outcome = self._waiting or self._unpromoted
            if outcome is not None:
                self._wait_for(None, None)
                await self._take(outcome)

    async def _take(self, outcome: Loaded) -> None:
        """A mistake of the gateway is told where a mistake in the files is: whoever saved them waits for an answer."""
        try:
            await self._judge(outcome)
        except Exception as error:
            self._status.config_error = _FAILED.format(error=repr(error))
            _log.exception("configuration: %s", self._status.config_error)
            self._reloader.note_refusal()

    async def _judge(self, outcome: Loaded) -> None:
        await asyncio.to_thread(load_clients, outcome.settings)
        old, new = self._reloader.settings, self._adjust(outcome.settings)
        is_guarded = can_approve(old.principals)
        if is_guarded and not can_approve(new.principals):
            await self._tell(outcome, (LAST_KEY,))
            return
        if problems := await unusable_at_start(old, new, self._config_dir):
            await self._tell(outcome, problems)
            return
        lacking = self._lacking(new, is_guarded=is_guarded)
        if lacking:
            await self._refuse_promotion(outcome, old, new, lacking)
            return
        if is_guarded:
            change = unapproved(self._engine.state, new.trading, self._clock.now_ns())
            if change is not None:
                await self._hold_back(outcome, old, new, change)
                return
        confined = shut_in(self._engine.state, new.trading)
        objections = await self._reloader.apply(
            new, describe_difference(old, new), needs_approval=is_guarded, keep=lambda: self._keep(outcome.files)
        )
        await self._tell(outcome, objections)
        if objections:
            return
        self._warn(new, confined)

    def _lacking(self, new: Settings, *, is_guarded: bool) -> tuple[str, ...]:
        """What an edit lacks besides an approval; one that lacks anything is told of the approval too."""
        lacking = self._reloader.lacking(new)
        change = unapproved(self._engine.state, new.trading, self._clock.now_ns()) if lacking and is_guarded else None
        if change is None:
            return lacking
        revision = new.trading.revision
        return (*lacking, f"approval, for it loosens {'; '.join(change.looser)}: {how_to_approve(revision)}")

    async def _refuse_promotion(self, outcome: Loaded, old: Settings, new: Settings, lacking: tuple[str, ...]) -> None:
        """The old configuration stays, but for what is lowered. Kept for the approval that may be all it lacks."""
        part = part_that_never_waits(old, new)
        in_force = describe_difference(old, part)
        found = await self._apply_part(outcome, old, part, in_force)
        self._unpromoted = outcome
        told = (f"in force already: {'; '.join(in_force)}",) if in_force and not found else ()
        await self._tell(outcome, (*lacking, *found, *told))

    async def _hold_back(self, outcome: Loaded, old: Settings, new: Settings, change: Change) -> None:
        """Let take effect what may at once, and have the rest wait. What objects to the whole objects now."""
        objections = self._reloader.objections(new)
        if objections:
            await self._tell(outcome, objections)
            return
        part = part_that_never_waits(old, new)
        in_force = describe_difference(old, part)
        objections = await self._apply_part(outcome, old, part, in_force)
        await self._tell(outcome, objections)
        edit = WaitingEdit(
            revision=new.trading.revision,
            since_ns=self._clock.now_ns(),
            difference=describe_difference(part, new),
            looser=change.looser,
            tighter=change.tighter,
            in_force=in_force,
        )
        self._wait_for(outcome, edit)

    async def _apply_part(
        self, outcome: Loaded, old: Settings, part: Settings, in_force: tuple[str, ...]
    ) -> tuple[str, ...]:
        """Put in force what never waits, if there is anything; returns the objections."""
        if not in_force:
            return ()

        def keep() -> None:
            if part.principals != old.principals:
                self._keep_principals(outcome.files)

        return await self._reloader.apply(part, in_force, keep=keep)

    def _wait_for(self, outcome: Loaded | None, edit: WaitingEdit | None) -> None:
        self._waiting, self._unpromoted = outcome, None
        self.approvals.wait_for(edit)
        self._status.config_waiting = "" if edit is None else words_of(edit)

    def _keep_start(self) -> None:
        if not self._start.used_last_good:
            self._keep(self._start.files)

    def _keep(self, files: Mapping[str, bytes]) -> None:
        self._files = files
        try:
            self._last_good.save(files)
        except OSError as error:
            _log.error("configuration: it is in force, but could not be kept for the next start: %s", error)

    def _keep_principals(self, files: Mapping[str, bytes]) -> None:
        """A key that was withdrawn must stay so across a restart, also when the files on disk are broken then."""
        kept = {name: data for name, data in self._files.items() if name != _PRINCIPALS}
        if _PRINCIPALS in files:
            kept[_PRINCIPALS] = files[_PRINCIPALS]
        try:
            parse(kept, self._environ)
        except ConfigInvalid as invalid:
            _log.warning("the keys of the last good configuration stay the former ones: %s", invalid)
            return
        self._keep(kept)

    def _warn(self, settings: Settings, notes: tuple[str, ...] = ()) -> None:
        """Tell what a person should look at of a configuration that is in force."""
        now_ns = self._clock.now_ns()
        waiting = waiting_for_a_start(self._start.settings, settings)
        advice = (*ineffective(settings.trading), *expired(settings.trading, utc_day(now_ns)))
        notes = (*notes, *advice, *unset_variables(settings, self._environ), *waiting)
        found = exceeded(self._engine.state, now_ns)
        self._status.config_notes, self._status.is_limit_exceeded = notes, bool(found)
        for warning in (*settings.warnings, *notes, *found):
            _log.warning("configuration: %s", warning)

    async def _tell(self, outcome: Loaded, problems: tuple[str, ...]) -> None:
        """Note what was found of this edit, with the lines that it is about."""
        self._note_problems(await asyncio.to_thread(pointed, problems, outcome.files) if problems else ())

    def _note_problems(self, problems: tuple[str, ...]) -> None:
        self._status.config_error = "; ".join(problems)
        for problem in problems:
            _log.error("configuration refused, the one before stays in force: %s", problem)
        if problems:
            self._reloader.note_refusal()
