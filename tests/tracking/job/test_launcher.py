"""Which process of a job this is, and which job, as each launcher's variables say it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

from seo_engine.tracking.job.job_identity import job_identity
from seo_engine.tracking.job.launcher import LaunchedProcess, read_launched_process

SLURM = {"SLURM_PROCID": "2", "SLURM_NTASKS": "4", "SLURM_JOB_ID": "7", "SLURM_STEP_ID": "0"}


@pytest.mark.parametrize(
    ("variables", "rank", "processes"),
    [
        ({}, 0, 1),
        ({"RANK": "2", "WORLD_SIZE": "4"}, 2, 4),
        ({"PMI_RANK": "2", "PMI_SIZE": "4"}, 2, 4),
        ({"OMPI_COMM_WORLD_RANK": "2", "OMPI_COMM_WORLD_SIZE": "4"}, 2, 4),
        ({"MV2_COMM_WORLD_RANK": "2", "MV2_COMM_WORLD_SIZE": "4"}, 2, 4),
        ({"JSM_NAMESPACE_RANK": "2", "JSM_NAMESPACE_SIZE": "4"}, 2, 4),
        (SLURM, 2, 4),
        # A shell that SLURM opened, and a batch script, are not one of several processes.
        (SLURM | {"SLURM_JOB_NAME": "bash"}, 0, 1),
        (SLURM | {"SLURM_JOB_NAME": "interactive"}, 0, 1),
        ({"SLURM_PROCID": "2", "SLURM_NTASKS": "4", "SLURM_JOB_ID": "7"}, 0, 1),
        # torchrun within srun.
        (SLURM | {"RANK": "9", "WORLD_SIZE": "16"}, 9, 16),
        ({"RANK": "", "WORLD_SIZE": "4"}, 0, 1),
        ({"RANK": "-1", "WORLD_SIZE": "4"}, 0, 1),
        # Left in a shell, beyond the count, and no numbers that a launcher sets.
        ({"RANK": "3"}, 0, 1),
        ({"RANK": "5", "WORLD_SIZE": "4"}, 0, 1),
        ({"RANK": "²", "WORLD_SIZE": "³"}, 0, 1),
        ({"RANK": "1", "WORLD_SIZE": "9" * 5000}, 0, 1),
        ({"MASTER_PORT": "29500", "LOCAL_RANK": "3"}, 0, 1),
    ],
)
def test_rank_and_number_of_processes(variables: dict[str, str], rank: int, processes: int) -> None:
    process = read_launched_process(variables)
    assert (process.rank, process.processes) == (rank, processes)


@pytest.mark.parametrize(
    ("variables", "identity"),
    [
        ({"TORCHELASTIC_RUN_ID": "3b", "SLURM_JOB_ID": "7"}, "torchelastic:3b"),
        ({"SEO_ENGINE_RUN": "mine", "TORCHELASTIC_RUN_ID": "3b"}, "run:mine"),
        (SLURM, "slurm:7..0"),
        (SLURM | {"SLURM_ARRAY_TASK_ID": "5"}, "slurm:7.5.0"),
        ({"PMIX_NAMESPACE": "host@1"}, "pmix:host@1"),
        ({"PBS_JOBID": "12.host", "PBS_ARRAY_INDEX": "3"}, "pbs:12.host.3"),
        ({"LSB_JOBID": "9", "LSB_JOBINDEX": "1"}, "lsf:9.1"),
    ],
)
def test_the_identity_of_a_job_of_several_processes(variables: dict[str, str], identity: str) -> None:
    assert job_identity(variables, LaunchedProcess(processes=4)) == identity


@pytest.mark.parametrize("variables", [SLURM, {"PBS_JOBID": "12"}, {"PMIX_NAMESPACE": "host@1"}, {"LSB_JOBID": "9"}])
def test_what_a_scheduler_starts_alone_shares_nothing(variables: dict[str, str]) -> None:
    assert job_identity(variables, LaunchedProcess()) is None


@pytest.mark.parametrize(
    ("variables", "attempt"),
    [
        ({}, (0, 0)),
        ({"TORCHELASTIC_RESTART_COUNT": "2"}, (0, 2)),
        ({"SLURM_RESTART_COUNT": "1", "TORCHELASTIC_RESTART_COUNT": "0"}, (1, 0)),
    ],
)
def test_a_restart_of_the_scheduler_or_the_launcher_is_a_later_attempt(
    variables: dict[str, str], attempt: tuple[int, int]
) -> None:
    assert read_launched_process(variables | {"RANK": "0", "WORLD_SIZE": "2"}).restarts == attempt


class RayContext:
    """What `ray.train.get_context()` returns in a worker."""

    def get_world_rank(self) -> int:
        return 2

    def get_world_size(self) -> int:
        return 4

    def get_local_world_size(self) -> int:
        return 2

    def get_experiment_name(self) -> str:
        return "sweep"


def test_ray_is_asked_if_it_is_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "ray.train", SimpleNamespace(get_context=RayContext))
    process = read_launched_process({"RANK": "0", "WORLD_SIZE": "1"})
    assert process == LaunchedProcess(2, 4, 2, None)
    assert job_identity({"TORCHELASTIC_RUN_ID": "3b"}, process) == "ray:sweep"


def test_a_process_that_imports_ray_outside_a_worker_is_none_of_its_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    def refuse() -> None:
        raise RuntimeError("`get_context` must be called in a worker")

    monkeypatch.setitem(sys.modules, "ray.train", SimpleNamespace(get_context=refuse))
    assert read_launched_process({"RANK": "3", "WORLD_SIZE": "4"}).rank == 3


def test_an_identity_of_any_bytes_is_plain_text() -> None:
    identity = job_identity({"SEO_ENGINE_RUN": "r\udcff"}, LaunchedProcess(processes=4))
    assert identity == "run:r\\xff"


LEADER = """
import json, os, subprocess, sys
child = "from seo_engine.tracking.job.launcher import *; from seo_engine.tracking.job.job_identity import *\\n" \
    "import os; print(job_identity(os.environ, read_launched_process(os.environ)))"
subprocess.run([sys.executable, "-c", child], env=os.environ | json.loads(sys.argv[1]))
"""


@pytest.mark.parametrize("is_torchrun", [True, False])
def test_a_session_leader_is_a_launcher_only_if_it_is_torchrun(is_torchrun: bool) -> None:
    variables = {"RANK": "0", "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2"}
    # As the first process of a container.
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            LEADER,
            json.dumps(variables | ({"TORCHELASTIC_RUN_ID": "none"} if is_torchrun else {})),
        ],
        start_new_session=True,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("launcher:") is is_torchrun, done.stdout + done.stderr


# As Kubernetes sets it for a pod of one process, and as a shell may have it left over.
@pytest.mark.parametrize("inherited", [{"RANK": "0", "WORLD_SIZE": "1"}, {"RANK": "0"}])
def test_what_started_the_ranks_is_no_rank_although_it_has_the_variables_of_another_job(
    inherited: dict[str, str],
) -> None:
    own = {"RANK": "0", "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2"}
    rank = (
        "import os; from seo_engine.tracking.job.launcher import *; print(process_of_rank(os.environ).pid, os.getpid())"
    )
    launcher = f"import os, subprocess, sys; subprocess.run([sys.executable, '-c', {rank!r}], env=os.environ | {own})"
    done = subprocess.run(
        [sys.executable, "-c", launcher], env=os.environ | inherited, capture_output=True, text=True, check=True
    )
    process_of_rank, itself = done.stdout.split()
    assert process_of_rank == itself, done.stderr
