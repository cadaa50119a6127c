"""What the core makes of reports that an adapter sent of one order."""

from collections.abc import Iterable

import msgspec

from gateway.domain.enums import Mode
from gateway.domain.events import ReportsReceived
from gateway.domain.executions import ExecutionReport
from gateway.domain.orders import Order
from tests.world import World, trading_config


def booked(reports: Iterable[ExecutionReport]) -> Order:
    """An order of 10 to which these happened."""
    world = World(trading_config(Mode.LIVE))
    order = world.place(qty=10)
    for report in reports:
        own = msgspec.structs.replace(report, order_id=order.order_id)
        world.send(ReportsReceived(ts_ns=world.tick(), reports=(own,)))
    return order
