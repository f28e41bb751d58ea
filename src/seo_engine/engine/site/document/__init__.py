"""Reads one document: its bytes become text, the text a tree, and the tree facts."""
