"""Edits that loosen limits wait here until a person approves them."""

import logging
from collections.abc import Awaitable, Callable, Iterable

from gateway.core.config_edits import standing_approval
from gateway.core.loosening import Change, compare
from gateway.core.state import GatewayState
from gateway.domain.config import TradingConfig
from gateway.domain.enums import Role
from gateway.domain.events import ApprovalReceived
from gateway.domain.orders import Actor
from gateway.domain.sessions import Approval
from gateway.domain.settings import Principal
from gateway.ports.clock import Clock
from gateway.ports.intake import AlreadyInForce, WaitingEdit
from gateway.service.engine import Engine

_log = logging.getLogger(__name__)
_APPROVERS = (Role.RISK, Role.ADMIN)


def can_approve(principals: Iterable[Principal]) -> bool:
    """Whether somebody has a key that could approve: where nobody has, the owner of the files decides alone."""
    return any(principal.role in _APPROVERS for principal in principals)


def unapproved(state: GatewayState, new: TradingConfig, now_ns: int) -> Change | None:
    """What ``new`` would change, if it loosens a limit and nobody has approved it; None when it need not wait."""
    if not state.config.revision or standing_approval(state, new.revision, now_ns) is not None:
        return None
    change = compare(state.config, new)
    return change if change.looser else None


class Approvals:
    """Implements ``ports.intake.ConfigApprovals``, for configurations and for policies, by their revisions. Every
    approval is told to ``on_given``; ``policies_in_force`` tells the revision of those."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock
        self._waiting: WaitingEdit | None = None
        self.on_given: list[Callable[[str], Awaitable[None]]] = []
        self.policies_in_force: Callable[[], str] = str

    def wait_for(self, edit: WaitingEdit | None) -> None:
        """``edit`` is what waits now (None: nothing does). What came and goes is logged once."""
        before, self._waiting = self._waiting, edit
        if edit is not None and (before is None or before.revision != edit.revision):
            _log.warning("%s", words_of(edit))

    async def approve(self, revision: str, actor: Actor, reason: str) -> bool:
        if self._is_in_force(revision):
            raise AlreadyInForce(revision)
        event = ApprovalReceived(ts_ns=self._clock.now_ns(), revision=revision, actor=actor, reason=reason)
        self._engine.process(event)
        await self._engine.durable(self._engine.last_seq)
        _log.warning("revision %s approved by %s: %s", revision, actor.name, reason)
        for take in self.on_given:
            await take(revision)
        return self._is_in_force(revision)

    def _is_in_force(self, revision: str) -> bool:
        return revision in (self._engine.state.config.revision, self.policies_in_force())

    def waiting(self) -> WaitingEdit | None:
        return self._waiting

    def standing(self) -> dict[str, Approval]:
        now_ns = self._clock.now_ns()
        return {
            revision: approval
            for revision, approval in self._engine.state.approvals.items()
            if now_ns < approval.expires_ns
        }


def words_of(edit: WaitingEdit) -> str:
    """What waits, why, and what to do, in one paragraph."""
    text = (
        f"configuration {edit.revision} waits for approval, because it loosens {'; '.join(edit.looser)}: let a key "
        f"with role risk or admin POST /api/trading/config/approvals {{revision, reason}}, or take these changes back"
    )
    if edit.tighter:
        text += f". Tighter limits wait with it ({'; '.join(edit.tighter)}): edit them alone to have them at once"
    if edit.in_force:
        text += f". In force already: {'; '.join(edit.in_force)}"
    return text
