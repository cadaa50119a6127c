"""The engine around the core: one writer of state, a journal before every effect, recovery, timers, reads.

Knows the ports and the core, never an adapter.
"""
