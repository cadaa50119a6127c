"""Executions of TWS as reports of ours: each once, with its commission, corrections as corrections.

A commission comes in a message of its own shortly after. A fill waits for it, but not for long: what was filled matters
more than what it cost.
"""

import asyncio
from collections.abc import Callable
from decimal import Decimal

import msgspec
from ib_async import CommissionReport, Execution

from gateway.domain.enums import ExecType
from gateway.domain.executions import ExecutionReport
from gateway.domain.money import ZERO

COMMISSION_WAIT_S = 1.0
_UNSET = 1e300
#: How the id of an execution ends that nobody has corrected.
_ORIGINAL = ".01"
#: Executions remembered to tell corrections from fills; TWS itself lists those of one day.
_REMEMBERED = 100_000


class Fills:
    """``send`` gets every report, in the order in which commissions came or were given up; ``on_told`` then gets the id
    of the order.

    A fill is known by its execution id without the last part, which counts corrections. A correction goes out twice, as
    a fill and as a correction with the same terms: whichever of the two is news is booked, whoever was restarted when.
    One of nothing is a bust.
    """

    def __init__(self, send: Callable[[ExecutionReport], None], on_told: Callable[[str], None]) -> None:
        self._send = send
        self._on_told = on_told
        self._waiting: dict[str, tuple[ExecutionReport, asyncio.TimerHandle]] = {}
        self._seen: dict[str, None] = {}
        #: What executions of each order come to, corrections apart.
        self._cum_qty: dict[str, Decimal] = {}

    def cum_qty(self, order_id: str) -> Decimal:
        """How much of an order is known to have filled."""
        return self._cum_qty.get(order_id, ZERO)

    def is_waiting(self, order_id: str) -> bool:
        """Whether a fill of the order waits for its commission."""
        return any(report.order_id == order_id for report, _ in self._waiting.values())

    def on_execution(self, execution: Execution, order_id: str) -> None:
        """One execution of an order of ours; told before or not."""
        exec_id = execution.execId
        if exec_id in self._seen:
            return
        self._remember(exec_id)
        stem, _, _ = exec_id.rpartition(".")
        if exec_id.endswith(_ORIGINAL):
            self._count(order_id, decimal_of(execution.shares))
        report = ExecutionReport(
            order_id=order_id,
            exec_type=ExecType.TRADE,
            transact_ns=int(execution.time.timestamp() * 1_000) * 1_000_000,
            exec_id=stem or exec_id,
            last_qty=decimal_of(execution.shares),
            last_px=decimal_of(execution.price),
            is_maker=execution.lastLiquidity == 1,
            venue_order_id=str(execution.permId or ""),
        )
        handle = asyncio.get_running_loop().call_later(COMMISSION_WAIT_S, self._give_up, exec_id)
        self._waiting[exec_id] = report, handle

    def on_commission(self, commission: CommissionReport) -> None:
        """What an execution cost; TWS sends a rebate as a negative commission."""
        entry = self._waiting.get(commission.execId)
        if entry is None:
            return
        fee = ZERO if abs(commission.commission) > _UNSET else decimal_of(commission.commission)
        report = msgspec.structs.replace(entry[0], fee=fee, fee_currency=commission.currency)
        self._waiting[commission.execId] = report, entry[1]
        self._give_up(commission.execId)

    def flush(self, order_id: str = "") -> None:
        """Tell what still waits, without its commission: of an order that ends, or of all when the connection does."""
        for exec_id, (report, _) in list(self._waiting.items()):
            if order_id in ("", report.order_id):
                self._give_up(exec_id)

    def _give_up(self, exec_id: str) -> None:
        report, handle = self._waiting.pop(exec_id)
        handle.cancel()
        if report.last_qty:
            self._send(report)
        if not exec_id.endswith(_ORIGINAL):
            corrects = {"exec_id": exec_id, "exec_ref_id": report.exec_id}
            self._send(msgspec.structs.replace(report, exec_type=ExecType.TRADE_CORRECT, **corrects))
        self._on_told(report.order_id)

    def _count(self, order_id: str, qty: Decimal) -> None:
        self._cum_qty[order_id] = self.cum_qty(order_id) + qty
        if len(self._cum_qty) > _REMEMBERED:
            del self._cum_qty[next(iter(self._cum_qty))]

    def _remember(self, exec_id: str) -> None:
        self._seen[exec_id] = None
        if len(self._seen) > _REMEMBERED:
            del self._seen[next(iter(self._seen))]


def decimal_of(value: float) -> Decimal:
    """A number of the wire. The library reads it as a float, whose shortest text is what was on the wire as long as
    that had at most 15 digits; prices and sizes of TWS have fewer."""
    return Decimal(repr(value))
