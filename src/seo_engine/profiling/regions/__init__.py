"""Named stretches of code that are being timed."""
