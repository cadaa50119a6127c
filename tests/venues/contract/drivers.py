"""One driver for each venue: how its peer is played, how its adapter is made, and what it cannot have."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar

from gateway.adapters.clock import SystemClock
from gateway.adapters.venues.shared.budget import MessageBudget
from gateway.domain.capabilities import VenueCapabilities
from gateway.domain.effects import OrderTicket
from gateway.domain.enums import OrderClass, OrdType, Side, TimeInForce
from gateway.domain.instruments import Instrument
from gateway.domain.order_class import exit_id_of
from gateway.domain.settings import VenueSettings
from gateway.ports.venue import Venue
from tests.venues.faults import Faults
from tests.venues.peer import Number, Peer
from tests.venues.tickets import ticket as any_ticket

D = Decimal


@dataclass
class Truth:
    """What the venue itself holds under one id of ours. ``orders`` counts those that were placed (changes apart)."""

    orders: int
    qty: Decimal
    cum_qty: Decimal
    is_open: bool
    limit_px: Decimal | None


class Driver:
    """Base of all. Prices stand around 100, so that the same story can be told at every venue: ``market`` is bid 99
    and ask 101 of an instrument of which one ``unit`` is traded at a time."""

    name: ClassVar[str]
    symbol: ClassVar[str]
    peer_symbol: ClassVar[str]
    capabilities: ClassVar[VenueCapabilities]
    #: One lot of a story: orders are ten of them.
    unit: ClassVar[Decimal] = D(1)
    #: Cells of the matrix that its wire cannot have: (misbehaviour, moment), either may be ``*``, and why.
    impossible: ClassVar[Mapping[tuple[str, str], str]] = {}
    #: What a person must read when the venue does not take the credentials.
    credential_words: ClassVar[str] = ""
    #: Whether the venue tells what an execution cost.
    has_fees: ClassVar[bool] = True
    refuses_algorithms: ClassVar[bool] = True
    #: An order that the venue itself refuses, and a word of what it says; fields of the ticket.
    refused: ClassVar[tuple[Mapping[str, Any], str]]
    timeout_s: ClassVar[str] = "1"
    #: At most between two steps of a soak: not so often that its rate limit is all that is seen.
    soak_pace_s: ClassVar[float] = 0.1
    #: Faults of one request that cost the connection of all: what, of which request.
    breaking_faults: ClassVar[tuple[tuple[str, str], ...]] = ()

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = SystemClock()

    # --- what a venue gives -----------------------------------------------------------------------------

    def new_venue(self) -> Venue:
        """The adapter, as a process that starts has it: nothing is left but what is on disk."""
        raise NotImplementedError

    async def open_peer(self) -> None:
        raise NotImplementedError

    async def close_peer(self) -> None:
        raise NotImplementedError

    def truths(self) -> dict[str, Truth]:
        """Everything that the venue holds, by our ids."""
        raise NotImplementedError

    def sent(self) -> Counter[str]:
        """How often each new order came to the venue's door, by our ids, also those that a fault kept out."""
        raise NotImplementedError

    @property
    def faults(self) -> Faults:
        raise NotImplementedError

    def quote(self, bid: Number, ask: Number) -> None:
        raise NotImplementedError

    def trade(self, px: Number, units: Number) -> None:
        """Somebody trades ``units`` with what rests at ``px`` or better."""
        raise NotImplementedError

    def is_break(self, kind: str, op: str) -> bool:
        """Whether that fault of one request costs the connection of all."""
        return False

    def hang_up(self) -> None:
        raise NotImplementedError

    def go_silent(self) -> None:
        raise NotImplementedError

    def roll_back(self) -> None:
        """The venue gives ids that it gave before."""
        raise NotImplementedError

    def skew(self, ms: int) -> None:
        raise NotImplementedError

    def refuse_credentials(self, is_on: bool) -> None:
        raise NotImplementedError

    def budget(self, venue: Any) -> MessageBudget:
        """What the adapter may spend."""
        raise NotImplementedError

    async def prove(self, chapter: str) -> None:
        """Show that what is said of a chapter that this venue cannot have is so (see ``registry.EXCUSED``)."""
        raise NotImplementedError

    # --- what follows -----------------------------------------------------------------------------------

    @property
    def instrument(self) -> Instrument:
        return Instrument(symbol=self.symbol, venue=self.name, currency="USD", tick_size=D("0.01"))

    def venue_keys(self) -> dict[str, Any]:
        """What stands under ``venues.<name>`` in gateway.yaml, for a gateway in a process of its own."""
        raise NotImplementedError

    def symbol_keys(self) -> dict[str, Any]:
        """Its entry in instruments.yaml, without the symbol; the group is ``crypto`` when it has a quote currency."""
        return {"venue": self.name, "reference_px": 100}

    def environ(self) -> dict[str, str]:
        """The credentials, as the gateway's environment has them."""
        return {}

    def ticket(self, **more: Any) -> OrderTicket:
        """A limit order over ten units that rests at 95."""
        fields: dict[str, Any] = {"venue": self.name, "symbol": self.symbol, "time_in_force": TimeInForce.GTC}
        return any_ticket(**(fields | {"order_qty": 10 * self.unit, "limit_px": D(95)} | more))

    def grouped(self, kind: OrderClass, **more: Any) -> OrderTicket:
        """An entry of ten units that rests at 95, with exits at 105 and 90 as its class has them; an OCO is the two
        exits of ten units that are held."""
        entry_id = f"{self.ticket().order_id}-1"
        is_oco = kind is OrderClass.OCO
        shared: dict[str, Any] = {"side": Side.SELL, "order_class": kind, "entry_id": entry_id, "is_armed": is_oco}
        profit_id, loss_id = exit_id_of(entry_id, 1), exit_id_of(entry_id, 1 if is_oco else 2)
        profit = self.ticket(order_id=profit_id, limit_px=D(105), sibling_id=loss_id, **shared)
        stop = {"ord_type": OrdType.STOP, "stop_px": D(90), "limit_px": None}
        loss = self.ticket(order_id=loss_id, sibling_id=entry_id if is_oco else profit_id, **stop, **shared)
        exits = {OrderClass.BRACKET: (profit, loss), OrderClass.OTO: (profit,), OrderClass.OCO: (loss,)}[kind]
        own: dict[str, Any] = {"order_id": entry_id, "order_class": kind, "exits": exits}
        if is_oco:
            own |= {"side": Side.SELL, "limit_px": D(105), "sibling_id": loss_id}
        return self.ticket(**(own | more))

    def market_ticket(self, **more: Any) -> OrderTicket:
        return self.ticket(ord_type=OrdType.MARKET, limit_px=None, time_in_force=TimeInForce.DAY, **more)


