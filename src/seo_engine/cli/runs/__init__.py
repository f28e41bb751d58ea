"""The command `seo-engine runs`."""
