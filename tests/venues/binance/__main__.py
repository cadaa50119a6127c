"""``python -m tests.venues.binance [--port 7443]``: Binance spot by hand."""

from tests.venues.binance.server import BinanceServer
from tests.venues.by_hand import run

PRICES = {"BTCUSDT": "100000.00", "ETHUSDT": "3500.00", "ETHBTC": "0.03500"}

if __name__ == "__main__":
    run(
        "binance",
        __doc__,
        7443,
        BinanceServer,
        PRICES,
        [
            "Binance spot on {url}; key binance-key, secret binance-secret",
            "python-binance: class Here(AsyncClient): API_URL = '{url}/api'; WS_API_URL = '{ws_url}/ws-api/v3'",
            "                class HereStreams(BinanceSocketManager): STREAM_URL = '{ws_url}/'",
            "ccxt.binance:   urls={{'api': {{'public': '{url}/api/v3', 'private': '{url}/api/v3'}}}}",
        ],
    )
