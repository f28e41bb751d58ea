"""How a run of several ranks ended, given how each of them did."""

from __future__ import annotations

import pytest

from seo_engine.tracking.records.marks.run_marks import ErrorDescription
from seo_engine.tracking.runs.rank_ends import RankLife, run_end


def error(name: str, message: str = "") -> ErrorDescription:
    return {"type": name, "message": f"{name}: {message}", "traceback": "…"}


CAUSE = error("ValueError", "the loss is not a number")
BROKEN = error("RuntimeError", "[/pytorch/third_party/gloo/gloo/transport/tcp/pair.cc:537] Connection closed by peer")
FINISHED, VANISHED = RankLife(status="finished"), RankLife()


def failed(cause: ErrorDescription | None, ended: float = 1.0) -> RankLife:
    return RankLife(status="failed", error=cause, ended=ended)


@pytest.mark.parametrize(
    ("ranks", "status", "cause"),
    [
        ([FINISHED, FINISHED], "finished", None),
        ([FINISHED, VANISHED], "killed", None),
        # The launcher kills the others.
        ([VANISHED, failed(CAUSE), VANISHED], "failed", CAUSE),
        # An error of a collective comes from a rank that is gone, whenever it was raised.
        ([failed(BROKEN, 1.0), failed(CAUSE, 2.0)], "failed", CAUSE),
        ([failed(BROKEN), VANISHED], "killed", None),
        ([failed(BROKEN), FINISHED], "failed", BROKEN),
        ([failed(error("KeyError"), 2.0), failed(CAUSE, 1.0)], "failed", CAUSE),
        # An error that is known says more than an earlier one that is not.
        ([failed(None, 1.0), failed(CAUSE, 2.0)], "failed", CAUSE),
        ([failed(None)], "failed", None),
        ([RankLife(status="interrupted"), FINISHED], "interrupted", None),
        ([RankLife(status="interrupted"), VANISHED], "killed", None),
    ],
)
def test_the_status_and_the_cause(ranks: list[RankLife], status: str, cause: ErrorDescription | None) -> None:
    end = run_end(dict(enumerate(ranks)), len(ranks))
    assert (end.status, end.error) == (status, cause)


def test_ranks_that_never_came_are_named_as_far_as_a_record_has_room() -> None:
    end = run_end({1: FINISHED}, 3)
    assert (end.status, end.rank_status, end.missing) == ("finished", None, [0, 2])
    assert len(run_end({}, 10**9).missing) == 1_000
