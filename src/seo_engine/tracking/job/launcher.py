"""Reads which of how many processes of a training this one is, as its launcher says."""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from seo_engine.foundation.texts import number_in

if TYPE_CHECKING:
    import psutil

logger = logging.getLogger(__name__)

# The variables of each launcher: rank, number of processes, and number of processes on this host. In this order,
# because `torchrun` may run within MPI or SLURM, and `mpirun` within SLURM.
_LAUNCHERS = (
    ("RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE"),
    ("PMI_RANK", "PMI_SIZE", "MPI_LOCALNRANKS"),
    ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_SIZE"),
    ("MV2_COMM_WORLD_RANK", "MV2_COMM_WORLD_SIZE", "MV2_COMM_WORLD_LOCAL_SIZE"),
    ("JSM_NAMESPACE_RANK", "JSM_NAMESPACE_SIZE", "JSM_NAMESPACE_LOCAL_SIZE"),
)

# In a shell that SLURM has opened, its variables say nothing about what is typed there.
_INTERACTIVE_JOBS = ("bash", "interactive")


class LaunchedProcess(NamedTuple):
    """One of the processes that train together.

    `processes_here` is how many of them are on this host, and 0 if the launcher does not say. `restarts` counts the
    restarts of the scheduler and of the launcher; a later attempt is greater. It is None where nobody counts them.
    """

    rank: int = 0
    processes: int = 1
    processes_here: int = 0
    restarts: tuple[int, int] | None = (0, 0)


def read_launched_process(environment: Mapping[str, str]) -> LaunchedProcess:
    """Return which process of the training this one is.

    Args:
        environment (Mapping[str, str]): The environment variables.

    Returns:
        LaunchedProcess: The only process, if no launcher says otherwise.

    Example:
        >>> read_launched_process({"RANK": "3", "WORLD_SIZE": "4", "TORCHELASTIC_RESTART_COUNT": "1"})
        LaunchedProcess(rank=3, processes=4, processes_here=0, restarts=(0, 1))
        >>> read_launched_process({"SLURM_PROCID": "3", "SLURM_NTASKS": "4"}).rank  # not within `srun`
        0
    """
    scheduler, launcher = (_number(environment, f"{each}_RESTART_COUNT") or 0 for each in ("SLURM", "TORCHELASTIC"))
    restarts = scheduler, launcher
    ray_context = ray_train_context()
    if ray_context is not None:
        return LaunchedProcess(
            int(ray_context.get_world_rank()),
            int(ray_context.get_world_size()),
            int(ray_context.get_local_world_size()),
            restarts=None,
        )
    for rank, processes, processes_here in _launchers(environment):
        number, count = _number(environment, rank), _number(environment, processes)
        # A rank alone, such as one that was left in a shell, or one beyond the count says nothing.
        if number is not None and count is not None and number < count:
            return LaunchedProcess(number, count, _number(environment, processes_here) or 0, restarts)
    return _process_of_group() or LaunchedProcess(restarts=restarts)


def _process_of_group() -> LaunchedProcess | None:
    """Return what torch knows: a script that starts its ranks by itself, as with `mp.spawn`, may set no variable."""
    distributed = sys.modules.get("torch.distributed")
    if distributed is None or not distributed.is_available() or not distributed.is_initialized():
        return None
    return LaunchedProcess(distributed.get_rank(), distributed.get_world_size())


def process_of_rank(environment: Mapping[str, str]) -> psutil.Process:
    """Return the process that the launcher has started: this one, or the one that has started it, directly or not.

    Args:
        environment (Mapping[str, str]): The environment variables.

    Raises:
        psutil.Error: If this process cannot be looked at.
    """
    import psutil

    process = psutil.Process()
    names = next((each for each in _launchers(environment) if _number(environment, each[0]) is not None), None)
    if names is None:
        return process
    for parent in process.parents():
        try:
            # A launcher has no rank itself, or that of another job, of another size, within which it was started.
            of_parent = parent.environ()
        except psutil.Error:
            break
        if any(of_parent.get(name) != environment.get(name) for name in names):
            break
        process = parent
    return process


def ray_train_context() -> Any:
    """Return the context of a worker of Ray Train, or None elsewhere; Ray is asked only if it is imported already."""
    ray_train = sys.modules.get("ray.train")
    if ray_train is None:
        return None
    try:
        context = ray_train.get_context()
        # Outside a worker, asking raises.
        return context if context.get_world_rank() is not None else None
    except Exception as error:
        logger.debug("This process is no worker of Ray Train: %s", error)
        return None


def is_under_torchrun(environment: Mapping[str, str]) -> bool:
    """Return whether `torchrun` started this process.

    Args:
        environment (Mapping[str, str]): The environment variables.
    """
    return "TORCHELASTIC_RUN_ID" in environment


def is_within_srun(environment: Mapping[str, str]) -> bool:
    """Return whether `srun` started this process as one of several; in a batch script or shell, nothing is shared.

    Args:
        environment (Mapping[str, str]): The environment variables.
    """
    return (
        "SLURM_STEP_ID" in environment
        and (_number(environment, "SLURM_NTASKS") or 0) > 1
        and environment.get("SLURM_JOB_NAME") not in _INTERACTIVE_JOBS
    )


def _launchers(environment: Mapping[str, str]) -> Sequence[tuple[str, str, str]]:
    slurm = [("SLURM_PROCID", "SLURM_NTASKS", "")] if is_within_srun(environment) else []
    return [*_LAUNCHERS, *slurm]


def _number(environment: Mapping[str, str], name: str) -> int | None:
    return number_in(environment.get(name, ""))
