"""A site read into pages, as plain data."""
