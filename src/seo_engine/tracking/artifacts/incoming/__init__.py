"""How content comes into the store, before it is a version."""
