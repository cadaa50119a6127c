"""The bookkeeping of a strategy: orders it sent, what became of them, and the positions that its fills made.

Like ``client.py`` it imports nothing of the gateway and can be copied as it is.
"""

import asyncio
import contextlib
import secrets
import time
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from gateway.app.demo.client import GatewayClient

ENDED = frozenset({"filled", "canceled", "expired", "rejected", "denied"})


@dataclass
class Sent:
    """One order as its sender knows it: the terms, the market when it left, the answer, and what was heard since.

    ``status`` is that of the HTTP answer, 0 while there is none; ``order`` the order as last heard of.
    """

    terms: dict[str, str]
    bid: Decimal
    ask: Decimal
    sent_s: float
    status: int = 0
    reply_ms: float = 0.0
    order: dict[str, Any] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)
    is_canceling: bool = False

    @property
    def mid(self) -> Decimal:
        return (self.bid + self.ask) / 2

    @property
    def has_ended(self) -> bool:
        return self.order.get("ord_status") in ENDED

    @property
    def age_s(self) -> float:
        return time.monotonic() - self.sent_s


class Desk:
    """Orders and positions of one strategy, one order per symbol at a time.

    ``sent`` holds every order by its client_order_id, ``working`` those that have not ended, by symbol.
    """

    def __init__(self, client: GatewayClient, name: str) -> None:
        self.name = name
        self.sent: dict[str, Sent] = {}
        self.working: dict[str, Sent] = {}
        self.positions: dict[str, Decimal] = {}
        self._client = client
        self._is_quiet = asyncio.Event()
        self._is_withdrawn = False
        self._ended_s: dict[str, float] = {}
        #: A client_order_id is never used twice, so it differs from run to run.
        self._run = secrets.token_hex(3)

    def idle_s(self, symbol: str) -> float:
        """How long ago the last order of this symbol ended."""
        return time.monotonic() - self._ended_s.get(symbol, 0.0)

    def write(
        self, symbol: str, side: str, quantity: Decimal, limit: Decimal | None, bid: Decimal, ask: Decimal
    ) -> Sent:
        """An order to ``place``: at ``limit``, or at the market. ``bid`` and ``ask`` are what the decision saw.

        From here on the symbol has a working order, so that the next quote does not decide the same again.
        """
        terms = {
            "symbol": symbol,
            "side": side,
            "quantity": f"{quantity.normalize():f}",
            "order_type": "market",
            "strategy_id": self.name,
            "client_order_id": f"{self.name}-{self._run}-{len(self.sent) + 1}",
        }
        if limit is not None:
            terms |= {"order_type": "limit", "limit_price": f"{limit:f}"}
        sent = Sent(terms, bid, ask, time.monotonic())
        self.sent[terms["client_order_id"]] = self.working[symbol] = sent
        self._is_quiet.clear()
        return sent

    async def place(self, sent: Sent) -> None:
        answer = await self._client.place(sent.terms)
        sent.status, sent.reply_ms = answer.status, answer.elapsed_ms
        order = answer.body if answer.status in (200, 201) else answer.body.get("order", {"ord_status": "denied"})
        sent.order = order | sent.order  # an event may have been faster than the answer, and knows more
        self._look(sent)
        if self._is_withdrawn:
            await self.cancel(sent)

    async def cancel(self, sent: Sent) -> None:
        if not (sent.is_canceling or sent.has_ended) and "order_id" in sent.order:
            sent.is_canceling = True
            await self._client.cancel(sent.order["order_id"])

    async def follow_events(self) -> None:
        """Fills make positions; the end of an order makes room for the next. To be run beside everything else."""
        async for event in self._client.events():
            sent = self.sent.get(event.get("client_order_id", ""))
            if sent is None:
                continue  # somebody else's
            sent.events.append(event)
            if event["type"] == "fill":
                signed = Decimal(event["last_qty"]) * (1 if event["side"] == "buy" else -1)
                self.positions[event["symbol"]] = self.positions.get(event["symbol"], Decimal(0)) + signed
                sent.order |= {key: event[key] for key in ("ord_status", "cum_qty", "avg_px")}
            elif event["event"] in ENDED:
                sent.order["ord_status"] = event["event"]
            self._look(sent)

    def _look(self, sent: Sent) -> None:
        symbol = sent.terms["symbol"]
        if sent.has_ended and self.working.get(symbol) is sent:
            del self.working[symbol]
            self._ended_s[symbol] = time.monotonic()
        if not self.working:
            self._is_quiet.set()

    async def withdraw(self) -> None:
        """Leave no order behind. Positions stay: whether to close them is a decision, not a clean-up."""
        self._is_withdrawn = True  # an order whose answer is still to come is canceled when it comes
        for sent in list(self.working.values()):
            await self.cancel(sent)
        if self.working:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(3):
                    await self._is_quiet.wait()
