"""Rules about one page."""
