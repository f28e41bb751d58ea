"""A run as a folder, and the processes that write it."""
