"""The exits of our orders at Alpaca: orders that it makes itself, with an order of ours, under ids that it chooses.

A trade update or an execution of an exit names neither the order that it goes with nor an id of ours: which it is, is
told by the order itself only, as its ``legs``.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from uuid import UUID

from gateway.adapters.venues.alpaca.client import AnswerUnreadable, ApiRefused, RestClient
from gateway.adapters.venues.alpaca.tracking import Tracked
from gateway.adapters.venues.shared.generations import order_id_of
from gateway.domain.effects import OrderTicket
from gateway.domain.enums import OrdType
from gateway.domain.order_class import exit_id_of

_CLASSES = frozenset({"bracket", "oco", "oto"})
_MOST = 10_000
#: Alpaca's code of «there is no such thing»; any other 404 proves nothing about an order.
_NOT_FOUND = 40410000
Row = Mapping[str, Any]


def is_exit(row: Row) -> bool:
    """Whether Alpaca made the order itself, as the exit of another. Ids of ours look otherwise."""
    if row.get("order_class") not in _CLASSES:
        return False
    try:
        UUID(row["client_order_id"])
    except ValueError:
        return False
    return True


def is_absence(error: ApiRefused) -> bool:
    """Whether Alpaca says that it has no such order."""
    return (error.status, error.code) == (404, _NOT_FOUND)


def legs_of(row: Row) -> list[Row]:
    """The exits that an order shows, the profit before the loss."""
    return sorted(row.get("legs") or (), key=_is_stop)


def leg_of(row: Row, exit_: OrderTicket) -> Row | None:
    """That one of the exits of an order that ``exit_`` is."""
    is_stop = exit_.ord_type is not OrdType.LIMIT
    return next((leg for leg in legs_of(row) if _is_stop(leg) is is_stop), None)


def _is_stop(leg: Row) -> bool:
    return str(leg["type"]).startswith("stop")


class ExitIds:
    """Our ids of exits, by Alpaca's own. They never change; the oldest are let go of."""

    def __init__(self) -> None:
        self._ids: OrderedDict[str, str] = OrderedDict()

    def of(self, row: Row) -> str:
        """Our id of an order, whether we sent it or it is an exit; else what its sender called it."""
        return self._ids.get(row["id"]) or order_id_of(row["client_order_id"])

    def knows(self, row: Row) -> bool:
        return row["id"] in self._ids

    def note(self, leg: Row, order_id: str) -> None:
        self._ids[leg["id"]] = order_id
        if len(self._ids) > _MOST:
            self._ids.popitem(last=False)

    def learn(self, rows: Iterable[Row]) -> None:
        """From orders with their legs: an exit's id of ours follows from that of the order it goes with, if that is
        not one that somebody placed without an id."""
        for row in rows:
            if is_exit(row):
                continue
            for number, leg in enumerate(legs_of(row), 1):
                self.note(leg, exit_id_of(order_id_of(row["client_order_id"]), number))


class Exits:
    """Which orders at Alpaca the exits of ours are. ``on_early`` gets an exit that updates told of before that was
    known: it has to be asked about."""

    def __init__(self, rest: RestClient, on_early: Callable[[Tracked], None]) -> None:
        self.ids = ExitIds()
        self._rest = rest
        self._on_early = on_early
        #: Orders that were sent with exits, until it is known which these are.
        self._sent: dict[str, OrderTicket] = {}
        #: Exits that updates told of before that, by Alpaca's id.
        self._early: set[str] = set()

    def begin(self, ticket: OrderTicket) -> None:
        """An order is about to be sent."""
        if ticket.exits:
            self._sent[ticket.order_id] = ticket

    def take(self, order_id: str) -> OrderTicket | None:
        """The order as it was sent, if its exits were not known until now; nothing is held back for it any more."""
        return self._sent.pop(order_id, None)

    def is_early(self, row: Row) -> bool:
        """Whether an update is about an exit that may be ours: while an order with exits is on its way."""
        if not self._sent:
            self._early.clear()
            return False
        if not is_exit(row) or self.ids.knows(row):
            return False
        self._early.add(row["id"])
        return True

    def note(self, tracked: Tracked, leg: Row) -> None:
        """This is the exit at Alpaca."""
        tracked.venue_order_id = leg["id"]
        self.ids.note(leg, tracked.ticket.order_id)
        if leg["id"] in self._early:
            self._early.discard(leg["id"])
            self._on_early(tracked)

    async def find(self, tracked: Tracked, *, is_cancel: bool) -> list[Row]:
        """An exit, by Alpaca's id or else among the legs of the order that it was sent with."""
        query = {"client_order_id": tracked.ticket.entry_id}
        try:
            if tracked.venue_order_id:
                row = await self._rest.request("GET", f"orders/{tracked.venue_order_id}", is_cancel=is_cancel)
                self.note(tracked, row)
                return [row]
            entry = await self._rest.request("GET", "orders:by_client_order_id", query=query, is_cancel=is_cancel)
        except ApiRefused as error:
            if not is_absence(error):
                raise
            return []  # an account that was reset has forgotten its orders
        leg = leg_of(await self.with_legs(entry, is_cancel=is_cancel), tracked.ticket)
        if leg is None:
            raise AnswerUnreadable(f"alpaca does not show the exits of {entry['client_order_id']}")
        self.note(tracked, leg)
        return [leg]

    async def with_legs(self, row: Row, *, is_cancel: bool = False) -> Row:
        """An order with its exits: answers may leave them out."""
        if row.get("legs"):
            return row
        query = {"nested": "true"}
        nested: Row = await self._rest.request("GET", f"orders/{row['id']}", query=query, is_cancel=is_cancel)
        return nested
