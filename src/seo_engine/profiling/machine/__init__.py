"""The load of the machine."""
