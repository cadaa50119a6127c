"""The contract that every venue keeps, and what it takes to run it: one driver for each venue.

A driver plays the venue's peer in words that are the same for all (``drivers``); the contract (``test_contract``), the
matrix (``matrix``) and the soak (``soak``) know no venue.
"""
