"""Policy input documents for tests: one that is allowed, and many that are not sure to be."""

import copy
import random
from collections.abc import Iterator
from typing import Any

MAX_EXACT = 2**63 - 1
E8 = 100_000_000

_SYMBOLS = ("AAPL", "TSLA", "BTC/USDT", "ETH/USDT", "ES", "", "é€", '"quoted"')
_SIZES = (1, E8, 10 * E8 - 1, 10 * E8, 10 * E8 + 1, 1000 * E8, 1000 * E8 + 1, 10_000 * E8, 10_000 * E8 + 1, MAX_EXACT)
_ODD: tuple[Any, ...] = (None, "", "x", "1000", 0, -1, True, False, [], {}, ["AAPL"], MAX_EXACT, -MAX_EXACT)


def order_document(**changes: Any) -> dict[str, Any]:
    """An order that the shipped policies allow; ``order__size_e8=5`` changes that field."""
    document: dict[str, Any] = {
        "order": {
            "id": "01JD0",
            "symbol": "AAPL",
            "venue": "ibkr",
            "account": "default",
            "strategy": "momentum",
            "side": "buy",
            "order_type": "limit",
            "time_in_force": "day",
            "size_e8": 100 * E8,
            "notional_cents": 1_500_000,
            "limit_price_e8": 150 * E8,
            "stop_price_e8": None,
            "is_closing": False,
            "route": "shadow",
            "mode": "SHADOW",
        },
        "user": {"name": "desk-1", "role": "trader"},
        "market": {
            "is_open": True,
            "is_synthetic": False,
            "is_delayed": False,
            "age_ms": 120,
            "reference_price_e8": 150 * E8,
            "weekday": 3,
            "local_minute": 600,
        },
        "position": {"size_e8": 0},
        "approved_symbols": None,
        "time_ns": 1_790_000_000_000_000_000,
    }
    for name, value in changes.items():
        section, _, field = name.partition("__")
        if field:
            document[section][field] = value
        else:
            document[section] = value
    return document


def random_documents(seed: int, count: int) -> Iterator[dict[str, Any]]:
    """Documents around every limit, a third of them broken somewhere."""
    draw = random.Random(seed)
    for _ in range(count):
        document = order_document(
            order__symbol=draw.choice(_SYMBOLS),
            order__size_e8=draw.choice(_SIZES),
            order__side=draw.choice(("buy", "sell")),
            order__is_closing=draw.random() < 0.3,
            order__route=draw.choice(("shadow", "live")),
            order__mode=draw.choice(("SHADOW", "CANARY", "LIVE")),
            order__limit_price_e8=draw.choice((None, 1, MAX_EXACT)),
            user__role=draw.choice(("trader", "trader", "trader", "admin", "viewer", "risk")),
            market__is_open=draw.random() < 0.8,
            position__size_e8=draw.choice((0, 5 * E8, -5 * E8, -MAX_EXACT)),
            approved_symbols=draw.choice((None, None, [], ["AAPL"], ["AAPL", "BTC/USDT", "ES"])),
        )
        if draw.random() < 0.35:
            document = _broken(document, draw)
        yield document


def _broken(document: dict[str, Any], draw: random.Random) -> dict[str, Any]:
    broken = copy.deepcopy(document)
    section = draw.choice(list(broken))
    target, key = broken, section
    if isinstance(broken[section], dict) and draw.random() < 0.85:
        target, key = broken[section], draw.choice(list(broken[section]))
    if draw.random() < 0.4:
        del target[key]
    else:
        target[key] = copy.deepcopy(draw.choice(_ODD))
    return broken
