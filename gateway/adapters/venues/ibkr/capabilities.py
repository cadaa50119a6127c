"""What Interactive Brokers guarantees over TWS, and what of it this adapter uses."""

from gateway.domain.capabilities import Holdings, IdReuse, Reach, VenueCapabilities
from gateway.domain.enums import OrdType, TimeInForce

#: ``orderRef`` is free text that TWS never compares. Its lists of finished orders and of executions begin at midnight.
IBKR = VenueCapabilities(
    adapter="ibkr",
    id_reuse=IdReuse.NEVER_REFUSED,
    lookup=Reach.CURRENT_DAY,
    has_lookup_by_id=False,
    executions=Reach.CURRENT_DAY,
    holdings=Holdings.POSITIONS,
    order_types=tuple(OrdType),
    times_in_force=tuple(TimeInForce),
    algorithms=("vwap", "twap", "adaptive", "iceberg"),
    has_depth=True,
)
