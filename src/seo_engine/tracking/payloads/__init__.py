"""What is too large for a line of the journal: appended by the caller, and kept by its content."""
