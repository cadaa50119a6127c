"""What the simulator has open. It keeps no history and holds nothing: what filled is in the books of the gateway."""

from gateway.adapters.venues.simulator.model import MatchingModel
from gateway.domain.venue_account import VenueExecution, VenueOrder, VenuePosition


class SimulatorAccount:
    """Implements ``ports.venue.VenueAccount``."""

    def __init__(self, model: MatchingModel) -> None:
        self._model = model

    async def open_orders(self) -> tuple[VenueOrder, ...]:
        return tuple(
            VenueOrder(
                venue_order_id=order.venue_order_id,
                symbol=order.ticket.symbol,
                side=order.ticket.side,
                order_qty=order.order_qty,
                cum_qty=order.cum_qty,
                order_id=order.order_id,
                limit_px=order.limit_px,
                stop_px=order.stop_px,
            )
            for order in self._model.arrived_orders()
        )

    async def executions(self, since_ns: int) -> tuple[VenueExecution, ...]:
        return ()

    async def positions(self) -> tuple[VenuePosition, ...]:
        return ()
