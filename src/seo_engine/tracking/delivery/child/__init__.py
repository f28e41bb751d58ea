"""A tracker in a child process: the parent's side, the child's side, and their messages."""
