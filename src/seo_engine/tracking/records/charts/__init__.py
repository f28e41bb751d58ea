"""Charts: tables and histograms."""
