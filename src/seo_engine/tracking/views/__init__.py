"""Which part of the journal a view shows; the same journal always gives the same view."""
