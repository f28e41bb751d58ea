"""What other crawlers export: a page for each row, whose missing facts are unknown."""
