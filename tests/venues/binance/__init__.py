"""Binance spot: REST v3, the WebSocket API with the user data stream, market streams."""
