"""Controlled overrides over HTTP: granted and revoked with role risk, seen by whom they concern."""

from decimal import Decimal
from typing import Annotated

import msgspec
from aiohttp import web

from gateway.adapters.http.auth import LOCAL, Caller
from gateway.adapters.http.boundary import json_response, read_body
from gateway.adapters.http.kinds import Amount, Choice, Moment, Name, Names, Text
from gateway.adapters.http.problem import HttpProblem
from gateway.adapters.http.reading import read_struct
from gateway.adapters.http.shapes import SIDE
from gateway.adapters.http.times import rfc3339
from gateway.adapters.http.views import plain_or_none
from gateway.domain.enums import Side
from gateway.domain.overrides import Override, OverrideTerms
from gateway.ports.intake import Overrides

MAX_RULES = 50
ORDERS = Choice(
    "`one` (default): the first order that needs it. `any`: all until it ends.", {"one": True, "any": False}
)


class GrantOverride(msgspec.Struct, frozen=True):
    """Lift rules for certain orders. At least one of `account`, `strategy_id` and `symbol` says for which."""

    rules: Annotated[tuple[str, ...], Names("Rule ids or reason codes.", 1, MAX_RULES)]
    reason: Annotated[str, Text("Words for the record.", 200, is_needed=True)]
    account: Annotated[str | None, Name("Only orders of this account.")] = None
    strategy_id: Annotated[str | None, Name("Only orders of this strategy.")] = None
    symbol: Annotated[str | None, Name("Only orders in this symbol.")] = None
    side: Annotated[Side | None, SIDE] = None
    max_qty: Annotated[Decimal | None, Amount("Only orders of at most so many units.")] = None
    max_value: Annotated[Decimal | None, Amount("Only orders worth at most this, base currency.")] = None
    orders: Annotated[bool | None, ORDERS] = None
    expires_at: Annotated[int | None, Moment("When it ends; default: `overrides.default_s` from now.")] = None


class OverrideView(msgspec.Struct, frozen=True):
    """An override. ``used_by`` is the order that used it up; it stays listed until it ends."""

    override_id: str
    rules: tuple[str, ...]
    account: str | None
    strategy_id: str | None
    symbol: str | None
    side: str | None
    max_qty: str | None
    max_value: str | None
    orders: str
    granted_by: str
    reason: str
    granted_at: str
    expires_at: str
    uses: int
    used_by: str | None


class OverridesReply(msgspec.Struct, frozen=True):
    """Overrides that have not ended, oldest first."""

    overrides: tuple[OverrideView, ...]


_NEEDS_KEYS = "who orders and who lifts limits must be told apart by their keys: `gateway make-key` makes them"


class OverrideHandlers:
    """The overrides."""

    def __init__(self, overrides: Overrides) -> None:
        self._overrides = overrides

    async def list(self, request: web.Request, caller: Caller) -> web.StreamResponse:
        return json_response(OverridesReply(visible_overrides(self._overrides, caller)))

    async def grant(self, request: web.Request, caller: Caller) -> web.StreamResponse:
        wish = read_struct(await read_body(request), GrantOverride)
        if caller is LOCAL:
            raise HttpProblem("OVERRIDE_NEEDS_KEYS", _NEEDS_KEYS)
        _check_bounds(wish.account, caller.accounts, "ACCOUNT_NOT_PERMITTED")
        _check_bounds(wish.strategy_id, caller.strategies, "STRATEGY_NOT_PERMITTED")
        terms = OverrideTerms(
            rules=wish.rules,
            account=wish.account or "",
            strategy_id=wish.strategy_id or "",
            symbol=wish.symbol or "",
            side=wish.side,
            max_qty=wish.max_qty,
            max_value=wish.max_value,
            is_for_one=wish.orders is not False,
        )
        return json_response(_view(await self._overrides.grant(terms, wish.expires_at, caller.actor, wish.reason)))

    async def revoke(self, request: web.Request, caller: Caller) -> web.StreamResponse:
        override_id = request.match_info["override_id"]
        override = self._overrides.find(override_id)
        if override is not None and _is_visible(override, caller):
            override = await self._overrides.revoke(override_id, caller.actor)
            if override is not None:
                return json_response(_view(override))
        raise HttpProblem("OVERRIDE_NOT_FOUND", "no override in force has this id")


def visible_overrides(overrides: Overrides, caller: Caller) -> tuple[OverrideView, ...]:
    """Those that could concern the caller's orders, oldest first."""
    return tuple(_view(one) for one in overrides.all() if _is_visible(one, caller))


def _check_bounds(wanted: str | None, permitted: frozenset[str] | None, code: str) -> None:
    """A key that is bound lifts limits only for what it is bound to."""
    if permitted is not None and wanted not in permitted:
        raise HttpProblem(code, f"the key is bound to {', '.join(sorted(permitted))}; name one of them")


def _is_visible(override: Override, caller: Caller) -> bool:
    """What could concern the caller's orders."""
    terms = override.terms
    return (not terms.account or caller.accounts is None or terms.account in caller.accounts) and (
        not terms.strategy_id or caller.strategies is None or terms.strategy_id in caller.strategies
    )


def _view(override: Override) -> OverrideView:
    terms = override.terms
    return OverrideView(
        override.override_id,
        terms.rules,
        terms.account or None,
        terms.strategy_id or None,
        terms.symbol or None,
        terms.side,
        plain_or_none(terms.max_qty),
        plain_or_none(terms.max_value),
        "one" if terms.is_for_one else "any",
        override.actor.name,
        override.reason,
        rfc3339(override.granted_ns),
        rfc3339(override.expires_ns),
        override.uses,
        override.used_by or None,
    )
