"""An exchange of ccxt as a venue: requests over REST, streams as hints of what to ask for, polling beneath them.

Nothing is ever sent twice. Of most exchanges it is not known what a missing order proves, so an unanswered send stays
in doubt until it is found, or until a person settles it; where it is known (``known``), absence counts only once no
request can be under way any more, and twice.
"""

import asyncio
import logging
from decimal import Decimal

from gateway.adapters.venues.ccxt import asking, outcomes
from gateway.adapters.venues.ccxt.account import CcxtAccount
from gateway.adapters.venues.ccxt.asking import Asker, Finding
from gateway.adapters.venues.ccxt.capabilities import OrderTooSmall, OrderUnsupported, check_tradable, order_forms
from gateway.adapters.venues.ccxt.client import Client
from gateway.adapters.venues.ccxt.options import credential_names
from gateway.adapters.venues.ccxt.orders import CreateOrder, create_order_of
from gateway.adapters.venues.ccxt.pacing import BudgetSpent, Purpose
from gateway.adapters.venues.ccxt.reading import Unreadable, order_of, plain_report
from gateway.adapters.venues.ccxt.stream import OrderStream
from gateway.adapters.venues.ccxt.tracking import Tracked, Tracking
from gateway.adapters.venues.ccxt.trips import Trip, asking_for
from gateway.adapters.venues.shared.background import Background
from gateway.adapters.venues.shared.expiry import Expiries
from gateway.adapters.venues.shared.link import Link
from gateway.domain.effects import OrderTicket
from gateway.domain.enums import ExecType, OrdType, SubmitStatus, TimeInForce
from gateway.domain.executions import ExecutionReport
from gateway.domain.settings import VenueSettings
from gateway.ports.clock import Clock
from gateway.ports.connection import ConnectionState
from gateway.ports.venue import Answer, Lookup, VenueListener

_log = logging.getLogger(__name__)
_ACCEPTED = Answer(SubmitStatus.ACCEPTED)
_NS, _MS = 1_000_000_000, 1_000_000
#: How far back an order and its trades are looked for, by a clock that may be off: of one that is being sent, and of
#: one from before a restart, when that clock may have been wrong by a time zone. (Some exchanges list a day at most.)
_SENT_BACK_MS, _CREATED_BACK_MS = 60_000, 23 * 3_600_000
#: The same of one of which nobody knows when it was made.
_UNKNOWN_BACK_MS = 7 * 86_400_000
#: The rules of the markets, the clock and the key are looked at again so often.
_RENEW_S, _HEARTBEAT_S = 900.0, 20.0
#: Between two questions about one order of which a stream has more to tell.
_ASK_GAP_S = 0.5
#: Until an order that is nowhere is asked for again.
_MISSED_GAP_S = 10.0


