"""Which part of the journal a view shows: pure functions."""
