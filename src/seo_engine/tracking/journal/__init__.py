"""The journal, the file that is the run: lines in, lines out. It knows nothing about kinds of records."""
