"""The REST side: python-binance's client at the configured addresses, and what the exchange says of our budget."""

from collections.abc import Callable, Mapping
from typing import Any

import aiohttp
from binance.async_client import AsyncClient
from binance.exceptions import BinanceAPIException

from gateway.adapters.venues.binance import outcomes
from gateway.adapters.venues.binance.weight import WEIGHT_PER_MIN, weight_budget
from gateway.adapters.venues.shared.budget import Budgets
from gateway.domain.settings import VenueSettings
from gateway.ports.clock import Clock

LIVE_API, LIVE_STREAM = "https://api.binance.com/api", "wss://ws-api.binance.com:443/ws-api/v3"
TEST_API, TEST_STREAM = "https://testnet.binance.vision/api", "wss://ws-api.testnet.binance.vision/ws-api/v3"
#: Milliseconds for which a signed request is valid: after that one that is still under way is refused.
RECV_WINDOW_MS = 5_000
#: The shorter of the windows in which the exchange counts new orders: what is waited where it does not say.
ORDERS_WINDOW_S = 10.0
#: How long a request may wait for weight before it is given up, having sent nothing.
BUDGET_WAIT_S = 2.0


class CredentialsMissing(Exception):
    """A key or secret is not in the environment; the text names the variable."""


class RestClient:
    """Signed requests. Each costs its weight, and the budget learns from the exchange's own count."""

    def __init__(
        self, settings: VenueSettings, environ: Mapping[str, str], clock: Clock, budgets: Budgets | None = None
    ) -> None:
        self.api_key = _required(environ, "BINANCE_API_KEY")
        self._secret = _required(environ, "BINANCE_SECRET")
        self._clock = clock
        self._no_orders_until_ns = 0
        #: Called when the exchange refuses a request for its time, whoever made it.
        self.on_clock_wrong: Callable[[], None] = lambda: None
        base = settings.options.get("base_url", "") or (TEST_API if settings.paper_only else LIVE_API)
        self.budget = weight_budget(base, budgets or Budgets(clock))
        self.stream_url = settings.options.get("stream_url", "") or (
            TEST_STREAM if settings.paper_only else LIVE_STREAM
        )
        self._client = _client_at(base, self.api_key, self._secret, float(settings.timeout_s))

    async def close(self) -> None:
        await self._client.close_connection()

    async def set_clock(self) -> None:
        """Learn how far the exchange's clock is from ours: a signed request carries the time. Raises BudgetSpent while
        the exchange has banned this address, what python-binance raises otherwise."""
        if self.budget.is_shut:
            raise BudgetSpent("binance has refused everything for a while; its clock is not asked for")
        answer = await self._client.get_server_time()
        self._client.timestamp_offset = int(answer["serverTime"]) - self._now_ms()

    async def request(self, method: str, path: str, weight: int, **params: Any) -> Any:
        """One signed request. Raises what python-binance raises, or BudgetSpent having sent nothing."""
        is_cancel = method == "delete"
        if method == "post" and self._clock.monotonic_ns() < self._no_orders_until_ns:
            raise BudgetSpent("binance has said that there are too many new orders (-1015); nothing was sent")
        if not await self.budget.acquire(BUDGET_WAIT_S, weight, is_cancel=is_cancel):
            raise BudgetSpent(f"the weight of this minute is used up ({WEIGHT_PER_MIN}); nothing was sent")
        try:
            return await self._client._request_api(method, path, True, data=params)
        except BinanceAPIException as error:
            self._heed(error, is_cancel=is_cancel)
            raise
        finally:
            self._note(getattr(self._client, "response", None))

    async def public(
        self, path: str, weight: int, *, wait_s: float = BUDGET_WAIT_S, leave: int = 0, **params: Any
    ) -> Any:
        """One request without a key, with ``leave`` of the minute's weight left to others. Raises like ``request``."""
        if not await self.budget.acquire(wait_s, weight, leave=leave):
            raise BudgetSpent(f"the weight of this minute is used up or left to orders; {path} was not asked for")
        try:
            return await self._client._request_api("get", path, data=params)
        except BinanceAPIException as error:
            self._heed(error)
            raise
        finally:
            self._note(getattr(self._client, "response", None))

    def signed(self, **params: Any) -> dict[str, Any]:
        """Parameters of a WebSocket request, with key, time and signature."""
        params = {"apiKey": self.api_key, "timestamp": self._now_ms() + self._client.timestamp_offset, **params}
        ordered = dict(sorted(params.items()))
        ordered["signature"] = self._client._generate_signature(ordered)
        return ordered

    @property
    def offset_ms(self) -> int:
        """How far the exchange's clock is ahead of ours."""
        return int(self._client.timestamp_offset)

    def _now_ms(self) -> int:
        return self._clock.now_ns() // 1_000_000

    def _note(self, response: aiohttp.ClientResponse | None) -> None:
        used = response.headers.get("X-MBX-USED-WEIGHT-1M", "") if response is not None else ""
        if used.isdigit():
            self.budget.note_used(int(used))

    def _heed(self, error: BinanceAPIException, *, is_cancel: bool = False) -> None:
        """Told to wait: nothing but cancels leaves before that, and no cancel either once one was told so, or the
        address is banned (418): who goes on is banned, for longer each time, up to days. Told of too many orders: no
        orders, and all else goes on, look-ups of what is in doubt above all."""
        if error.code == outcomes.CLOCK_WRONG:
            self.on_clock_wrong()
        if not outcomes.is_too_much(error):
            return
        after = error.response.headers.get("Retry-After", "") if error.response is not None else ""
        if error.code == outcomes.TOO_MANY_ORDERS:
            wait_s = float(after) if after.isdigit() else ORDERS_WINDOW_S
            self._no_orders_until_ns = self._clock.monotonic_ns() + int(wait_s * 1_000_000_000)
        else:
            is_for_cancels = error.status_code == outcomes.BANNED or (is_cancel and after.isdigit())
            self.budget.close_for(float(after) if after.isdigit() else 60.0, is_for_cancels=is_for_cancels)


class BudgetSpent(Exception):
    """There is no weight left for this request, and nothing was sent."""


def _client_at(base_url: str, key: str, secret: str, timeout_s: float) -> AsyncClient:
    """The library takes neither address nor window: it reads class attributes, and its own window (10 s) would replace
    the one of a request. It is told not to follow redirects: some of them send a request once more."""
    own = {"API_URL": base_url, "API_TESTNET_URL": base_url, "REQUEST_RECVWINDOW": RECV_WINDOW_MS}
    kind = type("Client", (AsyncClient,), own)
    client: AsyncClient = kind(key, secret, requests_params={"timeout": timeout_s, "allow_redirects": False})
    return client


def _required(environ: Mapping[str, str], name: str) -> str:
    value = environ.get(name, "")
    if not value:
        raise CredentialsMissing(f"{name} is not set in the environment or .env; binance needs it for this mode")
    return value
