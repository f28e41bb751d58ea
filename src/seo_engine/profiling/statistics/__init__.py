"""Statistics of what was timed: operations, the call tree, training steps."""