class PeerDriver(Driver):
    """Over a peer that speaks HTTP and WebSocket."""

    peer: Peer

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.forgotten: dict[str, Truth] = {}

    async def open_peer(self) -> None:
        await self.peer.start()
        self.quote(99, 101)

    async def close_peer(self) -> None:
        await self.peer.stop()

    @property
    def faults(self) -> Faults:
        return self.peer.faults

    def quote(self, bid: Number, ask: Number) -> None:
        self.peer.quote(self.peer_symbol, bid, ask)

    def trade(self, px: Number, units: Number) -> None:
        self.peer.trade(self.peer_symbol, px, D(units) * self.unit)

    def hang_up(self) -> None:
        self.peer.hang_up()

    def go_silent(self) -> None:
        self.peer.go_silent()

    def roll_back(self) -> None:
        """The venue forgets what is done; who compares with it must not."""
        self.forgotten |= {order_id: one for order_id, one in self.truths().items() if not one.is_open}
        self.peer.roll_back()

    def truths(self) -> dict[str, Truth]:
        return self.forgotten | self.present()

    def present(self) -> dict[str, Truth]:
        """What the venue holds now."""
        raise NotImplementedError

    def skew(self, ms: int) -> None:
        self.peer.skew(ms)

    def refuse_credentials(self, is_on: bool) -> None:
        self.peer.refuse_credentials(is_on)

    def settings(self, **more: Any) -> VenueSettings:
        return VenueSettings(name=self.name, adapter=self.name, timeout_s=D(self.timeout_s), **more)


def latest(found: Iterable[tuple[str, int, Truth]]) -> dict[str, Truth]:
    """One truth for each of our ids, from all orders at the venue that belong to it: (our id, how often it was changed
    before, the order)."""
    truths: dict[str, Truth] = {}
    for order_id, change, one in sorted(found, key=lambda entry: entry[1]):
        before = truths.get(order_id)
        if before is None:
            truths[order_id] = one
            continue
        before.orders += 0 if change else 1
        before.cum_qty += one.cum_qty
        before.qty, before.limit_px = one.qty, one.limit_px
        before.is_open = before.is_open or one.is_open
    return truths
