"""What the gateway needs of the outside, and what the outside may ask of it. Protocols only, no code."""
