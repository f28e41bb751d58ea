"""Little trainings: healthy ones, and ones with a bottleneck planted in them.

Their work is sleep. `PlantedClock` counts nothing else, so a machine that is busy with something else changes nothing.
Those that concern memory run in a process of their own: `python -m tests.profiling.reports.planted_trainings NAME`.
"""

from __future__ import annotations

import itertools
import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

from seo_engine.profiling import CodeProfiler, recorder, run_clock
from seo_engine.profiling import profiler as profiler_module
from seo_engine.profiling.regions import measured_regions, regions
from seo_engine.profiling.steps import open_steps

STEPS = 30
MEGABYTES = 10**6


# On the real clock, long enough for the stalls of a busy machine, some milliseconds, to weigh little.
TIMES_AS_LONG = 3


class PlantedClock:
    """A clock that only planted work moves, and each reading of it by 100 ns.

    Args:
        sleeps (bool): Whether the work takes its time nevertheless, so that memory may be looked at meanwhile.
    """

    def __init__(self, sleeps: bool) -> None:
        self._sleeps = sleeps
        self._worked = 0
        self._readings = itertools.count()

    def __call__(self) -> int:
        return self._worked + 100 * next(self._readings)

    def work(self, seconds: float) -> None:
        """Move the clock."""
        if self._sleeps:
            time.sleep(seconds)
        self._worked += int(seconds * 1e9)


# None: the real one.
planted_clock: PlantedClock | None = None

# The modules of the profiler that read the clock in these trainings.
READERS_OF_THE_CLOCK = (profiler_module, run_clock, recorder, open_steps, regions, measured_regions)


def work(seconds: float) -> None:
    """Take a while."""
    if planted_clock is None:
        time.sleep(TIMES_AS_LONG * seconds)
    else:
        planted_clock.work(TIMES_AS_LONG * seconds)


class Samples(Dataset[torch.Tensor]):
    """Random samples, each of which takes a while to load."""

    def __init__(self, number: int, seconds: float = 0.0) -> None:
        self._number = number
        self._seconds = seconds

    def __len__(self) -> int:
        return self._number

    def __getitem__(self, index: int) -> torch.Tensor:
        work(self._seconds)
        return torch.full((16,), float(index))


def loader(steps: int = STEPS, seconds: float = 0.0, **options: Any) -> DataLoader[torch.Tensor]:
    return DataLoader(Samples(4 * steps, seconds), batch_size=4, **options)


class Training:
    """A small model, and the parts of a training step."""

    def __init__(self, profiler: CodeProfiler) -> None:
        self.profile = profiler.profile_operation
        self.model = torch.nn.Sequential(torch.nn.Linear(16, 32), torch.nn.ReLU(), torch.nn.Linear(32, 1))
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=1e-6)

    def step(self, batch: torch.Tensor) -> torch.Tensor:
        with self.profile("forward_pass", "training_loop"):
            loss = self.model(batch).pow(2).mean()
            work(0.02)
        with self.profile("backward_pass", "training_loop"):
            loss.backward()
            work(0.01)
        with self.profile("optimizer_step", "training_loop"):
            self.optimizer.step()
            self.optimizer.zero_grad()
            work(0.005)
        return loss

    def evaluate(self, batches: int = 5) -> None:
        """Evaluate, with regions around its parts as around those of the training."""
        for batch in loader(batches):
            with self.profile("load_batch", "data_loading"):
                work(0.02)
            with self.profile("forward_pass", "model_inference"), torch.no_grad():
                self.model(batch)
                work(0.02)


def train(profiler: CodeProfiler, batches: Iterable[torch.Tensor], each: Callable[[int], None] | None = None) -> None:
    training = Training(profiler)
    for number, batch in enumerate(profiler.profile_steps(batches), start=1):
        training.step(batch)
        if each is not None:
            each(number)


leaked: list[bytearray] = []


