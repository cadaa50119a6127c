"""What a new configuration may not take away: the instrument, account or venue of something that is still open."""

from gateway.core.state import GatewayState
from gateway.domain.config import TradingConfig
from gateway.domain.instruments import Instrument


def orphans(state: GatewayState, new: TradingConfig) -> tuple[str, ...]:
    """Why ``new`` would leave a position or an open order that could not be closed any more; empty if it does not."""
    held: dict[tuple[str, str, str], str] = {}
    for book in state.books.values():
        for position in book.positions.values():
            if position.qty:
                held[(position.symbol, position.account, position.venue)] = "an open position"
    for order in state.open_orders():
        held.setdefault((order.symbol, order.account, order.venue), "an open order")
    found: dict[str, None] = {}
    for (symbol, account, venue), what in held.items():
        rule = _lost(state.config.instruments.get(symbol), new.instruments.get(symbol), venue, new)
        if rule is not None:
            found[f"{symbol} has {what}: {rule}"] = None
        if account not in new.accounts:
            found[f"account {account} has {what}: close it before the account leaves gateway.yaml"] = None
    return tuple(found)


def _lost(old: Instrument | None, instrument: Instrument | None, venue: str, new: TradingConfig) -> str | None:
    """What about its instrument would keep something open from being closed, or None."""
    if instrument is None:
        return "close it before the symbol leaves instruments.yaml"
    if instrument.venue != venue:
        return f"close it at {venue} before the symbol moves to {instrument.venue}"
    if old is not None and (old.currency, old.multiplier) != (instrument.currency, instrument.multiplier):
        return "close it before its currency or multiplier changes"
    if instrument.currency not in new.rates:
        return f"keep the rate of {instrument.currency} in gateway.yaml until it is closed"
    return None
