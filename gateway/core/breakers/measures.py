"""What each kind of breaker measures: one function each, a reading per scope and book.

Called by the timers and after fills, never for an order.
"""

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal

import msgspec

from gateway.core.risk.exposure import ScopeUse
from gateway.core.state import GatewayState
from gateway.core.trading.counters import MINUTE_NS
from gateway.domain.breakers import BreakerConfig, BreakerKind
from gateway.domain.enums import Route, ScopeKind
from gateway.domain.events import BreakersChecked
from gateway.domain.money import ONE, ZERO, plain, ratio

_NS = 1_000_000_000


class Reading(msgspec.Struct, frozen=True):
    """The value of one breaker in one scope and book (None: of both). ``text``, with ``parts`` in its places, says what
    it is made of: nearly always nobody asks."""

    book: Route | None
    scope: ScopeKind
    scope_id: str
    value: Decimal
    text: str
    parts: tuple[Decimal | int | str, ...]

    @property
    def words(self) -> str:
        return self.text.format(*[plain(one) if isinstance(one, Decimal) else one for one in self.parts])


Measure = Callable[[GatewayState, BreakerConfig, BreakersChecked], Iterator[Reading]]


def _equities(state: GatewayState, config: BreakerConfig) -> Iterator[tuple[Route, str, ScopeUse, Decimal]]:
    """Book, account (empty: all of them), use, and the cash it began with: per account, or for all together."""
    accounts = state.config.accounts
    for route in config.books:
        book = state.books[route]
        if config.scope is ScopeKind.ACCOUNT:
            for name, account in accounts.items():
                if (use := book.accounts.get(name)) is not None:
                    yield route, name, use, account.initial_cash
        else:
            yield route, "", book.gateway, sum((one.initial_cash for one in accounts.values()), ZERO)


def daily_loss(state: GatewayState, config: BreakerConfig, event: BreakersChecked) -> Iterator[Reading]:
    """Loss since the start of the day, as a share of the equity at its start."""
    for route, account, use, cash in _equities(state, config):
        loss, start = max(-use.day_pnl, ZERO), cash + use.day_pnl_start
        value = ratio(loss, start) if start > 0 else (ONE if loss else ZERO)
        text = "lost {} of {} since the start of the day"
        yield Reading(route, config.scope, account, value, text, (loss, start))


def drawdown(state: GatewayState, config: BreakerConfig, event: BreakersChecked) -> Iterator[Reading]:
    """How far equity is below its peak, as a share of the peak."""
    for route, account, _, _ in _equities(state, config):
        value = state.drawdown(route, account or None)
        yield Reading(route, config.scope, account, value, "equity is {} of its peak below it", (value,))


def rejection_rate(state: GatewayState, config: BreakerConfig, event: BreakersChecked) -> Iterator[Reading]:
    """Share of the admitted orders that venues rejected; nothing is said on fewer than ``min_count``."""
    for route in config.books:
        tally = state.breakers.counters.rejection(route, event.ts_ns, config.window_s)
        sent = max(tally.admitted, tally.rejected)
        value = ratio(Decimal(tally.rejected), Decimal(sent)) if sent >= config.min_count else ZERO
        parts = (tally.rejected, sent, config.window_s)
        yield Reading(route, ScopeKind.GATEWAY, "", value, "venues rejected {} of {} orders in {} s", parts)


def concentration(state: GatewayState, config: BreakerConfig, event: BreakersChecked) -> Iterator[Reading]:
    """Value of a symbol's positions in one account, as a share of the account's equity."""
    for route in config.books:
        values: dict[tuple[str, str], Decimal] = {}
        for position in state.books[route].positions.values():
            if position.qty:
                key = (position.account, position.symbol)
                values[key] = values.get(key, ZERO) + position.value
        for (account, symbol), signed in values.items():
            equity, value = state.equity(route, account), abs(signed)
            share = ratio(value, equity) if equity > 0 else (ONE if value else ZERO)
            parts = (value, symbol, equity)
            yield Reading(route, ScopeKind.SYMBOL, f"{account}|{symbol}", share, "{} in {} of an equity of {}", parts)


