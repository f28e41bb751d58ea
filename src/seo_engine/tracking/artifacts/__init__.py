"""Artifacts: files and folders by their content, as versions with aliases; this room knows nothing of runs."""
