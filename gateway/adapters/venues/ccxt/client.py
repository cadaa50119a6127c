"""ccxt's own class of one exchange, unpatched, at the configured address, with what the gateway must know of each
request (``trips``).

ccxt changes the decimal context of whoever calls it (its rounding mode), and our money must not round differently
because an exchange was asked. Every call therefore runs in a context of its own (``Client.call``).
"""

import asyncio
import decimal
import difflib
import logging
import ssl
from collections.abc import Mapping
from contextlib import suppress
from decimal import Decimal
from typing import Any

import aiohttp
import ccxt.async_support
import ccxt.pro

from gateway.adapters.venues.ccxt.addresses import keep_to_paper, move
from gateway.adapters.venues.ccxt.options import CcxtOptions, OptionsInvalid, read_credentials
from gateway.adapters.venues.ccxt.pacing import BudgetSpent, Pacing, Purpose
from gateway.adapters.venues.ccxt.session import never_resending, trusting
from gateway.adapters.venues.ccxt.trips import PURPOSE, TRIP, Trip, is_order, on
from gateway.adapters.venues.shared.budget import Budgets, MessageBudget
from gateway.domain.settings import VenueSettings
from gateway.ports.clock import Clock
from gateway.ports.sending import IS_WANTED

#: At DEBUG ccxt logs the headers of every request, which hold the key.
logging.getLogger("ccxt").setLevel(logging.INFO)

#: A cost of 1 in ccxt's words; costs are fractions at some exchanges, and a budget counts whole units.
_UNIT = 1_000
#: Requests that a window of the budget has room for at least, and the share of it that only cancels may use.
_FEWEST, _WINDOW_S, _CANCEL_SHARE = 20, 10.0, 0.2
#: How long anything but an order or a cancel may wait for its turn: nothing is at stake, and what gave up half way
#: would ask for all of it again.
_READ_WAIT_S = 30.0
_CLOSE_S = 5.0
_NS = 1_000_000_000
#: A smaller difference of clocks is left alone: nonces of some exchanges may never step back.
_CLOCK_SLACK_MS = 500
#: No resending, its rate limit kept (by ``Pacing``), figures as text instead of floats (of decimals, ccxt loses some).
_CONFIG: dict[str, Any] = {
    "enableRateLimit": True,
    "number": str,
    "options": {"maxRetriesOnFailure": 0, "warnOnFetchOpenOrdersWithoutSymbol": False},
}
#: For prices: text would not keep the levels of a book in order.
_PRICE_CONFIG = _CONFIG | {"number": Decimal}


