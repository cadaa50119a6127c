"""Alpaca as a venue: REST for what we ask, the trade updates for what happens.

Nothing is ever sent twice. After any doubt the order is looked up by our id, which Alpaca takes once for ever. It is
believed absent only when no request of ours can still be under way there: Alpaca gives requests no end of validity, so
that is a minute after it was sent, the time after which its front end gives up (504).
"""

import asyncio
import contextlib
import logging
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import msgspec

from gateway.adapters.venues.alpaca import outcomes
from gateway.adapters.venues.alpaca.account import AlpacaAccount
from gateway.adapters.venues.alpaca.assets import AssetRules
from gateway.adapters.venues.alpaca.book import OrderBook
from gateway.adapters.venues.alpaca.changing import Changes
from gateway.adapters.venues.alpaca.client import ApiRefused, CredentialsUnfit, RestClient
from gateway.adapters.venues.alpaca.errors import OrderTooSmall, OrderUnsupported
from gateway.adapters.venues.alpaca.orders import body_of, is_ended_by_us
from gateway.adapters.venues.alpaca.reading import is_done
from gateway.adapters.venues.alpaca.stream import TradeUpdates, explained
from gateway.adapters.venues.alpaca.tracking import Tracked
from gateway.adapters.venues.shared.background import Background
from gateway.adapters.venues.shared.expiry import Expiries
from gateway.adapters.venues.shared.link import Link
from gateway.domain.effects import OrderTicket
from gateway.domain.enums import SubmitStatus
from gateway.domain.executions import ExecutionReport
from gateway.domain.settings import VenueSettings
from gateway.ports.clock import Clock
from gateway.ports.connection import ConnectionState
from gateway.ports.venue import Answer, Lookup, VenueListener

_log = logging.getLogger(__name__)
_ACCEPTED = Answer(SubmitStatus.ACCEPTED)
#: How often the orders that we believe open are compared with Alpaca's while the stream is up: one that lives can still
#: lose an update.
_COMPARE_S = 30.0
#: How soon after an update that could not be read.
_SETTLE_S = 1.0
#: How the numbers of paper accounts begin.
_PAPER_ACCOUNT = "PA"


