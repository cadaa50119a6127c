"""What is known of instruments before anyone configures them: the defaults of a group, and of some products.

What a file says always wins. Ticks, lots and minimums of crypto pairs are those of Binance spot; contract sizes
are those of CME Group. ``START_PX`` is where the synthetic market starts a symbol that has no ``reference_px``;
with real data it is never used, so that no invented price ever values a real order.
"""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

_D = Decimal

#: Asset class of each group of ``symbols:``.
GROUPS: Mapping[str, str] = {
    "equities": "equity",
    "futures": "future",
    "crypto": "crypto",
    "forex": "forex",
    "options": "option",
}

#: Defaults by asset class; the keys are those of instruments.yaml.
CLASS_DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "equity": {
        "venue": "ibkr",
        "exchange": "SMART",
        "currency": "USD",
        "tick_size": _D("0.01"),
        "lot_size": _D(1),
        "calendar": "XNYS",
    },
    "future": {
        "venue": "ibkr",
        "exchange": "CME",
        "currency": "USD",
        "tick_size": _D("0.01"),
        "lot_size": _D(1),
        "calendar": "CMES",
    },
    "crypto": {
        "venue": "binance",
        "exchange": "",
        "tick_size": _D("0.00000001"),
        "lot_size": _D("0.00000001"),
        "calendar": "24/7",
    },
    "forex": {
        "venue": "ibkr",
        "exchange": "IDEALPRO",
        "tick_size": _D("0.00005"),
        "lot_size": _D(1),
        "calendar": "24/5",
    },
    "option": {
        "venue": "ibkr",
        "exchange": "SMART",
        "currency": "USD",
        "tick_size": _D("0.01"),
        "lot_size": _D(1),
        "multiplier": _D(100),
        "calendar": "XNYS",
    },
}


def _future(exchange: str, multiplier: str, tick_size: str) -> Mapping[str, Any]:
    return {"exchange": exchange, "multiplier": _D(multiplier), "tick_size": _D(tick_size)}


_FUTURES: Mapping[str, Mapping[str, Any]] = {
    "ES": _future("CME", "50", "0.25"),
    "MES": _future("CME", "5", "0.25"),
    "NQ": _future("CME", "20", "0.25"),
    "MNQ": _future("CME", "2", "0.25"),
    "RTY": _future("CME", "50", "0.1"),
    "M2K": _future("CME", "5", "0.1"),
    "6E": _future("CME", "125000", "0.00005"),
    "YM": _future("CBOT", "5", "1"),
    "MYM": _future("CBOT", "0.5", "1"),
    "ZN": _future("CBOT", "1000", "0.015625"),
    "ZB": _future("CBOT", "1000", "0.03125"),
    "CL": _future("NYMEX", "1000", "0.01"),
    "MCL": _future("NYMEX", "100", "0.01"),
    "NG": _future("NYMEX", "10000", "0.001"),
    "GC": _future("COMEX", "100", "0.1"),
    "MGC": _future("COMEX", "10", "0.1"),
    "SI": _future("COMEX", "5000", "0.005"),
    "HG": _future("COMEX", "25000", "0.0005"),
}


def _spot(tick_size: str, lot_size: str) -> Mapping[str, Any]:
    lot = _D(lot_size)
    return {"tick_size": _D(tick_size), "lot_size": lot, "min_qty": lot, "min_notional": _D(5)}


_CRYPTO: Mapping[str, Mapping[str, Any]] = {
    "BTC/USDT": _spot("0.01", "0.00001"),
    "ETH/USDT": _spot("0.01", "0.0001"),
    "BNB/USDT": _spot("0.01", "0.001"),
    "SOL/USDT": _spot("0.01", "0.001"),
}

START_PX: Mapping[str, Decimal] = {
    "AAPL": _D(180),
    "TSLA": _D(250),
    "ES": _D(5_000),
    "NQ": _D(18_000),
    "BTC/USDT": _D(61_800),
    "ETH/USDT": _D(2_650),
    "BNB/USDT": _D(510),
    "SOL/USDT": _D(155),
}

_CONTRACT_MONTH = re.compile(r"(?P<root>[A-Z0-9]{1,3})[FGHJKMNQUVXZ][0-9]{1,2}")
_FOREX = re.compile(r"[A-Z]{3}[/.]?(?P<quote>[A-Z]{3})")
_FIAT = frozenset("AUD CAD CHF CNH CZK DKK EUR GBP HKD HUF ILS JPY KRW MXN NOK NZD PLN SEK SGD TRY USD ZAR".split())


def guess_class(symbol: str, has_expiry: bool) -> str:
    """The asset class of a symbol in a flat list that does not say: pairs are crypto, or forex when both fiat."""
    if "/" in symbol:
        base, _, quote = symbol.partition("/")
        return "forex" if {base, quote} <= _FIAT else "crypto"
    return "future" if has_expiry else "equity"


def product_defaults(symbol: str, asset_class: str) -> Mapping[str, Any]:
    """What is known of this very product, beyond its class; empty when nothing is."""
    if asset_class == "crypto":
        _, _, quote = symbol.partition("/")
        currency = quote.partition(":")[0]
        return {**({"currency": currency.upper()} if currency else {}), **_CRYPTO.get(symbol, {})}
    if asset_class == "forex":
        found = _FOREX.fullmatch(symbol)
        if found is None:
            return {}
        return {"currency": found["quote"], **({"tick_size": _D("0.005")} if found["quote"] == "JPY" else {})}
    if asset_class == "future":
        month = _CONTRACT_MONTH.fullmatch(symbol)
        return _FUTURES.get(symbol) or (_FUTURES.get(month["root"], {}) if month is not None else {})
    return {}
