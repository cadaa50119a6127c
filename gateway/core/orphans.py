"""What a new configuration may not take away: the instrument, account or venue of something that is still open."""

from collections.abc import Iterator

from gateway.core.rollout.accounts import is_other_account, words_of_change
from gateway.core.state import GatewayState
from gateway.domain.config import TradingConfig
from gateway.domain.enums import Route
from gateway.domain.instruments import Instrument

_LIVE = Route.LIVE  # named once: see domain.orders


def orphans(state: GatewayState, new: TradingConfig) -> tuple[str, ...]:
    """Why ``new`` would leave a position or an open order that could not be closed any more; empty if it does not."""
    held: dict[tuple[str, str, str], str] = {}
    for book in state.books.values():
        for position in book.positions.values():
            if position.qty:
                held[(position.symbol, position.account, position.venue)] = "an open position"
    for order in state.open_orders():
        held.setdefault((order.symbol, order.account, order.venue), "an open order")
    found: dict[str, None] = dict.fromkeys(_left_behind(state, new))
    for (symbol, account, venue), what in held.items():
        rule = _lost(state.config.instruments.get(symbol), new.instruments.get(symbol), venue, new)
        if rule is not None:
            found[f"{rule[0]}{symbol} has {what}: {rule[1]}"] = None
        if account not in new.accounts:
            text = f"account {account} has {what}: close it before the account leaves gateway.yaml"
            found[f"gateway.yaml: accounts.{account}: {text}"] = None
    return tuple(found)


def _left_behind(state: GatewayState, new: TradingConfig) -> Iterator[str]:
    """What is live at an account that the gateway would leave."""
    live = [("an open position", one.symbol, one.venue) for one in state.books[_LIVE].positions.values() if one.qty]
    live += [("an open order", one.symbol, one.venue) for one in state.open_orders() if one.route is _LIVE]
    for what, symbol, venue in live:
        if is_other_account(state, new, venue):
            change = words_of_change(state, new, venue)
            text = f"{symbol} has {what}: close it before the account at {venue} changes ({change})"
            yield f"gateway.yaml: venues.{venue}: {text}"


def _lost(
    old: Instrument | None, instrument: Instrument | None, venue: str, new: TradingConfig
) -> tuple[str, str] | None:
    """What about its instrument would keep something open from being closed, after the file that says so; or None."""
    place = "instruments.yaml: "
    if instrument is None:
        return place, "close it before the symbol leaves instruments.yaml"
    if instrument.venue != venue:
        return place, f"close it at {venue} before the symbol moves to {instrument.venue}"
    if old is not None and (old.currency, old.multiplier) != (instrument.currency, instrument.multiplier):
        return place, "close it before its currency or multiplier changes"
    if instrument.currency not in new.rates:
        place = f"gateway.yaml: rates.{instrument.currency}: "
        return place, f"keep the rate of {instrument.currency} in gateway.yaml until it is closed"
    return None
