"""What was seen of each venue, in bounded memory, and what it proves. Knows nothing of the rest of the state."""
