"""The file that a run is: lines in, lines out. It knows no kind of record."""
