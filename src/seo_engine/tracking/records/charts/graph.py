"""The graph of a model: what it computes from what."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

import orjson

from seo_engine.foundation.extras import MissingExtraError, import_of_extra
from seo_engine.foundation.redaction import redact_text
from seo_engine.foundation.texts import one_line
from seo_engine.tracking.journal.lines import Record
from seo_engine.tracking.payloads.encodings import GRAPH as GRAPH_ENCODING
from seo_engine.tracking.payloads.payload import Payload, Payloads
from seo_engine.tracking.records.forms import Graph, GraphNode
from seo_engine.tracking.records.kind import MOMENT, PAYLOADS, Kind, Shown, described, plain_text
from seo_engine.tracking.records.metrics import metric_name


def _contents(model: Any, inputs: Any, epoch: float, step: int, *, most_bytes: int) -> Record:
    nodes = _traced(model, inputs)
    return {
        "name": metric_name("graphs", "model"),
        "epoch": epoch,
        "step": step,
        "nodes": len(nodes),
        PAYLOADS: [Payload(orjson.dumps(nodes), GRAPH_ENCODING)],
    }


def _traced(model: Any, inputs: Any) -> list[GraphNode]:
    """Return the nodes of a model that is run once, in evaluation mode, for that."""
    if not hasattr(model, "forward"):
        raise TypeError(f"model must be a torch.nn.Module, got {described(model)}")
    try:
        definitions = _definitions(model, inputs)
    except Exception as error:  # of a foreign model, anything may be raised
        if isinstance(error, MissingExtraError):
            raise
        raise ValueError(f"the model cannot be traced with these inputs: {redact_text(one_line(error))}") from None
    return [_node(definition) for definition in definitions]


def _definitions(model: Any, inputs: Any) -> list[Any]:
    """Trace a model as `SummaryWriter.add_graph` does, which would print what goes wrong."""
    torch: Any = import_of_extra("torch", extra="tracking", needed_by="a graph")
    tracing: Any = import_of_extra("torch.utils.tensorboard._pytorch_graph", extra="tracking", needed_by="a graph")
    by_name = {"example_kwarg_inputs": dict(inputs)} if isinstance(inputs, Mapping) else {}
    with _left_as_it_was(model, torch), torch.no_grad(), warnings.catch_warnings():
        # A branch is traced as it is taken, and that is what people look at.
        warnings.simplefilter("ignore")
        # Not strictly, because a model may return a dictionary.
        trace = torch.jit.trace(model, None if by_name else inputs, strict=False, check_trace=False, **by_name)
        torch._C._jit_pass_inline(trace.graph)
        nodes: list[Any] = tracing.parse(trace.graph, trace, inputs)
    return nodes


@contextmanager
def _left_as_it_was(model: Any, torch: Any) -> Iterator[None]:
    """Put a model into evaluation mode, and restore the mode of each part, the buffers and the random numbers."""
    modes = [(part, part.training) for part in model.modules()]
    buffers = [(buffer, buffer.detach().clone()) for buffer in model.buffers()]
    devices = sorted({each.device.index for each in model.parameters() if each.device.type == "cuda"})
    with torch.random.fork_rng(devices=devices):
        try:
            model.eval()
            yield
        finally:
            for part, mode in modes:
                part.training = mode
            for buffer, before in buffers:
                buffer.detach().copy_(before)


def _node(definition: Any) -> GraphNode:
    attributes = definition.attr
    shapes = attributes["_output_shapes"].list.shape if "_output_shapes" in attributes else ()
    return {
        "name": plain_text(definition.name),
        "operation": plain_text(definition.op),
        "inputs": [plain_text(name) for name in definition.input],
        "shapes": [[dimension.size for dimension in shape.dim] for shape in shapes],
        "attributes": plain_text(attributes["attr"].s.decode("utf-8", "replace")) if "attr" in attributes else "",
    }


def _shown(record: Record, payloads: Payloads) -> Shown:
    graph = Graph(record["name"], partial(_read, record[PAYLOADS][0], payloads))
    return Shown(GRAPH, record, record["epoch"], record["step"], media=((graph,),))


def _read(reference: Any, payloads: Payloads) -> list[GraphNode]:
    nodes: list[GraphNode] = orjson.loads(payloads.file(reference).read_bytes())
    return nodes


GRAPH = Kind("graph", "log_model_graph", {**MOMENT, "name": str, "nodes": int, PAYLOADS: list}, _shown, _contents)
