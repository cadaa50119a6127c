"""The composition root: which adapters there are, how a gateway is put together, started and stopped. No logic."""
