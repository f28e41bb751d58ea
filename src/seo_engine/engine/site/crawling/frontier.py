"""The addresses of a crawl, in one SQLite file: which wait, which are done, and where their records are.

An address is marked done in the transaction that follows the write of its record. What the archive holds behind the
last record that is marked was in flight when the crawl was killed: it is cut off, and asked for again.
"""

from __future__ import annotations

import sqlite3
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from seo_engine.engine.site.site import SiteError

# OTHER is what was asked for as a page, and is none.
PAGE, OTHER, SITEMAP, ROBOTS = "page", "other", "sitemap", "robots"

MOST_TRIES = 4
# Each try waits so many times as long as the one before.
_LONGER_EACH_TIME = 4
# A site that needs more sitemaps than this allows names few addresses in each.
_ADDRESSES_OF_A_SITEMAP = 100
# A server that asks for more is asked again after this time.
_LONGEST_WAIT_SECONDS = 600.0

# A server that answers with these may answer otherwise later.
WORTH_ANOTHER_TRY = (429, 500, 502, 503, 504)

BY_ROBOTS = "forbidden by robots.txt"
_HOST_REFUSED = "on a host whose robots.txt could not be fetched"
TOO_MANY = "more addresses than a crawl of this size will reach"

_FETCHED = "SELECT COUNT(*) FROM addresses WHERE kind IN ('page', 'other') AND state = 'done'"

_SCHEMA = """
CREATE TABLE IF NOT EXISTS crawl (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS hosts (
    host TEXT PRIMARY KEY, robots TEXT, refused TEXT NOT NULL DEFAULT '', not_before REAL NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS addresses (
    number INTEGER PRIMARY KEY, address TEXT NOT NULL UNIQUE, host TEXT NOT NULL, kind TEXT NOT NULL,
    depth INTEGER NOT NULL, hops INTEGER NOT NULL,
    state TEXT NOT NULL DEFAULT 'waiting', tries INTEGER NOT NULL DEFAULT 0,
    not_before REAL NOT NULL DEFAULT 0, status INTEGER, sent_bytes INTEGER NOT NULL DEFAULT 0,
    record_at INTEGER, record_bytes INTEGER, reason TEXT
);
CREATE TABLE IF NOT EXISTS passed_over (reason TEXT PRIMARY KEY, number INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS waiting ON addresses (state, depth, number);
"""


class Waiting(NamedTuple):
    """An address that is to be fetched; `hops` counts the redirects that led to it."""

    number: int
    address: str
    kind: str
    depth: int
    hops: int
    tries: int


class Found(NamedTuple):
    """An address that was found, and how."""

    address: str
    kind: str
    depth: int
    hops: int = 0


