"""Facts of the throttles: what was locked, let, put off. Part of ``facts``, where they are looked for."""

from gateway.domain.fact import Recorded
from gateway.domain.orders import Actor, Reject
from gateway.domain.throttles import StrategyLock


class StrategyLocked(Recorded, frozen=True, kw_only=True):
    """A strategy was applied so often that it takes no new risk until a person lets it."""

    lock: StrategyLock


class StrategyUnlocked(Recorded, frozen=True, kw_only=True):
    lock_id: str
    actor: Actor
    reason: str


class ClockSteppedBack(Recorded, frozen=True, kw_only=True):
    """The machine's clock lies before the time of earlier facts: windows and rates go on from here."""


class OrderDeferred(Recorded, frozen=True, kw_only=True):
    """The order has to wait and is not kept: the client is told when to send it again, under the same id."""

    order_id: str
    reject: Reject
