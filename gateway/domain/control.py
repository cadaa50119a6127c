"""What is known of one control: a row of ``controls``."""

import msgspec

from gateway.domain.enums import RejectStage, ScopeKind
from gateway.domain.reasons import RejectCode


class Control(msgspec.Struct, frozen=True, kw_only=True):
    """One control. ``rule_id`` names it in overrides, verdicts and documents, and never changes.

    ``key`` is where it is set: a key of risk.yaml's scopes, or ``file: key`` elsewhere, empty when it is always on.
    ``guards_new_risk`` False means that it binds an order which only closes a position too. ``clause`` is the rule
    of a regulator or industry body, or ``seed``, that asks for it; ``serves`` are numbers of
    ``tests.controls.standards``. ``text`` says what is compared, for the person whose order was refused.
    """

    rule_id: str
    key: str
    code: RejectCode
    scopes: tuple[ScopeKind, ...]
    stage: RejectStage
    clause: str
    guards_new_risk: bool
    text: str
    serves: tuple[int, ...] = ()