def kept_buffer() -> bytearray:
    # Written to: memory that nobody wrote to is not in the process.
    return bytearray(b"x" * 1000) * (4 * MEGABYTES // 1000)


# ------------------------------------------------------------------------------------------ healthy


def healthy(profiler: CodeProfiler) -> None:
    train(profiler, loader())


def healthy_with_a_slow_first_step(profiler: CodeProfiler) -> None:
    def batches() -> Iterator[torch.Tensor]:
        work(1.0)
        yield from loader()

    def each(number: int) -> None:
        with profiler.profile_operation("add_scalar", "experiment_tracking"):
            if number == 1:
                work(0.5)

    train(profiler, batches(), each)


def healthy_of_three_steps(profiler: CodeProfiler) -> None:
    def each(number: int) -> None:
        work(0.5 if number == 2 else 0)

    train(profiler, loader(3, seconds=0.02), each)


def without_training_steps(profiler: CodeProfiler) -> None:
    for page in range(5):
        with profiler.profile_operation(f"page {page}", "site_audit"):
            work(0.01)


def healthy_with_evaluation_between_epochs(profiler: CodeProfiler) -> None:
    training = Training(profiler)
    for _ in range(3):
        for batch in profiler.profile_steps(loader(12)):
            training.step(batch)
        training.evaluate()


def healthy_with_evaluation_between_steps(profiler: CodeProfiler) -> None:
    training = Training(profiler)
    for number, batch in enumerate(loader()):
        with profiler.profile_operation("load_batch", "data_loading"):
            pass
        with profiler.profile_operation("training_step", "training_loop"):
            training.step(batch)
        if number % 10 == 5:
            training.evaluate()


def healthy_in_plain_regions(profiler: CodeProfiler) -> None:
    training = Training(profiler)
    with profiler.profile_operation("load_batch", "data_loading"):
        work(0.5)
    for batch in loader():
        with profiler.profile_operation("load_batch", "data_loading"):
            pass
        training.step(batch)
        with profiler.profile_operation("add_scalar", "experiment_tracking"):
            pass


def healthy_and_short(profiler: CodeProfiler) -> None:
    for _ in profiler.profile_steps([1, 2]):
        with profiler.profile_operation("forward_pass", "training_loop"):
            pass


def healthy_with_accumulated_gradients(profiler: CodeProfiler) -> None:
    training = Training(profiler)
    for number, _ in enumerate(profiler.profile_steps(loader(80)), start=1):
        with profiler.profile_operation("forward_pass", "training_loop"):
            work(0.003)
        with profiler.profile_operation("backward_pass", "training_loop"):
            work(0.003)
        if number % 8 == 0:
            with profiler.profile_operation("optimizer_step", "training_loop"):
                training.optimizer.step()
                work(0.03)


def healthy_that_evaluates_within_its_steps_now_and_then(profiler: CodeProfiler) -> None:
    def each(number: int) -> None:
        if number % 10 == 0:
            with profiler.profile_operation("evaluate", "model_inference"):
                work(0.05)

    train(profiler, loader(), each)


def healthy_that_saves_now_and_then(profiler: CodeProfiler) -> None:
    def each(number: int) -> None:
        if number % 10 == 0:
            with profiler.profile_operation("save_checkpoint", "training_loop"):
                work(0.02)

    train(profiler, loader(), each)


def healthy_with_validation_loops(profiler: CodeProfiler) -> None:
    training = Training(profiler)
    for _ in range(3):
        for batch in profiler.profile_steps(loader(12)):
            training.step(batch)
        with torch.no_grad():
            # Its loader is slow, and its steps are shorter.
            for batch in profiler.profile_steps(loader(4, seconds=0.005)):
                with profiler.profile_operation("forward_pass", "training_loop"):
                    training.model(batch)
                    work(0.01)


def healthy_whose_loops_are_left_early(profiler: CodeProfiler) -> None:
    training, kept = Training(profiler), []
    for _ in range(4):
        batches = enumerate(profiler.profile_steps(loader()))
        kept.append(batches)
        for number, batch in batches:
            training.step(batch)
            if number == 8:
                break
        # Somebody looks at a plot.
        work(5.0)


def healthy_with_a_region_for_each_layer(profiler: CodeProfiler) -> None:
    for _ in profiler.profile_steps(loader()):
        with profiler.profile_operation("forward_pass", "training_loop"):
            for layer in range(24):
                with profiler.profile_operation(f"layer_{layer}", "training_loop"):
                    work(0.001)


def healthy_with_a_test_at_its_end(profiler: CodeProfiler) -> None:
    train(profiler, loader())
    with profiler.profile_operation("test", "model_inference"):
        work(5.0)


# ------------------------------------------------------------------------------------------ slow parts


def evaluations_that_take_most_of_the_time(profiler: CodeProfiler) -> None:
    training = Training(profiler)
    for _ in range(6):
        for batch in profiler.profile_steps(loader(5)):
            training.step(batch)
        with profiler.profile_operation("evaluate", "model_inference"):
            training.evaluate(20)


def evaluations_within_the_steps(profiler: CodeProfiler) -> None:
    training = Training(profiler)
    for number, batch in enumerate(profiler.profile_steps(loader())):
        training.step(batch)
        if number % 5 == 4:
            with profiler.profile_operation("validate", "model_inference"):
                training.evaluate(15)


def checkpoints_that_take_long(profiler: CodeProfiler) -> None:
    def each(number: int) -> None:
        if number % 5 == 0:
            with profiler.profile_operation("save_checkpoint", "training_loop"):
                work(0.1)

    train(profiler, loader(), each)


def tokenizing_within_the_steps(profiler: CodeProfiler) -> None:
    def each(number: int) -> None:
        with profiler.profile_operation("tokenize", "preprocessing"):
            work(0.05)

    train(profiler, loader(), each)


def steps_without_regions(profiler: CodeProfiler) -> None:
    for _ in profiler.profile_steps(loader()):
        work(0.03)


def costly_steps_beside_slightly_slow_ones(profiler: CodeProfiler) -> None:
    def each(number: int) -> None:
        if number % 7 == 5:
            with profiler.profile_operation("forward_pass", "training_loop"):
                work(0.05)
        if number in (20, 40, 60):
            with profiler.profile_operation("plot", "progress_monitoring"):
                work(0.6)

    train(profiler, loader(66), each)


def names_made_in_a_loop(profiler: CodeProfiler) -> None:
    training = Training(profiler)
    for number, batch in enumerate(loader()):
        with profiler.profile_operation(f"step_{number}", "training_loop"):
            training.step(batch)


def slow_loader_behind_a_progress_bar(profiler: CodeProfiler) -> None:
    train(profiler, tqdm(loader(seconds=0.01), disable=True))


def slow_loader_without_workers(profiler: CodeProfiler) -> None:
    train(profiler, loader(seconds=0.01))


def slow_loader_with_two_workers(profiler: CodeProfiler) -> None:
    train(profiler, loader(seconds=0.04, num_workers=2))


def slow_iterator(profiler: CodeProfiler) -> None:
    def batches() -> Iterator[torch.Tensor]:
        for _ in range(STEPS):
            work(0.03)
            yield torch.ones(4, 16)

    train(profiler, batches())


def slow_loading_in_plain_regions(profiler: CodeProfiler) -> None:
    training = Training(profiler)
    for _ in range(STEPS):
        with profiler.profile_operation("load_batch", "data_loading"):
            work(0.03)
        training.step(torch.ones(4, 16))


def slow_steps_now_and_then(profiler: CodeProfiler) -> None:
    def each(number: int) -> None:
        if number % 20 == 0:
            with profiler.profile_operation("optimizer_step", "training_loop"):
                work(0.5)

    train(profiler, loader(65), each)


def regions_that_are_too_small(profiler: CodeProfiler) -> None:
    def each(number: int) -> None:
        for _ in range(15_000):
            with profiler.profile_operation("token", "preprocessing"):
                pass

    train(profiler, loader(), each)


# ------------------------------------------------------------------------------------------ memory


def healthy_that_loads_its_model_first(profiler: CodeProfiler) -> None:
    with profiler.profile_operation("load_model", "model_inference", measure_memory=True):
        kept = [kept_buffer() for _ in range(75)]
        work(0.3)
    train(profiler, loader())
    del kept


def healthy_that_frees_in_backward_what_forward_keeps(profiler: CodeProfiler) -> None:
    for _ in profiler.profile_steps(range(STEPS)):
        with profiler.profile_operation("forward_pass", "training_loop"):
            kept = [kept_buffer() for _ in range(5)]
            work(0.02)
        with profiler.profile_operation("backward_pass", "training_loop"):
            del kept
            work(0.02)


def losses_collected_with_their_graphs(profiler: CodeProfiler) -> None:
    model, losses = torch.nn.Linear(16, 250_000), []
    for batch in profiler.profile_steps(loader()):
        with profiler.profile_operation("forward_pass", "training_loop"):
            losses.append(model(batch).pow(2).mean())
            work(0.02)


def buffers_in_a_list(profiler: CodeProfiler) -> None:
    kept: list[bytearray] = []

    def each(number: int) -> None:
        with profiler.profile_operation("augment", "preprocessing"):
            kept.append(kept_buffer())
            work(0.01)

    train(profiler, loader(), each)


def leak_outside_of_any_region(profiler: CodeProfiler) -> None:
    training = Training(profiler)
    for batch in loader(2 * STEPS):
        training.step(batch)
        leaked.append(kept_buffer())


def main(name: str) -> None:
    """Run one on a planted clock, and print its recommendations as JSON."""
    global planted_clock
    planted_clock = PlantedClock(sleeps=True)
    for module in READERS_OF_THE_CLOCK:
        module.now = planted_clock  # type: ignore[attr-defined]
    # Memory is looked at more often than once a second, so that the training may be short.
    recorder.LOOK_SECONDS = 0.02
    profiler = CodeProfiler()
    globals()[name](profiler)
    print(json.dumps(profiler.recommendations()))


if __name__ == "__main__":
    main(*sys.argv[1:])
