"""Runs read back from their journals."""