class Client:
    """One exchange of ccxt. ``call`` is the only way to its methods that go out."""

    def __init__(
        self,
        settings: VenueSettings,
        options: CcxtOptions,
        clock: Clock,
        environ: Mapping[str, str] | None = None,
        budgets: Budgets | None = None,
    ) -> None:
        """With ``environ`` it can trade; without, it reads prices and holds no credentials."""
        self.options = options
        exchange = self.unconnected(options, is_for_prices=environ is None)
        exchange.timeout = int(settings.timeout_s * 1_000)
        if settings.paper_only and environ is not None:
            keep_to_paper(exchange, options)
        move(exchange.urls, options)
        if environ is not None:
            for field, value in read_credentials(settings.name, exchange.requiredCredentials, environ).items():
                setattr(exchange, field, value)
        self.exchange = exchange
        self.has: Mapping[str, Any] = exchange.has
        self._clock = clock
        whose = str(settings.paper_only), exchange.apiKey or exchange.walletAddress or ""  # prices: nobody's
        place = ("ccxt", options.exchange, options.base_url, *whose)
        budgets = budgets or Budgets(clock)
        self.budget, self._dearest = _budget_of(exchange.rateLimit, place, budgets)
        gap_ns = _gap_ns_of(exchange.rateLimit)
        self.pacing = budgets.beside(place, lambda: Pacing(self.budget, clock, gap_ns))
        exchange.gateway_client = self
        self.timeout_s = float(settings.timeout_s)
        self.offset_ms = 0

    @staticmethod
    def unconnected(options: CcxtOptions, *, is_for_prices: bool = False) -> Any:
        """ccxt's object of the exchange, with its tables; it has asked nobody anything. Raises OptionsInvalid."""
        with decimal.localcontext():
            kind = exchange_class(options.exchange)
            kinds = (_PriceHooks, _Hooks, kind) if is_for_prices else (_Hooks, kind)
            exchange = type(kind.__name__, kinds, {})(_PRICE_CONFIG if is_for_prices else _CONFIG)
            _pass_on(exchange, options)
        return exchange

    async def close(self) -> None:
        """Close the sockets, as far as the exchange ends them in time."""
        with decimal.localcontext(), suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_S):
                await self.exchange.close()

    async def call(self, method: str, *args: Any, trip: Trip | None = None, **more: Any) -> Any:
        """A method of ccxt by its name. Raises what ccxt raises, or BudgetSpent or NotExact having sent nothing.

        Without a trip it only reads, and reads once more where the other side had closed an idle connection: that says
        nothing of whether the exchange can be reached.
        """
        try:
            return await self._call(method, *args, trip=trip, **more)
        except ccxt.NetworkError as error:
            if trip is not None or not _was_idle(error.__cause__):
                raise
        return await self._call(method, *args, **more)

    async def _call(self, method: str, *args: Any, trip: Trip | None = None, **more: Any) -> Any:
        one = trip or Trip()
        one.begun_ns = self._clock.monotonic_ns()
        with on(one), decimal.localcontext():
            try:
                return await getattr(self.exchange, method)(*args, **more)
            finally:
                if one.wait_s is not None:
                    self.budget.close_for(one.wait_s, is_for_cancels=one.status == 418)  # a ban

    async def set_clock(self) -> None:
        """Learn how far the exchange's clock is from ours: a signed request carries the time."""
        if self.has.get("fetchTime") is not True:
            return
        before = self.exchange.milliseconds() - self.offset_ms
        theirs = await self.call("fetch_time")
        if theirs is None:
            raise ccxt.BadResponse(f"{self.exchange.id} does not say what time it is")
        ours = (before + self.exchange.milliseconds() - self.offset_ms) // 2
        if abs(theirs - ours - self.offset_ms) > _CLOCK_SLACK_MS:
            self.offset_ms = theirs - ours

    async def throttle(self, cost: float | None, trip: Trip | None) -> None:
        """Wait for the turn of a request in the exchange's rate limit. Raises BudgetSpent when it does not come while
        there is time left for the answer."""
        units = min(int((1 if cost is None else cost) * _UNIT), self._dearest)
        purpose = PURPOSE.get() if trip is None or trip.purpose is None else trip.purpose
        wait_s = self.timeout_s / 2 if purpose in (Purpose.ORDER, Purpose.CANCEL) else _READ_WAIT_S
        now_ns = self._clock.monotonic_ns()
        begun_ns = now_ns if trip is None else trip.begun_ns or now_ns
        await self.pacing.enter(units, purpose, begun_ns + int(wait_s * _NS))
        if trip is not None and purpose is Purpose.ORDER and not trip.is_sent and not IS_WANTED.get()():
            raise BudgetSpent("it is not wanted any more")


def exchange_class(name: str) -> Any:
    """ccxt's class of an exchange, with its streams where it has them. Raises OptionsInvalid."""
    if name not in ccxt.exchanges:
        raise OptionsInvalid(f"options.exchange {name} is not in ccxt {ccxt.__version__}; it has: {_near(name)}")
    return getattr(ccxt.pro, name, None) or getattr(ccxt.async_support, name)


def _was_idle(cause: BaseException | None) -> bool:
    """Whether a connection that stood had been closed by the other side."""
    if isinstance(cause, aiohttp.ClientConnectorError):
        return False
    return isinstance(cause, aiohttp.ServerDisconnectedError | aiohttp.ClientOSError)


