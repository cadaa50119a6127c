"""``python -m tests.venues.exchange [--port 7445]``: Coinbase Exchange by hand, for ccxt."""

from tests.venues.by_hand import run
from tests.venues.exchange.server import CoinbaseServer

PRICES = {"BTC-USD": "100000.00", "ETH-USD": "3500.00"}

if __name__ == "__main__":
    run(
        "exchange",
        __doc__,
        7445,
        CoinbaseServer,
        PRICES,
        [
            "Coinbase Exchange on {url}; key coinbase-key, secret Y29pbmJhc2Utc2VjcmV0, passphrase coinbase-passphrase",
            "ccxt: ccxt.coinbaseexchange({{'apiKey': ..., 'secret': ..., 'password': ...,",
            "      'urls': {{'api': {{'public': '{url}', 'private': '{url}', 'ws': '{ws_url}/ws'}}}}}})",
        ],
    )
