"""Rules about what a page says: whether there is a text, and whether it is meant for readers."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator

from seo_engine.engine.audit.page_gates import SHOWN
from seo_engine.engine.audit.rule import A_LOOK, ERROR, WARNING, WORDS, Fault, Rule, Thresholds
from seo_engine.engine.site.facts import HEAD, Placed
from seo_engine.engine.site.page import Page
from seo_engine.engine.text.words import length_of

_JAVASCRIPT = "https://developers.google.com/search/docs/crawling-indexing/javascript/javascript-seo-basics"
_SPAM = "https://developers.google.com/search/docs/essentials/spam-policies#hidden-text-and-links"
_HELPFUL = "https://developers.google.com/search/docs/fundamentals/creating-helpful-content"
_REVIEWED = datetime.date(2026, 11, 28)

# Where programs put the page that they make.
_ROOTS = ("root", "app", "__next", "__nuxt", "___gatsby", "svelte", "q-app", "main-app", "application")

# What a program should have replaced. In a text they may be an example, so they are looked for in what names things.
_TEMPLATE = re.compile(
    r"<%=?[^%]{0,80}%>|\{\{\s*[\w.$ |()'\"-]{1,80}\s*\}\}|\{%\s*[\w ]{1,80}%\}|\$\{\s*[\w.]{1,60}\s*\}"
    r"|\[object Object\]"
)
_TO_DO = re.compile(r"(?:TODO|FIXME)(?::.{0,80})?|TBD\.?|[Xx]{3,}|[Pp]laceholder")

# A heading may be about these words; a title or a description is more than one word.
_NO_VALUE = ("undefined", "null", "nan", "none")

# What stands in for a text that is still to be written.
_LOREM_IPSUM = re.compile(r"\blorem ipsum dolor sit\b", re.IGNORECASE)
_AROUND = 40


def _empty_shell(page: Page, thresholds: Thresholds) -> Iterator[Fault]:
    scripts = [code for code in page.facts.codes if code.tag == "script"]
    length = length_of(page.main_text)
    if not scripts or length.words + length.characters >= thresholds["words"]:
        return
    root = next((name for name in _ROOTS if name in page.facts.identifiers), "")
    # A short page that has its heading is short, and not empty.
    if root and not any(heading.text for heading in page.facts.headings):
        yield Fault(
            f"the page has no text before its scripts have run (#{root})", scripts[0].beginning[:80], scripts[0]
        )


def _placeholder(page: Page, thresholds: Thresholds) -> Iterator[Fault]:
    facts = page.facts
    named: list[tuple[str, str, Placed]] = [
        *(("the title", title.text, title) for title in facts.titles if title.region == HEAD),
        *(("the description", meta.content, meta) for meta in facts.descriptions),
    ]
    headings = [("a heading", heading.text, heading) for heading in facts.headings]
    for what, text, element in (*named, *headings):
        has_no_value = what != "a heading" and text.strip().casefold() in _NO_VALUE
        if has_no_value or _TEMPLATE.search(text) or _TO_DO.fullmatch(text.strip()):
            yield Fault(f"{what} holds what a program or a writer should have replaced", text, element)
    if match := _LOREM_IPSUM.search(page.main_text):
        around = page.main_text[max(0, match.start() - _AROUND) : match.end() + _AROUND]
        yield Fault("the text holds what should have been replaced by a text", around)


def _hidden_text(page: Page, thresholds: Thresholds) -> Iterator[Fault]:
    hidden, shown = page.facts.hidden_characters, len(page.main_text)
    share = hidden / max(1, hidden + shown)
    if hidden > thresholds["characters"] and share > thresholds["share"]:
        yield Fault(f"{hidden:,} characters, {share:.0%} of the text, are hidden in the page itself")


RULES = (
    Rule(
        id="content.empty-shell",
        gate=SHOWN,
        severity=ERROR,
        trigger="The page has no text before its scripts have run.",
        why="Many robots run no scripts, those of AI search among them, and find nothing.",
        mend="Have the server, or the build, write the text into the page.",
        source=_JAVASCRIPT,
        reviewed=_REVIEWED,
        check=_empty_shell,
        thresholds={"words": 20},
        effort=A_LOOK,
    ),
    Rule(
        id="content.placeholder",
        gate=SHOWN,
        severity=ERROR,
        trigger="Title, description or a heading hold what should have been replaced, or the text is lorem ipsum.",
        why="Readers see that nobody has looked at the page.",
        mend="Write the text, or give the template its value.",
        source=_HELPFUL,
        reviewed=_REVIEWED,
        check=_placeholder,
        effort=WORDS,
    ),
    Rule(
        id="content.hidden-text",
        gate=SHOWN,
        severity=WARNING,
        trigger="A large part of the text is hidden in the page itself (hidden, display: none).",
        why="Search engines may take it for an attempt to deceive them; what a reader can unfold is none.",
        mend="Show it, or remove it; use <details> for what unfolds.",
        source=_SPAM,
        reviewed=_REVIEWED,
        check=_hidden_text,
        thresholds={"characters": 1200, "share": 0.3},
        effort=A_LOOK,
    ),
)
