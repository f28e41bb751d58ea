"""The processes that train together: which of them this one is, and what they agree on."""

from __future__ import annotations

import hashlib
import logging
import os
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from seo_engine.tracking import read_launched_process

if TYPE_CHECKING:
    from torch._C._distributed_c10d import Store
    from torch.distributed import ProcessGroup

logger = logging.getLogger(__name__)

Item = TypeVar("Item")

# What is the same for all processes that one launcher starts on a host, and another's is not.
_OF_THE_LAUNCHER = ("SEO_ENGINE_RUN", "TORCHELASTIC_RUN_ID", "MASTER_PORT")
# A file in a folder that torchrun makes anew: above it are one folder for each process, and for each attempt.
_FILE_OF_TORCHRUN = "TORCHELASTIC_ERROR_FILE"

_MEETING = ".meeting_"
# As long as torchrun waits for its processes. A scheduler may start some of them late.
_LONGEST_MEETING_SECONDS = 600.0
_PATIENT_SECONDS = 20.0
_LOOK_SECONDS = 0.05


class Processes:
    """The processes of one training; a process alone has nobody to ask.

    All of them call each method at the same place of the training, because it waits for the others. Used as a context
    manager, which connects them.

    Args:
        folder (Path): A folder that they share, if they are on one host: they meet in a file there.

    Example:
        >>> with Processes(Path("runs")) as processes:
        ...     processes.count, processes.is_first, processes.share(["a", "b"]), processes.any(False)
        (1, True, ['a', 'b'], False)
    """

    def __init__(self, folder: Path) -> None:
        process = read_launched_process(os.environ)
        self.rank, self.count = process.rank, process.processes
        # Whether a launcher has started them again, and counts that.
        self.are_restarted = any(process.restarts or ())
        self._is_on_one_host = process.processes_here == process.processes
        self._meeting_file = folder / f"{_MEETING}{_name_of_launch(process.restarts or ())}"
        self._has_connected = False
        self._group: ProcessGroup | None = None

    @property
    def is_first(self) -> bool:
        """bool: Whether this process reports and saves for all of them."""
        return self.rank == 0

    def share(self, items: Sequence[Item]) -> list[Item]:
        """Return which of some items this process works on; all processes together have each of them once.

        Args:
            items (Sequence[Item]): The same in every process.
        """
        return list(items[self.rank :: self.count])

    def gather(self, results: Sequence[Item]) -> list[Item]:
        """Return the results of all processes, in the order of the items that `share` has shared.

        Args:
            results (Sequence[Item]): One for each item of this process.
        """
        every = self.all(list(results))
        shortest = min(len(each) for each in every)
        # The first processes may have one more.
        return [each[place] for place in range(shortest) for each in every] + [
            each[shortest] for each in every if len(each) > shortest
        ]

    def all(self, value: Item) -> list[Item]:
        """Return what each process gives, in the order of their ranks."""
        if self.count == 1:
            return [value]
        import torch.distributed

        every: list[Any] = [None] * self.count
        torch.distributed.all_gather_object(every, value, group=self._group)
        return every

    def any(self, is_so: bool) -> bool:
        """Return whether something is so in any of the processes."""
        if self.count == 1:
            return is_so
        import torch.distributed

        flag = torch.tensor([int(is_so)])
        torch.distributed.all_reduce(flag, op=torch.distributed.ReduceOp.MAX, group=self._group)
        return bool(flag.item())

    def __enter__(self) -> Self:
        if self.count > 1:
            self._connect()
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._has_connected:
            if error_type is None:
                import torch.distributed

                # After an error, the others may never come to this place.
                torch.distributed.destroy_process_group()
            self._has_connected = False
            self._meeting_file.unlink(missing_ok=True)

    def _connect(self) -> None:
        """Connect the processes.

        Raises:
            ValueError: If the launcher does not say how, one does not come, or there are more processes than GPUs.
        """
        import torch.distributed
        from accelerate import PartialState

        on_gpu = torch.cuda.is_available()
        local_rank = int(os.environ.setdefault("LOCAL_RANK", str(self.rank)))
        if on_gpu and local_rank >= torch.cuda.device_count():
            raise ValueError(f"there are more processes than the {torch.cuda.device_count()} GPUs of this machine")
        if not torch.distributed.is_initialized():
            self._has_connected = True
            if self._is_on_one_host and (_FILE_OF_TORCHRUN in os.environ or "MASTER_ADDR" not in os.environ):
                # Through the store of torchrun, gloo does not connect again after the kill of a process.
                store = self._meet()
                backend = "nccl" if on_gpu else "gloo"
                torch.distributed.init_process_group(backend, store=store, rank=self.rank, world_size=self.count)
        # What the Trainer uses; it knows the variables of most launchers.
        if PartialState(cpu=not on_gpu).num_processes != self.count:
            raise ValueError(
                f"the launcher of these {self.count} processes does not say how they connect; start them with "
                "torchrun, accelerate launch, or --processes"
            )
        # A group of processors, so that no GPU is waited for.
        self._group = torch.distributed.new_group(backend="gloo")

    def _meet(self) -> Store:
        """Wait until all processes are there: in Python, because nothing could interrupt torch's own waiting."""
        import torch.distributed

        folder = self._meeting_file.parent
        folder.mkdir(parents=True, exist_ok=True)
        if self.is_first:
            for left_by_a_kill in set(folder.glob(f"{_MEETING}*")) - {self._meeting_file}:
                left_by_a_kill.unlink(missing_ok=True)
        # Its stubs do not name it as public; the documentation does.
        store = torch.distributed.FileStore(  # type: ignore[attr-defined]
            str(self._meeting_file), self.count
        )
        store.set(f"here/{self.rank}", "")
        began, is_said = time.monotonic(), False
        # All at once, because each look reads the file.
        while not store.check([f"here/{rank}" for rank in range(self.count)]):
            waited = time.monotonic() - began
            if waited > _LONGEST_MEETING_SECONDS:
                raise ValueError(f"{self._missing(store)} did not come within {_LONGEST_MEETING_SECONDS:.0f} seconds")
            if waited > _PATIENT_SECONDS and not is_said:
                is_said = True
                logger.warning("⚠️ Waiting for %s", self._missing(store))
            time.sleep(_LOOK_SECONDS)
        return store

    def _missing(self, store: Store) -> str:
        missing = [rank for rank in range(self.count) if not store.check([f"here/{rank}"])]
        return f"process {missing[0]} of {self.count}" if len(missing) == 1 else f"{len(missing)} processes"


def _name_of_launch(restarts: Sequence[int]) -> str:
    known = [os.environ.get(name, "") for name in _OF_THE_LAUNCHER]
    if path := os.environ.get(_FILE_OF_TORCHRUN):
        known.append(str(Path(path).parent.parent))
    return hashlib.sha256(repr((known, list(restarts))).encode()).hexdigest()[:16]
