"""Sources of prices that need no venue: ``SyntheticMarket`` makes them up, ``ReplayMarket`` plays a recorded feed.

``read_recording`` reads a recorded feed offline, with its original stamps.
"""

from gateway.adapters.marketdata.recording import read_recording
from gateway.adapters.marketdata.replay import ReplayMarket
from gateway.adapters.marketdata.synthetic import SyntheticMarket

__all__ = ["ReplayMarket", "SyntheticMarket", "read_recording"]
