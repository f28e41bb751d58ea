"""What can be logged: one module per kind of record."""
