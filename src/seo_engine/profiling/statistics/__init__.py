"""What was timed, as numbers: operations, the call tree, training steps."""
