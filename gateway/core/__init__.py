"""The decisions: pure functions of state and event. No I/O, clock, randomness, logging or environment here;
whatever of the outside a decision needs is in the event. ``decide`` reads, ``apply`` is the only writer."""
