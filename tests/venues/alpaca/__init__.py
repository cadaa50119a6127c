"""Alpaca: trading API v2, trade updates, market data."""
