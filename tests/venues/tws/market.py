"""Trading inside the server: contracts, orders by permanent id, fills, positions. It knows nothing of sockets."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal

from tests.venues.matching import Match, MatchingBook, Working
from tests.venues.tws.orders import Holding, Listing, TwsExecution, TwsOrder
from tests.venues.tws.requests import Contract, PlaceOrder

STOCKS = (Listing(265598, "AAPL"), Listing(76792991, "TSLA"), Listing(756733, "SPY", primary_exchange="ARCA"))
FUTURE = Listing(
    649180695,
    "ES",
    "FUT",
    "CME",
    "",
    expiry="20261218",
    multiplier="50",
    local_symbol="ESZ6",
    trading_class="ES",
    min_tick=Decimal("0.25"),
)
FOREX = Listing(
    12087792,
    "EUR",
    "CASH",
    "IDEALPRO",
    "",
    local_symbol="EUR.USD",
    trading_class="EUR.USD",
    min_tick=Decimal("0.00005"),
)
OPTION = Listing(
    712345678,
    "AAPL",
    "OPT",
    expiry="20261218",
    strike="200",
    right="C",
    multiplier="100",
    local_symbol="AAPL  261218C00200000",
)
Listener = Callable[[TwsOrder, TwsExecution], None]


@dataclass
class TwsMarket:
    """The part that outlives a restart of the server: what IB's own servers hold."""

    accounts: list[str] = field(default_factory=lambda: ["DU123456"])
    listings: list[Listing] = field(default_factory=lambda: [*STOCKS, FUTURE, FOREX, OPTION])
    orders: dict[int, TwsOrder] = field(default_factory=dict)
    executions: list[TwsExecution] = field(default_factory=list)
    holdings: dict[tuple[str, int], Holding] = field(default_factory=dict)
    book: MatchingBook = field(default_factory=MatchingBook)
    #: The next order id of each client; TWS may come back with a lower one than it had.
    next_ids: dict[int, int] = field(default_factory=dict)
    #: Levels behind the best prices, by contract id.
    behind: dict[str, tuple[list[tuple[Decimal, Decimal]], list[tuple[Decimal, Decimal]]]] = field(default_factory=dict)
    on_fill: Listener = lambda order, execution: None
    _perm_id: int = 1_500_000_000
    _execution_count: int = 0

    def find(self, contract: Contract) -> list[Listing]:
        """The listings that a contract names: by its id, else by what is given of it."""
        if contract.con_id not in ("", "0"):
            return [one for one in self.listings if str(one.con_id) == contract.con_id]
        found = []
        for one in self.listings:
            pairs = (
                (contract.symbol, one.symbol),
                (contract.sec_type, one.sec_type),
                (contract.currency, one.currency),
                (contract.expiry, one.expiry[: len(contract.expiry)]),
                (contract.local_symbol, one.local_symbol),
            )
            if all(not wanted or wanted == has for wanted, has in pairs):
                found.append(one)
        if contract.strike not in ("", "0", "0.0"):
            found = [one for one in found if Decimal(one.strike) == Decimal(contract.strike)]
        return [one for one in found if not contract.right or one.right[:1] == contract.right[:1]]

    def of_client(self, client_id: int, order_id: int) -> TwsOrder | None:
        """An order by the id that its client gave it; the latest one where TWS rolled ids back."""
        mine = [one for one in self.orders.values() if one.client_id == client_id and one.order_id == order_id]
        return mine[-1] if mine else None

    def enter(self, client_id: int, terms: PlaceOrder, listing: Listing) -> TwsOrder:
        """A new order with a permanent id; it does not work yet."""
        self._perm_id += 1
        order = TwsOrder(self._perm_id, client_id, terms, listing, terms.account or self.accounts[0])
        self.orders[order.perm_id] = order
        self.next_ids[client_id] = max(self.next_ids.get(client_id, 1), terms.order_id + 1)
        return order

    def work(self, order: TwsOrder) -> None:
        """Put an order (or its new terms) into the book, and fill what fills at once."""
        terms = order.terms
        key = str(order.perm_id)
        self.book.cancel(key)
        kind = terms.order_type
        working = Working(
            key=key,
            symbol=str(order.listing.con_id),
            side=order.side,
            leaves_qty=order.leaves_qty,
            limit_px=terms.limit_px if kind in ("LMT", "STP LMT", "LOC") else None,
            stop_px=terms.aux_px if kind.startswith("STP") else None,
            is_immediate=terms.tif in ("IOC", "FOK"),
            is_all_or_none=terms.tif == "FOK",
        )
        matches = [] if kind in ("MOC", "LOC", "TRAIL") or terms.tif == "OPG" else self.book.place(working)
        order.status = "PreSubmitted" if working.is_asleep or kind in ("MOC", "LOC", "TRAIL") else "Submitted"
        self._book(matches)
        if working.is_immediate and not order.is_done:
            self.end(order, "Cancelled")

    def end(self, order: TwsOrder, status: str) -> None:
        self.book.cancel(str(order.perm_id))
        order.status = status
        order.completed_time = _now("%Y%m%d %H:%M:%S America/New_York")
        order.completed_status = status

    def quote(self, symbol: str, bid_px: Decimal, ask_px: Decimal, qty: Decimal = Decimal(1_000_000)) -> None:
        """Move the market of a symbol (of its first listing)."""
        self._book(self.book.quote(self.key(symbol), bid_px, ask_px, qty))

    def trade(self, symbol: str, px: Decimal, qty: Decimal) -> None:
        """Somebody trades with our resting orders."""
        self._book(self.book.trade(self.key(symbol), px, qty))

    def fill(self, order: TwsOrder, qty: Decimal, px: Decimal) -> TwsExecution:
        """One fill of one order, as the book or a test wants it."""
        self._execution_count += 1
        order.cum_qty += qty
        order.value += qty * px
        order.last_px = px
        execution = TwsExecution(
            exec_id=f"0000e0d5.{order.perm_id:x}.{self._execution_count:04d}.01",
            time=_now("%Y%m%d %H:%M:%S UTC"),
            order_id=order.order_id,
            client_id=order.client_id,
            perm_id=order.perm_id,
            account=order.account,
            order_ref=order.terms.order_ref,
            listing=order.listing,
            exchange=order.listing.primary_exchange or order.listing.exchange,
            side=order.side,
            qty=qty,
            px=px,
            cum_qty=order.cum_qty,
            avg_px=order.avg_px,
            is_maker=False,
        )
        order.executions.append(execution)
        self.executions.append(execution)
        key = (order.account, order.listing.con_id)
        self.holdings.setdefault(key, Holding(order.listing)).book(order.side, qty, px)
        if order.leaves_qty <= 0:
            self.end(order, "Filled")
        self.on_fill(order, execution)
        return execution

    def ladder(self, con_id: str) -> tuple[list[tuple[Decimal, Decimal]], list[tuple[Decimal, Decimal]]]:
        """Bids and asks, best first: the market outside, and what a test put behind it."""
        quote = self.book.quotes.get(con_id)
        if quote is None:
            return [], []
        bids, asks = self.behind.get(con_id, ([], []))
        return [(quote.bid_px, quote.bid_qty), *bids], [(quote.ask_px, quote.ask_qty), *asks]

    def _book(self, matches: list[Match]) -> None:
        for match in matches:
            self.fill(self.orders[int(match.key)], match.qty, match.px)

    def key(self, symbol: str) -> str:
        return next(str(one.con_id) for one in self.listings if symbol in (one.symbol, one.local_symbol))


def _now(layout: str) -> str:
    return datetime.now(UTC).strftime(layout)
