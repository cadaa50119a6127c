"""Commands for people, over HTTP: what is live, what is at risk, what became of an order, and the few buttons.

``commands`` adds them to the parser and imports nothing else before one is run; ``reads`` is the table of what can be
shown. They know the gateway only by its API, as any other client: ``GATEWAY_URL`` and ``GATEWAY_KEY``.
"""
