"""The base of all other rooms: settings, texts, whole files, redaction, extras. Imports no other room."""
