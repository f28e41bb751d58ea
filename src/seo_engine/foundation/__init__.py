"""What every room stands on: settings, texts, whole files, redaction. Imports nothing else of ours."""
