"""The list of a crawl's addresses: what is fetched next, and what is left after a kill."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from seo_engine.engine.site.crawling.archive import Archive
from seo_engine.engine.site.crawling.frontier import (
    BY_ROBOTS,
    MOST_TRIES,
    PAGE,
    ROBOTS,
    SITEMAP,
    TOO_MANY,
    Found,
    Frontier,
    Waiting,
)
from seo_engine.engine.site.site import SiteError

START = "https://a.example/"


def opened(folder: Path, most_addresses: int = 1_000) -> Frontier:
    return Frontier(folder / "frontier.sqlite", START, [Found(START, PAGE, 0)], most_addresses, retry_seconds=0.0)


def begun(folder: Path, **settings: int) -> Frontier:
    frontier = opened(folder, **settings)
    robots = following(frontier)
    assert robots.kind == ROBOTS
    frontier.know_robots("a.example", "")
    frontier.mark_done(robots, 404, 0, (0, 0))
    return frontier


def following(frontier: Frontier) -> Waiting:
    waiting = frontier.next()
    assert waiting is not None
    return waiting


def pages(*names: str) -> list[Found]:
    return [Found(START + name, PAGE, 1) for name in names]


def test_nothing_is_asked_of_a_host_before_its_robots_txt(tmp_path: Path) -> None:
    frontier = opened(tmp_path)
    robots = following(frontier)
    assert robots.address == "https://a.example/robots.txt" and frontier.next() is None
    frontier.know_robots("a.example", "User-agent: *")
    assert following(frontier).address == START
    assert frontier.robots("a.example") == "User-agent: *" and frontier.robots("b.example") is None


def test_what_was_in_flight_is_asked_for_again_and_what_is_done_is_not(tmp_path: Path) -> None:
    frontier = begun(tmp_path)
    start = following(frontier)
    frontier.mark_done(start, 200, 10, (0, 100), pages("b", "c", "b"))
    assert following(frontier).address == START + "b"
    frontier.close()
    again = opened(tmp_path)
    assert again.compare_with(5_000) == 100
    assert [following(again).address for _ in range(2)] == [START + "b", START + "c"]
    assert again.next() is None
    assert again.counts() == {"done": 2, "waiting": 2, "given_up": 0, "pages": 1}
    assert (again.fetched, again.bytes) == (1, 10)


def test_the_nearest_addresses_are_asked_first(tmp_path: Path) -> None:
    frontier = begun(tmp_path)
    frontier.mark_done(following(frontier), 200, 0, (0, 0), [Found(START + "far", PAGE, 7), *pages("near")])
    assert [following(frontier).address for _ in range(2)] == [START + "near", START + "far"]


def test_pages_whose_records_are_gone_from_the_archive_wait_again(tmp_path: Path) -> None:
    frontier = begun(tmp_path)
    archive = Archive(tmp_path / "site.warc.gz")
    for name in ("", "b", "c"):
        waiting = following(frontier)
        assert waiting.address == START + name
        record = archive.record(waiting.address, 200, [], b"<title>Pots</title>")
        place = archive.append(record)
        frontier.mark_done(waiting, 200, 0, place, pages("b", "c"))
    os.truncate(tmp_path / "site.warc.gz", place[0] + 5)
    archive = Archive(tmp_path / "site.warc.gz")
    assert frontier.compare_with(archive.bytes) == place[0]
    assert following(frontier).address == START + "c" and frontier.next() is None


def test_an_address_is_given_up_after_its_last_try_and_taken_up_when_the_crawl_is_started_anew(tmp_path: Path) -> None:
    frontier = begun(tmp_path)
    for tries in range(MOST_TRIES):
        waiting = following(frontier)
        assert waiting.tries == tries
        frontier.try_again(waiting, "no answer in time")
    assert frontier.next() is None and not frontier.has_waiting()
    assert frontier.reasons() == {"no answer in time": 1}
    frontier.close()
    assert following(opened(tmp_path)).address == START


def test_what_robots_txt_forbids_is_not_taken_up_again(tmp_path: Path) -> None:
    frontier = begun(tmp_path)
    frontier.give_up(following(frontier), BY_ROBOTS)
    frontier.close()
    assert opened(tmp_path).next() is None


def test_a_kill_does_not_take_up_what_was_given_up(tmp_path: Path) -> None:
    frontier = begun(tmp_path)
    frontier.mark_done(following(frontier), 200, 0, (0, 0), pages("b", "c"))
    frontier.give_up(following(frontier), "no answer in time")
    frontier.close()
    again = opened(tmp_path)
    assert following(again).address == START + "c" and again.next() is None


def test_a_host_without_an_answer_for_robots_txt_is_refused_until_the_crawl_is_started_anew(tmp_path: Path) -> None:
    frontier = opened(tmp_path)
    frontier.give_up(following(frontier), "answered with 503")
    assert frontier.reason_against("a.example") and not frontier.reason_against("b.example")
    frontier.give_up(following(frontier), frontier.reason_against("a.example"))
    assert not frontier.has_waiting()
    frontier.close()
    again = opened(tmp_path)
    assert following(again).kind == ROBOTS and again.next() is None and not again.reason_against("a.example")


def test_a_host_that_asks_to_wait_is_left_alone(tmp_path: Path) -> None:
    frontier = begun(tmp_path)
    frontier.mark_done(following(frontier), 200, 0, (0, 0), pages("b", "c"))
    asked, other = following(frontier), following(frontier)
    frontier.try_again(asked, "answered with 429", seconds=60, whole_host=True)
    frontier.try_again(other, "answered with 503", whole_host=True)
    assert frontier.next() is None and frontier.has_waiting()


def test_a_site_without_an_end_does_not_fill_the_disk(tmp_path: Path) -> None:
    frontier = begun(tmp_path, most_addresses=5)
    frontier.mark_done(following(frontier), 200, 0, (0, 0), pages(*map(str, range(100))))
    assert sum(frontier.counts()[state] for state in ("done", "waiting")) == 5
    assert frontier.passed_over() == {TOO_MANY: 97}
    frontier.mark_done(following(frontier), 200, 0, (0, 0), pages("0", "new"))
    assert frontier.passed_over() == {TOO_MANY: 98}


def test_another_crawl_and_another_file_are_refused(tmp_path: Path) -> None:
    opened(tmp_path).close()
    with pytest.raises(SiteError, match=r"this folder holds a crawl of https://a\.example/; give another folder"):
        Frontier(tmp_path / "frontier.sqlite", "https://b.example/", [], 10, 0.0)
    (tmp_path / "other").write_bytes(b"no database at all" * 100)
    with pytest.raises(SiteError, match="this is not the list of a crawl; give another folder"):
        Frontier(tmp_path / "other", START, [], 10, 0.0)


def test_sitemaps_are_bounded_and_the_others_counted(tmp_path: Path) -> None:
    frontier = begun(tmp_path, most_addresses=1_000)
    sitemaps = [Found(f"{START}{number}.xml", SITEMAP, 0) for number in range(12)]
    frontier.mark_done(following(frontier), 200, 9, (0, 0), [*sitemaps, *pages("a")])
    assert frontier.passed_over() == {"sitemap behind 10 others": 2}
    assert [following(frontier).kind for _ in range(11)] == [SITEMAP] * 10 + [PAGE]


def test_a_sitemap_that_is_known_takes_no_room(tmp_path: Path) -> None:
    frontier = begun(tmp_path, most_addresses=300)
    sitemaps = [Found(f"{START}{number}.xml", SITEMAP, 0) for number in range(3)]
    frontier.mark_done(following(frontier), 200, 9, (0, 0), sitemaps[:2])
    frontier.mark_done(following(frontier), 200, 9, (0, 0), sitemaps)
    assert frontier.passed_over() == {} and [following(frontier).address for _ in range(2)] == [
        f"{START}1.xml",
        f"{START}2.xml",
    ]


def test_starts_for_which_there_is_no_room_are_counted_once(tmp_path: Path) -> None:
    for _ in range(2):
        frontier = Frontier(tmp_path / "frontier.sqlite", START, pages(*"abcdef"), 4, retry_seconds=0.0)
        assert frontier.passed_over() == {TOO_MANY: 3}
        frontier.close()


def test_a_clock_that_is_set_back_keeps_nothing_waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now)
    frontier = begun(tmp_path)
    frontier.try_again(following(frontier), "answered with 503", 60, whole_host=True)
    frontier.close()
    # Within the longest wait, the server's word holds.
    assert opened(tmp_path).next() is None
    monkeypatch.setattr(time, "time", lambda: now - 365 * 86_400)
    assert following(opened(tmp_path)).address == START


def test_a_clock_that_is_set_back_during_a_crawl_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now)
    frontier = begun(tmp_path)
    monkeypatch.setattr(time, "time", lambda: now - 86_400)
    frontier.try_again(following(frontier), "the connection is refused")
    assert following(frontier).tries == 1
