"""Measures what tracker and profiler cost, and what a kill loses, beside the peers: `make benchmark`."""
