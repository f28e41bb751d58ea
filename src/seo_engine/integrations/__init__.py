"""Tracking and profiling for other frameworks, one module a framework."""
