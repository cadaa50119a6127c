"""The REST side: every request leaves once, with an end to its waiting, within the account's budget of messages.

Alpaca's own library is not used for this. Its ``TradingClient`` sends every request again after 429 and 504, orders
too, and a 504 says nothing about whether the first one was taken; it has no timeout; it blocks a thread, in which a
request may leave after everybody has given it up; and it turns quantities and prices into floats. None of it can be set
from outside. Here numbers are text on the wire and decimals behind it, and nothing is sent twice.
"""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import aiohttp

from gateway.adapters.venues.shared.budget import Budgets
from gateway.domain.settings import VenueSettings
from gateway.ports.clock import Clock

PAPER_API, LIVE_API = "https://paper-api.alpaca.markets", "https://api.alpaca.markets"
#: Requests a minute for one account, until the answers say otherwise.
REQUESTS_PER_MIN = 200
CANCEL_RESERVE = 20
#: What an order waits for a place in the budget.
BUDGET_WAIT_S = 2.0
#: How keys begin: those of paper accounts, and those of accounts with money.
_PAPER_KEY, _LIVE_KEY = "PK", "AK"


class CredentialsUnfit(Exception):
    """A key is missing, or is not for the account that the settings mean; the text says what to do."""


class BudgetSpent(Exception):
    """There is no place left for this request in this minute, and nothing was sent."""


class ApiRefused(Exception):
    """Alpaca answered with an error: the HTTP status, its own code (0: none) and its words."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(f"alpaca {status} {code}: {message}")
        self.status = status
        self.code = code
        self.message = message

    @property
    def is_about_credentials(self) -> bool:
        return self.status == 401 or (self.status == 403 and self.message.strip(" .").lower() == "forbidden")

    @property
    def is_about_all(self) -> bool:
        """Whether any other request would be refused too: for the keys, for too many of them, or by a server that
        cannot answer."""
        return self.is_about_credentials or self.status == 429 or self.status >= 500


class AnswerUnreadable(Exception):
    """Alpaca answered with success, and with something that is no answer."""


class Credentials:
    """The key pair of one account, read once; never written anywhere."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.key = _required(environ, "ALPACA_API_KEY")
        self.secret = _required(environ, "ALPACA_SECRET_KEY")

    @property
    def headers(self) -> dict[str, str]:
        return {"APCA-API-KEY-ID": self.key, "APCA-API-SECRET-KEY": self.secret}


class RestClient:
    """Requests to the trading API of one account. Made without connecting; the first request does that."""

    def __init__(
        self, settings: VenueSettings, environ: Mapping[str, str], clock: Clock, budgets: Budgets | None = None
    ) -> None:
        self.credentials = Credentials(environ)
        self.base_url = _base_url(settings, self.credentials.key)
        self.stream_url = f"ws{self.base_url.removeprefix('http')}/stream"
        place = ("alpaca", self.base_url, self.credentials.key)
        self.budget = (budgets or Budgets(clock)).at(place, REQUESTS_PER_MIN, 60.0, CANCEL_RESERVE)
        self._timeout = aiohttp.ClientTimeout(total=float(settings.timeout_s))
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def request(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        query: Mapping[str, str] | None = None,
        is_cancel: bool = False,
        is_paid: bool = False,
    ) -> Any:
        """One request under ``/v2``; None for an empty answer. ``is_paid``: its place in the budget is taken already.

        Raises ApiRefused, BudgetSpent (nothing was sent), AnswerUnreadable, and what aiohttp raises when a connection
        cannot be made or breaks.
        """
        if not is_paid and not await self.budget.acquire(BUDGET_WAIT_S, is_cancel=is_cancel):
            raise BudgetSpent("the requests of this minute are used up; nothing was sent")
        async with self._open_session().request(
            method,
            f"{self.base_url}/v2/{path}",
            json=body,
            params=query,
            headers=self.credentials.headers,
            allow_redirects=False,
        ) as response:
            self._note(response)
            raw = await response.read()
            if not 200 <= response.status < 300:
                raise _refusal(response.status, raw)
        if not raw:
            return None
        try:
            return json.loads(raw, parse_float=Decimal)
        except ValueError:
            raise AnswerUnreadable(f"alpaca answered {response.status} with {raw[:60]!r}") from None

    def _open_session(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=self._timeout)
        return self._session

    def _note(self, response: aiohttp.ClientResponse) -> None:
        """What the answer says of the budget: the account may share it with other programs."""
        limit, left = (response.headers.get(f"X-RateLimit-{name}", "") for name in ("Limit", "Remaining"))
        if limit.isdigit() and left.isdigit():
            self.budget.set_limit(int(limit))
            self.budget.note_used(int(limit) - int(left))
        if response.status == 429:
            after = response.headers.get("Retry-After", "")
            self.budget.close_for(float(after) if after.isdigit() else 10.0)


def _refusal(status: int, raw: bytes) -> ApiRefused:
    try:
        said = json.loads(raw)
        return ApiRefused(status, int(said.get("code", 0)), str(said.get("message", "")))
    except (ValueError, AttributeError, TypeError):
        return ApiRefused(status, 0, raw[:200].decode(errors="replace"))


def _base_url(settings: VenueSettings, key: str) -> str:
    """Where the account is. Raises CredentialsUnfit when key, address and ``paper_only`` do not belong together."""
    given = settings.options.get("base_url", "").rstrip("/").removesuffix("/v2")
    base_url = given or (PAPER_API if settings.paper_only else LIVE_API)
    where = f"venues.{settings.name}"
    if settings.paper_only and base_url == LIVE_API:
        raise CredentialsUnfit(f"{where}.options.base_url is Alpaca's live API, and {where}.paper_only is true")
    if settings.paper_only and key.startswith(_LIVE_KEY):
        raise CredentialsUnfit(
            f"ALPACA_API_KEY is the key of a live account ({_LIVE_KEY}...), and {where}.paper_only is true: "
            "use the key of the paper account, or set paper_only to false to trade with money"
        )
    if not settings.paper_only and key.startswith(_PAPER_KEY):
        raise CredentialsUnfit(
            f"ALPACA_API_KEY is the key of a paper account ({_PAPER_KEY}...), and {where}.paper_only is false: "
            "use the key of the live account, or set paper_only to true"
        )
    return base_url


def _required(environ: Mapping[str, str], name: str) -> str:
    value = environ.get(name, "")
    if not value:
        raise CredentialsUnfit(f"{name} is not set in the environment or .env; alpaca needs it, for prices too")
    return value
