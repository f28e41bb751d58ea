"""How long titles and descriptions may be: for training, audit and suggestions.

A search engine states no limit; it cuts what is wider than its column. The limits in characters are the habit of those
who write Latin script, those in pixels come from the width of Google's column on a desktop: heuristics, both.
"""

from __future__ import annotations

# In characters: at least and at most.
TITLE_CHARACTERS = (30, 60)
DESCRIPTION_CHARACTERS = (70, 155)

# In pixels, at the size of the letters that Google shows them in.
TITLE_PIXELS = (200, 580)
TITLE_LETTER_PIXELS = 20
DESCRIPTION_PIXELS = (400, 985)
DESCRIPTION_LETTER_PIXELS = 14

# Anything longer is a fault of the page: something to report, not to learn from.
LONGEST_TITLE = 200
LONGEST_DESCRIPTION = 500
