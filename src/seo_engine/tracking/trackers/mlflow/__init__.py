"""The tracker for MLflow."""
