"""What reads bytes that somebody else may have written: each takes any bytes, and raises only for a fault."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import msgspec

from seo_engine.config import SEOConfig
from seo_engine.engine.site.crawling.sitemaps import is_sitemap, read_sitemap
from seo_engine.engine.site.document.encoding import decode
from seo_engine.engine.site.document.places import SourcePlaces
from seo_engine.engine.site.hosting.hosts import host_of
from seo_engine.engine.site.hosting.served_folder import ServedFolder
from seo_engine.engine.site.page import Page
from seo_engine.engine.site.parsing import read_document
from seo_engine.engine.site.response import NO_RESPONSE, Response
from seo_engine.tracking.artifacts.store import ArtifactStore
from seo_engine.tracking.configuration import TrackingConfig
from seo_engine.tracking.delivery.logging_worker import LoggingWorker
from seo_engine.tracking.history.listing import list_runs
from seo_engine.tracking.journal.reader import JournalReader
from seo_engine.tracking.runs.ledger import DeliveryState, read_delivery, update_delivery
from seo_engine.tracking.runs.lifecycle import read_lifecycle
from seo_engine.tracking.runs.places import RunNotFoundError, create_run_directory, find_run
from seo_engine.tracking.trackers.memory_tracker import MemoryTracker

FOLDER = Path(tempfile.mkdtemp(prefix="seo_engine_fuzzing_"))
_CONFIG = TrackingConfig()
_SERVED = Response(200, (("content-type", "text/html; charset=shift_jis"),))


def journal(data: bytes) -> None:
    """A journal is listed, and delivered or counted line by line."""
    run = FOLDER / "journal" / "run"
    run.mkdir(parents=True, exist_ok=True)
    (run / "journal.jsonl").write_bytes(data)
    (summary,) = list_runs(run.parent)
    # As `runs show --json` prints it.
    json.dumps([summary.status, summary.step, summary.configuration, summary.hyperparameters, summary.timings])
    try:
        read_lifecycle(run)
    except ValueError as error:
        assert "\n" not in str(error)
    with JournalReader(run / "journal.jsonl") as reader:
        worker = LoggingWorker(MemoryTracker(), reader, _CONFIG)
        worker.deliver_available()
        state = worker.state
        lines = sum(bool(line.content.strip()) for line in reader.lines())
    assert state.last_error is None, state.last_error
    assert state.accepted == state.delivered + sum(state.dropped.values()) + state.pending == lines
    assert not state.pending


def delivery(data: bytes) -> None:
    """A `delivery.json` is read as ledgers, or as none; and can be written over."""
    path = FOLDER / "delivery.json"
    path.write_bytes(data)
    states = read_delivery(path)
    assert all(isinstance(state.pending, int) and isinstance(state.details, dict) for state in states.values())
    update_delivery(path, {"tensorboard": DeliveryState(accepted=1, delivered=1)})
    assert read_delivery(path)["tensorboard"].delivered == 1


def run_name(data: bytes) -> None:
    """A name of a run is refused, or is a folder within that of all runs; one that is looked up is found or not."""
    name = data.decode("utf-8", errors="surrogateescape")
    runs = FOLDER / "runs"
    runs.mkdir(exist_ok=True)
    try:
        TrackingConfig(experiment_name=name)
    except ValueError as error:
        assert "\n" not in str(error)
    else:
        made = create_run_directory(runs, name)
        assert made.parent == runs and made.resolve().parent == runs.resolve() and made.is_dir()
        shutil.rmtree(made)
    try:
        find_run(runs, name)
    except RunNotFoundError as error:
        assert "\n" not in str(error)


def configuration(data: bytes) -> None:
    """A file of settings gives a configuration, or one line that says what is wrong with it."""
    path = FOLDER / "seo.toml"
    path.write_bytes(data)
    try:
        SEOConfig.from_toml(path)
    except ValueError as error:
        assert str(error).startswith(str(path)) and "\n" not in str(error), error


def document(data: bytes) -> None:
    """Bytes are a page, the same after its way between two processes; each of its elements stands somewhere or nowhere.

    The first byte says how the document is served.
    """
    served, document = data[:1], data[1:]
    path = "a.xhtml" if served < b"4" else "a.html"
    address = "https://a.example/b/" if served > b"C" else ""
    page = read_document(document, path, own_address=address, response=_SERVED if served > b"T" else NO_RESPONSE)
    facts = page.facts
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(page), type=Page) == page
    source = decode(document).text
    for link in facts.links:
        position = SourcePlaces(source).position_of(link, "href", link.written)
        assert position is None or position.line > 0
    assert facts.size.bytes == len(document)
    assert len(page.links) == sum(link.is_page_link and link.written is not None for link in facts.links)
    assert "\n" not in page.title + page.description
    # What is derived from the facts, for any of them.
    assert all(directive for _, directive in facts.robots)
    assert all(refresh.seconds >= 0 for refresh in facts.refreshes)


def manifest(data: bytes) -> None:
    """A manifest is a version whose files stay in their folder, or one line that says what is wrong with it."""
    folder = FOLDER / "artifacts"
    store = ArtifactStore(folder)
    path = folder / "names" / "model" / "v0.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    listed = store.versions("model")
    assert len(listed.known) + len(listed.problems) == 1
    assert not any("\n" in problem for problem in listed.problems)
    for version in listed.known:
        assert all((folder / file.path).resolve().is_relative_to(folder.resolve()) for file in version.files)
        assert store.verify().versions == len(listed.present)


def sitemap(data: bytes) -> None:
    """A sitemap names addresses, or nothing."""
    is_sitemap(data)
    found = read_sitemap(data, most=100)
    assert len(found.pages) + len(found.sitemaps) <= 100 and found.left_out >= 0
    assert all(isinstance(address, str) for address in (*found.pages, *found.sitemaps))


def hosting(data: bytes) -> None:
    """The configuration of a host has rules, or lines without effect; the first byte says of which host it is."""
    folder = FOLDER / "served"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    (folder / "index.html").write_text("<title>Pots</title>")
    names = ("_redirects", "_headers", "netlify.toml", "vercel.json", ".htaccess")
    name = names[data[0] % len(names)] if data else names[0]
    (folder / name).write_bytes(data[1:])
    host, _ = host_of(folder)
    served = ServedFolder(folder, host, "https://a.example/")
    for path in ("/", "/index.html", "/missing", "/%C3%BC", "/a/b.php?c=d"):
        answer = served.answer(f"https://a.example{path}")
        assert 100 <= answer.status <= 999, answer


TARGETS: dict[str, Callable[[bytes], None]] = {
    target.__name__: target
    for target in (journal, delivery, run_name, configuration, document, manifest, sitemap, hosting)
}
