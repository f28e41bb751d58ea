"""Advice: one module for each kind of finding."""
