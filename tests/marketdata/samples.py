"""Messages as Binance sends them, written by hand, and files made of them."""

import gzip
import json
from pathlib import Path
from typing import Any

from gateway.domain.instruments import Instrument

BTC = Instrument(symbol="BTC/USDT", venue="binance", currency="USDT")
ETH = Instrument(symbol="ETH/USDT", venue="binance", currency="USDT")


def ticker(
    bid: str, ask: str, *, bid_qty: str = "1.50000000", ask_qty: str = "2.00000000", raw: str = "BTCUSDT"
) -> dict[str, Any]:
    data = {"u": 1, "s": raw, "b": bid, "B": bid_qty, "a": ask, "A": ask_qty}
    return {"stream": f"{raw.lower()}@bookTicker", "data": data}


def trade(
    px: str, qty: str, *, is_buyer_maker: bool = True, event_ms: int = 1_700_000_000_123, raw: str = "BTCUSDT"
) -> dict[str, Any]:
    data = {
        "e": "trade",
        "E": event_ms,
        "s": raw,
        "t": 1,
        "p": px,
        "q": qty,
        "T": event_ms - 1,
        "m": is_buyer_maker,
        "M": True,
    }
    return {"stream": f"{raw.lower()}@trade", "data": data}


def depth(
    first: int, last: int, bids: list[list[str]], asks: list[list[str]], *, raw: str = "BTCUSDT"
) -> dict[str, Any]:
    data = {"e": "depthUpdate", "E": 1_700_000_000_200, "s": raw, "U": first, "u": last, "b": bids, "a": asks}
    return {"stream": f"{raw.lower()}@depth@100ms", "data": data}


def snapshot(last: int, bids: list[list[str]], asks: list[list[str]]) -> dict[str, Any]:
    return {"lastUpdateId": last, "bids": bids, "asks": asks}


def line(received_ns: int, message: dict[str, Any]) -> str:
    return f"{received_ns} {json.dumps(message)}\n"


def write(path: Path, *lines: str) -> Path:
    """A recording, gzipped when its name says so."""
    text = "".join(lines)
    if path.suffix == ".gz":
        with gzip.open(path, "wt") as file:
            file.write(text)
    else:
        path.write_text(text)
    return path
