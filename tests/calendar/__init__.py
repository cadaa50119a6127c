"""Trading hours."""
