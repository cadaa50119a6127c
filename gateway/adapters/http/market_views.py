"""Prices in their wire form: what they are, where they come from, and how fresh they are."""

from collections.abc import Iterable

import msgspec

from gateway.adapters.http.times import rfc3339
from gateway.adapters.http.views import plain_or_none
from gateway.domain.market import DepthUpdate, PriceLevel, Quote
from gateway.domain.money import plain
from gateway.ports.market_data import MarketSources

_LEVELS = 10
_NS_PER_MS = 1_000_000

#: Price and quantity.
LevelView = tuple[str, str]


class DepthView(msgspec.Struct, frozen=True):
    """The book as far as it is known, best prices first, ten levels a side at most."""

    bids: tuple[LevelView, ...]
    asks: tuple[LevelView, ...]


class QuoteView(msgspec.Struct, frozen=True, gc=False):
    """Level 1 of one symbol; a side that is absent is null. ``is_synthetic``: no market made this price;
    ``is_delayed``: it is a quarter of an hour old by agreement.

    ``event_time`` is the venue's stamp, null when it sends none. In a GET only: ``age_ms`` since the gateway received
    the quote, ``is_stale`` where that is above ``market_data.stale_after_ms``, the name of its ``source``, and
    ``depth``, null where it is not known.
    """

    symbol: str
    bid_px: str | None
    bid_qty: str | None
    ask_px: str | None
    ask_qty: str | None
    last_px: str | None
    last_qty: str | None
    event_time: str | None
    received_time: str
    is_synthetic: bool
    is_delayed: bool
    age_ms: int | msgspec.UnsetType = msgspec.UNSET
    is_stale: bool | msgspec.UnsetType = msgspec.UNSET
    source: str | msgspec.UnsetType = msgspec.UNSET
    depth: DepthView | msgspec.UnsetType | None = msgspec.UNSET
    type: str = "quote"


class WatchReply(msgspec.Struct, frozen=True):
    """The symbols that streams opened with this key start with, and those among them without a quote so far, or with a
    stale one; ``troubles`` says of what has no quote why, where that is known."""

    symbols: tuple[str, ...]
    without_quote: tuple[str, ...]
    stale: tuple[str, ...]
    troubles: dict[str, str]


def quote_view(quote: Quote) -> QuoteView:
    """What a stream tells."""
    return QuoteView(
        quote.symbol,
        plain_or_none(quote.bid_px),
        plain_or_none(quote.bid_qty),
        plain_or_none(quote.ask_px),
        plain_or_none(quote.ask_qty),
        plain_or_none(quote.last_px),
        plain_or_none(quote.last_qty),
        rfc3339(quote.event_ns) if quote.event_ns else None,
        rfc3339(quote.received_ns),
        quote.is_synthetic,
        quote.is_delayed,
    )


def full_view(quote: Quote, market: MarketSources, now_ns: int) -> QuoteView:
    """What a GET tells."""
    depth = market.depth(quote.symbol)
    return msgspec.structs.replace(
        quote_view(quote),
        age_ms=max(now_ns - quote.received_ns, 0) // _NS_PER_MS,
        is_stale=is_stale(quote, market, now_ns),
        source=market.source_of(quote.symbol),
        depth=None if depth is None else _depth_view(depth),
    )


def is_stale(quote: Quote, market: MarketSources, now_ns: int) -> bool:
    return now_ns - quote.received_ns > market.stale_after_ns


def watch_reply(symbols: Iterable[str], market: MarketSources, now_ns: int) -> WatchReply:
    """How prices of some symbols stand."""
    named = tuple(symbols)
    quotes = {symbol: market.quote(symbol) for symbol in named}
    missing = tuple(symbol for symbol, quote in quotes.items() if quote is None)
    return WatchReply(
        symbols=named,
        without_quote=missing,
        stale=tuple(one.symbol for one in quotes.values() if one is not None and is_stale(one, market, now_ns)),
        troubles={symbol: trouble for symbol in missing if (trouble := market.trouble(symbol))},
    )


def _depth_view(depth: DepthUpdate) -> DepthView:
    return DepthView(_levels(depth.bids), _levels(depth.asks))


def _levels(levels: tuple[PriceLevel, ...]) -> tuple[LevelView, ...]:
    return tuple((plain(level.px), plain(level.qty)) for level in levels[:_LEVELS])
