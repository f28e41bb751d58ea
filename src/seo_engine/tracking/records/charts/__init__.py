"""Charts: tables, histograms, plots, and what is drawn of classifiers, embeddings and models."""
