"""The weight of requests that Binance counts, by the address that they come from."""

from gateway.adapters.venues.shared.budget import Budgets, MessageBudget

#: Weight a minute that one address may use; the exchange bans who goes on after 429.
WEIGHT_PER_MIN = 6_000
CANCEL_RESERVE = 600
#: Prices are asked for only while this much of the minute is left: orders go first.
LEFT_BY_PRICES = WEIGHT_PER_MIN // 2


def weight_budget(base_url: str, budgets: Budgets) -> MessageBudget:
    """The budget at one of Binance's addresses, whoever sends there: the exchange does not count by account."""
    return budgets.at(("binance", base_url.rstrip("/")), WEIGHT_PER_MIN, 60.0, CANCEL_RESERVE)
