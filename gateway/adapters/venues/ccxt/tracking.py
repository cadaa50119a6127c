"""The orders that this gateway has at the exchange, as far as it knows: by our id, the exchange's and the client's."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from gateway.adapters.venues.ccxt.ids import client_id_of
from gateway.adapters.venues.ccxt.known import IdForm
from gateway.domain.effects import OrderTicket

#: Ids of orders that a stream told of before their own answers came.
_MOST_EARLY = 1_000
#: Orders of which it is remembered which of ours they are, done ones too: trades name the exchange's order only.
_MOST_OWNERS = 100_000


@dataclass
class Tracked:
    """One order that may still trade. ``sent_ns`` is monotonic: when a request about it left last; ``since_ms`` is the
    exchange's time before which it was not there and none of its trades can be, and ``likely_ms`` a later one that is
    good for looking: what is not found from there on may be there all the same. ``told_qty`` is how much of its fills
    was reported."""

    ticket: OrderTicket
    client_id: str
    sent_ns: int
    since_ms: int
    likely_ms: int
    venue_order_id: str = ""
    is_cancel_taken: bool = False
    told_qty: Decimal = Decimal(0)
    #: How often in a row it was looked for everywhere, when its absence would prove something, and not found.
    absences: int = 0
    missed_ns: int = -(2**62)
    absent_ns: int = 0

    @property
    def order_id(self) -> str:
        return self.ticket.order_id


class Tracking:
    def __init__(self, form: IdForm) -> None:
        self._form = form
        self._orders: dict[str, Tracked] = {}
        #: Settled by a person, oldest first.
        self._released: dict[str, Tracked] = {}
        #: By symbol and the exchange's id: many count their orders anew in each symbol (Binance).
        self._by_venue_id: dict[tuple[str, str], str] = {}
        self._by_client_id: dict[str, str] = {}
        self._early: deque[str] = deque(maxlen=_MOST_EARLY)
        self._owners: dict[tuple[str, str], str] = {}

    def add(self, ticket: OrderTicket, sent_ns: int, since_ms: int, likely_ms: int) -> Tracked:
        """The order of a ticket, known already or new."""
        one = self._orders.get(ticket.order_id) or self._released.get(ticket.order_id)
        if one is not None:
            self.take_back(one)
        else:
            one = Tracked(ticket, client_id_of(ticket.order_id, self._form), sent_ns, since_ms, likely_ms)
            self._orders[ticket.order_id] = one
            self._by_client_id[one.client_id] = one.order_id
        if ticket.venue_order_id and not one.venue_order_id:
            self.name(one, ticket.venue_order_id)
        return one

    def name(self, one: Tracked, venue_order_id: str) -> None:
        """The exchange has given the order its id."""
        one.venue_order_id = venue_order_id
        self._by_venue_id[one.ticket.symbol, venue_order_id] = one.order_id
        self.note_owner(one.ticket.symbol, venue_order_id, one.order_id)

    def note_owner(self, symbol: str, venue_order_id: str, order_id: str) -> None:
        """Which order that is: our id, or what its sender called it; empty when nobody can tell."""
        self._owners[symbol, venue_order_id] = order_id
        if len(self._owners) > _MOST_OWNERS:
            del self._owners[next(iter(self._owners))]

    def owner_of(self, symbol: str, venue_order_id: str) -> str | None:
        """None: nobody has asked yet."""
        return self._owners.get((symbol, venue_order_id))

    def find(self, symbol: str, venue_order_id: str, client_id: str) -> Tracked | None:
        order_id = self._by_venue_id.get((symbol, venue_order_id)) or (client_id and self._by_client_id.get(client_id))
        return (self._orders.get(order_id) or self._released.get(order_id)) if order_id else None

    def release(self, order_id: str) -> None:
        """A person settled the order: it is asked for no more, but known again if the exchange speaks of it."""
        one = self._orders.pop(order_id, None)
        if one is not None:
            self._released[order_id] = one
            if len(self._released) > _MOST_EARLY:
                self.forget(next(iter(self._released)))

    def take_back(self, one: Tracked) -> None:
        """The exchange speaks of it after all."""
        if self._released.pop(one.order_id, None) is not None:
            self._orders[one.order_id] = one

    def note_early(self, venue_order_id: str) -> None:
        """A stream tells of an order that nothing else told of yet."""
        self._early.append(venue_order_id)

    def was_early(self, venue_order_id: str) -> bool:
        return venue_order_id in self._early

    def has(self, order_id: str) -> bool:
        return order_id in self._orders

    def forget(self, order_id: str) -> None:
        one = self._orders.pop(order_id, None) or self._released.pop(order_id, None)
        if one is not None:
            self._by_venue_id.pop((one.ticket.symbol, one.venue_order_id), None)
            self._by_client_id.pop(one.client_id, None)

    def nameless(self, symbol: str) -> list[Tracked]:
        """Those of a symbol whose ids at the exchange nobody knows."""
        return [one for one in self._orders.values() if not one.venue_order_id and one.ticket.symbol == symbol]

    def by_symbol(self) -> Iterable[tuple[str, list[Tracked]]]:
        groups: dict[str, list[Tracked]] = {}
        for one in self._orders.values():
            groups.setdefault(one.ticket.symbol, []).append(one)
        return list(groups.items())

    def __len__(self) -> int:
        return len(self._orders)
