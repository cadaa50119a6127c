"""What the simulator guarantees where it stands in for a venue (``adapter: simulator``).

It remembers nothing across a restart: what it is asked for then it takes up again, so no order is ever absent, and
what was filled is what the gateway booked.
"""

from gateway.domain.capabilities import Holdings, IdReuse, Reach, VenueCapabilities
from gateway.domain.enums import OrderClass, OrdType, TimeInForce

SIMULATOR = VenueCapabilities(
    adapter="simulator",
    id_reuse=IdReuse.REFUSED_WHILE_OPEN,
    lookup=Reach.ALL,
    executions=Reach.NONE,
    holdings=Holdings.NONE,
    order_types=tuple(OrdType),
    times_in_force=tuple(TimeInForce),
    order_classes=(OrderClass.BRACKET, OrderClass.OCO, OrderClass.OTO),
)
