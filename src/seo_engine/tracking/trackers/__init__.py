"""Destinations: what a tracker is, and the trackers there are."""
