"""Rollouts: the evidence of each venue, what it proves, and what follows for its mode. Pure."""
