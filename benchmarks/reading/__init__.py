"""How well and how fast pages are read, beside similar tools."""
