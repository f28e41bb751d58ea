"""Hyperparameters for TensorBoard's HPARAMS tab."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from seo_engine.tracking.records.settings import flattened

# TensorBoard takes the first `session_start_info` of a run. An `experiment` summary, which SummaryWriter.add_hparams
# writes too, would fix the columns of all runs to those of one run.
_START, _END = "_hparams_/session_start_info", "_hparams_/session_end_info"

_STATUSES = {"finished": "STATUS_SUCCESS", "failed": "STATUS_FAILURE"}


class HyperparametersTab:
    """Collects the hyperparameters of a run until its first metric, when the HPARAMS tab takes them, once.

    Example:
        >>> tab = HyperparametersTab()
        >>> tab.collect({"optimizer": {"name": "adam"}, "learning_rate": 0.1})
        []
        >>> [value.tag for value in tab.start(1.0).value]
        ['_hparams_/session_start_info']
        >>> tab.collect({"learning_rate": 0.2, "optimizer": {"name": "adam"}})
        ['learning_rate']
    """

    def __init__(self) -> None:
        self.is_written = False
        self._collected: dict[str, Any] = {}

    def collect(self, hyperparameters: Mapping[str, Any]) -> list[str]:
        """Add hyperparameters, and return the names of those that come too late for the tab.

        Args:
            hyperparameters (Mapping[str, Any]): As they were logged; nested ones get names such as `optimizer.name`.
        """
        flat = dict(flattened(hyperparameters))
        if not self.is_written:
            self._collected |= flat
        return [name for name, value in flat.items() if name not in self._collected or self._collected[name] != value]

    def start(self, moment: float) -> Any:
        """Return the summary of what has been collected, an empty one if there is nothing; what follows comes too late.

        Args:
            moment (float): Seconds since 1970.
        """
        self.is_written = True
        if not self._collected:
            return _summary()
        from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData, SessionStartInfo

        info = SessionStartInfo(start_time_secs=moment)
        for name, value in self._collected.items():
            # The tab shows what is missing as missing; a None written as text would turn the whole column into text.
            if value is not None:
                _set(info.hparams[name], value)
        return _summary(_START, HParamsPluginData(session_start_info=info))

    def end(self, status: str, moment: float) -> Any:
        """Return the summary of a run's end; an empty one if the run may be resumed, or the tab does not show it.

        The tab keeps the first end that it sees, so a run that was interrupted or killed has none yet.

        Args:
            status (str): How the run ended.
            moment (float): Seconds since 1970.
        """
        if not self._collected or status not in _STATUSES:
            return _summary()
        from tensorboard.plugins.hparams.api_pb2 import Status
        from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData, SessionEndInfo

        info = SessionEndInfo(status=Status.Value(_STATUSES[status]), end_time_secs=moment)
        return _summary(_END, HParamsPluginData(session_end_info=info))


def _summary(tag: str = "", data: Any = None) -> Any:
    from tensorboard.compat.proto.summary_pb2 import Summary

    if data is None:
        return Summary()
    from tensorboard.plugins.hparams.metadata import create_summary_metadata

    return Summary(value=[Summary.Value(tag=tag, metadata=create_summary_metadata(data))])


def _set(field: Any, value: Any) -> None:
    """Set a protobuf value, of which there are three types."""
    if isinstance(value, bool):
        field.bool_value = value
    elif isinstance(value, int | float) and math.isfinite(value):
        field.number_value = value
    else:
        # TensorBoard's page fails on numbers that JSON does not have.
        field.string_value = str(value)
