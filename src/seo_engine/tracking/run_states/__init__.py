"""What an ExperimentTracker writes to: its own run, a part of one, another process's run, or nothing."""
