"""Marks: what is said of a run, and of its moments: how it began and ended, alerts, notes, tags, files."""
