"""Media: pictures, figures, pages, sound, video and points."""
