"""Controlled override (RTS 7 Art. 20(2)(d)): rules lifted by a person, for certain orders and a short time."""

from decimal import Decimal

import msgspec

from gateway.domain.enums import Side
from gateway.domain.orders import Actor

#: A clock is put right by so little without anybody noticing. Set back further behind a grant, nobody can tell any more
#: when its time is over: it would last longer by as much.
CLOCK_MAY_STEP_NS = 60_000_000_000


class OverrideTerms(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for. ``rules`` are rule ids of ``domain.controls``.

    It holds for orders of ``account``, ``strategy_id``, ``symbol`` and ``side``, of which at least one of the first
    three is given (empty or None: any), that are at most ``max_qty`` units and worth at most ``max_value`` in the base
    currency. ``is_for_one`` True: the first order that needs it uses it up.
    """

    rules: tuple[str, ...]
    account: str = ""
    strategy_id: str = ""
    symbol: str = ""
    side: Side | None = None
    max_qty: Decimal | None = None
    max_value: Decimal | None = None
    is_for_one: bool = True


class Override(msgspec.Struct, frozen=True, kw_only=True):
    """One that was granted. ``used_by`` is the order that used it up or holds it; ``uses`` counts orders."""

    override_id: str
    terms: OverrideTerms
    actor: Actor
    reason: str
    granted_ns: int
    expires_ns: int
    used_by: str = ""
    uses: int = 0

    def is_over(self, now_ns: int) -> bool:
        return self.expires_ns <= now_ns or now_ns < self.granted_ns - CLOCK_MAY_STEP_NS
