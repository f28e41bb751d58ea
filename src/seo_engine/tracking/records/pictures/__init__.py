"""What is drawn for tools that show only pictures."""
