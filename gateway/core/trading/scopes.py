"""Which scopes can be stopped: a name that means nothing must not look like a stop that works."""

from collections.abc import Mapping

from gateway.domain.config import TradingConfig
from gateway.domain.enums import ScopeKind
from gateway.domain.orders import FieldError


def scope_problem(config: TradingConfig, scope: ScopeKind, scope_id: str) -> FieldError | None:
    """What is wrong with a scope, or None. Strategies are not configured, so any name may be one."""
    if scope is ScopeKind.GATEWAY:
        if not scope_id:
            return None
        return FieldError("id", "must be absent for the scope gateway", scope_id, "leave it out, or give its scope")
    if not scope_id:
        return FieldError("id", f"is required for the scope {scope.value}", "absent", f"name the {scope.value}")
    configured: dict[ScopeKind, Mapping[str, object]] = {
        ScopeKind.VENUE: config.venues,
        ScopeKind.ACCOUNT: config.accounts,
        ScopeKind.SYMBOL: config.instruments,
    }
    known = configured.get(scope)
    if known is None or scope_id in known:
        return None
    return FieldError("id", f"must be a configured {scope.value}", scope_id, "see the configuration; case counts")
