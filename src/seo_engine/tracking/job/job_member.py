"""JobMember: how one process of a job tells which runs, and which attempts of them, are its own."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from seo_engine.tracking.job.job_identity import agent_of, launcher_of
from seo_engine.tracking.job.launcher import LaunchedProcess
from seo_engine.tracking.records.marks.run_marks import FIRST_ATTEMPT, Attempt, attempt_of
from seo_engine.tracking.runs.lifecycle import is_open, read_end
from seo_engine.tracking.runs.rank_presence import Signature, signatures

NO_RESTARTS = (0, 0)


class JobMember(NamedTuple):
    """One process of a job of several.

    Args:
        process (LaunchedProcess): Which of them.
        identity (str | None): What all of them, and no others, have in common, if that can be told.
        launcher (str | None): The process that has started all of them, if they are on one host.
        agent (str | None): The process of torchrun that has started those of this host.
        launched (str | None): The process that this agent has started as this rank: this one, or an ancestor of it.
    """

    process: LaunchedProcess
    identity: str | None = None
    launcher: str | None = None
    agent: str | None = None
    launched: str | None = None

    @classmethod
    def of_this_process(
        cls, environment: Mapping[str, str], process: LaunchedProcess, identity: str | None
    ) -> JobMember:
        """Return this process.

        Args:
            environment (Mapping[str, str]): The environment variables.
            process (LaunchedProcess): Which process of the job this is.
            identity (str | None): As `job_identity` returns it.
        """
        if process.processes == 1:
            return cls(process, identity)
        agent, launched = agent_of(environment)
        return cls(process, identity, launcher_of(environment, process), agent, launched)

    def signature(self, attempt: Attempt, wandb_run_id: str | None) -> Signature:
        """Return how this process signs that it is its rank.

        Args:
            attempt (Attempt): Which attempt of the job this is.
            wandb_run_id (str | None): The id of the run.
        """
        host, names = platform.node(), (self.identity, self.launcher, self.agent, self.launched)
        return Signature(host, os.getpid(), attempt, *names, wandb_run_id)

    def is_of_same_job(self, other: Signature) -> bool:
        """Return whether another process belongs to this job, as far as both say."""
        ours, theirs = (self.identity, self.launcher), (other.job, other.launcher)
        return all(one is None or another is None or one == another for one, another in zip(ours, theirs, strict=True))

    def attempt_in(self, directory: Path) -> Attempt | None:
        """Return as which attempt this process belongs to a run of its job; None if it does not.

        Args:
            directory (Path): The run's folder.
        """
        known = signatures(directory)
        last = _last_attempt(known)
        here = known.get(self.process.rank)
        if self.process.restarts is None:
            return self._attempt_of_ray(directory, last, here)
        attempt = (last[0], *self.process.restarts)
        if self.agent is not None:
            attempt = max(attempt, self._attempt_of_agent(known, last, here))
        if attempt > last:
            return attempt
        fellows = [each for each in known.values() if each.attempt == attempt]
        # This rank may have been there already, in this attempt or a later one.
        if attempt < last or here in fellows or not all(map(self.is_of_same_job, fellows)):
            return None
        if _has_ended(directory, attempt):
            return None
        is_known = self._is_started_with(fellows) or self._agent_is_in(known)
        return attempt if is_known or is_open(directory) else None

    def attempt_of_resumption(self, directory: Path) -> Attempt:
        """Return as which attempt this process goes on in a run that all processes of its job resume by name.

        Args:
            directory (Path): The run's folder.
        """
        known = signatures(directory)
        last = _last_attempt(known)
        fellows = {rank: each for rank, each in known.items() if each.attempt[0] == last[0]}
        # One of them may have come and gone already: it has been fast, or the others late.
        is_begun = (
            bool(fellows)
            and self.process.rank not in fellows
            and all(map(self.is_of_same_job, fellows.values()))
            and not _has_ended(directory, last)
            and (self._is_started_with(fellows.values()) or self._agent_is_in(known) or is_open(directory))
        )
        return (last[0] + (not is_begun), *(self.process.restarts or NO_RESTARTS))

    def _is_started_with(self, fellows: Iterable[Signature]) -> bool:
        return self.launcher is not None and any(each.launcher == self.launcher for each in fellows)

    def _agent_is_in(self, known: Mapping[int, Signature]) -> bool:
        return self.agent is not None and any(each.agent == self.agent for each in known.values())

    def _attempt_of_agent(self, known: Mapping[int, Signature], last: Attempt, here: Signature | None) -> Attempt:
        """Return which attempt it is for torchrun, whose agents count by themselves, and not when hosts come or go."""
        if here is None or here.attempt < last:
            # This rank has not been there yet in the last attempt.
            return last
        # An agent has one job only: what it starts as a rank that has been there, it starts again.
        is_started_again = here.launched != self.launched and self._agent_is_in(known)
        return (last[0], last[1], last[2] + 1) if is_started_again else FIRST_ATTEMPT

    def _attempt_of_ray(self, directory: Path, last: Attempt, here: Signature | None) -> Attempt | None:
        """Return the same for a worker of Ray, which counts no attempts: one that comes again is the next one."""
        if here is None:
            return None if _has_ended(directory, last) else last
        end = read_end(directory)
        if end is not None and end["status"] == "finished":
            return None
        return max(last, (here.attempt[0], here.attempt[1], here.attempt[2] + 1))


def _last_attempt(known: Mapping[int, Signature]) -> Attempt:
    return max((each.attempt for each in known.values()), default=FIRST_ATTEMPT)


def _has_ended(directory: Path, attempt: Attempt) -> bool:
    """Return whether a run has ended in this attempt, or in a later one."""
    end = read_end(directory)
    return end is not None and attempt_of(end) >= attempt
