"""What the state remembers of stops: plain tables below ``core.state``, which know nothing of it."""
