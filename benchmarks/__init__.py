"""Measures what tracker and profiler cost, and what a kill loses, compared with similar tools: `make benchmark`."""
