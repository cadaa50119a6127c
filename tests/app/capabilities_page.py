"""The table of ``docs/venues.md`` that says what each venue can do: ``python -m tests.app.capabilities_page``."""

from pathlib import Path

from gateway.app.registry import CAPABILITIES
from gateway.domain.capabilities import VenueCapabilities
from gateway.domain.settings import VenueSettings

PAGE = Path(__file__).parents[2] / "docs/venues.md"
BEGIN, END = "<!-- capabilities: written by python -m tests.app.capabilities_page -->\n", "<!-- /capabilities -->\n"
#: What an exchange of this adapter can do depends on the exchange: see its own section.
_BY_EXCHANGE = "ccxt"
_FIELDS = {
    "id_reuse": "an id used again is",
    "lookup": "an order that is not found was never there, if sent within",
    "has_lookup_by_id": "look-up by our id",
    "executions": "executions are told again, of",
    "holdings": "holdings are told as",
    "sees_other_orders": "orders of others are told",
    "order_types": "`order_type`",
    "has_trailing_amount": "`trailing_amount`",
    "has_trailing_percent": "`trailing_percent`",
    "times_in_force": "`time_in_force`",
    "algorithms": "`execution_algorithm`",
    "order_classes": "`order_class` beside simple",
    "has_replace": "replace",
    "has_depth": "depth of the market",
}


def table() -> str:
    """One row for each field, one column for each adapter."""
    declared = [
        CAPABILITIES[name](VenueSettings(name=name, adapter=name)) for name in CAPABILITIES if name != _BY_EXCHANGE
    ]
    rows = [["", *(f"`{one.adapter}`" for one in declared)], ["---"] * (len(declared) + 1)]
    rows += [[words, *(_words(one, field) for one in declared)] for field, words in _FIELDS.items()]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _words(one: VenueCapabilities, field: str) -> str:
    value = getattr(one, field)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return ", ".join(value) or "none"
    return str(value.value).replace("_", " ")


def page(text: str) -> str:
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}{table()}{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
