"""What is true of any text: its width, its words, its language."""
