"""Shows runs to people."""
