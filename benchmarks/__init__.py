"""Measures what the tracker costs and loses, beside the peers: `make benchmark`."""