class AlpacaVenue:
    """Implements ``ports.venue.Venue`` and ``ReadsAccount``. ``symbols`` are those of the configured instruments."""

    def __init__(self, settings: VenueSettings, rest: RestClient, symbols: Iterable[str], clock: Clock) -> None:
        self.account = AlpacaAccount(rest, symbols)
        self._is_paper = settings.paper_only
        self._rest = rest
        self._link = Link(settings.name, clock)
        self._listener: VenueListener | None = None
        self._background = Background(settings.name)
        self._expiries = Expiries(clock, self._background, self._expire)
        self._book = OrderBook(rest, clock, self._background, self._tell, self._expiries.forget)
        self._stream = TradeUpdates(rest, self._link, self._on_update, self._on_open, float(settings.timeout_s))
        self._changes = Changes(rest, self._book, self._body_of)
        self._is_unread = asyncio.Event()
        #: By symbol; None while the answer is under way.
        self._assets: dict[str, AssetRules | None] = {}

    @property
    def connection(self) -> ConnectionState:
        return self._link.state

    async def start(self, listener: VenueListener) -> None:
        self._listener = self._link.listener = listener
        self._background.spawn(self._stream.run(), "trade updates")
        self._background.spawn(self._compare(), "comparison of orders")

    def release(self, order_id: str) -> None:
        """Implements ``ports.venue.ReleasesOrders``."""
        self._book.forget(order_id)

    async def close(self) -> None:
        self._expiries.close()
        await self._background.close()
        await self._rest.close()

    # --- requests -----------------------------------------------------------------------------------

    async def submit(self, ticket: OrderTicket) -> Answer:
        if self._link.trouble:
            return Answer(SubmitStatus.REJECTED, self._link.trouble)
        try:
            body = self._body_of(ticket, ticket.order_id)
        except OrderUnsupported as error:
            return Answer(SubmitStatus.REJECTED, str(error), isinstance(error, OrderTooSmall))
        self._ask_about(ticket.symbol)
        tracked = self._book.begin(ticket)
        try:
            row = await self._rest.request("POST", "orders", body)
        except Exception as error:
            outcome = self._outcome_of(error)
            if outcome.status is SubmitStatus.REJECTED:
                self._book.drop(ticket.order_id)
            return outcome
        finally:
            self._book.note_sent(tracked)
        tracked.venue_order_id = row["id"]
        self._watch(ticket)
        self._book.on_answer(row)
        return _ACCEPTED

    async def cancel(self, ticket: OrderTicket) -> Answer:
        """Taken when Alpaca took the wish; the end of the order is told when it has come."""
        tracked = self._book.track(ticket)
        try:
            if not tracked.is_certain or not tracked.venue_order_id:
                rows = await self._book.generations(tracked, is_cancel=True)
                if not rows:
                    return Answer(SubmitStatus.UNKNOWN, "alpaca does not know the order, or not yet")
                tracked.venue_order_id = rows[-1]["id"]
            await self._rest.request("DELETE", f"orders/{tracked.venue_order_id}", is_cancel=True)
        except ApiRefused as error:
            self._note_trouble(error)
            if error.status not in (404, 422):
                return outcomes.answer_to_cancel(error)
            return await self._refused_cancel(tracked, error)
        except Exception as error:
            return outcomes.answer_to_cancel(error)
        return _ACCEPTED

    async def _refused_cancel(self, tracked: Tracked, error: ApiRefused) -> Answer:
        """An order that still works cannot be canceled now; for one that is over, a look-up tells how."""
        try:
            row = await self._rest.request("GET", f"orders/{tracked.venue_order_id}", is_cancel=True)
        except Exception:
            return Answer(SubmitStatus.UNKNOWN, str(error))
        if row["status"] == "pending_cancel":
            return _ACCEPTED
        status = SubmitStatus.UNKNOWN if is_done(row) else SubmitStatus.REJECTED
        return Answer(status, str(error))

    async def replace(
        self, ticket: OrderTicket, order_qty: Decimal, limit_px: Decimal | None, stop_px: Decimal | None
    ) -> Answer:
        """Take back, then place anew what is left: see ``changing``."""
        if self._link.trouble:
            return Answer(SubmitStatus.REJECTED, self._link.trouble)
        changed = msgspec.structs.replace(ticket, order_qty=order_qty, limit_px=limit_px, stop_px=stop_px)
        try:
            return await self._changes.change(self._book.track(ticket), changed)
        except OrderUnsupported as error:
            return Answer(SubmitStatus.REJECTED, str(error))
        except Exception as error:
            return self._outcome_of(error)

    async def lookup(self, ticket: OrderTicket) -> Lookup:
        """Ask for the order by our id, all its generations, and for its fills."""
        try:
            found = await self._book.lookup(self._book.track(ticket))
        except Exception as error:
            self._note_trouble(error)
            _log.warning("order %s cannot be looked up yet: %s", ticket.order_id, error)
            return Lookup(None)
        if self._book.is_open(ticket.order_id):
            self._watch(ticket)
        return found

    def _body_of(self, ticket: OrderTicket, client_order_id: str) -> Mapping[str, Any]:
        return body_of(ticket, self._assets.get(ticket.symbol), client_order_id)

    def _outcome_of(self, error: Exception) -> Answer:
        self._note_trouble(error)
        return outcomes.answer_of(error)

    # --- time in force, assets ------------------------------------------------------------------------

    def _watch(self, ticket: OrderTicket) -> None:
        if is_ended_by_us(ticket):
            self._expiries.add(ticket)

    async def _expire(self, ticket: OrderTicket) -> bool:
        """Take back an order whose time is over; False: ask again."""
        if not self._book.is_open(ticket.order_id):
            return True
        answer = await self.cancel(ticket)
        if answer.status is not SubmitStatus.ACCEPTED:
            self._tell((await self.lookup(ticket)).reports)
        return not self._book.is_open(ticket.order_id)

    def _ask_about(self, symbol: str) -> None:
        """Learn an asset's rules for the orders to come; the one at hand does not wait for it."""
        if symbol not in self._assets:
            self._assets[symbol] = None
            self._background.spawn(self._learn(symbol), f"asset {symbol}")

    async def _learn(self, symbol: str) -> None:
        try:
            self._assets[symbol] = AssetRules(await self._rest.request("GET", f"assets/{quote(symbol, safe='')}"))
        except Exception as error:
            del self._assets[symbol]
            _log.warning("what alpaca says of %s cannot be read: %s", symbol, error)

    # --- what happens ---------------------------------------------------------------------------------

    async def _on_open(self) -> None:
        """The stream tells nothing of before it: see whose account it is, and what became of every order."""
        account = await self._rest.request("GET", "account")
        number = str(account.get("account_number", ""))
        if self._is_paper and not number.startswith(_PAPER_ACCOUNT):
            raise CredentialsUnfit(f"alpaca's account {number} is no paper account, and paper_only is true")
        await self._book.compare()
        self._link.up()

    def _on_update(self, data: Mapping[str, Any]) -> None:
        """One update that cannot be read keeps no other from being read: what it told is seen in the comparison."""
        try:
            self._book.on_update(data)
        except Exception:
            _log.exception("an update of alpaca cannot be read: %.500s", data)
            self._is_unread.set()

    async def _compare(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_COMPARE_S):
                    await self._is_unread.wait()
                    await asyncio.sleep(_SETTLE_S)  # there may be more
            self._is_unread.clear()
            if not self._link.is_up:
                continue
            try:
                await self._book.compare()
            except Exception as error:
                _log.warning("orders cannot be compared with alpaca's now: %s", error)

    def _note_trouble(self, error: Exception) -> None:
        if isinstance(error, ApiRefused) and error.is_about_credentials:
            self._link.down(explained(error))
            self._background.spawn(self._stream.drop(), "end of a connection whose keys are refused")

    def _tell(self, reports: tuple[ExecutionReport, ...]) -> None:
        if reports and self._listener is not None:
            self._listener.on_reports(reports)
