"""What the adapter itself refuses."""


class OrderUnsupported(Exception):
    """The order has no form at Alpaca, or breaks a rule of it; the text says which and what would do."""


class OrderTooSmall(OrderUnsupported):
    """Alpaca takes no order of so little."""
