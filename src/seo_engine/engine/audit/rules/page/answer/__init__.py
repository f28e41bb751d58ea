"""Rules about how a page is addressed, answered and loaded."""