class Frontier:
    """The addresses of a crawl.

    Args:
        file (Path): Where they are; made if it is missing.
        begun_with (str): What the crawl is of: an address, or a file with a list of them.
        starts (Sequence[Found]): Where it begins.
        most_addresses (int): More are not taken.
        retry_seconds (float): How long an address waits before its second try.

    Raises:
        SiteError: If the file is that of another crawl, or none of ours.
    """

    def __init__(
        self, file: Path, begun_with: str, starts: Sequence[Found], most_addresses: int, retry_seconds: float
    ) -> None:
        self._retry_seconds = retry_seconds
        # The clock of the machine may be set while a crawl runs.
        self._time_before = time.time() - time.monotonic()
        self._flying: dict[int, str] = {}
        try:
            self._database = sqlite3.connect(file, isolation_level=None)
            self._database.execute("PRAGMA journal_mode=WAL")
            self._database.execute("PRAGMA synchronous=NORMAL")
            self._database.executescript(_SCHEMA)
            row = self._database.execute("SELECT value FROM crawl WHERE name = 'begun with'").fetchone()
        except sqlite3.OperationalError as error:
            raise SiteError(f"{file}: cannot be opened: {error}") from None
        except sqlite3.DatabaseError:
            raise SiteError(f"{file}: this is not the list of a crawl; give another folder") from None
        if row is not None and row[0] != begun_with:
            raise SiteError(f"{file.parent}: this folder holds a crawl of {row[0]}; give another folder")
        self._most_sitemaps = most_addresses // _ADDRESSES_OF_A_SITEMAP
        self._room = most_addresses - self._number("SELECT COUNT(*) FROM addresses")
        with self._database:
            self._database.execute("BEGIN")
            self._database.execute("INSERT OR IGNORE INTO crawl VALUES ('begun with', ?)", (begun_with,))
            for table in ("addresses", "hosts"):
                # The clock may have been set back since then.
                self._database.execute(
                    f"UPDATE {table} SET not_before = 0 WHERE not_before > ?", (self._now() + _LONGEST_WAIT_SECONDS,)
                )
            if not self.has_waiting():
                self._take_up_again()
            left_out = self._add(starts)
            if row is None:
                self._count_passed_over({TOO_MANY: left_out})
        self._robots = dict(self._database.execute("SELECT host, robots FROM hosts WHERE robots IS NOT NULL"))
        self._refused = dict(self._database.execute("SELECT host, refused FROM hosts WHERE refused != ''"))
        self.fetched = self._number(_FETCHED)
        self.bytes = self._number("SELECT COALESCE(SUM(sent_bytes), 0) FROM addresses")

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    @property
    def pages_in_flight(self) -> int:
        """int: How many pages are asked for and not answered yet."""
        return sum(kind == PAGE for kind in self._flying.values())

    def compare_with(self, archive_bytes: int) -> int:
        """Have what is marked as done and missing in the archive wait again; return up to where the archive is good.

        Args:
            archive_bytes (int): How long the archive is.
        """
        missing = "record_bytes > 0 AND record_at + record_bytes > ?"
        self._database.execute(
            "UPDATE addresses SET state = 'waiting', tries = 0, not_before = 0, record_at = NULL, record_bytes = NULL "
            f"WHERE state = 'done' AND {missing}",
            (archive_bytes,),
        )
        self.fetched = self._number(_FETCHED)
        return self._number(
            "SELECT COALESCE(MAX(record_at + record_bytes), 0) FROM addresses WHERE state = 'done' AND record_bytes > 0"
        )

    def counts(self) -> dict[str, int]:
        """Return how many addresses are done, wait, and were given up, and how many pages there are."""
        rows = dict(self._database.execute("SELECT state, COUNT(*) FROM addresses GROUP BY state").fetchall())
        pages = self._number("SELECT COUNT(*) FROM addresses WHERE kind = 'page' AND state = 'done' AND status = 200")
        return {
            "done": rows.get("done", 0),
            "waiting": rows.get("waiting", 0),
            "given_up": rows.get("given up", 0),
            "pages": pages,
        }

    def statuses(self) -> dict[int, int]:
        """Return what was answered in place of pages, other than 200, and how often."""
        query = (
            "SELECT status, COUNT(*) FROM addresses WHERE kind = 'page' AND state = 'done' AND status != 200 "
            "GROUP BY status ORDER BY COUNT(*) DESC, status"
        )
        return dict(self._database.execute(query).fetchall())

    def reasons(self) -> dict[str, int]:
        """Return why addresses were given up, and how many for each reason."""
        query = (
            "SELECT reason, COUNT(*) FROM addresses WHERE state = 'given up' "
            "GROUP BY reason ORDER BY COUNT(*) DESC, reason"
        )
        return dict(self._database.execute(query).fetchall())

    def passed_over(self) -> dict[str, int]:
        """Return why addresses were passed over, and how many for each reason."""
        query = "SELECT reason, number FROM passed_over ORDER BY number DESC, reason"
        return dict(self._database.execute(query).fetchall())

    def next(self) -> Waiting | None:
        """Return an address to fetch, and remember that it is in flight; None if none may be fetched now."""
        rows = self._database.execute(
            "SELECT number, address, kind, depth, hops, tries FROM addresses JOIN hosts USING (host) "
            "WHERE state = 'waiting' AND (kind = 'robots' OR robots IS NOT NULL OR refused != '') "
            "AND addresses.not_before <= :now AND hosts.not_before <= :now ORDER BY depth, number LIMIT :most",
            {"now": self._now(), "most": len(self._flying) + 1},
        )
        for row in rows:
            if row[0] not in self._flying:
                waiting = Waiting(*row)
                self._flying[waiting.number] = waiting.kind
                return waiting
        return None

    def has_waiting(self) -> bool:
        """Return whether any address waits, now or later."""
        return bool(self._number("SELECT EXISTS (SELECT 1 FROM addresses WHERE state = 'waiting')"))

    def mark_done(
        self,
        waiting: Waiting,
        status: int,
        sent_bytes: int,
        record: tuple[int, int],
        found: Sequence[Found] = (),
        passed_over: Mapping[str, int] | None = None,
    ) -> None:
        """Mark an address as done, whose record is written, and add what was found there.

        Args:
            waiting (Waiting): The address.
            status (int): What the server answered.
            sent_bytes (int): How much it sent.
            record (tuple[int, int]): Where the record begins, and how long it is.
            found (Sequence[Found]): Addresses to fetch; those that are known are not added again.
            passed_over (Mapping[str, int] | None): Why other addresses are not fetched, and how many.
        """
        begin, length = record
        with self._database:
            self._database.execute("BEGIN")
            self._database.execute(
                "UPDATE addresses SET state = 'done', kind = ?, status = ?, sent_bytes = ?, record_at = ?, "
                "record_bytes = ? WHERE number = ?",
                (waiting.kind, status, sent_bytes, begin, length, waiting.number),
            )
            counts = Counter(passed_over or {})
            pages = [each for each in found if each.kind != SITEMAP]
            sitemaps = [each for each in found if each.kind == SITEMAP and not self._knows(each.address)]
            if sitemaps:
                # They are read before pages, and may name more of them without an end.
                known = self._number("SELECT COUNT(*) FROM addresses WHERE kind = 'sitemap'")
                room = max(0, self._most_sitemaps - known)
                counts[f"sitemap behind {self._most_sitemaps:,} others"] += len(sitemaps[room:])
                del sitemaps[room:]
            counts[TOO_MANY] += self._add([*sitemaps, *pages])
            self._count_passed_over(counts)
        self.fetched += waiting.kind in (PAGE, OTHER)
        self.bytes += sent_bytes
        self._flying.pop(waiting.number, None)

    def give_up(self, waiting: Waiting, reason: str) -> None:
        """Mark an address as one that is not fetched, and why; without its robots.txt, a host is not asked at all."""
        with self._database:
            self._database.execute("BEGIN")
            self._database.execute(
                "UPDATE addresses SET state = 'given up', reason = ? WHERE number = ?", (reason, waiting.number)
            )
            host = host_of(waiting.address)
            if waiting.kind == ROBOTS and host not in self._robots:
                self._database.execute("UPDATE hosts SET refused = ? WHERE host = ?", (reason, host))
                self._refused[host] = reason
        self._flying.pop(waiting.number, None)

    def try_again(self, waiting: Waiting, reason: str, seconds: float = 0.0, *, whole_host: bool = False) -> None:
        """Have an address wait before it is tried again; give it up after `MOST_TRIES`.

        Args:
            waiting (Waiting): The address.
            reason (str): What went wrong.
            seconds (float): How long to wait at least, as a server may say.
            whole_host (bool): Whether all of its host waits.
        """
        tries = waiting.tries + 1
        if tries >= MOST_TRIES:
            self.give_up(waiting, reason)
            return
        seconds = max(seconds, self._retry_seconds * _LONGER_EACH_TIME ** (tries - 1))
        until = self._now() + min(seconds, _LONGEST_WAIT_SECONDS)
        with self._database:
            self._database.execute("BEGIN")
            self._database.execute(
                "UPDATE addresses SET tries = ?, not_before = ? WHERE number = ?", (tries, until, waiting.number)
            )
            if whole_host:
                self._database.execute(
                    "UPDATE hosts SET not_before = MAX(not_before, ?) WHERE host = ?", (until, host_of(waiting.address))
                )
        self._flying.pop(waiting.number, None)

    def know_robots(self, host: str, text: str) -> None:
        """Keep what a host's robots.txt says."""
        self._database.execute("UPDATE hosts SET robots = ? WHERE host = ?", (text, host))
        self._robots[host] = text

    def robots(self, host: str) -> str | None:
        """Return what a host's robots.txt says; None if it is not known."""
        return self._robots.get(host)

    def reason_against(self, host: str) -> str:
        """Return why a host is not asked; empty if it is."""
        return _HOST_REFUSED if host in self._refused else ""

    def _take_up_again(self) -> None:
        """Have what has failed wait again, but for what robots.txt forbids: the crawl had ended."""
        self._database.execute(
            "UPDATE addresses SET state = 'waiting', tries = 0, not_before = 0, reason = NULL "
            "WHERE state = 'given up' AND reason != ?",
            (BY_ROBOTS,),
        )
        self._database.execute(
            "UPDATE addresses SET state = 'waiting', tries = 0, not_before = 0 WHERE state = 'done' AND status IN "
            f"({', '.join(map(str, WORTH_ANOTHER_TRY))})"
        )
        self._database.execute("UPDATE hosts SET refused = '', not_before = 0")

    def _add(self, found: Iterable[Found]) -> int:
        """Add addresses that are new; return how many there was no room for."""
        left_out = 0
        for each in found:
            host = host_of(each.address)
            if self._room <= 0 and not self._knows(each.address):
                left_out += 1
                continue
            is_new = self._database.execute("INSERT OR IGNORE INTO hosts (host) VALUES (?)", (host,)).rowcount
            scheme = urlsplit(each.address).scheme
            robots = [Found(f"{scheme}://{host}/robots.txt", ROBOTS, 0)] if is_new else []
            for address, kind, depth, hops in (*robots, each):
                self._room -= self._database.execute(
                    "INSERT OR IGNORE INTO addresses (address, host, kind, depth, hops) VALUES (?, ?, ?, ?, ?)",
                    (address, host, kind, depth, hops),
                ).rowcount
        return left_out

    def _now(self) -> float:
        return self._time_before + time.monotonic()

    def _knows(self, address: str) -> bool:
        return self._database.execute("SELECT 1 FROM addresses WHERE address = ?", (address,)).fetchone() is not None

    def _count_passed_over(self, counts: Mapping[str, int]) -> None:
        self._database.executemany(
            "INSERT INTO passed_over VALUES (?, ?) ON CONFLICT (reason) DO UPDATE SET number = number + ?",
            [(reason, count, count) for reason, count in counts.items() if count],
        )

    def _number(self, query: str) -> int:
        return int(self._database.execute(query).fetchone()[0])


def host_of(address: str) -> str:
    """Return the host of an address, with its port."""
    return urlsplit(address).netloc
