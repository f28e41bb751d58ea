"""Advice: one module for each thing of which a run may give evidence."""
