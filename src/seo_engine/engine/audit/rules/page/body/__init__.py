"""Rules about what the body of a page shows."""
