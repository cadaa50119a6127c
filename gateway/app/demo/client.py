"""How a strategy talks to the gateway: HTTP to act, WebSockets to hear.

It imports nothing of the gateway, so it can be copied beside a strategy of your own and run on another machine, or be
written again in another language: this is all there is to it.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import aiohttp

API = "/api/trading"
_ATTEMPTS = 4
_RECONNECT_S = 0.5
_WHOLE = 1_000_000
_TIMEOUT = aiohttp.ClientTimeout(total=5)


@dataclass(frozen=True)
class Answer:
    """``status`` 201: the order is on record and on its way. 422: denied, ``body["code"]`` says why. 0: no answer."""

    status: int
    body: dict[str, Any]
    elapsed_ms: float


class GatewayClient:
    """To be used in ``async with``. ``key`` is the API key, where the gateway asks for one."""

    def __init__(self, url: str, key: str = "") -> None:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._http = aiohttp.ClientSession(url, headers=headers, timeout=_TIMEOUT)
        #: The last event heard, as (seq, index); index ``_WHOLE`` means the whole record.
        self._heard: tuple[int, int] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.close()

    async def place(self, order: dict[str, str]) -> Answer:
        """Place an order. It is asked again when no answer came: the gateway takes a ``client_order_id`` with the same
        content for the same order, and never sends it twice. 503 is asked again too: nothing was recorded."""
        answer = Answer(0, {}, 0.0)
        for attempt in range(_ATTEMPTS):
            answer = await self._ask("POST", "/orders/place", order)
            if answer.status not in (0, 503):
                break
            await asyncio.sleep(0.1 * 2**attempt)
        return answer

    async def cancel(self, order_id: str) -> Answer:
        """202: asked for. 409: it had ended already. Either way the events tell how."""
        return await self._ask("DELETE", f"/orders/{order_id}")

    async def get(self, path: str) -> dict[str, Any]:
        return (await self._ask("GET", path)).body

    async def _ask(self, method: str, path: str, body: dict[str, str] | None = None) -> Answer:
        started_ns = time.perf_counter_ns()
        try:
            async with self._http.request(method, API + path, json=body) as reply:
                status, found = reply.status, await reply.json(content_type=None)
        except (aiohttp.ClientError, TimeoutError, ValueError):
            status, found = 0, {}
        return Answer(status, found, (time.perf_counter_ns() - started_ns) / 1e6)

    async def quotes(self, symbols: Sequence[str]) -> AsyncIterator[dict[str, Any]]:
        """Best bid and ask of these symbols as they change; the newest of each when we are slower than the market."""
        hello = {"action": "subscribe", "symbols": list(symbols)}
        async for message in self._messages(lambda: "/ws/market-data", hello):
            if message["type"] == "quote" and message["bid_px"] and message["ask_px"]:
                yield message

    async def events(self, types: str = "order,fill") -> AsyncIterator[dict[str, Any]]:
        """What happened, once it is durable, each message once. After a cut it resumes where it was: one record can
        hold several messages, so it asks from the record of the last one on and drops what it has."""

        def path() -> str:
            if self._heard is None:
                return f"/ws/events?types={types}"
            seq, index = self._heard
            return f"/ws/events?types={types}&after={seq if index == _WHOLE else seq - 1}"

        async for message in self._messages(path):
            if message["type"] in ("hello", "heartbeat"):
                self._heard = max(self._heard or (0, 0), (message["seq"], _WHOLE))
            elif "seq" in message and (self._heard is None or (message["seq"], message["index"]) > self._heard):
                self._heard = (message["seq"], message["index"])
                yield message

    async def _messages(
        self, path: Callable[[], str], hello: dict[str, Any] | None = None
    ) -> AsyncIterator[dict[str, Any]]:
        """Messages of a WebSocket that is connected again whenever it breaks."""
        while True:
            try:
                async with self._http.ws_connect(API + path()) as ws:
                    if hello is not None:
                        await ws.send_json(hello)
                    async for message in ws:
                        yield message.json()
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(_RECONNECT_S)
