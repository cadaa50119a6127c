"""Cancel on disconnect: what works at a venue is taken back when the connection to it is made anew.

No venue that is traded here takes orders back by itself when a client is lost, so nothing can be done while there is no
connection. Where ``cancel_on_disconnect`` is set, all live orders there are canceled as soon as one stands again: after
a loss, and after a restart of the gateway, whose first connection is one that was made anew.
"""

import asyncio
from collections.abc import Callable, Mapping

from gateway.domain.enums import Role, Route
from gateway.domain.events import CancelReceived, VenueStatusChanged
from gateway.domain.orders import Actor
from gateway.domain.records import Record
from gateway.domain.settings import VenueSettings
from gateway.ports.clock import Clock
from gateway.service.engine import Engine

_ACTOR = Actor("cancel_on_disconnect", Role.ADMIN)


class DisconnectWatch:
    """``venues`` gives the configured venues of now."""

    def __init__(self, engine: Engine, venues: Callable[[], Mapping[str, VenueSettings]], clock: Clock) -> None:
        self._engine = engine
        self._venues = venues
        self._clock = clock
        #: Where a connection stands that this process has made.
        self._standing: set[str] = set()

    def on_record(self, record: Record) -> None:
        event = record.event
        if not isinstance(event, VenueStatusChanged):
            return
        if not event.is_connected:
            self._standing.discard(event.venue)
        elif event.venue not in self._standing:
            self._standing.add(event.venue)
            venue = self._venues().get(event.venue)
            if venue is not None and venue.cancel_on_disconnect:
                asyncio.get_running_loop().call_soon(self._cancel_all, event.venue, event.ts_ns)

    def _cancel_all(self, venue: str, before_ns: int) -> None:
        """Every live order of the time before the connection stood again."""
        for order in list(self._engine.state.open_orders()):
            is_live = order.route is Route.LIVE and order.venue == venue and order.is_admitted and not order.leg_ids
            if is_live and order.created_ns <= before_ns and not order.is_cancel_requested:
                self._engine.process(CancelReceived(ts_ns=self._clock.now_ns(), order_id=order.order_id, actor=_ACTOR))
