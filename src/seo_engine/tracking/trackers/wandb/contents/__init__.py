"""What a W&B run shows beside the values of its rows: its page, data types, artifacts, console and alerts."""
