"""How many messages TWS is sent: it takes so many a second from all its clients together."""

from gateway.adapters.venues.shared.budget import Budgets, MessageBudget
from gateway.domain.settings import VenueSettings

#: Messages in any second that TWS takes (half of 100 market data lines), less two for what goes out unasked: the start
#: of a connection, the end of a list.
MESSAGES_PER_S = 48
CANCEL_RESERVE = 10
#: Prices are asked for only while this much of the second is left: orders go first.
LEFT_BY_PRICES = 33
_LOOPBACK = ("", "localhost", "::1")


def tws_budget(settings: VenueSettings, budgets: Budgets) -> MessageBudget:
    """The budget of the TWS that these settings name, whichever client id and venue they are of."""
    host = "127.0.0.1" if settings.host.lower() in _LOOPBACK else settings.host.lower()
    return budgets.at(("tws", host, str(settings.port)), MESSAGES_PER_S, 1.0, CANCEL_RESERVE)
