"""What a run ran in: its program and code, its packages, its machine and its random seeds, without secrets."""
