"""Candidates: the past and the present decided again under other rules, beside what really happened.

``judge`` follows the records with a state of its own and says which orders the candidate would not have treated
alike; ``folded`` goes on from there with a world without what it denies; ``whatif`` runs both over a journal.
"""
