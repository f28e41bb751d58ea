"""Rules about what the head of a page says."""
