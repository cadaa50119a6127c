"""Closing positions by command: what was asked for."""

from decimal import Decimal

import msgspec

from gateway.domain.enums import Route, ScopeKind
from gateway.domain.money import ZERO
from gateway.domain.orders import Actor


class Touch(msgspec.Struct, frozen=True, gc=False):
    """The best prices of one symbol as far as they are known: what a limit is measured from."""

    bid_px: Decimal | None = None
    ask_px: Decimal | None = None


class FlattenOrder(msgspec.Struct, frozen=True, kw_only=True):
    """The command to close the positions of one scope in one or both books.

    ``limit_offset_bps`` None closes at market; else with immediate limits that many basis points through the touch
    (at market where no price is known). ``keep_ratio`` is the share of each position that stays: 0 closes it all. A
    command that keeps nothing halts its scope until somebody enables it; one that keeps a part does not.
    """

    flatten_id: str
    scope: ScopeKind = ScopeKind.GATEWAY
    scope_id: str = ""
    books: tuple[Route, ...] = (Route.LIVE,)
    limit_offset_bps: Decimal | None = None
    keep_ratio: Decimal = ZERO
    actor: Actor
    reason: str = ""
