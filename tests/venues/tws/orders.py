"""What the server remembers: instruments, orders, executions, positions. Kept over a restart of the server."""

from dataclasses import dataclass, field
from decimal import Decimal

from tests.venues.tws.requests import PlaceOrder

ZERO = Decimal(0)
#: Statuses after which an order works no more.
DONE = frozenset({"Filled", "Cancelled", "ApiCancelled", "Inactive"})


@dataclass(frozen=True)
class Listing:
    """A contract that can be traded."""

    con_id: int
    symbol: str
    sec_type: str = "STK"
    exchange: str = "SMART"
    primary_exchange: str = "NASDAQ"
    currency: str = "USD"
    expiry: str = ""
    strike: str = "0"
    right: str = ""
    multiplier: str = ""
    local_symbol: str = ""
    trading_class: str = ""
    min_tick: Decimal = Decimal("0.01")

    def contract(self, exchange: str = "") -> list[object]:
        """The eleven fields with which messages to the client name it."""
        return [
            self.con_id,
            self.symbol,
            self.sec_type,
            self.expiry,
            self.strike,
            self.right,
            self.multiplier,
            exchange or self.exchange,
            self.currency,
            self.local_symbol or self.symbol,
            self.trading_class or self.symbol,
        ]


@dataclass(frozen=True)
class TwsExecution:
    """One fill. ``exec_id`` ends in ``.01``; a correction repeats it with a higher number there."""

    exec_id: str
    time: str
    order_id: int
    client_id: int
    perm_id: int
    account: str
    order_ref: str
    listing: Listing
    exchange: str
    side: str
    qty: Decimal
    px: Decimal
    cum_qty: Decimal
    avg_px: Decimal
    is_maker: bool
    commission: Decimal = Decimal("1.00")


@dataclass
class TwsOrder:
    """One order as TWS holds it. ``terms`` are those in force."""

    perm_id: int
    client_id: int
    terms: PlaceOrder
    listing: Listing
    account: str
    status: str = "PreSubmitted"
    cum_qty: Decimal = ZERO
    value: Decimal = ZERO
    last_px: Decimal = ZERO
    why_held: str = ""
    completed_time: str = ""
    completed_status: str = ""
    executions: list[TwsExecution] = field(default_factory=list)

    @property
    def order_id(self) -> int:
        return self.terms.order_id

    @property
    def is_done(self) -> bool:
        return self.status in DONE

    @property
    def leaves_qty(self) -> Decimal:
        return self.terms.qty - self.cum_qty

    @property
    def avg_px(self) -> Decimal:
        return self.value / self.cum_qty if self.cum_qty else ZERO

    @property
    def side(self) -> str:
        return "buy" if self.terms.action == "BUY" else "sell"


@dataclass
class Holding:
    """A position of one account."""

    listing: Listing
    qty: Decimal = ZERO
    cost: Decimal = ZERO

    @property
    def avg_cost(self) -> Decimal:
        return self.cost / self.qty if self.qty else ZERO

    def book(self, side: str, qty: Decimal, px: Decimal) -> None:
        """Average cost, as TWS shows it: closing leaves it, crossing zero starts anew at the price."""
        signed = qty if side == "buy" else -qty
        multiplier = Decimal(self.listing.multiplier or 1)
        if self.qty * signed >= 0:
            self.cost += signed * px * multiplier
        elif abs(signed) <= abs(self.qty):
            self.cost -= self.cost * (abs(signed) / abs(self.qty))
        else:
            self.cost = (self.qty + signed) * px * multiplier
        self.qty += signed
