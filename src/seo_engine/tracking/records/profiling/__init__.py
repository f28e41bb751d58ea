"""Profiling data: numbers, texts, a chart and a table of them."""
