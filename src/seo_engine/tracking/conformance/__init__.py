"""What a tracker must keep to, as checks that its author runs."""
