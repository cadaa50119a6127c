"""The HTTP API of a gateway as a test speaks it, and waiting for what must become true."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import aiohttp
import msgspec

from tests.patience import PATIENCE_S


class Reply(NamedTuple):
    """A status, the decoded JSON body (None when it is not JSON) and the headers."""

    status: int
    body: Any
    headers: Mapping[str, str]


class Api:
    """The HTTP API as a test speaks it. ``key`` is sent as the bearer's."""

    def __init__(self, url: str, key: str = "") -> None:
        self.url = url
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._session = aiohttp.ClientSession(
            base_url=url,
            headers=headers,
            connector=aiohttp.TCPConnector(limit=0),
            timeout=aiohttp.ClientTimeout(total=PATIENCE_S),
        )

    async def close(self) -> None:
        await self._session.close()

    async def ask(self, method: str, path: str, **how: Any) -> Reply:
        async with self._session.request(method, path, **how) as response:
            data = await response.read()
            is_json = "json" in response.headers.get("Content-Type", "")
            body = msgspec.json.decode(data) if is_json else data.decode(errors="replace")
            return Reply(response.status, body, response.headers)

    async def get(self, path: str, **how: Any) -> Reply:
        return await self.ask("GET", path, **how)

    async def post(self, path: str, body: Any = None) -> Reply:
        data = b"" if body is None else msgspec.json.encode(body)
        return await self.ask("POST", path, data=data, headers={"Content-Type": "application/json"})

    async def place(self, **fields: Any) -> Reply:
        return await self.post("/api/trading/orders/place", fields)

    async def order(self, order_id: str) -> Reply:
        return await self.get(f"/api/trading/orders/{order_id}")

    async def cancel(self, order_id: str) -> Reply:
        return await self.ask("DELETE", f"/api/trading/orders/{order_id}")

    async def replace(self, order_id: str, **terms: Any) -> Reply:
        return await self.ask("PUT", f"/api/trading/orders/{order_id}", json=terms)

    async def fetch(self, path: str) -> Any:
        """The body of a GET that must succeed."""
        reply = await self.get(path)
        assert reply.status == 200, (path, reply)
        return reply.body

    async def orders(self, query: str = "", limit: int = 500, pause_s: float = 0.0) -> list[dict[str, Any]]:
        """Every order there is, newest first: in pages of ``limit``, with a pause after each."""
        found: list[dict[str, Any]] = []
        cursor = ""
        while True:
            page = await self.fetch(f"/api/trading/orders?limit={limit}{query}{cursor}")
            found += page["orders"]
            if page["next_cursor"] is None:
                return found
            cursor = f"&cursor={page['next_cursor']}"
            await asyncio.sleep(pause_s)

    async def positions(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self.fetch("/api/trading/positions"))["positions"]
        return found

    async def portfolio(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self.fetch("/api/trading/portfolio"))["portfolio"]
        return found

    async def statistics(self) -> dict[str, dict[str, int]]:
        found: dict[str, dict[str, int]] = (await self.fetch("/api/trading/statistics"))["statistics"]
        return found

    async def until_order(
        self, order_id: str, condition: Callable[[dict[str, Any]], bool], within_s: float = PATIENCE_S
    ) -> dict[str, Any]:
        """The order, once ``condition`` holds of it."""
        order: dict[str, Any] = {}

        async def holds() -> bool:
            nonlocal order
            order = await self.fetch(f"/api/trading/orders/{order_id}")
            return condition(order)

        await eventually(holds, within_s, lambda: f"the order stays {order}")
        return order


async def eventually(
    condition: Callable[[], Any], within_s: float, otherwise: Callable[[], str] = lambda: "it did not happen"
) -> None:
    """Wait until the coroutine function ``condition`` answers true; fail when it does not in time."""
    loop = asyncio.get_running_loop()
    end = loop.time() + within_s
    while not await condition():
        assert loop.time() < end, f"after {within_s} s: {otherwise()}"
        await asyncio.sleep(0.02)
