"""Which account a venue's settings mean, in words."""

from gateway.domain.settings import VenueSettings


def account_words(venue: VenueSettings) -> str:
    """As far as the files tell it: the adapter, the exchange, whether it is paper, and where. Where an account is
    named, its address says nothing more. Keys are in the environment, and are not known here."""
    options = venue.options
    is_tws = venue.adapter == "ibkr"
    parts = (
        venue.adapter,
        options.get("exchange", venue.name) if venue.adapter == "ccxt" else "",
        options.get("ccxt.defaultType", ""),
        "paper" if venue.paper_only else "real money",
        options.get("account") or (f"{venue.host}:{venue.port}" if is_tws else options.get("base_url", "")),
    )
    return " ".join(part for part in parts if part)
