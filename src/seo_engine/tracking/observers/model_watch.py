"""ModelWatch: norms, histograms, zeros and NaN of a model's gradients and parameters, now and then."""

from __future__ import annotations

import importlib
import logging
import os
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, NamedTuple

from seo_engine.foundation.texts import one_line

if TYPE_CHECKING:
    import torch

logger = logging.getLogger(__name__)

# Of each tensor a histogram has at most this many of its values, evenly spaced.
MOST_SAMPLES = 4_096

# So many elements are looked at together: what is computed of them takes as many bytes.
_ELEMENTS_AT_ONCE = 1 << 24

# Of the time between two watched steps, looking may take so much before it is done half as often.
LARGEST_SHARE = 0.05

_GRADIENTS, _PARAMETERS = "gradients", "parameters"
_FIGURES = ("norm", "zeros", "not_finite")


class Watched(NamedTuple):
    """What was found at a watched step.

    Args:
        step (int): The step.
        metrics (dict[str, float]): Norm, share of zeros, and share of what is not finite, by name.
        samples (dict[str, Any]): Arrays of values for histograms, by name.
    """

    step: int
    metrics: dict[str, float]
    samples: dict[str, Any]


class _Copied(NamedTuple):
    """What is being copied from the device: the figures of all tensors, their samples, and an event after both."""

    step: int
    names: list[str]
    figures: torch.Tensor
    samples: torch.Tensor
    sizes: list[int]
    event: Any


class ModelWatch:
    """Looks at a model before every so many steps of its optimizer.

    What is found on a GPU is copied without waiting, and reported at the next watched step. The optimizer is found by
    itself: the first one that has a parameter of the model.

    Args:
        model (torch.nn.Module): The model.
        report (Callable[[Watched], None]): Is given what was found.
        timed (Callable[[], AbstractContextManager[Any]]): Returns what times a look at the model.
        every_steps (int): How many steps of the optimizer lie between two watched ones.
        patterns (Sequence[str]): Names of parameters to look at, in which `*` stands for any text.
        gradients (bool): Whether to look at gradients.
        parameters (bool): Whether to look at the parameters themselves.
        first_step (int): The step before the first one.

    Raises:
        TypeError: If it is not a model, or the patterns are no list.
        ValueError: If a number is not positive, or nothing is to be looked at.
    """

    def __init__(
        self,
        model: torch.nn.Module,
        report: Callable[[Watched], None],
        timed: Callable[[], AbstractContextManager[Any]] = nullcontext,
        *,
        every_steps: int = 100,
        patterns: Sequence[str] = ("*",),
        gradients: bool = True,
        parameters: bool = False,
        first_step: int = 0,
    ) -> None:
        if not hasattr(model, "named_parameters"):
            raise TypeError(f"model must be a torch.nn.Module, got a value of type {type(model).__name__}")
        if isinstance(every_steps, bool) or not isinstance(every_steps, int) or every_steps < 1:
            raise ValueError(f"every_steps must be a positive whole number, got {every_steps!r}")
        if isinstance(patterns, str):
            raise TypeError(f"patterns must be a list of names, got {patterns!r}")
        if not gradients and not parameters:
            raise ValueError("watch_model must look at gradients, parameters, or both")
        self._watched = {
            name: parameter
            for name, parameter in model.named_parameters()
            if any(fnmatchcase(name, pattern) for pattern in patterns)
        }
        if not self._watched:
            raise ValueError(f"no parameter of the model is named like {', '.join(patterns)}")
        self._report, self._timed = report, timed
        self._every_steps = every_steps
        self._sorts = [_GRADIENTS] * gradients + [_PARAMETERS] * parameters
        self._step = first_step
        self._steps_until_next = 1
        self._optimizer: Callable[[], Any] = lambda: None
        self._are_ours: weakref.WeakKeyDictionary[Any, bool] = weakref.WeakKeyDictionary()
        self._copied: _Copied | None = None
        self._said_none = False
        self._looked_at: float | None = None
        self._is_stopped = False
        self._process = os.getpid()
        optimizers: Any = importlib.import_module("torch.optim.optimizer")
        self._hook = optimizers.register_optimizer_step_pre_hook(self._before_step)

    @property
    def every_steps(self) -> int:
        """int: How many steps lie between two watched ones; more than was asked for if looking takes too long."""
        return self._every_steps

    def stop(self) -> None:
        """Report what was found last, and look no more; a second call does nothing."""
        self._is_stopped = True
        self._hook.remove()
        if os.getpid() == self._process and self._copied is not None:
            try:
                with self._timed():
                    self._report_copied()
            except Exception as error:  # a device that failed
                logger.warning("⚠️ What was last seen of the model is lost: %s", one_line(error))

    def _before_step(self, optimizer: Any, arguments: Any, keywords: Any) -> None:
        if self._is_stopped:
            return
        try:
            if self._is_clock(optimizer) and os.getpid() == self._process:
                self._step += 1
                self._steps_until_next -= 1
                if not self._steps_until_next:
                    with self._timed():
                        self._look()
                    self._steps_until_next = self._every_steps
        except Exception as error:  # a training must not end because somebody looks at it
            logger.warning("⚠️ The model is not watched any more: %s", one_line(error))
            # The hook stays until `stop`: torch is walking over all of them.
            self._copied, self._is_stopped = None, True

    def _is_clock(self, optimizer: Any) -> bool:
        """Return whether this is the optimizer whose steps are counted."""
        if self._optimizer() is optimizer:
            return True
        if self._optimizer() is not None:
            return False
        if optimizer not in self._are_ours:
            ours = {id(parameter) for parameter in self._watched.values()}
            self._are_ours[optimizer] = any(
                id(parameter) in ours for group in optimizer.param_groups for parameter in group["params"]
            )
        if self._are_ours[optimizer]:
            self._optimizer = weakref.ref(optimizer)
        return self._are_ours[optimizer]

    def _look(self) -> None:
        began = time.perf_counter()
        self._report_copied()
        tensors = dict(self._tensors())
        if tensors:
            self._copied = _copied(self._step, tensors)
        elif not self._said_none:
            self._said_none = True
            logger.warning("⚠️ watch_model finds no gradients: pass the model whose parameters the optimizer has")
        if self._copied is not None and self._copied.event is None:
            # It is in the memory of this machine.
            self._report_copied()
        ended = time.perf_counter()
        if self._looked_at is not None:
            self._bound_cost(ended - began, began - self._looked_at)
        self._looked_at = ended

    def _tensors(self) -> Iterator[tuple[str, torch.Tensor]]:
        for sort in self._sorts:
            for name, parameter in self._watched.items():
                tensor: Any = parameter.grad if sort == _GRADIENTS else parameter
                if tensor is None or tensor.is_meta or not tensor.numel():
                    continue
                if hasattr(tensor, "to_local"):
                    # The part of this process.
                    tensor = tensor.to_local()
                if tensor.is_sparse:
                    tensor = tensor.coalesce().values()
                yield f"{sort}/{name}", tensor.detach()

    def _report_copied(self) -> None:
        copied, self._copied = self._copied, None
        if copied is None:
            return
        if copied.event is not None:
            # Long done: it is many steps ago.
            copied.event.synchronize()
        metrics: dict[str, float] = {}
        samples: dict[str, Any] = {}
        every_sample: Any = copied.samples
        for name, figures, sample in zip(
            copied.names, copied.figures.tolist(), every_sample.split(copied.sizes), strict=True
        ):
            metrics |= {f"{name}/{figure}": value for figure, value in zip(_FIGURES, figures, strict=True)}
            if figures[_FIGURES.index("not_finite")] < 1:
                samples[name] = sample.numpy()
        self._report(Watched(copied.step, metrics, samples))

    def _bound_cost(self, seconds: float, since_last: float) -> None:
        """Look half as often if it takes too much of the time, and say so."""
        if seconds <= LARGEST_SHARE * since_last:
            return
        self._every_steps *= 2
        logger.warning(
            "⚠️ watch_model took %.0f ms, more than %.0f %% of the time since it looked last: "
            "it now looks every %d steps; patterns=[…] names fewer parameters",
            1_000 * seconds,
            100 * LARGEST_SHARE,
            self._every_steps,
        )