class CcxtVenue:
    """Implements ``ports.venue.Venue`` and ``ReadsAccount``."""

    def __init__(
        self, settings: VenueSettings, client: Client, clock: Clock, symbols: tuple[str, ...], poll_s: float
    ) -> None:
        """``symbols`` are those of the configured instruments of this venue."""
        check_tradable(client.exchange, client.options.known)
        self._settings = settings
        self._client = client
        self._clock = clock
        self._poll_s = poll_s
        self._known = client.options.known
        self._forms = order_forms(client.exchange, self._known)
        self._tracking = Tracking(client.options.id_form)
        self._background = Background(settings.name)
        self._asker = Asker(client, self._tracking, self._background, clock)
        self._link = Link(settings.name, clock)
        self._expiries = Expiries(clock, self._background, self._expire)
        self._stream = OrderStream(client, self._background, self._on_hint)
        #: One look-up after another: sharing the rate limit, none would get to its end in time.
        self._looking_up = asyncio.Lock()
        self._asking: set[str] = set()
        self._asked_again: set[str] = set()
        self._started_ns = clock.monotonic_ns()
        self._renewed_ns = 0
        self._reached_ns = 0
        self._listener: VenueListener | None = None
        self.account = CcxtAccount(client, self._tracking, symbols)

    @property
    def connection(self) -> ConnectionState:
        return self._link.state

    async def start(self, listener: VenueListener) -> None:
        self._listener = self._link.listener = listener
        keep = self._link.keep(self._stay, (*outcomes.EXPECTED, Unreadable), self._explain)
        self._background.spawn(keep, "connection")

    async def close(self) -> None:
        self._expiries.close()
        await self._background.close()
        await self._client.close()

    def release(self, order_id: str) -> None:
        """Implements ``ports.venue.ReleasesOrders``: asked for again only when a stream or a request speaks of it."""
        self._tracking.release(order_id)
        self._expiries.forget(order_id)

    # --- requests -------------------------------------------------------------------------------------

    async def submit(self, ticket: OrderTicket) -> Answer:
        if self._link.trouble:
            return Answer(SubmitStatus.REJECTED, self._link.trouble)
        one = self._track_new(ticket)
        try:
            order = self._create_order(ticket, one.client_id)
        except OrderUnsupported as error:
            self._forget(one)
            return Answer(SubmitStatus.REJECTED, str(error), isinstance(error, OrderTooSmall))
        self._stream.follow(order.symbol)
        trip = Trip(purpose=Purpose.ORDER)
        if self._client.options.is_exact:
            trip.figures, trip.client_id = order.figures, one.client_id
        try:
            args = (order.symbol, order.type, order.side, order.amount, order.price, order.params)
            state = order_of(await self._client.call("create_order", *args, trip=trip))
        except Exception as error:
            return self._failed(one, error, trip)
        finally:
            one.sent_ns = self._clock.monotonic_ns()  # it may have waited for its turn until just now
        if state.end is ExecType.REJECTED:
            self._forget(one)
            return Answer(SubmitStatus.REJECTED, f"{self._client.exchange.id} rejected the order")
        self._tracking.name(one, state.venue_order_id)
        self._tell(plain_report(ticket.order_id, ExecType.NEW, self._clock.now_ns(), state.venue_order_id))
        self._expiries.add(ticket)
        if not self._is_resting(ticket) or self._tracking.was_early(state.venue_order_id):
            self._refresh(one)
        return _ACCEPTED

    async def cancel(self, ticket: OrderTicket) -> Answer:
        one = self._track(ticket)
        if not one.venue_order_id and not self._looking_up.locked():
            self._tell(*(await self.lookup(ticket)).reports)
        if not one.venue_order_id:
            return Answer(SubmitStatus.UNKNOWN, "the exchange does not show the order yet")
        symbol = None if self._known.has_symbolless_cancel else ticket.symbol
        trip = Trip(purpose=Purpose.CANCEL)
        one.sent_ns = self._clock.monotonic_ns()
        try:
            await self._client.call("cancel_order", one.venue_order_id, symbol, trip=trip)
        except Exception as error:
            self._note_trouble(error)
            return outcomes.answer_to_cancel(error, trip)
        one.is_cancel_taken = trip.status is not None and trip.status < 300
        self._refresh(one)
        return _ACCEPTED

    async def replace(
        self, ticket: OrderTicket, order_qty: Decimal, limit_px: Decimal | None, stop_px: Decimal | None
    ) -> Answer:
        """ccxt's ``editOrder`` is at most exchanges a cancel and a new order, and both could fill."""
        text = "orders at exchanges of ccxt are not replaced: cancel, then place a new one"
        return Answer(SubmitStatus.REJECTED, text)

    async def lookup(self, ticket: OrderTicket) -> Lookup:
        one = self._track(ticket)
        if self._link.trouble:
            return Lookup(None)
        try:
            async with self._looking_up:
                with asking_for(Purpose.LOOKUP):
                    found = await self._asker.ask(one, is_full=True)
        except Exception as error:
            self._note_trouble(error)
            return Lookup(None)
        self._settle(one, found)
        return Lookup(found.is_known, found.reports)

    # --- orders under way -----------------------------------------------------------------------------

    def _track_new(self, ticket: OrderTicket) -> Tracked:
        since_ms = self._at_exchange_ms(self._clock.now_ns()) - _SENT_BACK_MS
        return self._tracking.add(ticket, self._clock.monotonic_ns(), since_ms, since_ms)

    def _track(self, ticket: OrderTicket) -> Tracked:
        """An order that was sent already, if only before the start of this process."""
        if not ticket.created_ns:
            since_ms = self._at_exchange_ms(self._clock.now_ns()) - _UNKNOWN_BACK_MS
            return self._tracking.add(ticket, self._started_ns, since_ms, since_ms)
        created_ms = self._at_exchange_ms(ticket.created_ns)
        return self._tracking.add(ticket, self._started_ns, created_ms - _CREATED_BACK_MS, created_ms - _SENT_BACK_MS)

    def _at_exchange_ms(self, time_ns: int) -> int:
        return time_ns // _MS + self._client.offset_ms

    def _create_order(self, ticket: OrderTicket, client_id: str) -> CreateOrder:
        try:
            market = self._client.exchange.market(ticket.symbol)
        except Exception as error:
            raise OrderUnsupported(f"{ticket.symbol} is no market of {self._client.exchange.id}: {error}") from error
        mode = self._client.exchange.precisionMode
        return create_order_of(ticket, client_id, market, self._forms, self._known, mode)

    def _failed(self, one: Tracked, error: Exception, trip: Trip) -> Answer:
        answer = outcomes.answer_of(error, trip)
        if answer.status is SubmitStatus.REJECTED:
            self._forget(one)
        self._note_trouble(error)
        return answer

    def _is_resting(self, ticket: OrderTicket) -> bool:
        """Whether a stream would tell in time of what happens to it; otherwise it is asked for at once."""
        is_immediate = ticket.ord_type is OrdType.MARKET or ticket.time_in_force in (TimeInForce.IOC, TimeInForce.FOK)
        return self._stream.is_there and not is_immediate

    def _on_hint(self, symbol: str, venue_order_id: str, client_id: str) -> None:
        """A stream says that something happened to an order."""
        one = self._tracking.find(symbol, venue_order_id, client_id)
        if one is not None:
            self._tracking.take_back(one)
            self._refresh(one)
        elif venue_order_id:
            self._tracking.note_early(venue_order_id)

    def _refresh(self, one: Tracked) -> None:
        """Ask about an order beside all else; once more when something happens meanwhile."""
        if one.order_id in self._asking:
            self._asked_again.add(one.order_id)
            return
        self._asking.add(one.order_id)
        self._background.spawn(self._ask(one), f"news of {one.order_id}")

    async def _ask(self, one: Tracked) -> None:
        try:
            while self._tracking.has(one.order_id):
                self._asked_again.discard(one.order_id)
                with asking_for(Purpose.NEWS):
                    found = await self._asker.ask(one)
                self._tell(*found.reports)
                self._settle(one, found)
                if one.absences:  # nowhere: a second look decides
                    await asyncio.sleep(asking.ABSENCE_GAP_S)
                elif one.order_id not in self._asked_again:
                    return
                else:  # a burst of fills is one question
                    await asyncio.sleep(_ASK_GAP_S)
        except (*outcomes.EXPECTED, Unreadable) as error:
            _log.warning("%s: order %s: %s", self._settings.name, one.order_id, outcomes.words_of(error))
            self._note_trouble(error)
        finally:
            self._asking.discard(one.order_id)

    def _settle(self, one: Tracked, found: Finding) -> None:
        if found.is_over:
            self._forget(one)
        elif found.is_known:
            self._expiries.add(one.ticket)
            self._stream.follow(one.ticket.symbol)

    def _forget(self, one: Tracked) -> None:
        self._tracking.forget(one.order_id)
        self._expiries.forget(one.order_id)

    async def _expire(self, ticket: OrderTicket) -> bool:
        """Take back an order whose time is over; False: ask again."""
        if self._tracking.has(ticket.order_id):
            await self.cancel(ticket)
        return not self._tracking.has(ticket.order_id)

    # --- the connection -------------------------------------------------------------------------------

    async def _stay(self) -> None:
        """Until the exchange cannot be reached: markets, clock and key first, then polling."""
        await self._renew()
        self._link.up()
        while not self._link.trouble:
            try:
                await self._poll()
            except BudgetSpent as error:
                _log.warning("%s: polling waits: %s", self._settings.name, error)
            await asyncio.sleep(self._poll_s)

    async def _renew(self) -> None:
        await self._client.set_clock()
        await self._client.call("load_markets", bool(self._renewed_ns))
        await self._show_key()
        self._renewed_ns = self._clock.monotonic_ns()

    async def _show_key(self) -> None:
        """A signed request that changes nothing: whether the key is good, and the exchange there."""
        if self._client.has.get("fetchBalance") is True:
            await self._client.call("fetch_balance")
        self._reached_ns = self._clock.monotonic_ns()

    async def _poll(self) -> None:
        """Ask for every order that is not told to be open as it was. Raises when the exchange cannot be reached."""
        now_ns = self._clock.monotonic_ns()
        if now_ns - self._renewed_ns > _RENEW_S * _NS:
            await self._renew()
        for symbol, group in self._tracking.by_symbol():
            if symbol not in self._client.exchange.markets:
                continue  # delisted, and no list tells of it: a look-up may, or a person
            unchanged: set[str] = set()
            if self._client.has.get("fetchOpenOrders"):
                rows = await self._asker.open_orders(symbol)
                filled = {state.venue_order_id: state.filled for state in rows}
                unchanged = {
                    one.order_id
                    for one in group
                    if one.venue_order_id in filled and filled[one.venue_order_id] == one.told_qty
                }
                self._reached_ns = self._clock.monotonic_ns()
            for one in group:
                is_missed = now_ns - one.missed_ns < _MISSED_GAP_S * _NS  # asked for not long ago, and it is nowhere
                if one.venue_order_id and one.order_id not in unchanged and not is_missed:
                    self._refresh(one)
        if self._clock.monotonic_ns() - self._reached_ns > _HEARTBEAT_S * _NS:
            await self._show_key()

    def _note_trouble(self, error: Exception) -> None:
        if outcomes.is_clock_wrong(error):
            self._background.spawn(self._client.set_clock(), "clock")
        if outcomes.is_key_refused(error):
            self._link.down(self._explain(error))

    def _explain(self, error: Exception) -> str:
        exchange = self._client.exchange
        text = f"{exchange.id}: {outcomes.words_of(error)}"
        if outcomes.is_key_refused(error):
            names = credential_names(self._settings.name, exchange.requiredCredentials)
            needed = ", ".join(name for field, name in names.items() if exchange.requiredCredentials[field])
            text = f"{exchange.id} refuses the key; check {needed}: {outcomes.words_of(error)}"
        return text

    def _tell(self, *reports: ExecutionReport) -> None:
        if reports and self._listener is not None:
            self._listener.on_reports(reports)
