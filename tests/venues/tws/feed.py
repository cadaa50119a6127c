"""Market data of one client: who watches what, level 1 as ticks, prints, and the book by rows."""

from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING

from tests.venues.tws import messages
from tests.venues.tws.messages import Fields
from tests.venues.tws.requests import integer, read_contract

if TYPE_CHECKING:
    from tests.venues.tws.server import TwsServer

Level = tuple[Decimal, Decimal]
_NO_CONTRACT = (200, "No security definition has been found for the request")
#: What a delayed tick is numbered instead of 1, 2, 4.
_DELAYED = {1: 66, 2: 67, 4: 68}


class MarketFeed:
    """The requests 1, 2, 10, 11 and 59 of one session. ``send`` writes to its socket."""

    def __init__(
        self, server: "TwsServer", send: Callable[[Fields], None], send_error: Callable[[int, int, str], None]
    ) -> None:
        self._server = server
        self._send = send
        self._send_error = send_error
        self._quotes: dict[int, str] = {}  # contract ids by request
        self._prints: set[int] = set()
        self._books: dict[int, str] = {}
        self._rows: dict[int, tuple[list[Level], list[Level]]] = {}
        self._smart: set[int] = set()
        self.data_type = 1

    # --- requests -------------------------------------------------------------------------------------

    def set_type(self, fields: list[str]) -> None:
        self.data_type = integer(fields[2])

    def watch(self, fields: list[str]) -> None:
        request_id = integer(fields[2])
        con_id = self._admitted(request_id, fields, self._server.faults.no_prices)
        if con_id is None:
            return
        self._quotes[request_id] = con_id
        if "233" in fields[16].split(","):
            self._prints.add(request_id)
        if self._is_delayed:
            self._send_error(
                request_id, 10167, "Requested market data is not subscribed. Displaying delayed market data."
            )
        self._send([58, 1, request_id, 3 if self._is_delayed else 1])
        self.told_of_quote(con_id)

    def unwatch(self, fields: list[str]) -> None:
        self._quotes.pop(integer(fields[2]), None)
        self._prints.discard(integer(fields[2]))

    def watch_depth(self, fields: list[str]) -> None:
        request_id = integer(fields[2])
        con_id = self._admitted(request_id, fields, self._server.faults.no_depth)
        if con_id is None:
            return
        self._books[request_id] = con_id
        self._rows[request_id] = ([], [])
        if fields[16] == "1":
            self._smart.add(request_id)
        self.told_of_depth(con_id)

    def unwatch_depth(self, fields: list[str]) -> None:
        self._books.pop(integer(fields[2]), None)
        self._rows.pop(integer(fields[2]), None)

    def _admitted(self, request_id: int, fields: list[str], refused: dict[str, tuple[int, str]]) -> str | None:
        """The contract that a request names, unless it is refused."""
        found = self._server.market.find(read_contract(iter(fields[3:])))
        error = _NO_CONTRACT if len(found) != 1 else refused.get(found[0].symbol)
        if error is not None:
            self._send_error(request_id, *error)
            return None
        return str(found[0].con_id)

    @property
    def _is_delayed(self) -> bool:
        return self._server.faults.is_delayed

    # --- what the market does -------------------------------------------------------------------------

    def told_of_quote(self, con_id: str, last: Level | None = None) -> None:
        """Bid, ask, and the last trade when there is one."""
        quote = self._server.market.book.quotes.get(con_id)
        if quote is None or self._server.faults.silent:
            return
        for request_id in [number for number, watched in self._quotes.items() if watched == con_id]:
            ticks = [(1, quote.bid_px, quote.bid_qty), (2, quote.ask_px, quote.ask_qty)]
            for tick_type, px, size in [*ticks, *([(4, *last)] if last else [])]:
                number = _DELAYED[tick_type] if self._is_delayed else tick_type
                self._send(messages.tick_price(request_id, number, px, size))
            if last is not None and request_id in self._prints:
                text = f"{last[0]};{last[1]};1770123456789;1000;{last[0]};true"
                self._send([46, 6, request_id, 48, text])

    def told_of_depth(self, con_id: str) -> None:
        """What changed of each book's rows since it was last told."""
        if self._server.faults.silent:
            return
        bids, asks = self._server.market.ladder(con_id)
        for request_id in [number for number, watched in self._books.items() if watched == con_id]:
            for side, (old, new) in enumerate(zip(self._rows[request_id], (asks, bids), strict=True)):
                self._tell_rows(request_id, side, old, new)
            self._rows[request_id] = (asks, bids)

    def _tell_rows(self, request_id: int, side: int, old: list[Level], new: list[Level]) -> None:
        for row, level in enumerate(new):
            if row >= len(old):
                self.tell_row(request_id, row, 0, side, level)
            elif old[row] != level:
                self.tell_row(request_id, row, 1, side, level)
        for row in range(len(old) - 1, len(new) - 1, -1):
            self.tell_row(request_id, row, 2, side, (Decimal(0), Decimal(0)))

    def tell_row(self, request_id: int, row: int, operation: int, side: int, level: Level) -> None:
        """One row; under SMART with the exchange that it stands at."""
        if self._server.faults.lose_row:
            self._server.faults.lose_row = False
            return
        if request_id in self._smart:
            self._send([13, 1, request_id, row, "ARCA", operation, side, *level, True])
        else:
            self._send([12, 1, request_id, row, operation, side, *level])

    def reset_depth(self) -> None:
        """317: everything told of books so far is void; they are told anew."""
        for request_id, con_id in list(self._books.items()):
            self._send_error(
                request_id,
                317,
                "Market depth data has been RESET. Please empty deep book contents before applying any new entries.",
            )
            self._rows[request_id] = ([], [])
            self.told_of_depth(con_id)

    def say_of_prices(self, symbol_id: str, code: int, text: str) -> None:
        """An error about prices that are watched."""
        for request_id, con_id in self._quotes.items():
            if con_id == symbol_id:
                self._send_error(request_id, code, text)

    def say(self, con_id: str, make: Callable[[int], Fields]) -> None:
        """Any message at all to those who watch a contract."""
        for request_id in [number for number, watched in self._quotes.items() if watched == con_id]:
            self._send(make(request_id))

    def lose_subscriptions(self) -> None:
        """What 1101 means."""
        self._quotes.clear()
        self._books.clear()
        self._rows.clear()
