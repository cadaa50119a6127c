"""Sources of prices that need no venue: ``SyntheticMarket`` makes them up, ``ReplayMarket`` plays a recorded feed;
``RoutedMarket`` puts them and the sources of venues (``adapters/venues/<venue>/market.py``) side by side.

``read_recording`` reads a recorded feed offline, with its original stamps.
"""

from gateway.adapters.marketdata.recording import read_recording
from gateway.adapters.marketdata.replay import ReplayMarket
from gateway.adapters.marketdata.routed import RoutedMarket
from gateway.adapters.marketdata.synthetic import SyntheticMarket

__all__ = ["ReplayMarket", "RoutedMarket", "SyntheticMarket", "read_recording"]
