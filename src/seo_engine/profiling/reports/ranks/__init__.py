"""The profiles and traces of several ranks, side by side."""
