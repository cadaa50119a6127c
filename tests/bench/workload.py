"""The orders that benchmarks send: 50 strategies, mixed kinds and sides, positions that stay near flat.

Strategy and symbol pairs take turns. In every two turns a pair buys and sells the same quantity with the same kind
of order, half of the pairs beginning with the sale, so that positions (and with them every limit) stay bounded
however many orders are sent. Kinds in equal parts: market, marketable limit, market, passive limit. A passive
limit order is immediate-or-cancel, 3% from the market: it passes every check and ends without a fill.
"""

from collections.abc import Iterator, Sequence
from decimal import Decimal

import msgspec

STRATEGIES = 50
#: What a limit order is away from where the symbol's walk begins; the walk's deviation is a third of a percent.
_AWAY = Decimal("0.03")
_KINDS = ("market", "marketable", "market", "passive")
#: Turns until a pair has sent each kind on both sides.
_TURNS = 2 * len(_KINDS)
_NUMBER_DIGITS = 12
MIX = "50% market, 25% marketable limit, 25% passive limit (IOC)"


class Symbol(msgspec.Struct, frozen=True):
    """What a strategy trades, and how much of it at a time."""

    name: str
    qty: str
    px: Decimal
    tick: Decimal


#: All that config/instruments.yaml lists, but ES: one contract is more than the default max_order_value.
DEFAULT_SYMBOLS = (
    Symbol("AAPL", "1", Decimal(180), Decimal("0.01")),
    Symbol("TSLA", "1", Decimal(250), Decimal("0.01")),
    Symbol("BTC/USDT", "0.0001", Decimal(61800), Decimal("0.01")),
    Symbol("ETH/USDT", "0.0025", Decimal(2650), Decimal("0.01")),
    Symbol("BNB/USDT", "0.012", Decimal(510), Decimal("0.01")),
    Symbol("SOL/USDT", "0.04", Decimal(155), Decimal("0.01")),
)


def synthetic_symbols(count: int) -> tuple[Symbol, ...]:
    """``count`` invented equities between 10 and 50 USD."""
    return tuple(Symbol(f"SYN{i:03d}", "1", Decimal(10 + i % 41), Decimal("0.01")) for i in range(count))


class Workload:
    """An endless sequence of orders, by number. ``body(i)`` is order ``i`` as JSON; all its ids begin with ``tag``."""

    def __init__(self, symbols: Sequence[Symbol], tag: str) -> None:
        self._tag = tag
        self._pairs = _pairs_of(symbols)
        self._halves = [self._split(number) for number in range(len(self._pairs) * _TURNS)]

    @property
    def pairs(self) -> int:
        return len(self._pairs)

    def body(self, number: int) -> bytes:
        before, after = self._halves[number % len(self._halves)]
        return b"%b%012d%b" % (before, number, after)

    def requests(self, host: str, first: int) -> Iterator[bytes]:
        """The HTTP requests of ``first`` and all that follow; only the client order id is filled in when asked."""
        whole = [_request_halves(halves, host) for halves in self._halves]
        number, period = first, len(whole)
        while True:
            before, after = whole[number % period]
            yield b"%b%012d%b" % (before, number, after)
            number += 1

    def resting_requests(self, host: str) -> list[bytes]:
        """One order for each pair that stays in the book: good till canceled, far from the market."""
        requests = []
        for number, (strategy, symbol) in enumerate(self._pairs):
            order = _order(strategy, symbol, number % 2 == 0, "passive") | {"time_in_force": "gtc"}
            order["client_order_id"] = f"{self._tag}-r{number}"
            requests.append(_request(msgspec.json.encode(order), host))
        return requests

    def opening_requests(self, host: str, first: int) -> Iterator[bytes]:
        """Orders that all buy, so that each of them opens or adds: in turns one that fills and one that rests."""
        number = first
        while True:
            strategy, symbol = self._pairs[number // 2 % len(self._pairs)]
            order = _order(strategy, symbol, True, "passive" if number % 2 else "market")
            order["client_order_id"] = f"{self._tag}-{number:012d}"
            if number % 2:
                order["time_in_force"] = "gtc"
            yield _request(msgspec.json.encode(order), host)
            number += 1

    def _split(self, number: int) -> tuple[bytes, bytes]:
        turn, pair = divmod(number, len(self._pairs))
        strategy, symbol = self._pairs[pair]
        order = _order(strategy, symbol, (turn + pair) % 2 == 0, _KINDS[(turn // 2 + pair) % len(_KINDS)])
        order["client_order_id"] = f"{self._tag}-?"
        before, _, after = msgspec.json.encode(order).partition(b"?")
        return before, after


def _pairs_of(symbols: Sequence[Symbol]) -> list[tuple[str, Symbol]]:
    """Every strategy with every symbol; when there are many, each strategy with its own share of them."""
    strategies = [f"strategy_{i:03d}" for i in range(1, STRATEGIES + 1)]
    if len(symbols) < STRATEGIES:
        return [(strategy, symbol) for symbol in symbols for strategy in strategies]
    share = len(symbols) // STRATEGIES
    return [(strategies[i], symbols[i * share + k]) for k in range(share) for i in range(STRATEGIES)]


def _order(strategy: str, symbol: Symbol, is_buy: bool, kind: str) -> dict[str, str]:
    order = {
        "symbol": symbol.name,
        "side": "buy" if is_buy else "sell",
        "quantity": symbol.qty,
        "order_type": "market" if kind == "market" else "limit",
        "strategy_id": strategy,
    }
    if kind != "market":
        is_above = is_buy == (kind == "marketable")
        px = symbol.px * (1 + _AWAY if is_above else 1 - _AWAY)
        order["limit_price"] = str(px.quantize(symbol.tick))
    if kind == "passive":
        order["time_in_force"] = "ioc"
    return order


def _request(body: bytes, host: str) -> bytes:
    return _head(len(body), host) + body


def _request_halves(halves: tuple[bytes, bytes], host: str) -> tuple[bytes, bytes]:
    before, after = halves
    return _head(len(before) + _NUMBER_DIGITS + len(after), host) + before, after


def _head(length: int, host: str) -> bytes:
    return (
        f"POST /api/trading/orders/place HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {length}\r\n\r\n"
    ).encode()
