"""Tables of a run as files that any program reads."""
