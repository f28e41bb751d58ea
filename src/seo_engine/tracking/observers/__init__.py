"""What a run logs by itself."""
