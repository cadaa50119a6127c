"""What Alpaca guarantees, and what of it this adapter uses."""

from gateway.domain.capabilities import Holdings, IdReuse, Reach, VenueCapabilities
from gateway.domain.enums import OrderClass, OrdType, TimeInForce

ALPACA = VenueCapabilities(
    adapter="alpaca",
    id_reuse=IdReuse.ALWAYS_REFUSED,
    lookup=Reach.ALL,
    executions=Reach.ALL,
    holdings=Holdings.POSITIONS,
    order_types=tuple(OrdType),
    times_in_force=tuple(TimeInForce),
    order_classes=(OrderClass.BRACKET, OrderClass.OCO, OrderClass.OTO),
    has_depth=True,  # of crypto
)
