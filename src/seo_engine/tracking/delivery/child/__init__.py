"""The child process that delivers to one tracker, as its parent sees it."""
