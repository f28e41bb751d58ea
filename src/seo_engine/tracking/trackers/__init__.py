"""Destinations: what a tracker is, and those that there are."""