def _near(name: str) -> str:
    near = difflib.get_close_matches(name, ccxt.exchanges, 5, 0.5)
    return ", ".join(near or ccxt.exchanges)


class _PriceHooks:
    """Levels in decimals: ccxt reads those of every book as floats, whatever ``number`` says."""

    @staticmethod
    def safe_float(row: Any, key: Any, default: Any = None) -> Any:
        try:
            return Decimal(str(row[key]))
        except (LookupError, TypeError, decimal.InvalidOperation):
            return default


class _Hooks:
    """Laid over ccxt's class of an exchange: tells of its requests, keeps to our budget and clock, changes nothing."""

    gateway_client: "Client | None" = None
    session: Any
    ssl_context: ssl.SSLContext | None = None
    cafile: str

    def open(self, lazy: bool = False) -> None:
        self.ssl_context = trusting(self.cafile)
        is_new = self.session is None
        super().open(lazy)  # type: ignore[misc]
        if is_new and self.session is not None:
            never_resending(self.session, is_order)

    async def fetch(self, url: str, method: str = "GET", headers: Any = None, body: Any = None) -> Any:
        trip = TRIP.get()
        if trip is not None:
            trip.on_leaving(url, method, body)
        return await super().fetch(url, method, headers, body)  # type: ignore[misc]

    def on_rest_response(self, code: int, *args: Any) -> Any:
        trip = TRIP.get()
        if trip is not None:
            trip.on_answer(code, args[3])
        return super().on_rest_response(code, *args)  # type: ignore[misc]

    async def throttle(self, cost: float | None = None) -> Any:
        if self.gateway_client is None:
            await super().throttle(cost)  # type: ignore[misc]
        else:
            await self.gateway_client.throttle(cost, TRIP.get())

    def milliseconds(self) -> int:
        return int(super().milliseconds()) + self._offset_ms()  # type: ignore[misc]

    def seconds(self) -> int:
        return self.milliseconds() // 1_000

    def microseconds(self) -> int:
        return int(super().microseconds()) + self._offset_ms() * 1_000  # type: ignore[misc]

    def _offset_ms(self) -> int:
        return 0 if self.gateway_client is None else self.gateway_client.offset_ms


def _pass_on(exchange: Any, options: CcxtOptions) -> None:
    for name, value in options.passed_on.items():
        if name not in exchange.options:
            known = ", ".join(sorted(exchange.options))
            raise OptionsInvalid(f"options.ccxt.{name}: {exchange.id} has no such option in ccxt; it has: {known}")
        exchange.options[name] = value
    window_ms, absent_after_s = exchange.options.get("recvWindow"), options.absent_after_s
    if isinstance(window_ms, int) and absent_after_s is not None and absent_after_s * 1_000 <= window_ms:
        text = f"{window_ms} ms, ccxt's recvWindow of {exchange.id}: a missing order may still come until then"
        raise OptionsInvalid(f"options.absent_after_s must be more than {text}; was {absent_after_s} s")


def _budget_of(rate_limit_ms: float, place: tuple[str, ...], budgets: Budgets) -> tuple[MessageBudget, int]:
    """The budget, and the most that one request can take of it. ccxt gives the milliseconds that a request costs; the
    window is long enough for some of them, so that a reserve is more than nothing."""
    window_s = max(_WINDOW_S, _FEWEST * rate_limit_ms / 1_000)
    limit = int(window_s * 1_000 / max(rate_limit_ms, 1) * _UNIT)
    reserve = int(limit * _CANCEL_SHARE)
    return budgets.at(place, limit, window_s, reserve), limit - reserve


def _gap_ns_of(rate_limit_ms: float) -> int:
    """Between two requests, for each unit of cost: so that what cancels leave of a window lasts for all of it."""
    return int(rate_limit_ms * 1_000_000 / (1 - _CANCEL_SHARE) / _UNIT)
