"""Busts and corrections as venues report them: which execution each is about, and what becomes of it.

A venue names the execution by its own id or by that of an earlier correction, and reports may come twice or in any
order: what is known already is no news, and what is about an execution not seen yet waits for it.
"""

from collections.abc import Iterable

from gateway.domain.enums import ExecType
from gateway.domain.executions import ExecutionReport, Fill, RevisedFill
from gateway.domain.orders import Order


class Revisions:
    """The executions of one order while the reports of one event are read, before any fact is applied."""

    def __init__(self, order: Order, executed: Iterable[Fill]) -> None:
        self._fills = {fill.exec_id: fill for fill in (*order.fills, *executed)}
        self._busted = {fill.exec_id for fill in order.busted}
        self._origins = dict(order.revisions)
        self._early = list(order.early_revisions)

    def note(self, fill: Fill) -> None:
        """One more execution was read."""
        self._fills[fill.exec_id] = fill

    def fill(self, exec_id: str) -> Fill | None:
        """The execution as it stands now; None when there is none, or none any more."""
        return self._fills.get(exec_id)

    def is_waiting(self, report: ExecutionReport) -> bool:
        """Whether the report is about an execution that nobody told of yet."""
        origin = self._origin(report)
        return origin not in self._fills and origin not in self._busted and report.exec_id not in self._origins

    def defer(self, report: ExecutionReport) -> bool:
        """Let it wait; False when it does already."""
        if any(_is_same(report, other) for other in self._early):
            return False
        self._early.append(report)
        return True

    def take_due(self) -> list[ExecutionReport]:
        """Those whose wait is over."""
        due = [report for report in self._early if not self.is_waiting(report)]
        self._early = [report for report in self._early if self.is_waiting(report)]
        return due

    def still_waiting(self) -> tuple[ExecutionReport, ...]:
        """Those that are about an execution which nobody told of yet."""
        return tuple(report for report in self._early if self.is_waiting(report))

    def revise(self, report: ExecutionReport) -> RevisedFill | None:
        """The execution before and after; None when the report is not news."""
        old = self._fills.get(self._origin(report))
        if old is None or (report.exec_id and report.exec_id in self._origins):
            return None
        new = None if report.exec_type is ExecType.TRADE_CANCEL or not report.last_qty else _corrected(old, report)
        if new is not None and (new.revised_ns < old.revised_ns or _is_as_before(old, new)):
            if not report.exec_id:
                return None
            new = old  # changes nothing, but later reports may name it
        if report.exec_id:
            self._origins[report.exec_id] = old.exec_id
        if new is None:
            del self._fills[old.exec_id]
            self._busted.add(old.exec_id)
        else:
            self._fills[old.exec_id] = new
        return RevisedFill(old, new)

    def _origin(self, report: ExecutionReport) -> str:
        return self._origins.get(report.exec_ref_id, report.exec_ref_id)


def _corrected(old: Fill, report: ExecutionReport) -> Fill:
    """The execution as corrected. It traded when it traded; a correction that tells no fee leaves it."""
    has_fee = bool(report.fee or report.fee_currency)
    return Fill(
        exec_id=old.exec_id,
        last_qty=report.last_qty,
        last_px=report.last_px,
        transact_ns=old.transact_ns,
        fee=report.fee if has_fee else old.fee,
        fee_currency=report.fee_currency if has_fee else old.fee_currency,
        is_maker=old.is_maker,
        revised_ns=report.transact_ns,
    )


def _is_as_before(old: Fill, new: Fill) -> bool:
    return (old.last_qty, old.last_px, old.fee, old.fee_currency) == (
        new.last_qty,
        new.last_px,
        new.fee,
        new.fee_currency,
    )


def _is_same(one: ExecutionReport, other: ExecutionReport) -> bool:
    return (one.exec_type, one.exec_id, one.exec_ref_id) == (other.exec_type, other.exec_id, other.exec_ref_id)
