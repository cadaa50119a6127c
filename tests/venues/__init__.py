"""Venues that speak their real wire protocol over a real socket, and misbehave when told to.

They are written from the venues' own protocol documents, never from our adapters, so that both can be wrong only
independently. Each can be started by hand: ``python -m tests.venues.tws``.
"""
