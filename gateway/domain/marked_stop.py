"""A stop as it stands outside the journal, for the day on which the journal cannot be written."""

import msgspec

from gateway.domain.enums import ScopeKind, TradingState


class MarkedStop(msgspec.Struct, frozen=True, kw_only=True):
    """One scope that a person stopped, and why."""

    scope: ScopeKind = ScopeKind.GATEWAY
    scope_id: str = ""
    state: TradingState
    reason: str