def volatility(state: GatewayState, config: BreakerConfig, event: BreakersChecked) -> Iterator[Reading]:
    """A symbol's volatility as a multiple of its norm; without a norm of ``min_count`` figures nothing is said."""
    figures = state.figures
    if figures is None:
        return
    for symbol, sigma in figures.volatility.items():
        norm = state.breakers.counters.norms.get(symbol)
        if norm is not None and norm.count >= config.min_count and norm.value > 0:
            text = "volatility {} where {} is usual"
            yield Reading(None, ScopeKind.SYMBOL, symbol, ratio(sigma, norm.value), text, (sigma, norm.value))


def venue_connection(state: GatewayState, config: BreakerConfig, event: BreakersChecked) -> Iterator[Reading]:
    """Seconds since the connection to a venue was lost; 0 while it stands. Only live orders go there."""
    for venue, use in state.venues.items():
        lost_s = ZERO if use.is_connected else Decimal(max(event.ts_ns - use.since_ns, 0) // _NS)
        words = use.text or f"{venue} is not connected"
        yield Reading(Route.LIVE, ScopeKind.VENUE, venue, lost_s, "{}", (words,))


def market_data_gap(state: GatewayState, config: BreakerConfig, event: BreakersChecked) -> Iterator[Reading]:
    """Seconds since the last price of a symbol that is held or on order, while its market is open."""
    for symbol, age_ns in event.quote_ages_ns.items():
        age_s = age_ns // _NS
        yield Reading(None, ScopeKind.SYMBOL, symbol, Decimal(age_s), "no price of {} for {} s", (symbol, age_s))


def order_rate(state: GatewayState, config: BreakerConfig, event: BreakersChecked) -> Iterator[Reading]:
    """Orders of a strategy in the running minute as a multiple of its usual minute, once it has five of them."""
    minute = event.ts_ns // MINUTE_NS
    for strategy, pace in state.breakers.counters.paces.items():
        is_running = 0 <= pace.minute - minute <= 1  # a clock may step back a little
        if not is_running or pace.count < config.min_count or len(pace.before) < 5:
            continue
        usual = max(ratio(Decimal(sum(pace.before)), Decimal(len(pace.before))), ONE)
        text = "{} orders in this minute where {} are usual"
        value = ratio(Decimal(pace.count), usual)
        yield Reading(None, ScopeKind.STRATEGY, strategy, value, text, (pace.count, usual))


def consecutive_losses(state: GatewayState, config: BreakerConfig, event: BreakersChecked) -> Iterator[Reading]:
    """Positions that a strategy closed with a loss, one after another."""
    for route in config.books:
        for strategy, count in state.ledger.losses.get(route.value, {}).items():
            yield Reading(route, ScopeKind.STRATEGY, strategy, Decimal(count), "{} losses in a row", (count,))


def emergency_shutdown(state: GatewayState, config: BreakerConfig, event: BreakersChecked) -> Iterator[Reading]:
    """How many other breakers are tripped in a book."""
    for route in config.books:
        tripped = {
            trip.breaker_id
            for trip in state.breakers.trips.values()
            if trip.book in (None, route) and trip.breaker_id != BreakerKind.EMERGENCY_SHUTDOWN
        }
        parts = (len(tripped), ", ".join(sorted(tripped)))
        yield Reading(route, ScopeKind.GATEWAY, "", Decimal(len(tripped)), "{} breakers at once: {}", parts)


#: One per kind; a test compares the table with the kinds. The order is that of evaluation: the last looks at all.
MEASURES: Mapping[BreakerKind, Measure] = {
    BreakerKind.DAILY_LOSS: daily_loss,
    BreakerKind.REJECTION_RATE: rejection_rate,
    BreakerKind.CONCENTRATION: concentration,
    BreakerKind.DRAWDOWN: drawdown,
    BreakerKind.VOLATILITY: volatility,
    BreakerKind.VENUE_CONNECTION: venue_connection,
    BreakerKind.MARKET_DATA_GAP: market_data_gap,
    BreakerKind.ORDER_RATE: order_rate,
    BreakerKind.CONSECUTIVE_LOSSES: consecutive_losses,
    BreakerKind.EMERGENCY_SHUTDOWN: emergency_shutdown,
}
#: What fills and rejections move, and costs little to look at: measured at once, the others on the timer.
QUICK: Mapping[BreakerKind, Measure] = {
    kind: MEASURES[kind]
    for kind in (
        BreakerKind.DAILY_LOSS,
        BreakerKind.REJECTION_RATE,
        BreakerKind.DRAWDOWN,
        BreakerKind.CONSECUTIVE_LOSSES,
    )
}
