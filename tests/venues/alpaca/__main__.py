"""``python -m tests.venues.alpaca [--port 7444]``: Alpaca by hand."""

from tests.venues.alpaca.server import AlpacaServer
from tests.venues.by_hand import run

PRICES = {"AAPL": "180.00", "TSLA": "250.00", "MSFT": "420.00", "SPY": "560.00", "BTC/USD": "100000.00"}

if __name__ == "__main__":
    run(
        "alpaca",
        __doc__,
        7444,
        AlpacaServer,
        PRICES,
        [
            "Alpaca on {url}; key alpaca-key, secret alpaca-secret",
            "alpaca-py: TradingClient('alpaca-key', 'alpaca-secret', url_override='{url}')",
            "           TradingStream('alpaca-key', 'alpaca-secret', url_override='{ws_url}/stream')",
            "           StockDataStream('alpaca-key', 'alpaca-secret', url_override='{ws_url}/v2/iex')",
        ],
    )