def _copied(step: int, tensors: dict[str, torch.Tensor]) -> _Copied:
    """Compute the figures of all tensors where they are, and begin to copy them to the memory of this machine."""
    torch_module: Any = importlib.import_module("torch")
    with torch_module.no_grad():
        figures = [_figures(tensor, torch_module) for tensor in tensors.values()]
        samples = [_sample(tensor) for tensor in tensors.values()]
        # A model may be on several devices.
        device = figures[0].device
        together = torch_module.stack([each.to(device, non_blocking=True) for each in figures])
        values = torch_module.cat([each.to(device, non_blocking=True) for each in samples])
    sizes = [len(each) for each in samples]
    if device.type != "cuda":
        return _Copied(step, list(tensors), together.cpu(), values.cpu(), sizes, None)
    here = [torch_module.empty(each.shape, dtype=each.dtype, pin_memory=True) for each in (together, values)]
    for copy, each in zip(here, (together, values), strict=True):
        copy.copy_(each, non_blocking=True)
    event = torch_module.cuda.Event()
    event.record()
    return _Copied(step, list(tensors), here[0], here[1], sizes, event)


def _figures(tensor: Any, torch_module: Any) -> Any:
    """Return norm, share of zeros and share of what is not finite, without waiting for the device."""
    flat = tensor.reshape(-1)
    squares, zeros, not_finite = 0.0, 0.0, 0.0
    for part in flat.split(_ELEMENTS_AT_ONCE):
        squares = squares + torch_module.linalg.vector_norm(part, dtype=torch_module.float32).square()
        zeros = zeros + (part.numel() - torch_module.count_nonzero(part))
        not_finite = not_finite + (part.numel() - part.isfinite().sum())
    norm = torch_module.sqrt(squares)
    count = flat.numel()
    return torch_module.stack([norm, zeros / count, not_finite / count])


def _sample(tensor: Any) -> Any:
    flat = tensor.reshape(-1)
    apart = max(1, -(-flat.numel() // MOST_SAMPLES))
    return flat[::apart].float()
