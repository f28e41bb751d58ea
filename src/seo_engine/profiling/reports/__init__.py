"""What was measured, for people and files."""
