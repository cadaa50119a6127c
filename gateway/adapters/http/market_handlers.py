"""Quotes on request, and the list of symbols that a caller's streams start with."""

from aiohttp import web

from gateway.adapters.http.auth import Caller
from gateway.adapters.http.boundary import json_response, read_body
from gateway.adapters.http.market_views import full_view, watch_reply
from gateway.adapters.http.problem import HttpProblem
from gateway.adapters.http.reading import read_struct
from gateway.adapters.http.shapes import MAX_SYMBOLS, Subscribe
from gateway.ports.clock import Clock
from gateway.ports.market_data import MarketSources


class WatchLists:
    """Subscribed symbols per key name, in memory: the default of streams that are opened later."""

    def __init__(self) -> None:
        self._symbols: dict[str, dict[str, None]] = {}

    def of(self, caller: Caller) -> tuple[str, ...]:
        return tuple(self._symbols.get(caller.actor.name, ()))

    def add(self, caller: Caller, symbols: tuple[str, ...]) -> None:
        own = self._symbols.setdefault(caller.actor.name, {})
        if len(own.keys() | set(symbols)) > MAX_SYMBOLS:
            raise HttpProblem("SUBSCRIPTION_FULL", f"a key may subscribe to {MAX_SYMBOLS} symbols; unsubscribe others")
        own.update(dict.fromkeys(symbols))

    def set(self, caller: str, symbols: tuple[str, ...]) -> None:
        """What another list holds for this caller."""
        self._symbols[caller] = dict.fromkeys(symbols)

    def remove(self, caller: Caller, symbol: str) -> bool:
        """Whether the symbol was there to be removed."""
        own = self._symbols.get(caller.actor.name, {})
        was_there = symbol in own
        own.pop(symbol, None)
        return was_there


class MarketHandlers:
    """The market data endpoints that are not streams."""

    def __init__(self, market: MarketSources, clock: Clock, watch_lists: WatchLists) -> None:
        self._market = market
        self._clock = clock
        self._watch_lists = watch_lists

    async def quote(self, request: web.Request, caller: Caller) -> web.StreamResponse:
        symbol = request.match_info["symbol"]
        quote = self._market.quote(symbol)
        if quote is None:
            why = self._market.trouble(symbol) or "its source has not told one yet"
            raise HttpProblem("QUOTE_NOT_FOUND", f"there is no quote for this symbol: {why}")
        return json_response(full_view(quote, self._market, self._clock.now_ns()))

    async def subscribe(self, request: web.Request, caller: Caller) -> web.StreamResponse:
        wish = read_struct(await read_body(request), Subscribe)
        self._watch_lists.add(caller, wish.symbols)
        return json_response(watch_reply(self._watch_lists.of(caller), self._market, self._clock.now_ns()))

    async def unsubscribe(self, request: web.Request, caller: Caller) -> web.StreamResponse:
        if not self._watch_lists.remove(caller, request.match_info["symbol"]):
            raise HttpProblem("SUBSCRIPTION_NOT_FOUND", "this key has not subscribed to this symbol")
        return json_response(watch_reply(self._watch_lists.of(caller), self._market, self._clock.now_ns()))
