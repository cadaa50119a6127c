"""Connections to venues and sources of prices: what the adapters know of them, and what was recorded."""

from collections.abc import Callable

import msgspec

from gateway.domain.settings import VenueSettings
from gateway.ports.clock import Clock
from gateway.ports.connection import HasConnection
from gateway.ports.market_data import FeedState, MarketSources
from gateway.ports.read_model import ConnectionView
from gateway.service.state_holder import StateHolder
from gateway.service.venue_table import VenueTable


class ConnectionReader:
    """Reads only. ``venues`` gives the configured venues of now."""

    def __init__(
        self,
        holder: StateHolder,
        table: VenueTable,
        market: MarketSources,
        venues: Callable[[], dict[str, VenueSettings]],
        clock: Clock,
    ) -> None:
        self._holder = holder
        self._table = table
        self._market = market
        self._venues = venues
        self._started_ns = clock.now_ns()

    def connections(self) -> tuple[ConnectionView, ...]:
        views = [
            ConnectionView(
                name="simulator",
                kind="venue",
                is_connected=True,
                is_synthetic=True,
                text="fills shadow orders and twins in this process",
                since_ns=self._started_ns,
            ),
        ]
        views.extend(
            msgspec.structs.replace(self._venue_connection(name), is_paper=settings.paper_only)
            for name, settings in self._venues().items()
        )
        views.extend(_feed_connection(state) for state in self._market.states())
        return tuple(views)

    def _venue_connection(self, name: str) -> ConnectionView:
        """What the adapter itself knows of its connection, and else what orders go by."""
        slot, use = self._table.names().get(name), self._holder.state.venues.get(name)
        text = "in SHADOW nothing connects to this venue" if slot is None else (use.text if use is not None else "")
        view = ConnectionView(
            name=name,
            kind="venue",
            is_connected=slot is not None and (use is None or use.is_connected),
            is_synthetic=False,
            text=text or "connected",
            since_ns=self._started_ns if use is None else use.since_ns or self._started_ns,
        )
        if slot is None or not isinstance(slot.venue, HasConnection):
            return view
        known = slot.venue.connection
        return msgspec.structs.replace(
            view,
            is_connected=known.is_connected,
            text=known.text or "connected",
            since_ns=known.since_ns,
            failed_attempts=known.failed_attempts,
            last_error=known.last_error,
            next_attempt_ns=known.next_attempt_ns,
        )


def _feed_connection(state: FeedState) -> ConnectionView:
    """Of a source of prices, apart from that of orders to the same venue."""
    known, without = state.connection, len(state.troubles)
    text = known.text or "connected"
    if known.is_connected and without:
        text += f"; {without} of {len(state.symbols)} symbols have no prices"
    return ConnectionView(
        name=state.name,
        kind="market_data",
        is_connected=known.is_connected,
        is_synthetic=state.is_synthetic,
        text=text,
        since_ns=known.since_ns,
        failed_attempts=known.failed_attempts,
        last_error=known.last_error,
        next_attempt_ns=known.next_attempt_ns,
    )
