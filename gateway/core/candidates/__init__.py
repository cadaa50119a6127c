"""What becomes of an order, in a form that two decisions of it can be compared in."""
