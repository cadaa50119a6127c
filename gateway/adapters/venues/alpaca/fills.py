"""Fills of our orders at Alpaca, told in the order in which they filled and without a gap, and ends after them.

The stream can lose a fill, and what else tells of an order can overtake it. Then the account's activities are read
until they tell all of it; an end that is known meanwhile waits.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from gateway.adapters.venues.alpaca.client import RestClient
from gateway.adapters.venues.alpaca.executions import executions_of
from gateway.adapters.venues.alpaca.exits import ExitIds
from gateway.adapters.venues.alpaca.reading import fill_report, filled_qty_of, is_done, revision_reports
from gateway.adapters.venues.alpaca.tracking import Told
from gateway.adapters.venues.shared.background import Background
from gateway.domain.executions import ExecutionReport

_log = logging.getLogger(__name__)
_FIRST_S, _MAX_S = 0.2, 10.0
Row = Mapping[str, Any]


class Fills:
    """``tell`` gets the reports, ``on_whole`` an order whose missing fills were read."""

    def __init__(
        self,
        rest: RestClient,
        ids: ExitIds,
        background: Background,
        tell: Callable[[tuple[ExecutionReport, ...]], None],
        on_whole: Callable[[Row], None],
    ) -> None:
        self._rest = rest
        self._ids = ids
        self._background = background
        self._tell = tell
        self._on_whole = on_whole
        self._told = Told()
        #: Orders whose fills are being read, by Alpaca's id, as they were told last.
        self._reading: dict[str, Row] = {}
        #: Ends that wait for fills, by our id.
        self._ends: dict[str, ExecutionReport] = {}

    def on_fill(self, order_id: str, data: Mapping[str, Any]) -> None:
        """A fill that the stream tells: told on if it follows what was, else left to be read."""
        row = data["order"]
        cum_qty, qty, px = filled_qty_of(row), Decimal(data["qty"]), Decimal(data["price"])
        self._told.note_name(data)
        if self._told.is_next(row["id"], cum_qty, qty):
            self._told.note(row["id"], cum_qty)
            self._tell((fill_report(order_id, row["id"], cum_qty, qty, px, data["timestamp"]),))

    def on_revision(self, order_id: str, data: Mapping[str, Any]) -> None:
        """A fill that Alpaca took back or corrected: what is still to be read is what it says now."""
        _log.error("alpaca took back or corrected an execution of %s: %s", order_id, data)
        self._tell(revision_reports(order_id, data, self._told.named_by(data)))
        row = data["order"]
        if row["id"] in self._reading:
            self._reading[row["id"]] = row

    def tell_end(self, end: ExecutionReport, row: Row) -> None:
        """Tell the end of an order, which this row at Alpaca is, after all that it and those before it filled."""
        if self._told.is_behind(row) or self._is_reading(end.order_id):
            self._ends[end.order_id] = end
        else:
            self._tell((end,))

    def is_behind(self, row: Row) -> bool:
        """Whether the order has filled more than was told."""
        return self._told.is_behind(row)

    def note(self, row: Row) -> None:
        """All that the order filled is told."""
        self._told.note(row["id"], filled_qty_of(row))

    def forget(self, row: Row) -> None:
        """The order is done."""
        self._told.forget(row["id"])

    def read(self, row: Row) -> None:
        """Read what is missing of an order. Once it was shown as done, what shows it otherwise is older."""
        venue_order_id = row["id"]
        is_new = venue_order_id not in self._reading
        known = self._reading.get(venue_order_id, row)
        self._reading[venue_order_id] = max(known, row, key=lambda one: (is_done(one), filled_qty_of(one)))
        if is_new:
            self._background.spawn(self._read(venue_order_id), f"fills of {row['client_order_id']}")

    def _is_reading(self, order_id: str) -> bool:
        return any(self._ids.of(row) == order_id for row in self._reading.values())

    async def _read(self, venue_order_id: str) -> None:
        """Until the account's activities tell how the order filled: nothing is made up."""
        wait_s = _FIRST_S
        try:
            while self._told.is_behind(row := self._reading[venue_order_id]):
                try:
                    fills = await executions_of((row,), self._rest, self._ids)
                except Exception as error:
                    _log.warning("fills of %s cannot be read yet: %s", row["client_order_id"], error)
                    await asyncio.sleep(wait_s)
                    wait_s = min(2 * wait_s, _MAX_S)
                    continue
                self._tell(tuple(fills))
                self._told.note(venue_order_id, filled_qty_of(row))
        finally:
            row = self._reading.pop(venue_order_id)
        order_id = self._ids.of(row)
        if order_id in self._ends and not self._is_reading(order_id):
            self._tell((self._ends.pop(order_id),))
        self._on_whole(row)
