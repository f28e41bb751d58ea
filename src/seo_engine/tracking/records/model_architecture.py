"""A model's printed form and parameter counts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypedDict, get_type_hints

from seo_engine.foundation.settings import check_type
from seo_engine.foundation.texts import as_json_data
from seo_engine.tracking.journal.fitting import cut_text
from seo_engine.tracking.journal.lines import Record
from seo_engine.tracking.payloads.payload import Payloads
from seo_engine.tracking.records.kind import Kind, Shown

_MOST_BYTES = 100_000


class ModelArchitecture(TypedDict):
    """A model as plain data: its printed form and parameter counts."""

    text: str
    parameters: int
    trainable_parameters: int


def describe_model(model: Any) -> ModelArchitecture:
    """Describe a model as plain data.

    Args:
        model (torch.nn.Module): Any module.

    Returns:
        ModelArchitecture: Its printed form, at most 100,000 bytes, and its parameter counts.
    """
    return {
        "text": cut_text(as_json_data(str(model)), _MOST_BYTES),
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "trainable_parameters": sum(p.numel() for p in model.parameters() if p.requires_grad),
    }


def _contents(architecture: Any) -> Record:
    if not isinstance(architecture, Mapping):
        return {"architecture": describe_model(architecture)}
    _check(architecture)
    return {"architecture": architecture}


def _check(architecture: Mapping[str, Any]) -> None:
    expected_types = get_type_hints(ModelArchitecture)
    if missing := expected_types.keys() - architecture.keys():
        raise TypeError(f"a model's architecture must have {', '.join(sorted(missing))}")
    for name, expected in expected_types.items():
        check_type(name, architecture[name], expected)


def _shown(record: Record, payloads: Payloads) -> Shown:
    _check(record["architecture"])
    return Shown(MODEL_ARCHITECTURE, record, settings={"model_architecture": record["architecture"]})


MODEL_ARCHITECTURE = Kind(
    "model_architecture", "log_model_architecture", {"architecture": dict}, _shown, _contents, subject="architecture"
)
