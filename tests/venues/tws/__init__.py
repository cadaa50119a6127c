"""A TWS (or IB Gateway) that speaks the text protocol of the TWS API, server versions 157 to 178.

``server.TwsServer`` is the peer; ``python -m tests.venues.tws`` starts one by hand.
"""
