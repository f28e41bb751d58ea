"""The rules of the audit, a module for each group; none knows another."""
