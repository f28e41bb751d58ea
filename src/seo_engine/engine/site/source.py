"""Whatever holds a site -> the site: a folder, a WARC file, or what another crawler has exported."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from seo_engine.engine.site.exports.advertools import read_advertools
from seo_engine.engine.site.exports.screaming_frog import read_screaming_frog
from seo_engine.engine.site.folder import read_site
from seo_engine.engine.site.reading.passes import Progress, unseen
from seo_engine.engine.site.site import Site, SiteError
from seo_engine.engine.site.warc import read_warc

_WARC = (".warc", ".warc.gz")
_ADVERTOOLS = (".jl", ".jsonl")
_SCREAMING_FROG = (".csv",)


def read_source(
    source: str | Path,
    *,
    base_url: str = "",
    host: str = "",
    progress: Progress = unseen,
) -> Site:
    """Read a site from what holds it.

    Args:
        source (str | Path): A folder; a WARC file (`.warc`, `.warc.gz`); a crawl by advertools (`.jl`) or by Screaming
            Frog (`.csv`), whose pages have only the facts that it has.
        base_url (str): Where a folder is served; empty if nobody knows.
        host (str): Who serves a folder; empty for the one whose configuration is found.
        progress (Progress): Called after each page of a folder or a WARC file, with what is done, for how many pages,
            and how many there are.

    Returns:
        Site: The site.

    Raises:
        SiteError: If it cannot be read, or is none of these.
        MissingExtraError: If an extra that is needed is not installed.
    """
    if not str(source):
        raise SiteError("the source is empty; give the folder that holds the site's HTML files")
    path = Path(source)
    if not path.is_file():
        return read_site(source, base_url=base_url, host=host, progress=progress)
    if base_url or host:
        raise SiteError(f"{source}: base_url and host are for folders; the pages of this file have addresses")
    name = path.name.lower()
    passed_over: Counter[str] = Counter()
    redirects: dict[str, tuple[int, str]] = {}
    if name.endswith(_WARC):
        return read_warc(path, progress=progress)
    if not name.endswith((*_ADVERTOOLS, *_SCREAMING_FROG)):
        raise SiteError(
            f"{source}: this is not a folder; give the folder that holds the site's HTML files, a WARC file "
            "(.warc.gz), or a crawl by advertools (.jl) or Screaming Frog (.csv)"
        )
    try:
        if name.endswith(_ADVERTOOLS):
            pages = tuple(read_advertools(path, passed_over, redirects))
        else:
            pages = tuple(read_screaming_frog(path, passed_over, redirects))
    except OSError as error:
        raise SiteError(f"{source}: cannot be read: {error.strerror}") from None
    if not pages:
        raise SiteError(f"{source}: there is no page in it")
    return Site(path, pages, passed_over, redirects=redirects)
