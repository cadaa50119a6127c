"""Alpaca: US shares and crypto."""
