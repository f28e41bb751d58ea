"""Reports of what was measured, for people and files."""
