"""The peer: a TWS on a port, and the verbs with which a test plays the market and breaks things.

async with TwsServer() as tws:
    tws.quote("AAPL", "179.99", "180.01")
    ...  # a client trades
    tws.trade("AAPL", "179.50", 40)
    tws.faults.drop_after_place = True
"""

import asyncio
from collections import deque
from collections.abc import Callable
from decimal import Decimal

from tests.ports import lasting_port
from tests.venues.faults import Faults
from tests.venues.streams import Hub
from tests.venues.tws.faults import TwsFaults
from tests.venues.tws.market import TwsMarket
from tests.venues.tws.orders import TwsExecution, TwsOrder
from tests.venues.tws.requests import PlaceOrder, contract_of
from tests.venues.tws.session import Session

Number = str | int | Decimal


class TwsServer:
    """Holds the sessions. ``market`` outlives ``stop`` and ``start``, as IB's servers outlive a TWS."""

    def __init__(self, port: int = 0, version: int = 178, market: TwsMarket | None = None) -> None:
        self.port = port
        self.version = version
        self.market = market or TwsMarket()
        self.market.on_fill = self._tell_fill
        self.faults = TwsFaults()
        #: The faults that all peers have (``tests.venues.faults``), by operation (place, replace, cancel, lookup,
        #: instruments, stream) and event (ack, fill, canceled, replaced); those above are what only a TWS has.
        self.plan = Faults()
        self.hub = Hub(self.plan)
        #: How far its clock is from this machine's.
        self.skew_s = 0
        #: Every order, change and cancel that came to the door, also what a fault then kept out: (operation, order id).
        self.door: list[tuple[str, int]] = []
        #: Messages of any kind from any client: how many, and when those of the last second came.
        self.heard = 0
        self.recent: deque[float] = deque()
        #: Every order and modify that a client sent, and every order id that it asked to cancel, as they came.
        self.seen: list[PlaceOrder] = []
        self.cancels: list[int] = []
        #: Orders taken while TWS was cut off from IB: it sends them on when it is back.
        self.held_back: list[TwsOrder] = []
        self._sessions: set[Session] = set()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> "TwsServer":
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Listen, on the same port as before when there was one."""
        self.port = self.port or lasting_port()
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)

    async def stop(self) -> None:
        """Hang up on everybody and stop listening; orders at IB go on existing."""
        self.hang_up()
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
            self._server = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session = Session(self, reader, writer)
        self._sessions.add(session)
        try:
            await session.serve()
        except asyncio.CancelledError:
            return  # the test is over
        finally:
            self._sessions.discard(session)
            writer.close()

    def session_of(self, client_id: int) -> Session | None:
        return next((one for one in self._sessions if one.client_id == client_id), None)

    def hang_up(self) -> None:
        """Cut every connection without a word."""
        for session in list(self._sessions):
            session.hang_up()

    def go_silent(self) -> None:
        """Connections that are open stay open, and nothing is heard or said on them any more."""
        for session in self._sessions:
            session.is_silent = True

    # --- what a test plays ------------------------------------------------------------------------

    def quote(self, symbol: str, bid: Number, ask: Number, qty: Number = 1_000_000) -> None:
        """Move a market; limits that it crosses fill."""
        self.market.quote(symbol, Decimal(bid), Decimal(ask), Decimal(qty))
        self._tell_quote(symbol)

    def show_behind(self, symbol: str, bids: dict[Number, Number], asks: dict[Number, Number]) -> None:
        """Levels behind the best prices, best first."""
        sides = ([(Decimal(px), Decimal(qty)) for px, qty in side.items()] for side in (bids, asks))
        self.market.behind[self.market.key(symbol)] = (next(sides), next(sides))
        self._tell_quote(symbol)

    def refuse_prices(self, symbol: str, code: int, text: str) -> None:
        """An error about prices that somebody watches already."""
        for session in self._sessions:
            session.feed.say_of_prices(self.market.key(symbol), code, text)

    def reset_depth(self) -> None:
        for session in self._sessions:
            session.feed.reset_depth()

    def say_of(self, symbol: str, make: Callable[[int], list[object]]) -> None:
        """Any message at all, made for the number of a request, to those who watch a symbol."""
        for session in self._sessions:
            session.feed.say(self.market.key(symbol), make)

    def trade(self, symbol: str, px: Number, qty: Number) -> None:
        """Somebody trades with resting orders."""
        self.market.trade(symbol, Decimal(px), Decimal(qty))
        self._tell_quote(symbol, (Decimal(px), Decimal(qty)))

    def fill(self, order: TwsOrder, qty: Number, px: Number) -> TwsExecution:
        """Fill an order whatever the market says, also one that is done (a late fill)."""
        return self.market.fill(order, Decimal(qty), Decimal(px))

    def correct(self, execution: TwsExecution, qty: Number, px: Number) -> None:
        """Correct an execution: its id comes again with a higher number after the last dot."""
        stem, _, number = execution.exec_id.rpartition(".")
        corrected = TwsExecution(
            **{
                **vars(execution),
                "exec_id": f"{stem}.{int(number) + 1:02d}",
                "qty": Decimal(qty),
                "px": Decimal(px),
            }
        )
        self.market.executions.append(corrected)
        self._tell_fill(self.market.orders[execution.perm_id], corrected)

    def end(self, order: TwsOrder, status: str) -> None:
        """End an order: Cancelled (also by the venue), ApiCancelled or Inactive."""
        self.market.end(order, status)
        for session in self._sessions:
            if session.client_id == order.client_id:
                session.told_of_end(order)

    def tell_status(self, order: TwsOrder) -> None:
        """Say the state of an order, as TWS does whenever it likes."""
        for session in self._sessions:
            if session.client_id == order.client_id:
                session.told_of_order(order)

    def place_by_hand(self, symbol: str, action: str, qty: Number, limit_px: Number) -> TwsOrder:
        """An order that a person enters in TWS: no API client has it."""
        listing = next(one for one in self.market.listings if one.symbol == symbol)
        terms = PlaceOrder(
            0, contract_of(listing.con_id), action, Decimal(qty), "LMT", Decimal(limit_px), None, "DAY", "", ""
        )
        order = self.market.enter(0, terms, listing)
        self.market.work(order)
        return order

    def lose_servers(self) -> None:
        """1100: TWS stays up and is cut off from IB."""
        self.faults.is_cut_off = True
        self._tell_system(1100, "Connectivity between IBKR and Trader Workstation has been lost.")

    def find_servers(self, *, data_lost: bool = False) -> None:
        """1101 or 1102: IB is back; what was held back is sent on now."""
        self.faults.is_cut_off = False
        code = 1101 if data_lost else 1102
        for session in self._sessions if data_lost else ():
            session.feed.lose_subscriptions()
        self._tell_system(code, "Connectivity between IBKR and Trader Workstation has been restored.")
        held, self.held_back = self.held_back, []
        for order in held:
            self.market.work(order)
            for session in self._sessions:
                if session.client_id == order.client_id:
                    session.told_of_order(order)

    def roll_ids_back(self, client_id: int, next_id: int) -> None:
        """A restarted gateway may offer ids that were used before."""
        self.market.next_ids[client_id] = next_id

    def account_values(self, account: str) -> dict[str, Decimal]:
        return {
            "NetLiquidation": Decimal(1_000_000),
            "TotalCashValue": Decimal(1_000_000),
            "BuyingPower": Decimal(4_000_000),
            "AvailableFunds": Decimal(1_000_000),
        }

    def _tell_fill(self, order: TwsOrder, execution: TwsExecution) -> None:
        for session in list(self._sessions):
            if session.client_id == order.client_id:
                session.told_of_fill(order, execution)

    def _tell_quote(self, symbol: str, last: tuple[Decimal, Decimal] | None = None) -> None:
        con_id = self.market.key(symbol)
        for session in self._sessions:
            session.feed.told_of_quote(con_id, last)
            session.feed.told_of_depth(con_id)

    def _tell_system(self, code: int, text: str) -> None:
        for session in self._sessions:
            session.told_of_system(code, text)
