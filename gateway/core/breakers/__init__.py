"""Circuit breakers: what each measures, when it trips and resets, and what it does."""
