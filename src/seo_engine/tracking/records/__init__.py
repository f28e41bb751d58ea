"""What can be logged: one module a kind of record."""
