"""What the gateway needs of the outside, and what the outside may ask of it: Protocols, with the plain values and
errors that go through them. No logic."""
