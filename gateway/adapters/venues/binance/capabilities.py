"""What Binance spot guarantees, and what of it this adapter uses."""

from gateway.domain.capabilities import Holdings, IdReuse, Reach, VenueCapabilities
from gateway.domain.enums import OrdType, TimeInForce

#: An order that ended without a fill is archived after 90 days; asking for one then is no answer, not an absence.
BINANCE = VenueCapabilities(
    adapter="binance",
    id_reuse=IdReuse.REFUSED_WHILE_OPEN,
    lookup=Reach.ALL,
    executions=Reach.ALL,
    holdings=Holdings.BALANCES,
    order_types=(OrdType.MARKET, OrdType.LIMIT, OrdType.STOP, OrdType.STOP_LIMIT, OrdType.TRAILING_STOP),
    times_in_force=(TimeInForce.DAY, TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK, TimeInForce.GTD),
    has_trailing_amount=False,
    has_depth=True,
)
