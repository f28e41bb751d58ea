"""What a run logs automatically."""
