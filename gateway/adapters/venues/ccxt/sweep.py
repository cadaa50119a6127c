"""All lists of an exchange that may name an order, read once for every order that is looked for.

After a crash, or a while without an exchange, dozens of orders may be in doubt, and each is looked for twice. Asked
about each of them alone, an exchange that takes ten requests a second and tells a hundred orders a page needs minutes.
"""

import asyncio
from collections.abc import Sequence

from gateway.adapters.venues.ccxt.client import Client
from gateway.adapters.venues.ccxt.lists import Lists
from gateway.adapters.venues.ccxt.reading import OrderState, Unreadable, order_of
from gateway.adapters.venues.ccxt.tracking import Tracked
from gateway.adapters.venues.shared.background import Background
from gateway.ports.clock import Clock

_NS = 1_000_000_000
#: How long after it was read a list is still looked at: for an order that may be on its way, and for one that is there
#: or nowhere.
_FRESH_NS, _FINAL_NS = 5 * _NS, 60 * _NS
#: Lists are read from the beginning of a minute on, so that orders of about the same time share them.
_MINUTE_MS = 60_000


class _Page:
    """What one list told."""

    def __init__(self, states: Sequence[OrderState], *, is_whole: bool) -> None:
        self.is_whole = is_whole
        self._by_venue_id = {state.venue_order_id: state for state in states}
        self._by_client_id = {state.client_id: state for state in states if state.client_id}

    def find(self, one: Tracked) -> OrderState | None:
        return self._by_venue_id.get(one.venue_order_id) or self._by_client_id.get(one.client_id)


class Sweep:
    """One reading of the lists of a symbol, one after another, the open orders first: what ends meanwhile is in a later
    one. So what is in none of them was nowhere at ``began_ns`` (monotonic)."""

    def __init__(self, client: Client, background: Background, clock: Clock, symbol: str, since_ms: int) -> None:
        self.began_ns = clock.monotonic_ns()
        self.since_ms = since_ms - since_ms % _MINUTE_MS
        self._background = background
        self._clock = clock
        self._lists = Lists(client)
        self._calls = _calls(client)
        self._symbol = symbol
        self._pages: list[asyncio.Future[_Page]] = []
        self._read_ns = self.began_ns

    def serves(self, since_ms: int, after_ns: int, *, is_final: bool) -> bool:
        """Whether what it told can still be looked at for an order that traded no earlier than ``since_ms``, and of
        which nothing counts that was read before ``after_ns``. ``is_final``: what was nowhere then does not come."""
        age_ns = self._clock.monotonic_ns() - self._read_ns
        is_fresh = age_ns <= (_FINAL_NS if is_final else _FRESH_NS) or not all(one.done() for one in self._pages)
        is_good = not any(one.done() and (one.cancelled() or one.exception() is not None) for one in self._pages)
        return is_fresh and is_good and self.since_ms <= since_ms and self.began_ns >= after_ns

    async def find(self, one: Tracked) -> OrderState | None:
        """The order as a list tells it. Raises what the client raises, and Unreadable when a list was not seen to its
        end and the order is in none."""
        cut_off = ""
        for number, call in enumerate(self._calls):
            page = await self._page(number)
            state = page.find(one)
            if state is not None:
                return state
            cut_off = cut_off if page.is_whole else call
        if cut_off:
            raise Unreadable(f"{cut_off} tells more orders than could be read, so that none is missing")
        return None

    async def _page(self, number: int) -> _Page:
        """A list is read on when whoever wanted it first has no more time: the next one finds it read."""
        if number == len(self._pages):
            page: asyncio.Future[_Page] = asyncio.get_running_loop().create_future()
            page.add_done_callback(_take_note)
            self._pages.append(page)
            call = self._calls[number]
            self._background.spawn(self._read(call, page), f"{call} of {self._symbol}")
        return await asyncio.shield(self._pages[number])

    async def _read(self, call: str, page: "asyncio.Future[_Page]") -> None:
        since_ms = None if call == "fetchOpenOrders" else self.since_ms
        try:
            listed = await self._lists.read(call, self._symbol, since_ms)
            page.set_result(_Page([order_of(row) for row in listed.rows], is_whole=listed.is_whole))
        except Exception as error:
            page.set_exception(error)
        finally:
            page.cancel()  # which does nothing but when this is canceled: nobody may wait for ever
            self._read_ns = self._clock.monotonic_ns()


def _take_note(page: "asyncio.Future[_Page]") -> None:
    """Whoever waits for it is told why it failed; nobody may."""
    if not page.cancelled():
        page.exception()


def _calls(client: Client) -> tuple[str, ...]:
    """ccxt's names of the lists, in the order in which they must be read."""
    has = client.has
    calls = ["fetchOpenOrders"] if has.get("fetchOpenOrders") else []
    if has.get("fetchOrders") is True:
        return (*calls, "fetchOrders")
    return (*calls, *(call for call in ("fetchClosedOrders", "fetchCanceledOrders") if has.get(call) is True))
