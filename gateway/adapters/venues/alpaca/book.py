"""Our orders at Alpaca: where each is found, and what is told of it.

Three channels tell of one order: the trade updates, the answers to what we ask, and a comparison made after every
connect and from time to time. Fills go out in the order in which they filled, and an end after them: when an update
shows that one before it was missed, the account's activities are read instead (``fills``).
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gateway.adapters.venues.alpaca.client import AnswerUnreadable, ApiRefused, RestClient
from gateway.adapters.venues.alpaca.executions import ExecutionsMissing, executions_of
from gateway.adapters.venues.alpaca.exits import Exits, is_absence, leg_of
from gateway.adapters.venues.alpaca.fills import Fills
from gateway.adapters.venues.alpaca.listing import list_orders
from gateway.adapters.venues.alpaca.reading import end_report, is_done, is_taken, report, terms_report
from gateway.adapters.venues.alpaca.tracking import Tracked
from gateway.adapters.venues.shared.background import Background
from gateway.adapters.venues.shared.generations import client_order_id_of, generation_of, order_id_of
from gateway.domain.effects import OrderTicket
from gateway.domain.enums import ExecType
from gateway.domain.executions import ExecutionReport
from gateway.ports.clock import Clock
from gateway.ports.venue import Lookup

_log = logging.getLogger(__name__)
_NS = 1_000_000_000
#: After this a request that was cut off can no longer be executed.
IN_FLIGHT_S = 60.0
_CATCH_UP_FIRST_S, _CATCH_UP_MAX_S = 0.2, 10.0
Row = Mapping[str, Any]
Tell = Callable[[tuple[ExecutionReport, ...]], None]


class OrderBook:
    """Orders of ours that may be open. ``tell`` gets the reports, ``on_done`` the id of an order that is over."""

    def __init__(
        self, rest: RestClient, clock: Clock, background: Background, tell: Tell, on_done: Callable[[str], None]
    ) -> None:
        self._rest = rest
        self._clock = clock
        self._background = background
        self._tell = tell
        self._on_done = on_done
        self._tracked: dict[str, Tracked] = {}
        self._exits = Exits(rest, self._on_early)
        self._fills = Fills(rest, self._exits.ids, background, tell, self.note_row)
        self._started_ns = clock.monotonic_ns()

    # --- memory ---------------------------------------------------------------------------------------

    def begin(self, ticket: OrderTicket) -> Tracked:
        """An order that is about to be sent for the first time."""
        tracked = Tracked(ticket, is_generation_known=True)
        self.note_sent(tracked)
        self._tracked[ticket.order_id] = tracked
        self._exits.begin(ticket)
        return tracked

    def note_sent(self, tracked: Tracked) -> None:
        """From now on no request that makes an order leaves any more."""
        tracked.sent_ns = self._clock.monotonic_ns()

    def track(self, ticket: OrderTicket) -> Tracked:
        # An exit has one generation: its terms are fixed.
        known = Tracked(ticket, is_generation_known=bool(ticket.entry_id))
        return self._tracked.setdefault(ticket.order_id, known)

    def is_open(self, order_id: str) -> bool:
        """Whether an order may still be open, as far as is known."""
        return order_id in self._tracked

    def forget(self, order_id: str) -> None:
        """The order is done."""
        self._tracked.pop(order_id, None)
        self._on_done(order_id)

    def drop(self, order_id: str) -> None:
        """Alpaca does not have the order, nor what was sent with it."""
        self._exits.take(order_id)
        self.forget(order_id)

    # --- look-up --------------------------------------------------------------------------------------

    async def lookup(self, tracked: Tracked) -> Lookup:
        """What Alpaca knows of an order, all its generations and fills. Raises what the requests raise."""
        changes, was_under_way = tracked.changes, self._may_be_under_way(tracked)
        rows = await self.generations(tracked)
        is_under_way = was_under_way or self._may_be_under_way(tracked)  # what is told late was true when it was asked
        if not rows:
            if is_under_way:
                return Lookup(None)
            self.drop(tracked.ticket.order_id)
            return Lookup(False)
        if is_under_way and rows[-1]["status"] == "canceled" and not tracked.is_certain:
            return Lookup(None)  # perhaps for a change of ours, whose new order is still on its way
        try:
            exits = await self._reports_of_exits(tracked, rows[-1])
            fills = await executions_of(rows, self._rest, self._exits.ids)
        except ExecutionsMissing as error:
            _log.warning("%s", error)
            return Lookup(None)
        if tracked.is_changing or tracked.changes != changes or len(rows) <= tracked.generation:
            return Lookup(None)  # a change was begun meanwhile, or the stream told of the order that one made
        tracked.settle(rows)
        reports = (*self._reports_of(tracked, rows[-1], fills), *exits)
        self._fills.note(rows[-1])
        self.note_row(rows[-1])
        return Lookup(True, reports)

    async def generations(self, tracked: Tracked, *, is_cancel: bool = False) -> list[Row]:
        """The orders at Alpaca that are this one, oldest first; the last is the one in force."""
        if tracked.ticket.entry_id:
            return await self._exits.find(tracked, is_cancel=is_cancel)
        rows: list[Row] = []
        while not (tracked.is_certain and len(rows) > tracked.generation):
            client_order_id = client_order_id_of(tracked.ticket.order_id, len(rows))
            try:
                row = await self._rest.request(
                    "GET",
                    "orders:by_client_order_id",
                    query={"client_order_id": client_order_id},
                    is_cancel=is_cancel,
                )
            except ApiRefused as error:
                if not is_absence(error):
                    raise
                break
            rows.append(row)
            if row["status"] != "canceled":
                break  # a change cancels for good before it places the next
        return rows

    async def _reports_of_exits(self, tracked: Tracked, row: Row) -> tuple[ExecutionReport, ...]:
        """What became of the exits of an order that is looked up: nobody else asks about them now."""
        found: list[ExecutionReport] = []
        if tracked.ticket.exits:
            row = await self._exits.with_legs(row)
        for one in tracked.ticket.exits:
            leg, exit_ = leg_of(row, one), self.track(one)
            if leg is None:
                raise AnswerUnreadable(f"alpaca does not show the exits of {row['client_order_id']}")
            self._exits.note(exit_, leg)
            fills = await executions_of((leg,), self._rest, self._exits.ids)
            found.extend(self._reports_of(exit_, leg, fills))
            self._fills.note(leg)
            self.note_row(leg)
        self._exits.take(tracked.ticket.order_id)
        return tuple(found)

    def _may_be_under_way(self, tracked: Tracked) -> bool:
        """Whether a request that makes an order may still take effect: absence proves nothing before."""
        tracked = self._tracked.get(tracked.ticket.entry_id, tracked)  # an exit is sent with its order
        sent_ns = self._started_ns if tracked.sent_ns is None else tracked.sent_ns
        return self._clock.monotonic_ns() - sent_ns < IN_FLIGHT_S * _NS

    def _reports_of(
        self, tracked: Tracked, newest: Row, fills: Sequence[ExecutionReport]
    ) -> tuple[ExecutionReport, ...]:
        order_id, reports = tracked.ticket.order_id, list[ExecutionReport]()
        end = end_report(order_id, newest)
        if is_taken(newest):
            reports.append(report(order_id, ExecType.NEW, newest))
        if tracked.generation:
            reports.append(terms_report(tracked.ticket, newest, tracked.carried_qty))
        reports.extend(fills)
        return (*reports, end) if end is not None else tuple(reports)

    # --- comparison -----------------------------------------------------------------------------------

    async def compare(self) -> None:
        """Bring every order that may be open up to date. Raises what the requests raise."""
        if not self._tracked:
            return
        by_id = {self._sent_id(row): row for row in await list_orders(self._rest, {"status": "open"})}
        for tracked in list(self._tracked.values()):
            row = by_id.get(tracked.client_order_id) if tracked.is_certain else None
            if row is None:
                await self._bring_up_to_date(tracked)
                continue
            tracked.venue_order_id = row["id"]
            if is_taken(row) and not tracked.is_acknowledged:
                tracked.is_acknowledged = True
                self._tell((report(tracked.ticket.order_id, ExecType.NEW, row),))
            self.note_row(row)

    async def _bring_up_to_date(self, tracked: Tracked) -> None:
        """What Alpaca will not tell of one order keeps no other from being compared, and no connection down."""
        try:
            self._tell((await self.lookup(tracked)).reports)
        except (ApiRefused, AnswerUnreadable) as error:
            if isinstance(error, ApiRefused) and error.is_about_all:
                raise
            if not tracked.is_behind:
                self._background.spawn(self._catch_up(tracked), f"state of {tracked.ticket.order_id}")

    def _sent_id(self, row: Row) -> str:
        """The id that an order of ours has at Alpaca, with its generation; ours for an exit."""
        return self._exits.ids.of(row) if self._exits.ids.knows(row) else str(row["client_order_id"])

    # --- updates --------------------------------------------------------------------------------------

    def on_update(self, data: Mapping[str, Any]) -> None:
        """One message of the trade updates. Kinds that say nothing about where the order stands are left out."""
        row, event = data["order"], data["event"]
        if self._exits.is_early(row):
            return
        order_id = self._exits.ids.of(row)
        self.note_successor(row)
        match event:
            case "fill" | "partial_fill":
                self._fills.on_fill(order_id, data)
            case "new" | "accepted":
                self._tell((report(order_id, ExecType.NEW, row),))
            case "order_cancel_rejected":
                self._tell((report(order_id, ExecType.CANCEL_REJECTED, row, text="alpaca refused the cancel"),))
            case "trade_bust" | "trade_correct":
                self._fills.on_revision(order_id, data)
        self._tell_end(order_id, row)
        self.note_row(row)

    def on_answer(self, row: Row) -> None:
        """An order as the answer to a request shows it."""
        order_id = order_id_of(row["client_order_id"])
        if is_taken(row):
            self._tell((report(order_id, ExecType.NEW, row),))
        sent = self._exits.take(order_id)
        for one in () if sent is None else sent.exits:
            self._on_exit(self.track(one), leg_of(row, one))
        self._tell_end(order_id, row)
        self.note_row(row)

    def _on_exit(self, tracked: Tracked, leg: Row | None) -> None:
        """An exit as the answer to its order shows it. One that is not shown is looked for by the comparison."""
        if leg is None:
            return
        self._exits.note(tracked, leg)
        if is_taken(leg):
            self._tell((report(tracked.ticket.order_id, ExecType.NEW, leg),))

    def _on_early(self, tracked: Tracked) -> None:
        self._background.spawn(self._catch_up(tracked), f"exit {tracked.ticket.order_id}")

    async def _catch_up(self, tracked: Tracked) -> None:
        """Updates came before it was known whose they are, or it could not be compared: ask, until that is answered."""
        tracked.is_behind, wait_s = True, _CATCH_UP_FIRST_S
        while self.is_open(tracked.ticket.order_id):
            try:
                found = await self.lookup(tracked)
            except Exception as error:
                _log.warning("order %s cannot be looked up yet: %s", tracked.ticket.order_id, error)
                found = Lookup(None)
            self._tell(found.reports)
            if found.is_known is not None:
                break
            await asyncio.sleep(wait_s)
            wait_s = min(2 * wait_s, _CATCH_UP_MAX_S)
        tracked.is_behind = False

    def note_successor(self, row: Row) -> None:
        """If this is the order that a change placed, its terms are told before anything that it does."""
        tracked = self._tracked.get(order_id_of(row["client_order_id"]))
        if tracked is None or not tracked.is_change_in_doubt:
            return
        if generation_of(row["client_order_id"]) == tracked.generation + 1:
            tracked.advance(row["id"])
            self._tell((terms_report(tracked.ticket, row, tracked.carried_qty),))

    def on_change_refused(self, tracked: Tracked, row: Row, text: str) -> None:
        """The old order is canceled, and no new one came of it."""
        order_id = tracked.ticket.order_id
        tracked.is_change_in_doubt = False
        self._fills.tell_end(report(order_id, ExecType.CANCELED, row, text=text), row)
        self.forget(order_id)
        self.note_row(row)

    def _tell_end(self, order_id: str, row: Row) -> None:
        if (end := end_report(order_id, row)) and self._is_last(order_id, row):
            self._fills.tell_end(end, row)

    def _is_last(self, order_id: str, row: Row) -> bool:
        """Whether the end of this order at Alpaca is the end of ours, and not of terms that a change replaced."""
        tracked = self._tracked.get(order_id)
        if tracked is None:
            return True
        generation = generation_of(row["client_order_id"])
        is_being_changed = tracked.is_changing or tracked.is_change_in_doubt
        return generation > tracked.generation or (generation == tracked.generation and not is_being_changed)

    def note_row(self, row: Row) -> None:
        """An order as Alpaca shows it: fills that were not told are read, and one that is done is forgotten."""
        if self._fills.is_behind(row):
            self._fills.read(row)
        elif is_done(row):
            self._fills.forget(row)
            order_id = self._exits.ids.of(row)
            if self._is_last(order_id, row):
                self.forget(order_id)
