"""Regions: named pieces of code that are timed."""
