"""What is known to have filled, so that a venue's own sum of an order can show that a fill was never told."""

from collections.abc import Iterable
from decimal import Decimal

from gateway.domain.enums import ExecType
from gateway.domain.money import ZERO
from gateway.domain.orders import ExecutionReport

#: Orders remembered; a sum that comes later than that is compared with nothing.
_REMEMBERED = 10_000


class Executed:
    """Executions by order, each counted once by its id, whichever channel told it."""

    def __init__(self) -> None:
        self._qty: dict[str, dict[str, Decimal]] = {}

    def note(self, reports: Iterable[ExecutionReport]) -> None:
        for report in reports:
            if report.exec_type is ExecType.TRADE:
                self._qty.setdefault(report.order_id, {})[report.exec_id] = report.last_qty
                if len(self._qty) > _REMEMBERED:
                    del self._qty[next(iter(self._qty))]

    def cum_qty(self, order_id: str) -> Decimal:
        return sum(self._qty.get(order_id, {}).values(), ZERO)

    def is_missing(self, order_id: str, cum_qty: Decimal) -> bool:
        """Whether the venue's sum is more than what was told of the order."""
        return cum_qty > self.cum_qty(order_id)
