"""Asks again for the end of orders that work on although trading is halted for them.

The kill switch cancels once. A venue may refuse that for reasons that pass (a clock that is off, a state between two
others), and nobody would ask again: the order would fill while everybody believes that trading has stopped.
"""

import logging

from gateway.core.switching import left_working
from gateway.domain.enums import Role
from gateway.domain.events import CancelReceived
from gateway.domain.orders import Actor
from gateway.ports.clock import Clock
from gateway.service.engine import Engine

_log = logging.getLogger(__name__)
_ACTOR = Actor("halt", Role.ADMIN)


class HaltedOrders:
    """``tick`` is one round of the timers."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    def tick(self) -> None:
        now_ns = self._clock.now_ns()
        for order in left_working(self._engine.state, now_ns):
            _log.error("order %s works although trading is halted; its cancel is asked for again", order.order_id)
            self._engine.process(CancelReceived(ts_ns=now_ns, order_id=order.order_id, actor=_ACTOR))
