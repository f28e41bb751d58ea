"""Makes a site of a folder of Markdown pages with titles and descriptions by editors, as a generator of sites would.

`python -m benchmarks.reading.render FOLDER SITE`: each page gets a navigation, a sidebar with the pages beside it, and
a footer around its text. Nothing of the front matter but title and description is in it.
"""

from __future__ import annotations

import argparse
import re
from html import escape
from pathlib import Path

from markdown_it import MarkdownIt

_FRONT_MATTER = re.compile(r"\A---\r?\n(?P<fields>.*?)\r?\n---\r?\n(?P<text>.*)\Z", re.DOTALL)
_FIELD = re.compile(r"^(?P<name>title|description):[ \t]*(?P<value>.+?)[ \t]*$", re.MULTILINE)
# What an MDX file has beside its text: imports, and elements of components.
_COMPONENT = re.compile(r"^(?:import|export)\b.*$|</?[A-Z][^>]*>", re.MULTILINE)

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta name="description" content="{description}"></head>
<body><div id="top"><a href="/">Home</a> <a href="/docs">Documentation</a> <a href="/blog">Blog</a>
<a href="/community">Community</a></div>
<div class="columns"><div class="left"><h2>On this site</h2><ul>{beside}</ul></div>
<div class="middle">{text}</div></div>
<div id="bottom"><p>Was this page helpful? Tell us on our forum.</p><p>All rights reserved. <a href="/terms">Terms</a>
<a href="/privacy">Privacy</a></p></div></body></html>
"""


def main() -> None:
    """Render a folder, and say how many pages it has."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("site", type=Path)
    arguments = parser.parse_args()
    sources = sorted(path for path in arguments.folder.rglob("*.md*") if path.suffix in (".md", ".mdx"))
    pages = {source: page for source in sources if (page := _parsed(source.read_text("utf-8", "replace")))}
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    for source, (title, description, text) in pages.items():
        beside = "".join(
            f'<li><a href="{escape(other.stem)}.html">{escape(pages[other][0])}</a></li>'
            for other in pages
            if other.parent == source.parent
        )
        target = arguments.site / source.relative_to(arguments.folder).with_suffix(".html")
        target.parent.mkdir(parents=True, exist_ok=True)
        html = _PAGE.format(
            title=escape(title), description=escape(description), beside=beside, text=markdown.render(text)
        )
        target.write_text(html, "utf-8")
    print(f"{len(pages)} of {len(sources)} pages have a title and a description; the site is {arguments.site}")


def _parsed(source: str) -> tuple[str, str, str] | None:
    """Return title, description and text of a page; None without both."""
    match = _FRONT_MATTER.match(source)
    if match is None:
        return None
    fields = {field["name"]: field["value"].strip("\"'") for field in _FIELD.finditer(match["fields"])}
    if not fields.get("title") or not fields.get("description"):
        return None
    return fields["title"], fields["description"], _COMPONENT.sub("", match["text"])


if __name__ == "__main__":
    main()
