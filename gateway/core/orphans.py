"""What a new configuration may not take away: the instrument, account or venue of something that is still open."""

from gateway.core.state import GatewayState
from gateway.domain.config import TradingConfig


def orphans(state: GatewayState, new: TradingConfig) -> tuple[str, ...]:
    """Why ``new`` would leave a position or an open order that could not be closed any more; empty if it does not."""
    held: dict[tuple[str, str, str], str] = {}
    for book in state.books.values():
        for position in book.positions.values():
            if position.qty:
                held[(position.symbol, position.account, position.venue)] = "position"
    for order in state.open_orders():
        held.setdefault((order.symbol, order.account, order.venue), "open order")
    found: dict[str, None] = {}
    for (symbol, account, venue), what in held.items():
        instrument = new.instruments.get(symbol)
        if instrument is None:
            found[f"{symbol} has an {what}; close it before the symbol leaves instruments.yaml"] = None
        elif instrument.venue != venue:
            found[f"{symbol} has an {what} at {venue}; close it before the symbol moves to {instrument.venue}"] = None
        elif instrument.currency not in new.rates:
            found[f"{symbol} has an {what} in {instrument.currency}; keep its rate in gateway.yaml"] = None
        if account not in new.accounts:
            found[f"account {account} has an {what}; close it before the account leaves gateway.yaml"] = None
    return tuple(text.replace("an position", "a position") for text in found)
