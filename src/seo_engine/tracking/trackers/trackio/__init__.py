"""The tracker for trackio."""
