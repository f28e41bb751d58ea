"""Reads a site into pages, as plain data."""
