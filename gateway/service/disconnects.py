"""Cancel on disconnect: what works at a venue is taken back when the connection to it is made anew.

No venue that is traded here takes orders back by itself when a client is lost, so nothing can be done while there is no
connection. Where ``cancel_on_disconnect`` is set, all live orders there are canceled as soon as one stands again: after
a loss, and after a restart of the gateway, whose first connection is one that was made anew.

Which orders are of before is what the state holds in that moment. No times are compared: the clock may have been set
while the venue was away.
"""

import asyncio
from collections.abc import Callable, Mapping

from gateway.domain.enums import Role, Route
from gateway.domain.events import CancelReceived
from gateway.domain.orders import Actor
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

    def on_connection(self, venue: str, is_connected: bool) -> None:
        """A venue has told of its connection, and the state knows of it already."""
        if not is_connected:
            self._standing.discard(venue)
        elif venue not in self._standing:
            self._standing.add(venue)
            settings = self._venues().get(venue)
            if settings is not None and settings.cancel_on_disconnect:
                # Afterwards: the adapter is still telling.
                asyncio.get_running_loop().call_soon(self._cancel, self._live_ids(venue))

    def _live_ids(self, venue: str) -> list[str]:
        return [
            order.order_id
            for order in self._engine.state.open_orders()
            if order.route is Route.LIVE and order.venue == venue and order.is_admitted and not order.leg_ids
        ]

    def _cancel(self, order_ids: list[str]) -> None:
        for order_id in order_ids:
            order = self._engine.state.orders.get(order_id)
            if order is not None and order.is_open and not order.is_cancel_requested:
                self._engine.process(CancelReceived(ts_ns=self._clock.now_ns(), order_id=order_id, actor=_ACTOR))
