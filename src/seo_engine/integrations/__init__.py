"""Tracking and profiling for other frameworks, one module per framework."""
