"""What the adapter remembers of orders that may still be open at Alpaca: under which id, how much of each it told.

All of it is a help, none of it the truth: an order that is not here is asked for at Alpaca, which is what a restart
does for all of them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from gateway.adapters.venues.alpaca.reading import execution_id_of, filled_qty_of
from gateway.adapters.venues.shared.generations import client_order_id_of
from gateway.domain.effects import OrderTicket
from gateway.domain.money import ZERO


@dataclass
class Tracked:
    """One order of ours. Each change of terms makes the next generation, a new order at Alpaca."""

    ticket: OrderTicket
    #: Whether ``generation`` is surely the newest. After a restart it is not, until Alpaca was asked.
    is_generation_known: bool = False
    generation: int = 0
    #: Alpaca's id of the newest generation; empty until it is told.
    venue_order_id: str = ""
    #: What the generations before the newest have filled.
    carried_qty: Decimal = ZERO
    #: When a request that makes an order was sent last, or given up (monotonic); None: not by this process.
    sent_ns: int | None = None
    is_acknowledged: bool = False
    #: It could not be compared, and is asked about until Alpaca answers.
    is_behind: bool = False
    #: Changes that were begun: what was read before one says nothing after it.
    changes: int = 0
    #: A change is under way: the end of the old generation is not the order's.
    is_changing: bool = False
    #: The order of the next generation was sent, and nothing tells yet whether it arrived.
    is_change_in_doubt: bool = False
    #: What the next generation, if it is there, starts from.
    next_carried_qty: Decimal = ZERO

    @property
    def is_certain(self) -> bool:
        """Whether the newest generation is known, and nothing is under way that makes another."""
        return self.is_generation_known and not self.is_changing and not self.is_change_in_doubt

    @property
    def client_order_id(self) -> str:
        return client_order_id_of(self.ticket.order_id, self.generation)

    def settle(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """These are all generations of the order, oldest first."""
        self.generation = len(rows) - 1
        self.is_generation_known, self.is_change_in_doubt = True, False
        self.venue_order_id = rows[-1]["id"]
        self.carried_qty = sum((filled_qty_of(row) for row in rows[:-1]), ZERO)

    def advance(self, venue_order_id: str) -> None:
        """The order of the next generation is there."""
        self.generation += 1
        self.venue_order_id, self.carried_qty = venue_order_id, self.next_carried_qty
        self.is_change_in_doubt = False


#: Executions remembered for corrections of them, which come within the day.
_REMEMBERED = 100_000


class Told:
    """How far the fills of each order at Alpaca were told without a gap, and what the stream calls them."""

    def __init__(self) -> None:
        self._qty: dict[str, Decimal] = {}
        #: By the stream's own ids, which appear nowhere else at Alpaca.
        self._exec_ids: dict[str, str] = {}

    def note_name(self, data: Mapping[str, Any]) -> None:
        """A fill, as the stream tells it."""
        row = data["order"]
        self._exec_ids[str(data.get("execution_id"))] = execution_id_of(row["id"], filled_qty_of(row))
        if len(self._exec_ids) > _REMEMBERED:
            del self._exec_ids[next(iter(self._exec_ids))]

    def named_by(self, data: Mapping[str, Any]) -> str:
        """The execution that a bust or correction is about. One that the stream did not tell, since the gateway was
        away or was restarted, keeps the stream's id: the core lets the report wait, and a person is told."""
        stream_id = str(data.get("previous_execution_id") or data.get("execution_id"))
        return self._exec_ids.get(stream_id, stream_id)

    def is_next(self, venue_order_id: str, cum_qty: Decimal, qty: Decimal) -> bool:
        """Whether the fill that brought the order to ``cum_qty`` follows what was told; else some are missing."""
        return cum_qty - qty == self._qty.get(venue_order_id, ZERO)

    def is_old(self, venue_order_id: str, cum_qty: Decimal) -> bool:
        return cum_qty <= self._qty.get(venue_order_id, ZERO)

    def note(self, venue_order_id: str, cum_qty: Decimal) -> None:
        self._qty[venue_order_id] = max(cum_qty, self._qty.get(venue_order_id, ZERO))

    def is_behind(self, row: Mapping[str, Any]) -> bool:
        """Whether the order has filled more than was told."""
        return not self.is_old(row["id"], filled_qty_of(row))

    def forget(self, venue_order_id: str) -> None:
        self._qty.pop(venue_order_id, None)
