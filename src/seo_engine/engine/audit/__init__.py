"""Finds what is wrong with a site, and says what to mend first."""
