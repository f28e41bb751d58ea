"""The queue to a journal that is not there yet, in a forked child."""

from __future__ import annotations

import threading
from pathlib import Path

from seo_engine.tracking.journal.awaited_queue import AwaitedQueue


def test_a_forked_child_does_not_wait_for_the_thread_that_looked_for_the_journal(tmp_path: Path) -> None:
    awaited = AwaitedQueue(tmp_path, 0)
    holds, may_let_go, has_looked = threading.Event(), threading.Event(), threading.Event()

    def look() -> None:
        with awaited._looking:
            holds.set()
            may_let_go.wait()

    def log() -> None:
        awaited.append(b'{"kind":"text"}\n')
        awaited.write_waiting()
        has_looked.set()

    # In the child, the first thread would never let go.
    threading.Thread(target=look, daemon=True).start()
    holds.wait()
    awaited.renew_after_fork()
    threading.Thread(target=log, daemon=True).start()
    assert has_looked.wait(timeout=30)
    may_let_go.set()
    awaited.close()
