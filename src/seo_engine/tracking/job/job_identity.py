"""Says which processes belong to one job, so that they share one run, without asking any of them."""

from __future__ import annotations

import logging
import os
import platform
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from seo_engine.tracking.job.launcher import (
    LaunchedProcess,
    is_under_torchrun,
    is_within_srun,
    process_of_rank,
    ray_train_context,
)

if TYPE_CHECKING:
    import psutil

logger = logging.getLogger(__name__)

# Names the run that every process of a job joins.
RUN_VARIABLE = "SEO_ENGINE_RUN"

# What `torchrun` calls a job that nobody has named.
_UNNAMED_JOB = "none"

# One shell may start several jobs.
_SHELLS = frozenset(("ash", "bash", "csh", "dash", "fish", "ksh", "nu", "pwsh", "sh", "tcsh", "xonsh", "zsh"))

# How long a launcher takes to start all processes of a host, if it does not say how many there are.
_LONGEST_START_SECONDS = 1.0
_LOOK_SECONDS = 0.05

_SCHEDULERS = (
    ("pmix", ("PMIX_NAMESPACE",)),
    ("pbs", ("PBS_JOBID", "PBS_ARRAY_INDEX")),
    ("lsf", ("LSB_JOBID", "LSB_JOBINDEX")),
)


def job_identity(environment: Mapping[str, str], process: LaunchedProcess) -> str | None:
    """Return what all processes of this job, and no others, have in common.

    Args:
        environment (Mapping[str, str]): The environment variables.
        process (LaunchedProcess): This process.

    Returns:
        str | None: The same text in each process and each attempt of the job; None if it cannot be told.

    Example:
        >>> job_identity({"TORCHELASTIC_RUN_ID": "7c2f"}, LaunchedProcess(processes=2))
        'torchelastic:7c2f'
    """
    identity = _identity(environment, process)
    # Bytes that are no Unicode are written as such.
    return identity.encode(errors="surrogateescape").decode(errors="backslashreplace") if identity is not None else None


def _identity(environment: Mapping[str, str], process: LaunchedProcess) -> str | None:
    if name := environment.get(RUN_VARIABLE):
        return f"run:{name}"
    ray_context = ray_train_context()
    if ray_context is not None:
        return f"ray:{ray_context.get_experiment_name()}{_ray_trial(ray_context)}"
    name = environment.get("TORCHELASTIC_RUN_ID", _UNNAMED_JOB)
    if name not in ("", _UNNAMED_JOB):
        return f"torchelastic:{name}"
    if process.processes == 1:
        # What a scheduler or a launcher starts alone has nothing to share: a job's script may start several of these.
        return None
    if is_within_srun(environment) and (job := environment.get("SLURM_JOB_ID")):
        parts = (job, environment.get("SLURM_ARRAY_TASK_ID", ""), environment["SLURM_STEP_ID"])
        return f"slurm:{'.'.join(parts)}"
    for scheduler, variables in _SCHEDULERS:
        if environment.get(variables[0]):
            return f"{scheduler}:{'.'.join(environment.get(each, '') for each in variables)}"
    return launcher_of(environment, process, waits=True)


def launcher_of(environment: Mapping[str, str], process: LaunchedProcess, *, waits: bool = False) -> str | None:
    """Return a name for the process of this host that has started all processes of the job, and only those.

    Args:
        environment (Mapping[str, str]): The environment variables.
        process (LaunchedProcess): This process.
        waits (bool): Whether to wait for a launcher that may be about to start the others.

    Returns:
        str | None: None if there is no such process, or if it cannot be told. Rank 0 does not ask how many there are:
            if the others have another launcher, they do not find what has this name.
    """
    import psutil

    try:
        parent = process_of_rank(environment).parent()
        if parent is None or parent.name() in _SHELLS:
            return None
        # A session leader is a terminal's shell or a container's first process, which starts all sorts of things,
        # unless it is torchrun.
        if os.getsid(parent.pid) == parent.pid and not is_under_torchrun(environment):
            return None
        if process.rank != 0 and _count_started(parent, process, waits) < process.processes:
            return None
        return f"launcher:{_name_of(parent)}"
    except (psutil.Error, OSError):
        return None


def agent_of(environment: Mapping[str, str]) -> tuple[str, str] | tuple[None, None]:
    """Return names for the process of torchrun on this host, and for the process that it has started as this rank.

    Args:
        environment (Mapping[str, str]): The environment variables.

    Returns:
        tuple[str, str] | tuple[None, None]: The second is this process, or an ancestor of it; both are None if it was
            not torchrun.
    """
    import psutil

    if not is_under_torchrun(environment):
        return None, None
    try:
        launched = process_of_rank(environment)
        parent = launched.parent()
        if parent is None or parent.name() in _SHELLS:
            return None, None
        return _name_of(parent), _name_of(launched)
    except psutil.Error:
        return None, None


def _name_of(process: psutil.Process) -> str:
    return f"{platform.node()}.{process.pid}.{process.create_time():.2f}"


def _count_started(parent: psutil.Process, process: LaunchedProcess, waits: bool) -> int:
    """Return how many processes of the job its launcher has started on this host."""
    if process.processes_here:
        return process.processes_here
    deadline = time.monotonic() + (_LONGEST_START_SECONDS if waits else 0.0)
    # It may be about to start the others.
    while (started := len(parent.children())) < process.processes and time.monotonic() < deadline:
        time.sleep(_LOOK_SECONDS)
    return started


def _ray_trial(context: Any) -> str:
    """Return which trial of its experiment a worker of Ray belongs to; empty where Ray has no trials."""
    try:
        return f".{context.get_trial_id()}"
    except Exception as error:  # newer versions refuse to say it
        logger.debug("Ray does not name a trial: %s", error)
        return ""
