"""From the journal to the trackers."""
