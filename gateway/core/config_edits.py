"""A configuration takes effect: at once when it loosens nothing, else with the approval of a person."""

from gateway.core.candidates.proof import NOT_PROVEN, looser_limits
from gateway.core.decision import NOTHING, Decision
from gateway.core.loosening import compare
from gateway.core.rollout.alertmanager import held_at_once
from gateway.core.rollout.ended_approvals import overtaken_approvals
from gateway.core.rollout.ended_overrides import lowered_overrides
from gateway.core.rollout.promotion import NOT_PROMOTED, Circumstances, missing, steps_entered
from gateway.core.state import GatewayState
from gateway.domain.enums import RejectStage
from gateway.domain.events import ApprovalReceived, ConfigLoaded
from gateway.domain.exception_facts import ConfigApproved
from gateway.domain.facts import ConfigChanged
from gateway.domain.orders import Reject
from gateway.domain.sessions import Approval

#: How long an approval given before the edit waits for it.
APPROVAL_LASTS_NS = 24 * 3_600 * 1_000_000_000
NOT_APPROVED = "CONFIG_NOT_APPROVED"
_NO_KEYS = "loosened by who owns the files: no key with role risk or admin is configured"


def load(state: GatewayState, event: ConfigLoaded) -> Decision:
    """Put a configuration in force; what loosens a limit only with an approval, where people with keys could give it.

    The first configuration of a journal loosens nothing.
    """
    if event.config == state.config and not event.difference:
        return NOTHING
    found = missing(state, event.config, circumstances(event))
    if found:
        text = f"configuration {event.config.revision} promotes too early: {'; '.join(found)}"
        return Decision(refusal=Reject(RejectStage.INTAKE, NOT_PROMOTED, text))
    unproven = () if event.proven_by else looser_limits(state.config, event.config)
    if unproven:
        text = (
            f"configuration {event.config.revision} loosens limits that no candidate has proven: {'; '.join(unproven)}"
        )
        return Decision(refusal=Reject(RejectStage.INTAKE, NOT_PROVEN, text))
    looser = compare(state.config, event.config).looser if state.config.revision else ()
    actor, reason = event.actor, ""
    if looser:
        approval = standing_approval(state, event.config.revision, event.ts_ns)
        if approval is not None:
            actor, reason = approval.actor, approval.reason
        elif event.needs_approval:
            text = f"configuration {event.config.revision} loosens limits and nobody approved it: {'; '.join(looser)}"
            return Decision(refusal=Reject(RejectStage.INTAKE, NOT_APPROVED, text))
        else:
            reason = _NO_KEYS
    changed = ConfigChanged(
        ts_ns=event.ts_ns,
        config=event.config,
        actor=actor,
        difference=(*(event.difference or looser), *filter(None, (event.proven_by,))),
        looser=looser,
        reason=reason,
    )
    ended = lowered_overrides(state, event.config, actor, event.ts_ns)
    over = overtaken_approvals(state, event.config, event.ts_ns)
    held, effects = held_at_once(state, event.config, event.ts_ns)
    return Decision((changed, *ended, *over, *steps_entered(state, event, actor), *held), effects)


def circumstances(event: ConfigLoaded) -> Circumstances:
    """What the event tells of the outside that a promotion depends on."""
    return Circumstances(event.ts_ns, event.promotion_verdicts, event.is_alerting, event.needs_approval)


def approve(state: GatewayState, event: ApprovalReceived) -> Decision:
    """Note that a configuration may loosen limits; it may be waiting, or come later."""
    approval = Approval(event.actor, event.reason, event.ts_ns + APPROVAL_LASTS_NS)
    return Decision((ConfigApproved(ts_ns=event.ts_ns, revision=event.revision, approval=approval),))


def standing_approval(state: GatewayState, revision: str, now_ns: int) -> Approval | None:
    """The approval under which a configuration with this revision may take effect now."""
    approval = state.approvals.get(revision)
    return approval if approval is not None and now_ns < approval.expires_ns else None
